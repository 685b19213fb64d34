"""What a good catalog says."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import catalog, switches
from modelready.errors import RequestError
from modelready.model import Digest, FileRule, Model, Source

SHA256 = "ab" * 32

WHOLE = f"""
[[model]]
name       = "qwen3-tts-1.7b"
title      = "Qwen3-TTS 12Hz 1.7B Base"
source     = "hf:Qwen/Qwen3-TTS-12Hz-1.7B-Base@v2"
layout     = "folder"
folder     = "${{MODELS_DIR}}/Qwen3-TTS-12Hz-1.7B-Base"
include    = ["*.json", "*.safetensors", "merges.txt", "speech_tokenizer/*"]
exclude    = ["*.md"]
consumers  = ["transformers"]
tokenizer  = "."
enabled_by = ["ENABLE_QWEN_TTS", "QWEN_TTS_SIZE:-both=1.7B|both"]
needs      = ["qwen3-tts-tokenizer"]
kind       = "tts"
tags       = ["tts", "qwen"]
licence    = "apache-2.0"
gated      = true

[[model.file]]
path       = "model.safetensors"
min_size   = "3 GB"
size       = 3857413744
sha256     = "{SHA256.upper()}"
md5        = "{"0" * 32}"
save_as    = "diffusion_models/x.safetensors"
dtype      = "BF16"
optional   = true

[[model]]
name = "qwen3-tts-tokenizer"
source = "https://example.org/latest?id=3"
tokenizer = ["qwen3-tts-1.7b:sub", "a/b"]
[[model.file]]
path = "*"
name_from = "content-disposition"
"""


def test_every_key_reaches_the_model(read, tmp_path):
    """The manual's example, whole."""
    model = read(WHOLE, environ={"MODELS_DIR": "/vol"}).models[0]

    assert model == Model(
        name="qwen3-tts-1.7b",
        title="Qwen3-TTS 12Hz 1.7B Base",
        source=Source("hf:Qwen/Qwen3-TTS-12Hz-1.7B-Base@v2", "hf", "Qwen/Qwen3-TTS-12Hz-1.7B-Base", "v2"),
        layout="folder",
        folder=Path("/vol/Qwen3-TTS-12Hz-1.7B-Base"),
        include=("*.json", "*.safetensors", "merges.txt", "speech_tokenizer/*"),
        exclude=("*.md",),
        consumers=("transformers",),
        tokenizer=(".",),
        enabled_by=("ENABLE_QWEN_TTS", "QWEN_TTS_SIZE:-both=1.7B|both"),
        needs=("qwen3-tts-tokenizer",),
        kind="tts",
        tags=("tts", "qwen"),
        licence="apache-2.0",
        gated=True,
        files=(
            FileRule(
                path="model.safetensors",
                min_size=3_000_000_000,
                size=3_857_413_744,
                digests=(Digest("sha256", SHA256, "catalog"), Digest("md5", "0" * 32, "catalog")),
                save_as="diffusion_models/x.safetensors",
                dtype="BF16",
                optional=True,
                line=19,
            ),
        ),
        catalog=tmp_path / "a/models.toml",
        line=2,
    )


def test_defaults_are_what_the_manual_says(read, tmp_path):
    """A name and a source are enough."""
    models = read(
        '[[model]]\nname = "hub"\nsource = "hf:a/b"\n[[model]]\nname = "url"\nsource = "https://h/x.bin"'
    ).models

    assert [model.layout for model in models] == ["hub-cache", "folder"]
    assert [model.folder for model in models] == [None, tmp_path / "models/url"]
    assert models[0].enabled_by == models[0].include == models[0].files == ()
    assert not models[0].gated


