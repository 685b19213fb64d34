"""The lock of every kind of source, what it learns, and what differs from it upstream."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest

from modelready import cli, drifts
from modelready import lock as locks
from modelready.placing import locate

BODY = os.urandom(1 << 16)


@pytest.fixture
def called(workshop, monkeypatch, capsys):
    """Give a function that calls the command line in this process."""
    workshop.asked()
    environ = {
        "HOME": str(workshop.place),
        "HF_HOME": str(workshop.place / "hf"),
        "HF_ENDPOINT": workshop.endpoint,
        "HF_DOWNLOAD_MAX_RETRIES": "0",
        "HF_HUB_ETAG_TIMEOUT": "2",
        "MODELREADY_HOME": str(workshop.place / "state"),
        "MODELS_DIR": str(workshop.place / "models"),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_HUB_CACHE", "MODELREADY_CATALOG", "MODELREADY_REQUIRE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(workshop.place)

    def call(*words):
        workshop.asked()
        status = cli.run(["lock", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def path_of(workshop):
    return workshop.place / "catalogs" / "models.lock.json"


def row_of(workshop, name="one"):
    """Give what the lock says of a model."""
    return json.loads(path_of(workshop).read_text())["models"][name]


def url_catalog(url, name="one"):
    return f'[[model]]\nname = "{name}"\nsource = "{url}"\n'


def kinds(text, name="tiny"):
    """Give the kinds of drift, each with the path it is about."""
    return [(one["kind"], one["path"]) for one in json.loads(text)["drift"].get(name, [])]


def safetensors(dtype, count):
    """Give a safetensors file of *count* bytes of one tensor."""
    width = {"BF16": 2, "F8_E4M3": 1}[dtype]
    header = json.dumps({"w": {"dtype": dtype, "shape": [count // width], "data_offsets": [0, count]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(count)


def upstream(tiny, hub, **files):
    """Serve another commit, with *files* in place of those of its names; underscores are dots, None deletes."""
    newer = tiny.with_name(f"newer-{len(list(tiny.parent.iterdir()))}")
    shutil.copytree(tiny, newer)
    for name, content in files.items():
        path = newer / name.replace("__", ".")
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    hub.add_repo("acme/tiny", newer)
    return newer


# ---- written


def test_a_first_lock_says_what_it_locked(called, workshop):
    """Not what it did not know before."""
    status, out, _ = called()

    assert status == 0
    assert out.splitlines()[0].startswith("tiny: locked: 6 files, ")
    assert "does not know" not in out
    assert out.endswith(f"{path_of(workshop)}: written\n")


def test_an_address_is_locked_by_size_and_version(called, workshop, depot):
    """Its digest is not known before somebody fetched it; no secret is written."""
    url = depot.serve("a.bin", BODY, etag='"v1"')
    workshop.catalog = url_catalog(f"{url}?sig=secret")

    status, _, _ = called()

    assert status == 0
    assert row_of(workshop) == {
        "source": url,
        "include": [],
        "exclude": [],
        "revision": "etag-v1",
        "files": {"a.bin": {"size": len(BODY)}},
    }


def test_a_folder_carried_by_hand_is_locked_by_its_digests(called, workshop, tmp_path):
    """To read it is to ask its source; patterns choose."""
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "a.bin").write_bytes(BODY)
    (tmp_path / "stick" / "notes.md").write_text("notes")
    workshop.catalog = url_catalog(f"file:{tmp_path / 'stick'}") + 'exclude = ["*.md"]\n'

    status, _, _ = called()
    (tmp_path / "stick" / "a.bin").write_bytes(bytes(len(BODY)))
    drifted, text, _ = called("--check", "--json")

    assert status == 0
    assert row_of(workshop)["files"] == {"a.bin": {"size": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}}
    assert (drifted, kinds(text, "one")) == (1, [("changed", "a.bin")])


def test_licence_and_gate_are_locked(called, workshop, hub, tiny):
    """As the card of the repository names them."""
    (tiny / "README.md").write_text("---\nlicense: Apache-2.0\ntags: [x]\n---\n# Tiny\n")
    hub.add_repo("acme/tiny", tiny)

    called()

    assert (row_of(workshop, "tiny")["licence"], row_of(workshop, "tiny")["gated"]) == ("Apache-2.0", False)


def test_update_touches_only_the_rows_it_names(called, workshop, hub, depot, tiny):
    """Whatever else the lock holds."""
    workshop.catalog += url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    called()
    before = json.loads(path_of(workshop).read_text())["models"]
    upstream(tiny, hub, config__json="{}")
    depot.change("a.bin", etag='"v2"')
    foreign = locks.read(path_of(workshop)) | {"foreign": locks.read(path_of(workshop))["one"]}
    locks.write(path_of(workshop), foreign)

    called("--update", "one")
    after = json.loads(path_of(workshop).read_text())["models"]

    assert after["tiny"] == before["tiny"]
    assert after["one"]["revision"] == "etag-v2"
    assert after["foreign"] == before["one"]


# ---- learned


def test_the_lock_learns_the_digest_of_the_first_fetch(called, workshop, depot):
    """A row that had none gets one, and keeps it while the version is the same."""
    workshop.catalog = url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    called()
    learned = {"size": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}

    job = workshop.bring()["one"]
    grown = row_of(workshop)["files"]["a.bin"]
    called()
    again = row_of(workshop)["files"]["a.bin"]
    depot.change("a.bin", etag='"v2"')
    called()

    assert (job.state, job.note) == ("completed", "")
    assert grown == again == learned
    assert row_of(workshop)["files"]["a.bin"] == {"size": len(BODY)}


def test_a_lock_written_later_takes_over_what_a_receipt_learned(called, workshop, depot):
    """Of the same version only."""
    workshop.catalog = url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    workshop.bring()

    called()
    same = row_of(workshop)["files"]["a.bin"]
    path_of(workshop).unlink()
    depot.change("a.bin", etag='"v2"')
    called()

    assert same == {"size": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}
    assert row_of(workshop)["files"]["a.bin"] == {"size": len(BODY)}


def test_a_locked_version_replaces_another_of_the_same_size(called, workshop, depot):
    """No digest tells them apart: the receipt knows which one came."""
    other = bytes(reversed(BODY))
    workshop.catalog = url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    workshop.bring()
    depot.change("a.bin", content=other, etag='"v2"')
    called()
    asked = workshop.asked()
    (fault,) = locate(asked.selected["one"], asked.ground).faults

    job = workshop.bring()["one"]

    assert "came as etag-v1, the lock says etag-v2" in fault.message
    assert job.state == "completed"
    assert (workshop.place / "models/one/a.bin").read_bytes() == other
    assert row_of(workshop)["files"]["a.bin"]["sha256"] == hashlib.sha256(other).hexdigest()


def test_what_was_known_is_never_changed(called, workshop, depot):
    """Rows with a digest, and models that are not locked, stay as they are."""
    url = depot.serve("a.bin", BODY, etag='"v1"')
    workshop.catalog = url_catalog(url) + url_catalog(depot.serve("b.bin", BODY), "other")
    called("--model", "one")
    models = json.loads(path_of(workshop).read_text())
    models["models"]["one"]["files"]["a.bin"]["sha256"] = hashlib.sha256(BODY).hexdigest()
    path_of(workshop).write_text(json.dumps(models))
    before = path_of(workshop).read_bytes()

    jobs = workshop.bring()

    assert [job.state for job in jobs.values()] == ["completed", "completed"]
    assert path_of(workshop).read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_lock_that_cannot_be_written_is_a_note(called, workshop, depot):
    """The model is here all the same."""
    workshop.catalog = url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    called()
    path_of(workshop).parent.chmod(0o500)

    job = workshop.bring()["one"]

    path_of(workshop).parent.chmod(0o700)
    assert job.state == "completed"
    assert "not in the lock" in job.note


def test_a_lock_that_makes_no_sense_any_more_is_a_note(called, workshop, depot, monkeypatch):
    """Somebody edits it while the model is fetched."""
    workshop.catalog = url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    called()
    asked = workshop.asked()
    path_of(workshop).write_text("{")
    worker, run = workshop.worker(asked)

    worker.start()
    worker.join()

    job = asked.ground.jobs.of_run(run, "one")
    assert job.state == "completed"
    assert "not in the lock" in job.note
    assert path_of(workshop).read_text() == "{"


# ---- checked


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"words__json": '["bird"]'}, [("moved", ""), ("changed", "words.json")], id="changed"),
        pytest.param({"words__json": None}, [("moved", ""), ("deleted", "words.json")], id="a file deleted"),
        pytest.param({"new__json": "{}"}, [("moved", ""), ("added", "new.json")], id="a file added"),
    ],
)
def test_what_moved_is_told_file_by_file(called, workshop, hub, tiny, change, expected):
    """And nothing is written."""
    called()
    before = path_of(workshop).read_bytes()
    upstream(tiny, hub, **change)

    status, text, _ = called("--check", "--json")

    assert (status, kinds(text)) == (1, expected)
    assert path_of(workshop).read_bytes() == before
    assert not (workshop.place / "hf").exists()


def test_a_revision_that_moved_alone_says_so(called, workshop, hub, tiny):
    """The wanted files are the same in the newer commit."""
    workshop.catalog = workshop.catalog + 'include = ["*.json"]\n'
    called()
    upstream(tiny, hub, notes__txt="new")

    status, out, _ = called("--check")

    assert status == 1
    assert out.startswith("tiny: moved: from ")
    assert out.endswith(", with the same content\n")


def test_a_quantised_file_is_told_by_its_header(called, workshop, hub, tiny):
    """One of its first bytes at the old commit, one at the new: no weights travel."""
    (tiny / "big.safetensors").write_bytes(safetensors("BF16", 1 << 16))
    hub.add_repo("acme/tiny", tiny)
    called()
    upstream(tiny, hub, big__safetensors=safetensors("F8_E4M3", 1 << 15))

    status, text, _ = called("--check", "--json")
    (_, told) = json.loads(text)["drift"]["tiny"]

    assert (status, told["kind"], told["path"]) == (1, "requantised", "big.safetensors")
    assert told["message"].startswith("BF16 before, F8_E4M3 now; ")


def gguf_file(path, file_type):
    """Write a GGUF file that claims a quantization; give its bytes."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_file_type(file_type)
    writer.add_tensor("w", np.zeros((32, 32), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def test_a_gguf_file_is_told_by_the_quantization_it_claims(called, workshop, hub, tiny, tmp_path):
    """Not by the types of single tensors."""
    gguf_file(tiny / "big.gguf", gguf.LlamaFileType.MOSTLY_F16)
    hub.add_repo("acme/tiny", tiny)
    called()
    upstream(tiny, hub, big__gguf=gguf_file(tmp_path / "new.gguf", gguf.LlamaFileType.MOSTLY_Q4_K_M))

    _, out, _ = called("--check")

    assert "tiny: requantised: big.gguf: F16 before, Q4_K_M now; " in out


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda hub: hub.status("*", 500, kind="get"), id="no header comes"),
        pytest.param(lambda hub: hub.drop_after("*", 0, kind="get"), id="it breaks off"),
        pytest.param(lambda hub: hub.replace_body("*", b"<html>", kind="get"), id="no header"),
    ],
)
def test_what_no_header_tells_is_only_changed(called, workshop, hub, tiny, spoil):
    """A dtype is never guessed."""
    (tiny / "big.safetensors").write_bytes(safetensors("BF16", 1 << 16))
    hub.add_repo("acme/tiny", tiny)
    called()
    upstream(tiny, hub, big__safetensors=safetensors("F8_E4M3", 1 << 15))
    spoil(hub)

    _, text, _ = called("--check", "--json")

    assert kinds(text) == [("moved", ""), ("changed", "big.safetensors")]


