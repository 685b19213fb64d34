"""Files of a model that are absent, too small, messages, or not the bytes they should be."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from modelready import patterns, sizes
from modelready.formats import pages
from modelready.inspection import neighbours, words
from modelready.layouts import links, looking
from modelready.model import LEARNED, Algorithm, Fault

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
    LEARNED: "its first fetch",
}


#: Where only the catalog's minimum is not reached.
_AS_ITS_SOURCE_HAS_IT = "its source has just that size: correct `min_size` in the catalog, or ask who publishes it"


def absent(model: PlacedModel) -> tuple[Fault, ...]:
    """
    Tell the required files that are not on disk, and what was wrong already when they were looked for.

    Where bringing them failed, only that has a remedy: doing again what failed is none.
    """
    has_failed = any(fault.kind for fault in model.faults)
    absent = ((one, why) for one in model.files if (why := _why_absent(one, model.root)))
    lost = [Fault(one.path, why, "" if has_failed else _remedy(one)) for one, why in absent]
    if lost and (hint := neighbours.hint(model)):
        lost[0] = replace(lost[0], message=lost[0].message + hint)
    faults = (*model.faults, *lost)
    if faults or model.files:
        return faults
    return (Fault(model.model.source.text, _nothing_known(model) + neighbours.hint(model), words.PROVISION),)


def unlisted(model: PlacedModel) -> tuple[Fault, ...]:
    """
    Tell that nobody listed the files of *model*: what lies there is all that could be judged.

    One file fetched alone (``hf_hub_download``) leaves a snapshot that looks like a whole one.
    """
    is_named = bool(model.model.include) and all(patterns.is_literal(one) for one in model.model.include)
    if model.known_by not in {"snapshot", "folder"} or is_named:
        return ()
    message = "what it consists of is written nowhere here: only what lies there was judged, not what may be missing"
    return (
        Fault(model.model.source.text, message, f"{words.PROVISION}, or write models.lock.json: `modelready lock`"),
    )


def too_small(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the files that have not the size that is known, or are smaller than the catalog says."""
    return _each(files, _why_too_small, _remedy_of_size)


def messages(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the files that are an error page, an LFS pointer, or some other message."""
    return _each(files, _why_message)


def wrong_bytes(files: Iterable[PlacedFile], digest_of: DigestOf) -> tuple[Fault, ...]:
    """Tell the files whose digest is not the one expected, by anybody who names one."""
    return _each((one for one in files if one.digests), lambda placed: _why_wrong(placed, digest_of))


def without_digest(files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """Tell the files whose digest nobody knows but who brought them, so that nothing says they were right then."""
    return tuple(_unproved(one) for one in files if all(digest.told_by == LEARNED for digest in one.digests))


def is_required_and_absent(placed: PlacedFile) -> bool:
    """Tell whether ``absent`` tells of *placed*, so that later checks pass over it."""
    return not placed.optional and not looking.is_file(placed.place)


def _each(
    files: Iterable[PlacedFile],
    why: Callable[[PlacedFile], str],
    remedy: Callable[[PlacedFile], str] = lambda _: words.PROVISION,
) -> tuple[Fault, ...]:
    """Tell what *why* says of each file; one that vanished or may not be read meanwhile is told as well."""
    faults = []
    for one in files:
        try:
            message = why(one)
        except OSError as error:
            message = words.why(error)
        if message:
            faults.append(Fault(one.path, message, remedy(one)))
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
        end = links.end(placed.place)
        shared = " (the cache's shared blobs)" if _is_shared(end) else ""
        leads = placed.place.readlink() if end.parent.name == "blobs" else end
        return f"its link leads to {words.folded(leads)}{shared}, which is not there"
    where = words.place(placed.place, root)
    return "is not on disk" if where == placed.path else f"is not on disk; expected at {where}"


def _is_shared(end: Path) -> bool:
    """Tell whether a link ends among the blobs that huggingface_hub 2 shares between repositories."""
    return end.parent.parent.name == "blobs" and len(end.parent.name) == 2  # noqa: PLR2004 - blobs/XX/HASH


def _remedy(placed: PlacedFile) -> str:
    if placed.place.is_symlink() and _is_shared(links.end(placed.place)):
        return f"copy the cache with `cp -aL`, or with its folder `blobs`; or {words.PROVISION}"
    return words.PROVISION


def _why_too_small(placed: PlacedFile) -> str:
    size = placed.place.stat().st_size
    if placed.size is not None and size != placed.size:
        return _differs(size, placed.size)
    # Also where the source names an exact size: it may have replaced a model by a placeholder.
    if placed.min_size is not None and size < placed.min_size:
        return f"has {_size(size)}; expected at least {_size(placed.min_size)}"
    # An empty __init__.py is as it should be; empty weights never are.
    if placed.size is not None:
        return ""
    return "is empty" if size == 0 and pages.is_binary(placed.place) else ""


def _remedy_of_size(placed: PlacedFile) -> str:
    """Say what to do; to bring again what is as its source has it would bring the same."""
    is_as_its_source_has_it = placed.size is not None and looking.size(placed.place) == placed.size
    return _AS_ITS_SOURCE_HAS_IT if is_as_its_source_has_it else words.PROVISION


def _differs(size: int, expected: int) -> str:
    how = f"{expected - size:,} too few" if size < expected else f"{size - expected:,} too many"
    return f"has {_size(size)}; expected exactly {_size(expected)}: {how}"


def _size(size_bytes: int) -> str:
    exact = "1 byte" if size_bytes == 1 else f"{size_bytes:,} bytes"
    return exact if size_bytes < 1000 else f"{exact} ({sizes.told(size_bytes)})"  # noqa: PLR2004 - told() says bytes, too


def _why_message(placed: PlacedFile) -> str:
    found = pages.message_in(placed.place)
    return f"is {found}, not what its name promises" if found else ""


def _unproved(placed: PlacedFile) -> Fault:
    if not placed.digests:
        message = "its digest is known from nowhere: nothing says that these are the right bytes"
        remedy = "name its sha256 in the catalog, or write models.lock.json with `modelready lock`"
        return Fault(placed.path, message, remedy)
    message = f"no source names a digest: its bytes are as first fetched, sha256 {placed.digests[0].hex}"
    remedy = "compare that with what its author publishes; the catalog or models.lock.json (`modelready lock`) keeps it"
    return Fault(placed.path, message, remedy)


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
