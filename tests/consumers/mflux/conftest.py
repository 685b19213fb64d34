"""Caches and folders as mflux meets them, made from what each of its models opens."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from modelready.consumers import Setting, mflux
from modelready.consumers.mflux import models, versions, weights
from modelready.model import Source

OTHER = "0123456789abcdef0123456789abcdef01234567"
Z_IMAGE = "Tongyi-MAI/Z-Image-Turbo"


def tensors(*names: str, **metadata: str) -> bytes:
    """Give a small, real safetensors file."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    for place, name in enumerate(names):
        header[name] = {"dtype": "F32", "shape": [1], "data_offsets": [4 * place, 4 * place + 4]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + struct.pack(f"<{len(names)}f", *range(len(names)))


def write_tokenizer(folder: Path) -> None:
    """Write a real tokenizer of every form that the classes of mflux read, with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415 - few tests need it

    folder.mkdir(parents=True, exist_ok=True)
    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "ca", "<|endoftext|>"]
    vocabulary, merges = {word: place for place, word in enumerate(words)}, [("c", "a")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\nc a\n")
    template = "{% for one in messages %}{{ one['content'] }}{% endfor %}"
    config = {"tokenizer_class": "Qwen2Tokenizer", "chat_template": template, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def write(root: Path, path: str, content: bytes | str = "{}") -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def write_shards(root: Path, folder: str, stem: str = "model") -> None:
    """Write two shards and their index."""
    names = [f"{stem}-0000{one}-of-00002.safetensors" for one in (1, 2)]
    for name in names:
        write(root, f"{folder}/{name}", tensors(name))
    index = {"metadata": {}, "weight_map": {name: name for name in names}}
    write(root, f"{folder}/{stem}.safetensors.index.json", json.dumps(index))


def write_saved(root: Path, folder: str) -> None:
    """Write weights as mflux-save does."""
    marks = {"quantization_level": "4", "mflux_version": "0.24.0"}
    names = ["0.safetensors", "1.safetensors"]
    for name in names:
        write(root, f"{folder}/{name}", tensors(name, **marks))
    index = {"metadata": marks, "weight_map": {name: name for name in names}}
    write(root, f"{folder}/model.safetensors.index.json", json.dumps(index))


def write_opening(root: Path, opening: models.Opening, *, tokenizer=None) -> None:
    """Write what *opening* looks for, and no more than it has to find."""
    if opening.kind == "tokenizer":
        (tokenizer or write_words)(root / opening.subdir)
    elif opening.kind == "processor":
        write(root, f"{opening.subdir}/preprocessor_config.json")
    for pattern in weights.required(opening) if opening.kind in {"weights", "config"} else ():
        parent = PurePosixPath(pattern).parent.as_posix()
        if pattern.endswith("*.safetensors"):
            write_shards(root, parent)
        elif pattern.endswith("*.json"):
            write(root, f"{parent}/config.json")
        elif not (root / pattern).exists():
            write(root, pattern.replace("*", "x"), tensors("one") if pattern.endswith(".safetensors") else "{}")


def write_words(folder: Path) -> None:
    """Write files named as a tokenizer's, which no test here loads."""
    for name in ("tokenizer.json", "vocab.json", "merges.txt", "spiece.model", "tokenizer_config.json"):
        write(folder, name)


@dataclass
class Place:
    """A machine with a Hub cache, on which mflux is to find a model."""

    root: Path
    version: str = "0.24.0"
    environ: dict[str, str] = field(default_factory=lambda: {"HF_HUB_OFFLINE": "1"})
    beside: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    tokenizer: object = None

    @property
    def cache(self) -> Path:
        return self.root / "hub"

    @property
    def cwd(self) -> Path:
        (self.root / "work").mkdir(parents=True, exist_ok=True)
        return self.root / "work"

    @property
    def target(self) -> mflux.Target:
        return versions.of_version(self.version)

    def storage(self, repo: str) -> Path:
        return self.cache / f"models--{repo.replace('/', '--')}"

    def snapshot(self, repo: str, commit: str | None = None) -> Path:
        """Give the folder of a commit: by default of the one that the newest mflux asks for."""
        return self.storage(repo) / "snapshots" / (commit or versions.newest().pins.get(repo, OTHER))

    def fill(self, name: str, *, repo: str | None = None, commit: str | None = None, into: Path | None = None) -> Path:
        """Write what the built-in model *name* opens, into the cache or a folder; give where its own files lie."""
        built_in = next(one for one in models.table().models if one.name == name)
        for one in built_in.opens:
            is_own = one.repo == built_in.repo
            root = into if into and is_own else self.snapshot((is_own and repo) or one.repo, commit if is_own else None)
            write_opening(root, one, tokenizer=self.tokenizer)
        for other in built_in.others:
            if not into or other != built_in.repo:
                self.refer((other == built_in.repo and repo) or other, commit if other == built_in.repo else None)
        return into or self.snapshot(repo or built_in.repo, commit)

    write_saved = staticmethod(write_saved)

    def refer(self, repo: str, commit: str | None = None, *, end: str = "") -> Path:
        """Write refs/main."""
        return write(self.storage(repo), "refs/main", self.snapshot(repo, commit).name + end)

    def list(self, repo: str, *more: str, commit: str | None = None) -> Path:
        """Write trees/COMMIT.json as huggingface_hub does, of what lies there and *more*."""
        snapshot = self.snapshot(repo, commit)
        paths = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*") if path.is_file()]
        files = {path: {"size": 2, "blob_id": "0" * 40} for path in sorted({*paths, *more})}
        text = json.dumps({"format_version": 1, "files": files})
        return write(self.storage(repo), f"trees/{snapshot.name}.json", text)

    def link(self, repo: str) -> None:
        """Turn the files of the repository into links to blobs, as huggingface_hub keeps them."""
        blobs = self.storage(repo) / "blobs"
        blobs.mkdir(exist_ok=True)
        for number, path in enumerate(sorted(self.snapshot(repo).rglob("*"))):
            if path.is_file() and not path.is_symlink():
                blob = path.rename(blobs / f"{number:064x}")
                path.symlink_to(os.path.relpath(blob, path.parent))

    def setting(self, repo: str, *, commit: str | None = None, folder: Path | None = None, wanted=None) -> Setting:
        """Give the model as modelready would place it; *wanted* are its files, by default those that lie there."""
        root = folder or self.snapshot(repo, commit)
        paths = wanted or [path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()]
        return Setting(
            name="model",
            source=Source(f"hf:{repo}", "hf", repo),
            root=root,
            is_cached=folder is None,
            cache=self.cache,
            cwd=self.cwd,
            revision=None if folder else root.name,
            files={path: root / path for path in paths},
            told=self.told,
            beside=self.beside,
            environ=self.environ,
        )

    def judged(self, repo: str, **about) -> list[str]:
        """Give what is wrong, a line for each fault."""
        found = mflux.faults(self.setting(repo, **about), self.target)
        return [f"{one.path}: {one.message}; {one.remedy}" for one in found]

    def paths(self, repo: str, **about) -> list[str]:
        """Give the paths of what is wrong."""
        return [one.path for one in mflux.faults(self.setting(repo, **about), self.target)]


@pytest.fixture(scope="session")
def new_place():
    """Give the function that makes a machine whose tokenizers are real."""

    def new_place(root: Path) -> Place:
        return Place(root, tokenizer=write_tokenizer)

    return new_place


@pytest.fixture
def upstream(tmp_path) -> Path:
    """Give the files of Z-Image-Turbo as its makers publish them, small, and what else lies in their repository."""
    folder = tmp_path / "upstream"
    for opening in models.opening(Z_IMAGE)[0].opens:
        write_opening(folder, opening, tokenizer=write_tokenizer)
    write(folder, "model_index.json")
    write(folder, "README.md", "# Z-Image-Turbo")
    write(folder, "scheduler/scheduler_config.json")
    return folder


@pytest.fixture
def place(tmp_path) -> Place:
    """Give a machine with an empty cache, and the newest mflux that is known."""
    return Place(tmp_path)


@pytest.fixture
def z_image(place) -> Path:
    """Give the snapshot of Z-Image-Turbo, whole, at the commit that mflux asks for, its other names written too."""
    snapshot = place.fill("z-image-turbo")
    place.list(Z_IMAGE)
    return snapshot