def test_an_address_with_another_dtype_than_the_catalog_names_is_told(called, workshop, depot):
    """The old version is nowhere any more: the catalog remembers."""
    workshop.catalog = url_catalog(depot.serve("a.safetensors", safetensors("BF16", 1 << 10), etag='"1"'))
    workshop.catalog += '[[model.file]]\npath = "a.safetensors"\ndtype = "bfloat16"\n'
    called()
    depot.serve("a.safetensors", safetensors("F8_E4M3", 1 << 9), etag='"2"')

    _, text, _ = called("--check", "--json")

    assert kinds(text, "one") == [("moved", ""), ("requantised", "a.safetensors")]


def gated(hub, tiny):
    hub.add_repo("acme/tiny", tiny, gated=True, token="hf_right")


@pytest.mark.parametrize(
    ("happen", "kind"),
    [
        pytest.param(lambda hub, _: hub.remove("acme/tiny"), "deleted", id="deleted"),
        pytest.param(lambda hub, _: hub.rename("acme/tiny", "acme/new"), "renamed", id="renamed"),
        pytest.param(gated, "gated", id="gated"),
        pytest.param(lambda hub, _: hub.stop(), "unreachable", id="unreachable"),
        pytest.param(lambda hub, _: hub.status("*", 500, kind="any"), "unreachable", id="broken"),
    ],
)
def test_what_became_of_a_repository_is_told_apart(called, workshop, hub, tiny, happen, kind):
    """A Hub that is down is no deleted model."""
    called()
    happen(hub, tiny)

    status, text, _ = called("--check", "--json")
    _, out, err = called("--check")

    assert (status, kinds(text)) == (1, [(kind, "")])
    assert out.startswith(f"tiny: {kind}: ")
    assert err == ""


