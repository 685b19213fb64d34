"""docs/recipes/qwen-image-edit.md, tried on the real list of files: 34 of them, served small."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest

REPO = "Qwen/Qwen-Image-Edit"
COMMIT = "ac7f9318f633fc4b5778c59367c8128225f1e3de"
NAME = "qwen-image-edit-diffusers"
ONLY = ("--model", NAME)
SHARD = "transformer/diffusion_pytorch_model-00001-of-00009.safetensors"
MIB = 2**20
SIZE = 12 * MIB
#: Those of the 34 of which no figure is known: the processor is that of Qwen2.5-VL.
MORE = [
    *(f"processor/{name}" for name in ("added_tokens.json", "chat_template.jinja", "merges.txt")),
    *(f"processor/{name}" for name in ("preprocessor_config.json", "special_tokens_map.json", "tokenizer.json")),
    *(f"processor/{name}" for name in ("tokenizer_config.json", "vocab.json")),
    *("tokenizer/added_tokens.json", "tokenizer/special_tokens_map.json"),
]


@pytest.fixture(scope="module")
def paths(figures):
    """Give the files that are wanted."""
    known = [one["path"] for one in figures[NAME]["files"] if "*" not in one["path"]]
    return sorted({*known, *MORE})


@pytest.fixture(scope="module")
def prepared(kitchen, paths, texts):
    """Serve the repository at its commit, one shard long enough to be cut; nothing is brought yet."""
    beside = ["README.md", ".gitattributes", "LICENSE", "edit.png"]
    folder = kitchen.serve(REPO, [*paths, *beside])
    numbers = struct.pack("<1024f", *(one / 1024 for one in range(1, 1025))) * (SIZE // 4096)
    header = json.dumps(
        {f"{Path(SHARD).stem}.weight": {"dtype": "F32", "shape": [SIZE // 4], "data_offsets": [0, SIZE]}}
    )
    (folder / SHARD).write_bytes(struct.pack("<Q", len(header)) + header.encode() + numbers)
    kitchen.hub.add_repo(REPO, folder, commit=COMMIT)
    kitchen.catalog(texts["qwen-image-edit.toml"], folder)
    kitchen.machine.variables.update(ENABLE_QWEN_IMAGE_EDIT="true", HF_DOWNLOAD_MAX_RETRIES="0")
    return kitchen


@pytest.fixture(scope="module")
def selected(prepared, files_below):
    """Bring the small files only."""
    before = prepared.standing(NAME)
    ended = prepared.run("provision", *ONLY, "--only", "*.json", "--only", "*.txt")
    brought = files_below(prepared.snapshot(REPO))
    return before, ended, brought, prepared.standing(NAME), prepared.run("certify", *ONLY)


def cut(hub):
    """Let the line break in the middle of the long shard, and the Hub be down after."""
    hub.drop_after(f"*{SHARD}", SIZE // 2, kind="get", times=1)
    hub.status(f"*{SHARD}", 503, kind="get", skip=1)


@pytest.fixture(scope="module")
def broken(prepared, selected):
    """Bring the rest over a line that breaks."""
    cut(prepared.hub)
    ended = prepared.run("provision", *ONLY, "--jobs", "1")
    prepared.hub.heal()
    kept = list((prepared.machine.cache / "models--Qwen--Qwen-Image-Edit" / "blobs").glob("*.incomplete"))
    prepared.hub.forget()
    return ended, kept


@pytest.fixture(scope="module")
def whole(prepared, broken):
    """Say the same again."""
    ended = prepared.run("provision", *ONLY, "--jobs", "4")
    return ended, prepared.hub.bytes_sent(f"*{SHARD}"), prepared.standing(NAME)


def test_it_is_the_real_list_of_files(paths, figures):
    """34 of them."""
    assert len(paths) == figures[NAME]["file_count"] == 34


def test_status_alone_tells_before_anything_is_there(selected):
    """It asks nobody, and names the variable that decides."""
    before = selected[0]

    assert (before.state, before.required, before.files_present) == ("missing", True, 0)
    assert "ENABLE_QWEN_IMAGE_EDIT" in before.variables


def test_only_the_small_files_are_brought_when_they_are_asked_for(selected, paths):
    """Exit 0, for what was asked is there, and nothing else."""
    _, ended, brought, _, _ = selected

    assert ended.status == 0, ended.text
    assert brought == {path for path in paths if path.endswith((".json", ".txt"))}
    assert "tokenizer/merges.txt" in brought


def test_small_files_are_not_taken_for_the_model(selected):
    """Status says partial; certify without --only fails by name."""
    _, _, _, after, certified = selected

    assert (after.state, after.files_wanted) == ("partial", 34)
    assert (certified.status, certified.failed) == (1, {"files.are_there"})
    assert SHARD in certified.text


def test_a_line_that_breaks_costs_one_line_and_nothing_that_arrived(broken):
    """What broke, with the file, and what to do; half of the shard is kept."""
    ended, kept = broken

    assert ended.status == 1
    assert NAME in ended.text
    assert "Traceback" not in ended.text
    assert re.search(r"again|later", ended.text), ended.text
    assert [path for path in kept if path.stat().st_size]


def test_the_same_command_goes_on_where_it_was(whole):
    """No byte that was kept travels again, and 34 of 34 are proved."""
    ended, sent, status = whole

    assert ended.status == 0, ended.text
    assert 0 < sent < SIZE * 0.75
    assert (status.state, status.files_present) == ("complete", 34)
    assert {"layouts.diffusers_opens_it", "weights.have_every_shard", "tokenizers.encode_text"} <= ended.passed


def test_a_provision_that_ends_well_leaves_no_partial_file(whole, prepared):
    """Nothing to clean up."""
    left = [path for path in prepared.machine.cache.rglob("*") if path.name.endswith((".incomplete", ".part"))]

    assert left == []


def test_what_is_there_is_not_asked_for_again(whole, prepared):
    """A second provision proves, and travels not at all."""
    prepared.hub.forget()

    ended = prepared.run("provision", *ONLY)

    assert (ended.status, prepared.hub.requests) == (0, ()), ended.text


def test_no_resume_begins_anew(whole, prepared):
    """What an earlier download left is thrown away: the whole shard travels."""
    blob = (prepared.snapshot(REPO) / SHARD).resolve()
    content = blob.read_bytes()
    blob.unlink()
    cut(prepared.hub)
    broken = prepared.run("provision", *ONLY)
    prepared.hub.heal()
    prepared.hub.forget()

    ended = prepared.run("provision", *ONLY, "--no-resume")

    assert (broken.status, ended.status) == (1, 0), ended.text
    assert prepared.hub.bytes_sent(f"*{SHARD}") >= SIZE
    assert blob.read_bytes() == content


def test_a_silent_source_is_given_up_after_the_time_that_is_set(whole, prepared):
    """HF_HUB_DOWNLOAD_TIMEOUT bounds each read; the message says what was silent."""
    blob = (prepared.snapshot(REPO) / "vae" / "config.json").resolve()
    content = blob.read_bytes()
    blob.unlink()
    prepared.hub.stall("*vae/config.json", kind="get")

    ended = prepared.run("provision", *ONLY, HF_HUB_DOWNLOAD_TIMEOUT="1")

    prepared.hub.heal()
    blob.write_bytes(content)
    assert ended.status == 1
    assert "silent" in ended.text, ended.text
    assert "vae/config.json" in ended.text


def test_the_path_is_what_diffusers_is_given(whole, prepared):
    """By name alone huggingface_hub wants README and pictures too, which no pipeline opens: the recipe says so."""
    code = (
        "import sys; from huggingface_hub import snapshot_download as find; "
        "print(find(sys.argv[1], revision=sys.argv[2], local_files_only=True))"
    )

    by_path = prepared.run("path", NAME)
    by_name = prepared.machine.python(code, REPO, COMMIT)

    assert by_path.done.stdout == f"{prepared.snapshot(REPO)}\n"
    assert "IncompleteSnapshotError" in by_name.stderr
