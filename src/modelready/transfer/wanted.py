"""The values a transfer speaks of: what is wanted, through which access, and what was proved of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.model import Digest


@dataclass(frozen=True)
class Wanted:
    """One file to bring: where its bytes are, where they are gathered, and what they must be."""

    url: str
    part: Path
    path: str
    size: int | None = None
    digests: tuple[Digest, ...] = ()


@dataclass(frozen=True)
class Access:
    """How a source is spoken to: whose token, how patiently."""

    endpoint: str
    token: str | None = field(default=None, repr=False)
    user_agent: str = "modelready"
    timeout_s: float = 10.0  # each read of a socket
    max_retries: int = 5  # tries without a single new byte
    silence_s: float = 45.0  # silence of one file, retries included, after which it is given up
    token_name: str = "HF_TOKEN"  # noqa: S105 - the name of a variable, for the remedy in errors


@dataclass(frozen=True)
class Proof:
    """What was computed from the bytes in the part; every digest asked for is among them."""

    wanted: Wanted
    size: int
    sha256: str
    digests: tuple[Digest, ...] = ()


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
