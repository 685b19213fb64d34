"""Files of a model that are absent, too small, messages, or not the bytes they should be."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from modelready import sizes
from modelready.formats import pages
from modelready.inspection import words
from modelready.layouts import looking
from modelready.model import Algorithm, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelready.model import Digest, PlacedFile, PlacedModel

#: Gives the digests of a file's bytes: remembered, or read now.
DigestOf = Callable[["PlacedFile", tuple[Algorithm, ...]], Mapping[Algorithm, str]]

_TELLERS = {
    "lock": "models.lock.json",
    "trees": "the cache's listing (trees/)",
    "blob name": "the name of its blob",
    "metadata": "huggingface_hub's .metadata beside it",
}


def absent(model: PlacedModel) -> tuple[Fault, ...]:
    """Tell the required files that are not on disk, and what was wrong already when they were looked for."""
    lost = [Fault(one.path, why, words.PROVISION) for one in model.files if (why := _why_absent(one, model.root))]
    faults = (*model.faults, *lost)
    if faults or model.files:
        return faults
    return (Fault(model.model.source.text, _nothing_known(model), words.PROVISION),)


def too_small(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the files that are not as large as they should be: exactly, where that is known."""
    return _each(files, _why_too_small)


def messages(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the files that are an error page, an LFS pointer, or some other message."""
    return _each(files, _why_message)


def wrong_bytes(files: Iterable[PlacedFile], digest_of: DigestOf) -> tuple[Fault, ...]:
    """Tell the files whose digest is not the one expected, by anybody who names one."""
    return _each((one for one in files if one.digests), lambda placed: _why_wrong(placed, digest_of))


def without_digest(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the files whose digest nobody knows, so that their bytes stay unproved."""
    remedy = "name its sha256 in the catalog, or write models.lock.json with `modelready lock`"
    return tuple(
        Fault(one.path, "its digest is known from nowhere: nothing says that these are the right bytes", remedy)
        for one in files
        if not one.digests
    )


def is_required_and_absent(placed: PlacedFile) -> bool:
    """Tell whether ``absent`` tells of *placed*, so that later checks pass over it."""
    return not placed.optional and not looking.is_file(placed.place)


def _each(files: Iterable[PlacedFile], why: Callable[[PlacedFile], str]) -> tuple[Fault, ...]:
    """Tell what *why* says of each file; one that vanished or may not be read meanwhile is told as well."""
    faults = []
    for one in files:
        try:
            message = why(one)
        except OSError as error:
            message = words.why(error)
        if message:
            faults.append(Fault(one.path, message, words.PROVISION))
    return tuple(faults)


# ---- why


def _nothing_known(model: PlacedModel) -> str:
    commit = f" at {model.revision}" if model.revision else ""
    return f"never provisioned here: nothing on this machine knows the files of {model.name}{commit}"


def _why_absent(placed: PlacedFile, root: Path) -> str:
    try:
        mode = placed.place.stat().st_mode
    except FileNotFoundError:
        return "" if placed.optional else _lost(placed, root)
    except OSError as error:
        return words.why(error)
    if stat.S_ISREG(mode):
        return ""
    return "a folder lies in its place" if stat.S_ISDIR(mode) else "what lies in its place is no file"


def _lost(placed: PlacedFile, root: Path) -> str:
    if placed.place.is_symlink():
        return f"its link leads to {words.folded(placed.place.readlink())}, which is not there"
    where = words.place(placed.place, root)
    return "is not on disk" if where == placed.path else f"is not on disk; expected at {where}"


def _why_too_small(placed: PlacedFile) -> str:
    size = placed.place.stat().st_size
    if placed.size is not None:
        return "" if size == placed.size else _differs(size, placed.size)
    if placed.min_size is not None and size < placed.min_size:
        return f"has {_size(size)}; expected at least {_size(placed.min_size)}"
    # An empty __init__.py is as it should be; empty weights never are.
    return "is empty" if size == 0 and pages.is_binary(placed.place) else ""


def _differs(size: int, expected: int) -> str:
    how = f"{expected - size:,} too few" if size < expected else f"{size - expected:,} too many"
    return f"has {_size(size)}; expected exactly {_size(expected)}: {how}"


def _size(size_bytes: int) -> str:
    exact = "1 byte" if size_bytes == 1 else f"{size_bytes:,} bytes"
    return exact if size_bytes < 1000 else f"{exact} ({sizes.told(size_bytes)})"  # noqa: PLR2004 - told() says bytes, too


def _why_message(placed: PlacedFile) -> str:
    found = pages.message_in(placed.place)
    return f"is {found}, not what its name promises" if found else ""


def _why_wrong(placed: PlacedFile, digest_of: DigestOf) -> str:
    try:
        got = digest_of(placed, tuple(dict.fromkeys(digest.algorithm for digest in placed.digests)))
    except KeyError:  # who computed them could not read it
        got = {}
    return "; ".join(
        _mismatch(one, got.get(one.algorithm)) for one in placed.digests if got.get(one.algorithm) != one.hex
    )


def _mismatch(expected: Digest, got: str | None) -> str:
    teller = _TELLERS.get(expected.told_by) or f"the {expected.told_by or 'catalog'}"
    found = f"is {got[:12]}…" if got else "cannot be computed"
    return f"its {expected.algorithm} {found}, {teller} says {expected.hex[:12]}…"
