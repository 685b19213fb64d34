"""The image for RunPod, built for real: a model that is not proved leaves no image, and tokens are in no layer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelready.mirror import Mirror

from .conftest import CATALOG, RECIPES, REPOS, make_upstream

ROOT = RECIPES.parent
TOKEN = "hf_" + "Bak3dT0ken" * 3
DEBIAN = ("--variant=minbase", "--include=python3,python3-venv,python3-pip,ca-certificates", "bookworm")
WHEEL = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
PATIENCE_S = 900


@dataclass(frozen=True)
class Built:
    """How a build, or a command in an image, ended."""

    status: int
    said: str


@dataclass(frozen=True)
class Store:
    """buildah's images, in a folder of these tests."""

    place: Path

    def __call__(self, *words: str) -> Built:
        where = ("--root", str(self.place / "root"), "--runroot", str(self.place / "run"))
        call = [*AS_ROOT, "buildah", *where, "--storage-driver", "overlay", *words]
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
        done = subprocess.run(call, **how, timeout=PATIENCE_S, check=False)
        return Built(done.returncode, done.stdout)

    def has(self, image: str) -> bool:
        """Tell whether there is an image of this name."""
        return self("inspect", "--type", "image", image).status == 0


@pytest.fixture(scope="module")
def base_tar():
    """Give Debian with Python as a tar: made once, and kept where `nox -s deploy` keeps it."""
    place = Path(os.environ["MODELREADY_DEPLOY_CACHE"]) / "base.tar"
    if not place.is_file():
        part = place.with_suffix(".part.tar")
        subprocess.run([*AS_ROOT, "mmdebstrap", "--quiet", *DEBIAN, str(part)], check=True, timeout=PATIENCE_S)
        part.replace(place)
    return place


@pytest.fixture(scope="module")
def store(tmp_path_factory, base_tar):
    place = tmp_path_factory.mktemp("images")
    store = Store(place)
    recipe = place / "Dockerfile"
    recipe.write_text("FROM scratch\nADD base.tar /\n")
    made = store("bud", "--isolation", "chroot", "-f", str(recipe), "-t", "localhost/base", str(base_tar.parent))
    assert made.status == 0, made.said
    yield store
    store("rm", "--all")
    subprocess.run([*AS_ROOT, "rm", "-rf", str(place)], check=False)


