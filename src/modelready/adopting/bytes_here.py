"""The digests of files that nobody tells: read from what lies here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelready import digests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelready.adopting.rows import File


def digested(found: Sequence[tuple[File, Path]]) -> tuple[File, ...]:
    """Give the files, each with a digest: the one that was told, else that of the bytes here now."""
    untold = {place for file, place in found if not file.digests}
    read = digests.compute_many([(place, {"sha256"}) for place in sorted(untold)])
    computed: dict[Path, dict[str, str]] = {
        one.path: {str(algorithm): told for algorithm, told in one.digests.items()} for one in read if one.error is None
    }
    return tuple(replace(file, digests=file.digests or computed.get(place, {})) for file, place in found)