@pytest.mark.parametrize(
    ("folder", "environ", "expected"),
    [
        pytest.param("a/b", {}, "{cwd}/a/b", id="relative to the working directory"),
        pytest.param("/a/../b", {}, "/b", id="absolute"),
        pytest.param("../b", {}, "{cwd}/../b", id="above the working directory, as written"),
        pytest.param("${MODELS_DIR}/x", {}, "{cwd}/models/x", id="the default of MODELS_DIR"),
        pytest.param("${MODELS_DIR}/x", {"MODELS_DIR": ""}, "{cwd}/models/x", id="empty is unset"),
        pytest.param("${MODELS_DIR:-/y}/x", {}, "{cwd}/models/x", id="MODELS_DIR always has a value"),
        pytest.param("${COMFY:-/opt}/x", {"COMFY": "/c"}, "/c/x", id="a variable"),
        pytest.param("${COMFY:-/opt}/x", {}, "/opt/x", id="a default"),
        pytest.param("~/x", {"HOME": "/home/me"}, "/home/me/x", id="home"),
        pytest.param("${M}", {"HOME": "/home/me", "M": "~"}, "/home/me", id="home in a variable"),
        pytest.param("~x", {"HOME": "/home/me"}, "{cwd}/~x", id="not home"),
        pytest.param("a$b", {}, "{cwd}/a$b", id="a dollar without braces"),
    ],
)
def test_a_folder_becomes_an_absolute_path(read, tmp_path, folder, environ, expected):
    """What was written once works on every machine."""
    text = f'[[model]]\nname = "tiny"\nsource = "https://h/x.bin"\nfolder = "{folder}"\n'

    model = read(text, environ=environ).models[0]

    assert model.folder == Path(os.path.normpath(expected.format(cwd=tmp_path)))


def test_a_model_that_is_not_required_may_name_a_variable_that_is_not_set(read):
    """A switch that is off must not demand what only its model needs."""
    text = '[[model]]\nname = "tiny"\nsource = "https://h/x"\nfolder = "${NOPE}/x"\nenabled_by = ["A"]\n'

    models = read(text).models

    assert models[0].folder is None
    assert not switches.decide(models, {})["tiny"].is_required


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("1024", 1024), ('"1 KiB"', 1024), ("0", 0), ("0x400", 1024), ('"1.024 kb"', 1024)]
)
def test_sizes_may_be_numbers_or_words(read, text, size_bytes):
    """Both keys take both forms."""
    row = f'[[model]]\nname = "tiny"\nsource = "hf:a/b"\n[[model.file]]\npath = "x"\nsize = {text}\nmin_size = {text}\n'

    rule = read(row).models[0].files[0]

    assert (rule.size, rule.min_size) == (size_bytes, size_bytes)


def test_rows_may_be_written_inline(read):
    """TOML has two forms for the same thing; lines are told for both."""
    text = (
        'model = [\n  {name = "a", source = "hf:a/b"},\n  {name = "b", source = "hf:a/c",\n   file = [{path = "x"}]}]\n'
    )

    models = read(text.replace(",\n   file", ", file")).models

    assert [(model.name, model.line) for model in models] == [("a", 2), ("b", 3)]
    assert models[1].files[0].line == 3


def test_windows_line_ends_do_not_matter(tmp_path):
    """Catalogs are edited everywhere; the digest is of the bytes as they lie there."""
    path = tmp_path / "x.toml"
    content = b'[[model]]\r\nname = "a"\r\nsource = "hf:a/b"\r\n'
    path.write_bytes(content)

    found = catalog.read([path], environ={}, cwd=tmp_path)

    assert found.models[0].line == 1
    assert found.digests == {path: hashlib.sha256(content).hexdigest()}