@pytest.fixture(scope="module")
def gated_hub(tmp_path_factory):
    """Give a Hub whose small model wants a token."""
    upstream = tmp_path_factory.mktemp("upstream")
    with Mirror() as hub:
        hub.add_repo(REPOS[0], make_upstream(upstream / "tokenizer", 1))
        hub.add_repo(REPOS[2], make_upstream(upstream / "small", 2), gated=True, token=TOKEN)
        yield hub


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Give what `docker build` is given: the recipe, the wheel of this checkout, and a catalog."""
    place = tmp_path_factory.mktemp("context") / "runpod"
    shutil.copytree(RECIPES / "runpod", place, ignore=shutil.ignore_patterns("dist"))
    (place / "dist").mkdir()
    shutil.copy2(ROOT / "requirements" / "commands.txt", place / "dist")
    source = tmp_path_factory.mktemp("source") / "modelready"
    source.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy2(ROOT / name, source / name)
    for name in ("src", "catalogs", "checks", "fixtures"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    call = [sys.executable, "-P", "-c", WHEEL, str(place / "dist")]
    subprocess.run(call, cwd=source, check=True, capture_output=True)
    (place / "catalogs" / "pod.toml").write_text(CATALOG)
    return place


@pytest.fixture(scope="module")
def build(store, gated_hub, context, tmp_path_factory):
    """Give a function that builds an image with these models baked in."""
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "hf_token").write_text(f"{TOKEN}\n")
    pip = next((one for one in (Path("/etc/pip.conf"),) if one.is_file()), None)
    (secrets / "pip_conf").write_text(pip.read_text() if pip else "[global]\n")
    trust = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    mounted = ("--volume", f"{trust}:/etc/ssl/certs/ca-certificates.crt:ro") if trust.is_file() else ()

    def run(image: str, bake: str, *, has_token: bool = True) -> Built:
        given = {"BASE": "localhost/base", "BAKE": bake, "HF_ENDPOINT": gated_hub.url}
        arguments = [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]
        arguments += ["--secret", f"id=pip_conf,src={secrets / 'pip_conf'}"]
        arguments += ["--secret", f"id=hf_token,src={secrets / 'hf_token'}"] if has_token else []
        return store("bud", "--layers", "--isolation", "chroot", *mounted, *arguments, "-t", image, str(context))

    return run


@pytest.fixture(scope="module")
def baked(build):
    """Build the image with the small model baked in, once for all tests."""
    return build("localhost/baked", "qwen3-tts-0.6b-base")


@pytest.fixture
def run(store, gated_hub):
    """Give a function that runs the start script in a container of an image."""

    def start(image: str, **variables: str) -> Built:
        name = store("from", "--pull-never", image).said.strip().splitlines()[-1]
        told = {"HF_ENDPOINT": gated_hub.url, **variables}
        given = [word for key, value in told.items() for word in ("--env", f"{key}={value}")]
        done = store("run", "--isolation", "chroot", *given, name, "--", "start.sh", "sh", "-c", "echo served")
        store("rm", name)
        return done

    return start


def test_what_was_baked_is_certified_and_served(baked, run, gated_hub):
    """The image holds the model; a pod of it starts without asking the network."""
    assert baked.status == 0, baked.said
    assert "qwen3-tts-0.6b-base  ready" in baked.said
    gated_hub.forget()

    served = run("localhost/baked")

    assert (served.status, served.said.splitlines()[-1]) == (0, "served"), served.said
    assert gated_hub.bytes_sent() == 0


def test_a_token_is_in_no_layer(baked, store):
    """Not in a file of any layer, nor in the image's history and environment."""
    assert baked.status == 0, baked.said
    call = [*AS_ROOT, "grep", "-rlF", TOKEN, str(store.place / "root")]
    searched = subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert searched.stdout == ""
    assert TOKEN not in store("inspect", "localhost/baked").said


def test_a_model_that_is_not_proved_leaves_no_image(build, baked, store, context):
    """verify_download's minimum is a check: a file below it ends the build."""
    catalog = context / "catalogs" / "pod.toml"
    row = '\n[[model.file]]\npath = "model-00001-of-00002.safetensors"\nmin_size = "10000 MiB"\n'
    catalog.write_text(CATALOG + row)
    try:
        failed = build("localhost/failed", "qwen3-tts-0.6b-base")
    finally:
        catalog.write_text(CATALOG)

    assert baked.status == 0, baked.said
    assert failed.status != 0
    assert "files.are_large_enough" in failed.said
    assert not store.has("localhost/failed")


def test_a_gated_model_without_a_token_leaves_no_image(build, store):
    # Other words than elsewhere: a step that went well once, with a token, is not run again.
    failed = build("localhost/untold", "qwen3-tts-tokenizer-12hz qwen3-tts-0.6b-base", has_token=False)

    assert failed.status != 0
    assert "HF_TOKEN" in failed.said
    assert not store.has("localhost/untold")


def test_an_image_without_models_brings_them_when_it_starts(build, run, store):
    """BAKE names none: nothing is baked; without a switch the server does not start, with one it does."""
    built = build("localhost/empty", "")

    refused = run("localhost/empty")
    served = run("localhost/empty", ENABLE_QWEN_TTS="true", QWEN_TTS_SIZE="0.6B", HF_TOKEN=TOKEN)

    assert built.status == 0, built.said
    assert "nothing is baked, nothing to certify" in built.said
    assert refused.status != 0
    assert "turn one on (above), or set ALLOW_NO_MODELS=true" in refused.said
    assert (served.status, served.said.splitlines()[-1]) == (0, "served"), served.said
    said = store("inspect", "--type", "image", "localhost/empty").said
    assert all(f'"{one}"' in said for one in ("ENABLE_TURBODIFFUSION=false", "MODELS_DIR=/workspace/ComfyUI/models"))
