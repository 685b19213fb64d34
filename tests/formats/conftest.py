"""What the tests of formats and inspection are given: real files, real tokenizers, placed models."""

import json
import os
import struct
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from modelready.inspection import cache as inspected
from modelready.layouts import HubCache
from modelready.model import Digest, Model, PlacedFile, PlacedModel, Source

sys.path.append(str(Path(__file__).parent))  # the tests of pickles share a corpus: pickle_corpus.py

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BLOBS = {"config.json": "c" * 40, "vocab.txt": "b" * 40, "sub/model.safetensors": "d" * 64}


def packed(header, data=b""):
    """Give a safetensors file of *header* (a table, or its bytes)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.fixture(scope="session")
def pack():
    """Give the function that makes the bytes of a safetensors file."""
    return packed


@pytest.fixture
def weights():
    """Give the bytes of a small, whole safetensors file that holds *names*."""

    def weights(*names):
        entries = {
            name: {"dtype": "F32", "shape": [2, 2], "data_offsets": [16 * place, 16 * place + 16]}
            for place, name in enumerate(names)
        }
        return packed({"__metadata__": {"format": "pt"}, **entries}, bytes(range(16)) * len(names))

    return weights


@pytest.fixture
def write(tmp_path):
    """Write *content* (bytes, a text, or what JSON can hold) under *path*, and give the place."""

    def write(path, content=b""):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        place.write_bytes(content)
        return place

    return write


@pytest.fixture
def model_in(tmp_path):
    """Give a placed model of all files in a folder, and of those named *lost* beside; more is taken as it comes."""

    def model_in(root=tmp_path, *, lost=(), layout="folder", rules=None, known_by="receipt", **about):
        found = sorted(path for path in root.rglob("*") if not path.is_dir() or path.is_symlink())
        paths = [*(path.relative_to(root).as_posix() for path in found), *lost]
        files = tuple(PlacedFile(path, root / path, **(rules or {}).get(path, {})) for path in paths)
        revision, faults = about.pop("revision", None), about.pop("faults", ())
        source = Source("hf:acme/tiny", "hf", "acme/tiny", about.pop("asked", "main"))
        model = Model("tiny", source, layout, **about)
        return PlacedModel(model, root, revision, files, known_by, faults)

    return model_in


@pytest.fixture
def no_models():
    """Look a model up where there is no other."""

    def lookup(name):
        raise AssertionError(name)

    return lookup


@pytest.fixture
def letters():
    """Give the vocabulary and merges of a small byte-level BPE."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("c", "a"), ("ca", "t"), ("\u0120", "p"), ("h", "o")]
    words = [*alphabet, *("".join(pair) for pair in merges), "<|end|>"]
    return {word: place for place, word in enumerate(words)}, merges


@pytest.fixture
def whole_tokenizer(letters):
    """Write a tokenizer.json into a folder."""

    def whole_tokenizer(folder):
        tokenizer = Tokenizer(models.BPE(*letters))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / "tokenizer.json"))
        return folder

    return whole_tokenizer


@pytest.fixture
def split_tokenizer(letters):
    """Write vocab.json, merges.txt and tokenizer_config.json into a folder, as Qwen's are."""

    def split_tokenizer(folder, **config):
        vocabulary, merges = letters
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
        (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        config = {"tokenizer_class": "Qwen2Tokenizer", **config}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        return folder

    return split_tokenizer


class Tiny:
    """A small model in a Hub cache, as huggingface_hub writes it."""

    def __init__(self, cache: Path) -> None:
        self.cache, self.storage = cache, cache / "models--acme--tiny"
        for path, blob in BLOBS.items():
            self.write(f"blobs/{blob}", path)
            self.link(path, blob)
        self.write("refs/main", COMMIT)

    @classmethod
    def at(cls, cache):
        """Give the small model that lies in *cache* already."""
        found = cls.__new__(cls)
        found.cache, found.storage = cache, cache / "models--acme--tiny"
        return found

    def write(self, path, text):
        place = self.storage / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def link(self, path, blob):
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.path.relpath(self.storage / "blobs" / blob, place.parent))

    def place(self, path):
        return self.storage / "snapshots" / COMMIT / path

    def list(self, **sizes):
        """Write the listing, true but for *sizes*; None leaves a file out."""
        sizes = {path: len(path) for path in BLOBS} | sizes
        entries = {path: {"size": size, "blob_id": "a" * 40} for path, size in sizes.items() if size is not None}
        self.write(f"trees/{COMMIT}.json", json.dumps({"format_version": 1, "files": entries}))

    def model(self, revision="main", commit=COMMIT, known_by="snapshot", **rule):
        source = Source(f"hf:acme/tiny@{revision}", "hf", "acme/tiny", revision)
        files = tuple(
            PlacedFile(path, self.place(path), digests=(Digest("sha256", blob),), **rule)
            for path, blob in BLOBS.items()
        )
        layout = HubCache(self.cache, "acme/tiny")
        root = layout.snapshot(commit) if commit else layout.storage
        return PlacedModel(Model("tiny", source, "hub-cache"), root, commit, files, known_by)

    def broken(self, **about):
        return {one.path: one.message for one in inspected.broken_names(self.model(**about), self.cache)}


@pytest.fixture
def tiny(tmp_path):
    """Give a healthy model in a cache."""
    return Tiny(tmp_path / "hub")