@pytest.mark.parametrize(
    ("locked", "catalog", "now", "words"),
    [
        pytest.param("mit", "", "license: gpl-3.0", "its licence was mit, is gpl-3.0", id="another than locked"),
        pytest.param("", "mit", "license: gpl-3.0", "is gpl-3.0, the catalog says mit", id="another than the catalog"),
        pytest.param("mit", "mit", "license: other\nlicense_name: mine", "was mit, is mine", id="one of its own"),
        pytest.param("MIT", "mit", "license: mit", "", id="the same"),
        pytest.param("mit", "mit", "license: other", "", id="one without a name"),
    ],
)
def test_another_licence_is_told(called, workshop, hub, tiny, locked, catalog, now, words):
    """A licence decides whether a model may be shipped."""
    (tiny / "README.md").write_text(f"---\n{now}\n---\n")
    hub.add_repo("acme/tiny", tiny)
    workshop.catalog += f'licence = "{catalog}"\n' if catalog else ""
    called()
    entry = locks.read(path_of(workshop))["tiny"]
    locks.write(path_of(workshop), {"tiny": locks.replace(entry, licence=locked)})

    status, out, _ = called("--check")

    assert status == (1 if words else 0)
    assert words in out
    assert ("relicensed" in out) is bool(words)


def test_a_pin_that_is_behind_is_a_note_and_no_drift(called, workshop, hub, tiny):
    """It says what it always said; whoever wants the news gets them."""
    commit = hub.add_repo("acme/tiny", tiny)
    workshop.catalog = f'[[model]]\nname = "tiny"\nsource = "hf:acme/tiny@{commit}"\n'
    called()
    upstream(tiny, hub, words__json="[]")

    status, out, _ = called("--check")

    assert status == 0
    assert "note: tiny: main is at " in out
    assert "nothing has moved" in out


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"etag": '"v2"'}, [("moved", "")], id="another version"),
        pytest.param({"content": b"x"}, [("changed", "a.bin")], id="another size"),
        pytest.param({"status": 404, "content": b""}, [("deleted", "")], id="gone"),
        pytest.param({"status": 403, "content": b"", "has_ranges": False}, [("unreachable", "")], id="refused"),
    ],
)
def test_what_became_of_an_address_is_told_apart(called, workshop, depot, change, expected):
    """As of a repository."""
    workshop.catalog = url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    called()
    depot.change("a.bin", **change)

    status, text, _ = called("--check", "--json")

    assert (status, kinds(text, "one")) == (1, expected)


