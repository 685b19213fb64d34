"""The receipt: what a provision brought into a folder, so that it can be certified offline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelready import contents
from modelready.errors import UnsafePath
from modelready.layouts import containment
from modelready.model import HEX_LENGTHS, LEARNED, Algorithm, Digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VERSION = 1


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """One file: its path in the source, where it lies under the folder, and what is known of its bytes."""

    path: str
    save_as: str
    size: int | None = None
    mtime_ns: int | None = None
    digests: tuple[Digest, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """What a provision brought. ``revision`` is as asked, ``commit`` what it was; ``written`` is ISO 8601, UTC."""

    source: str
    revision: str
    commit: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    files: tuple[ReceiptFile, ...] = ()
    written: str = ""


def read(path: Path) -> Receipt | None:
    """Read a receipt; None when there is none, or when it is not one of ours."""
    try:
        held = json.loads(contents.text(path, most=contents.LISTING))
        return _receipt(held) if held["format_version"] == _VERSION else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UnsafePath):
        return None


def text(receipt: Receipt) -> str:
    """Give the receipt as it is kept."""
    held = {
        "format_version": _VERSION,
        "source": receipt.source,
        "revision": receipt.revision,
        "commit": receipt.commit,
        "include": list(receipt.include),
        "exclude": list(receipt.exclude),
        "written": receipt.written,
        "files": [_entry(file) for file in receipt.files],
    }
    return json.dumps(held, indent=1, ensure_ascii=False) + "\n"


def _entry(file: ReceiptFile) -> dict[str, object]:
    digests = {digest.algorithm: digest.hex for digest in file.digests}
    entry: dict[str, object] = {
        "path": file.path,
        "save_as": file.save_as,
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "digests": digests,
    }
    is_learned = any(digest.told_by == LEARNED for digest in file.digests)
    return entry | ({"learned": True} if is_learned else {})


def _receipt(held: Mapping[str, Any]) -> Receipt:
    return Receipt(
        source=_text(held["source"]),
        revision=_text(held["revision"]),
        commit=_text(held["commit"]),
        include=tuple(_text(pattern) for pattern in held["include"]),
        exclude=tuple(_text(pattern) for pattern in held["exclude"]),
        files=tuple(_file(entry) for entry in held["files"]),
        written=_text(held["written"]),
    )


def _file(entry: Mapping[str, Any]) -> ReceiptFile:
    teller = LEARNED if entry.get("learned") is True else "receipt"
    digests = tuple(_digest(algorithm, digest, teller) for algorithm, digest in entry["digests"].items())
    save_as = containment.relative(_text(entry["save_as"]))
    return ReceiptFile(_text(entry["path"]), save_as, _count(entry["size"]), _count(entry["mtime_ns"]), digests)


def _digest(algorithm: Algorithm, digest: object, teller: str) -> Digest:
    if len(_text(digest)) != HEX_LENGTHS[algorithm]:
        raise ValueError(algorithm)
    return Digest(algorithm, _text(digest), teller)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _count(value: object) -> int | None:
    if value is not None and type(value) is not int:
        raise TypeError(value)
    return value
