"""The digests of files on disk: remembered where a file has not changed, read where it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready import digests
from modelready.ledger import fingerprint

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from modelready.ledger import Ledger
    from modelready.model import Algorithm, PlacedFile


@dataclass(frozen=True)
class Proven:
    """What a file's bytes hash to, and how that is known: ``read`` now, or ``remembered``."""

    digests: Mapping[Algorithm, str]
    how: str


def prove(
    files: Sequence[PlacedFile],
    ledger: Ledger,
    *,
    reread: bool = False,
    trust: bool = False,
    stop: threading.Event | None = None,
) -> dict[str, Proven]:
    """
    Give the digests of *files* by their path in the source; a file that cannot be read has none.

    Bytes are read only where the ledger does not know them, or *reread* asks for it.
    Raises: Interrupted, when *stop* is set meanwhile.
    """
    known = {} if reread else remembered(files, ledger, trust=trust)
    return known | _read([one for one in files if one.path not in known], ledger, stop)


def is_as_expected(placed: PlacedFile, proven: Proven | None) -> bool:
    """Tell whether every digest known of *placed* is that of its bytes."""
    return proven is not None and all(proven.digests.get(one.algorithm) == one.hex for one in placed.digests)


def wanted_algorithms(placed: PlacedFile) -> frozenset[Algorithm]:
    """Give the algorithms that *placed* is held against; sha256 always, for the certificate names it."""
    return frozenset({"sha256", *(digest.algorithm for digest in placed.digests)})


def remembered(files: Sequence[PlacedFile], ledger: Ledger, *, trust: bool = False) -> dict[str, Proven]:
    """Give the digests that the ledger knows of *files*; no byte is read."""
    asked = [(one.place, wanted_algorithms(one)) for one in files]
    found = ledger.recall_many(asked, trust=trust)
    return {
        one.path: Proven(found[one.place], "remembered")
        for one, (_, algorithms) in zip(files, asked, strict=True)
        if algorithms <= found[one.place].keys()
    }


def _read(files: Sequence[PlacedFile], ledger: Ledger, stop: threading.Event | None) -> dict[str, Proven]:
    by_place: dict[object, list[PlacedFile]] = {}
    for one in files:
        by_place.setdefault(one.place, []).append(one)
    before = {}
    for one in files:
        try:
            before[one.place] = fingerprint(one.place)
        except OSError:  # absent: another check tells of it
            by_place.pop(one.place, None)
    work = [(place, set().union(*map(wanted_algorithms, by_place[place]))) for place in before]
    read = [one for one in digests.compute_many(work, stop=stop) if one.error is None]
    ledger.remember_many([(one.path, one.digests, before[one.path]) for one in read])
    return {placed.path: Proven(one.digests, "read") for one in read for placed in by_place[one.path]}