def test_a_moved_address_without_digests_says_what_cannot_be_told(called, workshop, depot):
    """To know more it would have to be fetched."""
    workshop.catalog = url_catalog(depot.serve("a.bin", BODY, etag='"v1"'))
    called()
    depot.change("a.bin", etag='"v2"')

    _, out, _ = called("--check")

    assert "whether the content is the same cannot be told" in out


def test_a_gate_that_the_catalog_knows_is_only_shut(called, workshop, hub, tiny):
    """No token is set here: nothing is known of the model."""
    gated(hub, tiny)
    workshop.catalog += "gated = true\n"

    _, text, _ = called("--check", "--json")

    assert kinds(text) == [("unreachable", "")]


def test_a_missing_medium_is_not_a_deleted_model(called, workshop, tmp_path):
    """It lies in a drawer."""
    (tmp_path / "a.bin").write_bytes(BODY)
    workshop.catalog = url_catalog(f"file:{tmp_path / 'a.bin'}")
    called()
    (tmp_path / "a.bin").unlink()

    _, text, _ = called("--check", "--json")

    assert kinds(text, "one") == [("unreachable", "")]


def test_a_catalog_that_asks_otherwise_is_told(called, workshop):
    """Before anything is said of the source."""
    called()
    workshop.catalog += 'include = ["*.json"]\n'

    _, text, _ = called("--check", "--json")

    assert kinds(text) == [("catalog", "")]


def test_every_kind_of_drift_is_documented():
    """Scripts rely on the list."""
    text = (Path(__file__).parents[2] / "docs" / "lock.md").read_text(encoding="utf-8")

    assert [kind for kind in drifts.KINDS if f"| `{kind}` |" not in text] == []
