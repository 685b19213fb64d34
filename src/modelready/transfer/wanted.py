"""The values a transfer speaks of: what is wanted, and what was proved of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from modelready.model import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelready.model import Algorithm


@dataclass(frozen=True)
class Wanted:
    """One file to bring: where its bytes are, where they are gathered, and what they must be."""

    url: str = field(repr=False)  # it may be signed
    part: Path
    path: str
    size: int | None = None
    digests: tuple[Digest, ...] = ()
    validator: str | None = None  # the version meant, as If-Range carries it


@dataclass(frozen=True)
class Proof:
    """What was computed from the bytes in the part; every digest asked for is among them."""

    wanted: Wanted
    size: int
    sha256: str
    digests: tuple[Digest, ...] = ()

    @classmethod
    def computed(cls, wanted: Wanted, size: int, found: Mapping[Algorithm, str]) -> Self:
        """Make one of the digests *found*, sha256 among them, in lower-case hex."""
        digests = tuple(Digest(name, value, "computed from the bytes that arrived") for name, value in found.items())
        return cls(wanted, size, found["sha256"], digests)


class Watcher(Protocol):
    """Is told how a transfer goes, from the threads that do it."""

    def started(self, wanted: Wanted, kept: int) -> None:
        """Hear that *wanted* begins with *kept* bytes of an earlier run."""

    def received(self, wanted: Wanted, count: int) -> None:
        """Hear that *count* more bytes lie in the part."""

    def restarted(self, wanted: Wanted) -> None:
        """Hear that what had arrived was thrown away."""

    def verifying(self, wanted: Wanted) -> None:
        """Hear that all bytes are there and the digests are being compared."""

    def done(self, proof: Proof) -> None:
        """Hear that the file was proved and settled."""
