"""Which files a version has, which are meant, and what they may be called here."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelready import errors
from modelready.layouts import Folder
from modelready.model import Model, Source
from modelready.patterns import safe_relative
from modelready.sources import civitai_versions as versions
from modelready.sources.civitai_versions import Unlike, VersionFile, safe_name

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(0, 9) | JSON,
        "name": st.sampled_from(["a.safetensors", "A.safetensors", "..", "/etc/passwd", "b/c.pt"]) | JSON,
        "sizeKB": st.floats() | JSON,
        "type": JSON,
        "metadata": st.dictionaries(st.sampled_from(["format", "fp", "size"]), JSON) | JSON,
        "hashes": st.fixed_dictionaries({"SHA256": st.sampled_from(["A" * 64, "g" * 64, ""]) | JSON}) | JSON,
        "primary": st.booleans() | JSON,
    },
)


def model(file_id=None, **facts):
    """Give a model of version 1."""
    text = "civitai:1" + (f"?fileId={file_id}" if file_id else "")
    return Model(name="real", source=Source(text, "civitai", "1", "", file_id), layout="folder", **facts)


@settings(max_examples=150)
@given(st.text(max_size=40) | st.text(alphabet="./\\ :_~conaux1\u202e\u2215\x00", max_size=12))
@example("../../etc/passwd")
@example("C:\\models\\x.safetensors")
@example("con.safetensors")
@example("COM¹")
@example("x. . ")
def test_a_name_from_outside_is_never_a_path(name):
    """Whatever its uploader wrote, it stays in its folder, on every system; a harmless name stays as it is."""
    try:
        safe = safe_name(name)
    except Unlike:
        assert not name.strip().strip(". ") or not name.strip()
        return

    assert "/" not in safe
    assert safe_relative(safe)
    assert safe_name(safe) == safe


@pytest.mark.parametrize("name", ["realism v5.0 [fp16] (final).safetensors", "ünïcödé-模型.pt", ".hidden", "a"])
def test_a_harmless_name_stays_as_it_is(name):
    """The application's users know the file by it."""
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../../etc/cron.d/x", ".._.._.._etc_cron.d_x"),
        ("a\x1b[31m.pt", "a_[31m.pt"),
        ("nul.safetensors", "_nul.safetensors"),
        ("what?*.pt", "what__.pt"),
    ],
)
def test_what_a_name_must_not_hold_is_replaced(tmp_path, name, safe):
    """And the layout takes it."""
    assert safe_name(name) == safe
    assert Folder(tmp_path, "real").place(safe).parent == tmp_path


@settings(max_examples=100)
@given(st.fixed_dictionaries({"id": st.just(1), "files": st.lists(ENTRY, max_size=3)}) | JSON)
def test_whatever_the_api_answers_is_read_or_refused(document):
    """No answer makes a bug of ours, and every name that comes out is safe."""
    try:
        files = versions.read(document, "1")
        chosen = versions.choose(model(), files)
    except (Unlike, errors.ModelreadyError):
        return

    assert len({one.name.casefold() for one in chosen}) == len(chosen) == 1
    assert all(one.sha256 is None or len(one.sha256) == 64 for one in files)
    assert all(Path(one.name).name == one.name for one in files)


FILES = (
    VersionFile("11", "big.safetensors", ("Model", "SafeTensor", "fp32"), 2000.0, is_primary=True),
    VersionFile("12", "small.safetensors", ("Pruned Model", "SafeTensor", "fp16"), 1000.0),
    VersionFile("13", "vae.pt", ("VAE", "PickleTensor")),
    VersionFile("14", "BIG.safetensors", ("Model", "SafeTensor", "fp16")),
)


@pytest.mark.parametrize(
    ("facts", "ids"),
    [
        pytest.param({}, ["11"], id="the primary"),
        pytest.param({"file_id": "14"}, ["14"], id="one by id"),
        pytest.param({"include": ("*.pt",)}, ["13"], id="include"),
        pytest.param({"include": ("small*", "vae.pt")}, ["12", "13"], id="include two"),
        pytest.param({"exclude": ("B*", "b*")}, ["12", "13"], id="all but"),
    ],
)
def test_the_catalog_says_which_files_are_meant(facts, ids):
    """Several files of one version are told apart."""
    assert [one.id for one in versions.choose(model(**facts), FILES)] == ids


@pytest.mark.parametrize(
    ("facts", "files", "words"),
    [
        pytest.param(
            {"include": ("*.safetensors",)}, FILES, ["one name", "fileId=11 'big", "fileId=14 'BIG"], id="same name"
        ),
        pytest.param(
            {}, FILES[1:3], ["primary", "fileId=12 'small", "about 1.0 MB", "fileId=13 'vae.pt' (VAE"], id="no primary"
        ),
        pytest.param({"file_id": "99"}, FILES, ["no file 99", "fileId=11 'big", "fileId=14 'BIG"], id="no such id"),
        pytest.param({"include": ("*.bin",)}, FILES, ["*.bin", "fileId=11 'big", "fileId=14 'BIG"], id="no such name"),
    ],
)
def test_what_could_mean_several_is_refused_with_the_choice(facts, files, words):
    """One line names ids, names, formats and sizes, so that nobody has to ask the API."""
    with pytest.raises(errors.ModelreadyError) as refused:
        versions.choose(model(**facts), files)

    told = str(refused.value)
    assert all(word in told for word in words), told
    assert "\n" not in told


def test_a_rounded_size_is_a_doubt_and_no_proof():
    """CivitAI counts in units of 1,024 bytes, and rounds."""
    listed = VersionFile("1", "a", size_kb=100.4)

    assert not listed.differs_from(102_810)
    assert not listed.differs_from(102_912)
    assert listed.differs_from(29)
