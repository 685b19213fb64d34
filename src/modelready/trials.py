"""
What was tried before and went well: the same bytes and the same libraries do again what they did once.

Loading a tokenizer costs seconds, most of them for importing transformers; looking into weights costs reading them.
What is remembered is an empty file, named by the digest of all that could decide: each file that is read, and the
version of each library that reads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from modelready import __version__, proving
from modelready.inspection.files import is_required_and_absent
from modelready.model import PlacedFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from modelready.inspection.tokenizers import TokenizerFolder
    from modelready.ledger import Ledger

_LIBRARIES = ("transformers", "tokenizers", "sentencepiece", "protobuf", "mistral-common", "huggingface-hub", "jinja2")
#: What no tokenizer reads, and what is slow to hash.
_WEIGHTS = frozenset(
    {".safetensors", ".sft", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".h5", ".msgpack", ".onnx_data", ".data"}
)
_OURS = {"modelready": __version__}
_TEMPLATES = "additional_chat_templates"


@dataclass(frozen=True)
class Trials:
    """The trials that went well, in the folder *home*, which need not be writable."""

    home: Path

    def went_well(self, key: str | None) -> bool:
        """Tell whether the trial *key* is known to have gone well."""
        return key is not None and (self.home / key).is_file()

    def remember(self, key: str | None) -> None:
        """Note that the trial *key* went well; where that cannot be written, it is tried again next time."""
        if key is not None:
            with contextlib.suppress(OSError):
                self.home.mkdir(parents=True, exist_ok=True)
                (self.home / key).touch()


def key_of(
    folders: Sequence[TokenizerFolder], ledger: Ledger, *, refused: Collection[str] = (), trust: bool = False
) -> str | None:
    """
    Name the trial of the tokenizers in *folders* by everything that decides how it ends.

    None where something is absent, refused or cannot be read: such a tokenizer is passed over, and proves nothing.
    """
    placed = [one for folder in folders for one in folder.files]
    if any(one.path in refused or is_required_and_absent(one) for one in placed):
        return None
    try:
        read = [one for folder in folders for one in _files(folder)]
    except OSError:
        return None
    found = proving.prove(read, ledger, trust=trust)
    if len(found) != len({one.path for one in read}):
        return None
    digests = sorted((path, proven.digests["sha256"]) for path, proven in found.items())
    return _key({"files": digests, "folders": [one.path for one in folders], "libraries": _versions()})


def key_of_files(files: Sequence[PlacedFile], ledger: Ledger, *, trust: bool = False) -> str | None:
    """Name the trial of holding *files* against one another by their digests; None where the ledger lacks one."""
    known = proving.remembered(files, ledger, trust=trust)
    if len(known) != len(files):
        return None
    return _key({"files": sorted((path, proven.digests["sha256"]) for path, proven in known.items()), **_OURS})


def keys_of_weights(
    files: Sequence[PlacedFile], ledger: Ledger, *ways: str, trust: bool = False
) -> list[dict[str, str]]:
    """
    Name for each of *ways* the trial of looking so into each of *files*, by its path.

    One whose digest the ledger does not know has no name: weights are not read for it.
    """
    known = proving.remembered(files, ledger, trust=trust)
    digests = {path: proven.digests["sha256"] for path, proven in known.items()}
    return [{path: _key({"weights": digest, "how": way, **_OURS}) for path, digest in digests.items()} for way in ways]


def _key(told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _files(folder: TokenizerFolder) -> Iterator[PlacedFile]:
    """Give every file that lies in *folder*, wanted by the catalog or not, and might be read with its tokenizer."""
    for entry in sorted(folder.folder.iterdir()):
        within = sorted(entry.iterdir()) if entry.name == _TEMPLATES and entry.is_dir() else [entry]
        for one in within:
            if one.suffix.lower() not in _WEIGHTS and one.is_file():
                yield PlacedFile(f"{folder.model.name}/{folder.path}/{one.relative_to(folder.folder).as_posix()}", one)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "modelready": __version__}
    for name in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
