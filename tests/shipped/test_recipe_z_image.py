"""docs/recipes/z-image.md, tried: document 1's pre-cache for mflux, in the Hub cache and as a local path."""

from __future__ import annotations

import json
import shutil

import pytest

REPO = "Tongyi-MAI/Z-Image-Turbo"
COMMIT = "f332072aa78be7aecdf3ee76d5c247082da564a6"
NAME = "z-image-turbo-diffusers"
BESIDE = ["README.md", "assets/teaser.png", "assets/config.json", "LICENSE"]
#: What mflux does at each start, of 0.17 and later (by refs/main) and of 0.23 and later (by the commit).
AS_MFLUX_DOES = """
import json, sys
from huggingface_hub import snapshot_download
from pathlib import Path
for revision in (None, sys.argv[2]):
    root = snapshot_download(sys.argv[1], allow_patterns=["tokenizer/*"], revision=revision, local_files_only=True)
    print(json.dumps(sorted(path.name for path in Path(root, "tokenizer").iterdir())))
"""


@pytest.fixture(scope="module")
def paths(figures):
    """Give the files of the repository that are known: 19."""
    return [one["path"] for one in figures[NAME]["files"]]


@pytest.fixture(scope="module")
def brought(kitchen, paths, texts):
    """Bring the model once, as the recipe says, with nothing but variables."""
    folder = kitchen.serve(REPO, [*paths, *BESIDE], commit=COMMIT)
    kitchen.catalog(texts["z-image.toml"], folder)
    kitchen.machine.variables.update(ENABLE_ZIMAGE="true", ZIMAGE_MODEL="diffusers")
    ended = kitchen.run("provision", "--model", "z-image-*")
    assert ended.status == 0, ended.text
    return ended


def test_mflux_and_diffusers_find_it_in_the_hub_cache(brought):
    """Every byte is proved, and the prompt is encoded with sockets closed."""
    assert brought.certificate["result"] == "PASSED"
    assert {"layouts.mflux_finds_it", "layouts.diffusers_opens_it", "tokenizers.encode_text"} <= brought.passed
    assert {"files.have_the_right_bytes", "weights.have_every_shard"} <= brought.passed
    assert [one["name"] for one in brought.certificate["modelready"]["models"] if one["verdict"] == "proved"] == [NAME]


def test_what_the_patterns_leave_out_does_not_travel(brought, kitchen, paths, files_below):
    """Pictures and words are no part of a model."""
    assert files_below(kitchen.snapshot(REPO)) == {*paths}
    assert kitchen.fetched() == {*paths}


def test_no_four_files_are_asked_for_at_start(brought, kitchen):
    """What mflux asks huggingface_hub at each start is answered from the cache: four files, no request."""
    kitchen.hub.forget()

    asked = kitchen.machine.python(AS_MFLUX_DOES, REPO, COMMIT)

    four = ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"]
    assert [json.loads(line) for line in asked.stdout.splitlines()] == [four, four], asked.stderr
    assert kitchen.hub.requests == ()


def test_before_each_start_it_is_certified_offline(brought, kitchen):
    """The Hub hears nothing of it."""
    kitchen.hub.forget()

    ended = kitchen.run("certify", "--model", "z-image-*")

    assert (ended.status, kitchen.hub.requests) == (0, ()), ended.text
    assert "layouts.mflux_finds_it" in ended.passed
    assert "7 models are not required here; `modelready status` says" in ended.text  # one line, not seven
    assert "z-image-turbo-comfyui" not in ended.text


def test_a_tokenizer_that_is_gone_is_told_before_mflux_asks_for_it(brought, kitchen):
    """This is where "4 files" came from; provision brings that file, and nothing else."""
    kitchen.hub.forget()
    (kitchen.snapshot(REPO) / "tokenizer" / "merges.txt").resolve().unlink()

    refused, mended = kitchen.run("certify"), kitchen.run("provision")

    assert (refused.status, refused.failed) == (1, {"files.are_there"}), refused.text
    assert (mended.status, kitchen.fetched()) == (0, {"tokenizer/merges.txt"}), mended.text


def test_a_local_path_is_ready_too(brought, kitchen, recipe, files_below, paths):
    """The recipe's own catalog: real files, which mflux is given by the path that is printed."""
    local = kitchen.machine.place / "z-image-local.toml"
    local.write_text(recipe("z-image.md"), encoding="utf-8")

    ended = kitchen.run("provision", "--catalog", str(local))
    told = kitchen.run("path", "z-image-turbo-local", "--catalog", str(local))

    folder = kitchen.machine.place / "models" / "z-image-turbo"
    assert ended.status == 0, ended.text
    assert {"layouts.mflux_finds_it", "tokenizers.encode_text"} <= ended.passed
    assert told.done.stdout == f"{folder}\n"
    assert files_below(folder) == {
        path for path in paths if path.split("/")[0] not in {"model_index.json", "scheduler"}
    }
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_the_repository_that_document_1_names_is_told(brought, kitchen):
    """One line, with the name, before anything is written."""
    wrong = kitchen.machine.place / "wrong.toml"
    wrong.write_text('[[model]]\nname = "wrong"\nsource = "hf:mflux/z-image-turbo"\n', encoding="utf-8")

    ended = kitchen.run("plan", "--catalog", str(wrong))

    assert (ended.status, ended.done.stdout) == (1, "")
    assert "mflux/z-image-turbo" in ended.text
    assert "Traceback" not in ended.text


def test_another_commit_is_not_taken_for_the_one_that_mflux_opens(brought, kitchen, texts):
    """From 0.23 on it looks for one snapshot; the check says which."""
    cache = kitchen.machine.cache / f"models--{REPO.replace('/', '--')}"
    copy = shutil.copytree(cache, kitchen.root / "kept", symlinks=True)
    snapshot = kitchen.snapshot(REPO)
    snapshot.rename(snapshot.with_name("a" * 40))
    (cache / "refs" / "main").write_text("a" * 40)
    unpinned = kitchen.machine.place / "unpinned.toml"
    include = '["vae/*", "transformer/*", "text_encoder/*", "tokenizer/*"]'
    row = f'[[model]]\nname = "z"\nsource = "hf:{REPO}"\ninclude = {include}\nconsumers = ["mflux"]\n'
    unpinned.write_text(row, encoding="utf-8")

    ended = kitchen.run("certify", "--catalog", str(unpinned))
    shutil.rmtree(cache)
    copy.rename(cache)

    assert (ended.status, "layouts.mflux_finds_it" in ended.failed) == (1, True), ended.text
    assert COMMIT[:8] in ended.text