def test_a_folder_is_all_the_toml_in_it(tmp_path):
    """Sorted, not recursive, and without what a file browser leaves behind."""
    for place in ("b.toml", "a.toml", "notes.md", ".hidden.toml", "sub/c.toml"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        name = Path(place).stem.strip(".")
        (tmp_path / place).write_text(f'[[model]]\nname = "{name}"\nsource = "hf:a/b"\n')
    (tmp_path / "dir.toml").mkdir()

    found = catalog.read([tmp_path], environ={}, cwd=tmp_path)

    assert [model.name for model in found.models] == ["a", "b"]
    assert found.paths == (tmp_path / "a.toml", tmp_path / "b.toml")


def test_a_file_that_is_named_twice_is_read_once(tmp_path):
    """A folder and a file in it, or two ways to the same file, are no duplicates."""
    (tmp_path / "a.toml").write_text('[[model]]\nname = "a"\nsource = "hf:a/b"\n')

    found = catalog.read([Path(), Path("a.toml"), tmp_path / "a.toml"], environ={}, cwd=tmp_path)

    assert [model.name for model in found.models] == ["a"]


def test_an_empty_file_beside_a_full_one_is_no_fault(read):
    """Only a catalog without any model at all is empty."""
    found = read("# nothing yet\n", '[[model]]\nname = "a"\nsource = "hf:a/b"\n')

    assert len(found.paths) == 2


def test_a_tokenizer_may_be_brought_by_another_model(read):
    """FOLDER is of the model itself, MODEL:FOLDER of another one."""
    model = read(WHOLE).by_name["qwen3-tts-tokenizer"]

    assert [catalog.tokenizer_place(model, text) for text in model.tokenizer] == [
        ("qwen3-tts-1.7b", "sub"),
        ("qwen3-tts-tokenizer", "a/b"),
    ]


@pytest.fixture
def pair(a_model):
    """Give a catalog of two models."""
    return catalog.Catalog((a_model("qwen-tts"), a_model("flux")), ())


def test_models_are_found_by_name_and_by_glob(pair):
    """The order is the catalog's, whatever the order of the globs."""
    assert pair.named("flux").name == "flux"
    assert [model.name for model in pair.select(["f*", "qwen-*"])] == ["qwen-tts", "flux"]
    assert pair.select([]) == pair.models


def test_a_name_or_glob_without_a_model_tells_the_nearest(pair):
    """Exit 4, with what was probably meant."""
    with pytest.raises(RequestError, match=r"'qwen-tss'; expected one of flux, qwen-tts; did you mean 'qwen-tts'\?"):
        pair.named("qwen-tss")
    with pytest.raises(RequestError, match=r"--model flus: no model .* did you mean 'flux'\?\n--model zz: no model"):
        pair.select(["flus", "qwen*", "zz"])


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        pytest.param(["x.toml", "y"], {"MODELREADY_CATALOG": "z"}, ("x.toml", "y"), id="the option"),
        pytest.param([], {"MODELREADY_CATALOG": f"a{os.pathsep}b{os.pathsep}"}, ("a", "b"), id="the variable"),
    ],
)
def test_what_was_asked_for_is_read(tmp_path, given, environ, expected):
    """The option before the variable."""
    assert catalog.default_paths(given, environ, tmp_path) == tuple(map(Path, expected))


def test_without_a_wish_the_working_directory_is_looked_at(tmp_path):
    """A checkout has its catalogs beside it."""
    (tmp_path / "catalogs").mkdir()

    assert catalog.default_paths([], {"MODELREADY_CATALOG": ""}, tmp_path) == (tmp_path / "catalogs",)


def test_else_the_shipped_catalogs_are_read(tmp_path, monkeypatch):
    """An installed wheel works in an empty folder."""
    shipped = tmp_path / "shipped"
    (shipped / "catalogs").mkdir(parents=True)
    (shipped / "catalogs/__init__.py").touch()
    monkeypatch.setattr("modelready.__path__", [str(shipped)])

    assert catalog.default_paths([], {}, tmp_path) == (shipped / "catalogs",)


def test_no_catalog_anywhere_is_told(tmp_path, monkeypatch):
    """Nothing to do is never a success."""
    monkeypatch.setattr("modelready.packaged.importlib.util.find_spec", lambda name: None)

    with pytest.raises(RequestError, match=r"no catalog here; expected \./catalogs; name one with --catalog PATH"):
        catalog.default_paths([], {}, tmp_path)


@given(st.lists(st.sampled_from(["A", "B", "C"]), max_size=3))
def test_only_the_variables_of_required_models_are_needed(tmp_path_factory, switched_on):
    """Whatever is on: a catalog can be read exactly if the folders of the required models are known."""
    root = tmp_path_factory.mktemp("catalog")
    rows = [
        f'[[model]]\nname = "{name.lower()}"\nsource = "https://h/x"\n'
        f'folder = "${{DIR_{name}}}/x"\nenabled_by = ["{name}"]\n'
        for name in "ABC"
    ]
    (root / "x.toml").write_text("".join(rows))
    environ = dict.fromkeys(switched_on, "1") | {f"DIR_{name}": f"/{name}" for name in switched_on}

    models = catalog.read([root], environ=environ, cwd=root).models

    assert {model.name for model in models if model.folder} == {name.lower() for name in switched_on}


def test_the_shipped_starter_needs_nothing():
    """A bare provision on a fresh machine has exactly one small model to bring."""
    starter = Path(__file__).parents[2] / "catalogs" / "starter.toml"

    models = catalog.read([starter], environ={}, cwd=Path.cwd()).models

    assert [model.name for model in models] == ["all-minilm-l6-v2"]
    assert models[0].source.is_pinned
    assert models[0].layout == "hub-cache"
    assert models[0].files[0].size == 90_868_376
    assert switches.decide(models, {})["all-minilm-l6-v2"].is_required
