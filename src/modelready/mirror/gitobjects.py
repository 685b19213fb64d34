"""The names git and LFS give to bytes, computed here and not by the code that a mirror judges."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
_AUTHOR = "mirror <mirror@localhost> 0 +0000"


def sha256(place: Path) -> str:
    """Give the sha256 of a file, never holding more than a block of it."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blob_id(place: Path, size: int) -> str:
    """Give the id git gives to a file of *size* bytes."""
    digest = _started("blob", size)
    with place.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def content_id(content: bytes) -> str:
    """Give the id git gives to a file with this content."""
    return _object_id("blob", content)


def pointer(digest: str, size: int) -> bytes:
    """Give the three lines that stand in git for an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()


def pointer_id(digest: str, size: int) -> str:
    """Give the id git gives to an LFS file's pointer."""
    return content_id(pointer(digest, size))


def tree_ids(blobs: Mapping[str, str]) -> dict[str, str]:
    """Give the tree id of every folder, the root as "", from the blob ids of all files."""
    entries: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for path, oid in blobs.items():
        folder, _, name = path.rpartition("/")
        _ensure(entries, folder)
        entries[folder][name] = ("100644", oid)
    ids: dict[str, str] = {}
    for folder in sorted(entries, key=_depth, reverse=True):
        ids[folder] = _tree_id(entries[folder])
        if folder:
            parent, _, name = folder.rpartition("/")
            entries[parent][name] = ("40000", ids[folder])
    return ids


def commit_id(tree: str) -> str:
    """Give the id of a commit that holds just this tree, always the same for the same tree."""
    return _object_id("commit", f"tree {tree}\nauthor {_AUTHOR}\ncommitter {_AUTHOR}\n\nserved\n".encode())


def _ensure(entries: dict[str, dict[str, tuple[str, str]]], folder: str) -> None:
    while folder not in entries:
        entries[folder] = {}
        folder = folder.rpartition("/")[0]


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _tree_id(entries: Mapping[str, tuple[str, str]]) -> str:
    # git sorts a folder as if its name ended with a slash.
    ordered = sorted(entries.items(), key=lambda entry: (entry[0] + "/" * (entry[1][0] == "40000")).encode())
    body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in ordered)
    return _object_id("tree", body)


def _object_id(kind: str, body: bytes) -> str:
    digest = _started(kind, len(body))
    digest.update(body)
    return digest.hexdigest()


def _started(kind: str, size: int) -> hashlib._Hash:
    return hashlib.sha1(f"{kind} {size}\0".encode(), usedforsecurity=False)
