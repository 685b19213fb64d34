"""The certificate: an in-toto statement, written whole or not at all, and read with suspicion."""

from __future__ import annotations

import json

import pytest

from modelready import certificate
from modelready.certificate import Judged, Run, Subject, Verdict
from modelready.errors import NotWritable, RequestError

RUN = Run(
    started="2026-01-01T00:00:00+00:00",
    finished="2026-01-01T00:00:01+00:00",
    verdicts=(
        Verdict("files.are_there", "tiny", "passed"),
        Verdict("files.have_the_right_bytes", "tiny", "warned", "no digest"),
        Verdict("weights.are_whole", "tiny", "failed", "cut short"),
        Verdict("tokenizers.encode_text", "tiny", "skipped", "see files.are_there"),
        Verdict("machine.variables_agree", "", "passed"),
    ),
    models=(Judged("tiny", True, "hf:acme/tiny", "c" * 40, "failed", "cut short"),),
    subjects=(Subject("tiny/ä.bin", "a" * 64, "read", "lock", 3),),
    configuration={"b.toml": "2" * 64, "a.toml": "1" * 64},
    deselected=2,
    is_partial=True,
)


def test_a_certificate_says_what_was_checked_about_which_bytes(tmp_path):
    """What was written is read again, as it was."""
    path = tmp_path / "deep" / "certificate.json"

    certificate.write(RUN, path)

    found = certificate.read(path)
    predicate = found["predicate"]
    assert (found["_type"], predicate["result"]) == ("https://in-toto.io/Statement/v1", "FAILED")
    assert found["subject"] == [
        {
            "name": "tiny/ä.bin",
            "digest": {"sha256": "a" * 64},
            "annotations": {"digest": "read", "expected_from": "lock", "size": 3},
        }
    ]
    assert predicate["passedTests"] == ["files.are_there[tiny]", "machine.variables_agree"]
    assert predicate["warnedTests"] == ["files.have_the_right_bytes[tiny]"]
    assert predicate["failedTests"] == ["weights.are_whole[tiny]"]
    assert [one["name"] for one in predicate["configuration"]] == ["a.toml", "b.toml"]
    ours = predicate["modelready"]
    assert (ours["partial"], ours["deselected"]) == (True, 2)
    assert ours["skipped"] == [{"check": "tokenizers.encode_text[tiny]", "reason": "see files.are_there"}]
    assert ours["failures"] == [{"check": "weights.are_whole[tiny]", "reason": "cut short"}]
    assert ours["models"][0]["verdict"] == "failed"


def test_a_certificate_that_cannot_be_written_leaves_the_old_one_and_no_part(tmp_path):
    """A folder lies in its place."""
    path = tmp_path / "certificate.json"
    path.mkdir()

    with pytest.raises(NotWritable, match=r"certificate\.json"):
        certificate.write(RUN, path)

    assert list(tmp_path.iterdir()) == [path]


def test_a_place_below_a_file_is_told(tmp_path):
    """The error is ours, also where not even the part can be removed."""
    (tmp_path / "file").write_text("")

    with pytest.raises(NotWritable, match=r"file/certificate\.json"):
        certificate.write(RUN, tmp_path / "file" / "certificate.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"{", "is no JSON", id="cut"),
        pytest.param(b"\xff\xfe", "is no JSON", id="no text"),
        pytest.param(b"[" * 100_000, "is no JSON", id="deep"),
        pytest.param(b"[]", "is no certificate", id="a list"),
        pytest.param(json.dumps({"predicateType": "other"}).encode(), "is no certificate", id="another statement"),
    ],
)
def test_what_is_no_certificate_is_told(tmp_path, content, words):
    """Never a traceback, and never taken for one."""
    path = tmp_path / "certificate.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RequestError, match=words):
        certificate.read(path)
