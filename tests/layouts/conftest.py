"""What the tests of layouts are given: a small model, ways to put it in place, and other programs as judges."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import textwrap

import pytest

from modelready.layouts import Delivery, Folder, HubCache
from modelready.model import Digest, ManifestFile, PlacedFile

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _safetensors():
    header = json.dumps({"w": {"dtype": "F32", "shape": [256], "data_offsets": [0, 1024]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(256)) * 4


def _tokenizer():
    words = {"[UNK]": 0, "hello": 1, "world": 2}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    return json.dumps({"version": "1.0", "model": model, "pre_tokenizer": {"type": "Whitespace"}, "added_tokens": []})


CONTENTS = {
    ".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
    "config.json": b'{"model_type": "bert", "vocab_size": 3}\n',
    "tokenizer.json": _tokenizer().encode(),
    "tokenizer_config.json": b'{"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}\n',
    "model.safetensors": _safetensors(),
    "deep/er/twin.safetensors": _safetensors(),
    "deep/notes.txt": b"the same bytes\n",
    "more notes.txt": b"the same bytes\n",
    "empty.txt": b"",
}


@pytest.fixture
def contents():
    """Give what the repository holds, by path."""
    return dict(CONTENTS)


@pytest.fixture
def commit():
    """Give a commit."""
    return COMMIT


@pytest.fixture
def describe():
    """Describe a file as the Hub does: by sha256 when it is large, by git's hash when it is small."""

    def describe(path, content):
        if path.endswith(".safetensors"):
            digest = Digest("sha256", hashlib.sha256(content).hexdigest(), "hub")
        else:
            digest = Digest("git_sha1", hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest(), "hub")
        return ManifestFile(path, len(content), (digest,))

    return describe


@pytest.fixture
def listing(contents, describe):
    """Give the listing of the whole repository."""
    return tuple(describe(path, content) for path, content in contents.items())


@pytest.fixture
def weights(listing):
    """Give a large file of the repository."""
    return next(file for file in listing if file.path == "model.safetensors")


@pytest.fixture
def cache(tmp_path):
    """Give one repository in a Hub cache that is not there yet."""
    return HubCache(tmp_path / "hub", "org/tiny")


@pytest.fixture
def folder(tmp_path):
    """Give one model in a folder that is not there yet."""
    return Folder(tmp_path / "models" / "tiny", "tiny-1.0")


@pytest.fixture
def place_of():
    """Give the place of a path, whatever the layout."""
    return lambda layout, path: layout.place(COMMIT, path) if isinstance(layout, HubCache) else layout.place(path)


@pytest.fixture
def bring(place_of):
    """Bring the bytes of one file as a transfer would, and let the layout settle them."""

    def bring(layout, file, content):
        place = place_of(layout, file.path)
        part = layout.prepare(file, place)
        part.write_bytes(content)
        layout.settle(file, place, part)
        return place

    return bring


@pytest.fixture
def provision(bring, place_of, contents):
    """Bring everything as placing would: equal bytes once, their other names after, and the papers last."""

    def provision(layout, listing, revision="main"):
        later = {}
        for file in listing:
            if later.setdefault(layout.part(file, place_of(layout, file.path)), file) is file:
                bring(layout, file, contents[file.path])
        for file in listing:
            assert layout.link_existing(file, place_of(layout, file.path))
        layout.finish(delivery(layout, listing, revision))

    def delivery(layout, listing, revision):
        files = tuple(PlacedFile(one.path, place_of(layout, one.path), one.size, None, one.digests) for one in listing)
        return Delivery(f"hf:org/tiny@{revision}", revision, COMMIT, files, ("*",), ("*.md",), tuple(listing))

    provision.delivery = delivery
    return provision


@pytest.fixture
def provisioned(cache, provision, listing):
    """Give a cache with the whole repository in it."""
    provision(cache, listing)
    return cache


@pytest.fixture
def run(tmp_path):
    """Run Python in a process of its own that knows *hub* as its Hub cache, and give what it printed."""

    def run(*words, hub, **variables):
        environment = _environment(tmp_path, hub, variables)
        done = subprocess.run(  # noqa: PLW1510 - the assertion shows why
            [sys.executable, "-c", *words], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def python(run):
    """Run code, and give the JSON it printed last."""
    return lambda code, **where: json.loads(run(textwrap.dedent(code), **where).splitlines()[-1])


@pytest.fixture
def hf(run):
    """Run the real ``hf`` command."""
    return lambda *words, **where: run("from huggingface_hub.cli.hf import main; main()", *words, **where)


def _environment(home, hub, variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "TRANSFORM"))}
    quiet = {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_XET": "1",
    }
    return kept | quiet | {"HF_HOME": str(home / "hf"), "HF_HUB_CACHE": str(hub), "HF_HUB_OFFLINE": "1"} | variables
