"""From folders on this machine to commits: which files, which of them are LFS, what the commit is called."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, TypeAlias

from modelready.errors import RequestError
from modelready.mirror import gitobjects
from modelready.mirror.repos import Commit, ServedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LfsRule: TypeAlias = "Callable[[str, int], bool] | Sequence[str] | None"

_LFS_BYTES = 10_000_000
_LFS_SUFFIXES = (
    *(".7z", ".arrow", ".bin", ".bz2", ".ckpt", ".ftz", ".gguf", ".gz", ".h5", ".joblib", ".mlmodel", ".model"),
    *(".msgpack", ".npy", ".npz", ".onnx", ".ot", ".parquet", ".pb", ".pickle", ".pkl", ".pt", ".pth", ".rar"),
    *(".safetensors", ".tar", ".tflite", ".tgz", ".wasm", ".xz", ".zip", ".zst"),
)
_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256_DIGITS = 64


@dataclass(frozen=True)
class Contents:
    """The files found in a folder, and what was left out: links to nowhere or outside, what cannot be read or named."""

    files: tuple[ServedFile, ...]
    left_out: tuple[Path, ...]


def read(folder: Path, *, lfs: LfsRule = None, within: Path | None = None) -> Contents:
    """
    Find the files of *folder*; hidden folders are not looked into.

    A link may lead to a file under *within* (default: the folder, or the cache of a Hub snapshot), not further.
    """
    if not folder.is_dir():
        raise RequestError(f"{folder} is no folder", remedy="name a folder that holds the files of a repository")
    bounds = (within or (folder.parents[2] if _is_snapshot(folder) else folder)).resolve()
    found, left_out = _found(folder, bounds)
    return Contents(tuple(_served(path, place, lfs) for path, place in sorted(found)), tuple(sorted(left_out)))


def commit_of(files: Sequence[ServedFile], sha: str | None = None) -> Commit:
    """Make a commit of *files*, named *sha*, or by what they hold."""
    by_path = {file.path: file for file in files}
    if sha is not None:
        return Commit(sha, by_path)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blobs = dict(zip(by_path, pool.map(lambda file: file.blob_id, by_path.values()), strict=True))
    return Commit(gitobjects.commit_id(gitobjects.tree_ids(blobs)[""]), by_path)


def is_lfs(path: str, size: int, rule: LfsRule = None) -> bool:
    """Tell whether a Hub would keep the file in LFS."""
    if rule is None:
        return size > _LFS_BYTES or path.lower().endswith(_LFS_SUFFIXES)
    if callable(rule):
        return rule(path, size)
    return any(fnmatchcase(path, pattern) for pattern in rule)


def _is_snapshot(folder: Path) -> bool:
    """Tell whether *folder* is a snapshot in a Hub cache: its links lead into the cache, and nothing in it is ours."""
    return folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--")


def _found(folder: Path, within: Path) -> tuple[list[tuple[str, Path]], list[Path]]:
    found: list[tuple[str, Path]] = []
    left_out: list[Path] = []
    for place in _walk(folder):
        target = _target(place, within)
        if target is None:
            left_out.append(place)
        else:
            found.append((place.relative_to(folder).as_posix(), place))
    return found, left_out


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        linked = [name for name in folders if (Path(parent) / name).is_symlink()]
        hidden = [] if _is_snapshot(folder) else [name for name in folders if name.startswith(".")]
        folders[:] = [name for name in folders if name not in linked and name not in hidden]
        yield from (Path(parent) / name for name in (*names, *linked))


def _target(place: Path, within: Path) -> Path | None:
    """Give the regular file *place* leads to, if it lies under *within*, can be read and has a name in UTF-8."""
    try:
        str(place).encode()
        target = place.resolve(strict=True)
        is_file = S_ISREG(target.stat().st_mode)
    except (OSError, UnicodeEncodeError):
        return None
    return target if is_file and target.is_relative_to(within) and os.access(target, os.R_OK) else None


def _served(path: str, place: Path, lfs: LfsRule) -> ServedFile:
    target = place.resolve()
    found = target.stat()
    named = _name_of_blob(place)
    in_lfs = len(named) == _SHA256_DIGITS if named and lfs is None else is_lfs(path, found.st_size, lfs)
    return ServedFile(
        path=path,
        place=target,
        size=found.st_size,
        is_lfs=in_lfs,
        modified_ns=found.st_mtime_ns,
        named=named if named and in_lfs == (len(named) == _SHA256_DIGITS) else None,
    )


def _name_of_blob(place: Path) -> str | None:
    """Give the digest that a Hub cache's link says its file has."""
    if not place.is_symlink():
        return None
    target = place.readlink()
    return target.name if target.parent.name == "blobs" and _ETAG.fullmatch(target.name) else None
