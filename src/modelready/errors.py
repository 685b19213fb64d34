"""Every error a user can meet: what is wrong, what was expected, what to do next."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


#: What steers a terminal, turns the order of letters round, or can be written to no file; lines and tabs are well.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """Give *text*, of which a server or a file may have said a part, as something that can only be read."""
    return _UNPRINTABLE.sub("\ufffd", text)


class ModelreadyError(Exception):
    """Something a user can meet and mend; bugs are never one of these."""

    kind: ClassVar[str] = "request"  # one of the closed list in docs/errors.md
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False  # the same for every error of a kind

    def __init__(self, what: str, *, remedy: str) -> None:
        self.what, self.remedy = plain(what), plain(remedy)
        super().__init__(f"{self.what}; {self.remedy}" if remedy else self.what)


# ---- the request was wrong (exit 4)


class RequestError(ModelreadyError):
    """What was asked for makes no sense as asked."""

    kind = "request"
    exit_code = 4


class CatalogFaults(RequestError):
    """One catalog or several hold mistakes; every one of them is told at once."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults), remedy="")


class UnknownModel(RequestError):
    """No catalog and no program told of a model by this name."""


class WrongState(RequestError):
    """What was asked of a download makes no sense as it stands."""


class NothingRequired(ModelreadyError):
    """No model was selected, or every switch is off."""

    kind = "request"
    exit_code = 5


# ---- the network


class SourceError(ModelreadyError):
    """A source could not be reached, or refused."""

    kind = "server_fault"
    retryable = True


class NotFound(SourceError):
    """The repository, revision or file is not there (or may not be seen with this token)."""

    kind = "not_found"
    retryable = False


class Gated(SourceError):
    """The licence of the repository must be accepted, and a token given."""

    kind = "gated"
    retryable = False


class Unauthorised(SourceError):
    """The source refused the token, or wants one."""

    kind = "unauthorised"
    retryable = False


class RateLimited(SourceError):
    """The source answers 429 and goes on doing so."""

    kind = "rate_limited"


class Offline(SourceError):
    """The source cannot be reached at all."""

    kind = "offline"


class UnknownHost(Offline):
    """No name server knows the host of the source, or none answers."""

    kind = "dns"


class ProxyRefused(Offline):
    """The proxy on the way cannot be reached, or lets nobody through."""

    kind = "proxy"


class Untrusted(SourceError):
    """No encrypted connection comes about that can be trusted."""

    kind = "tls"
    retryable = False


class ServerFault(SourceError):
    """The source answers, but not with what was asked for."""

    kind = "server_fault"


class Stalled(SourceError):
    """The source went silent, or slower than can be waited for."""

    kind = "stalled"


class Renamed(SourceError):
    """The repository has another name now."""

    kind = "not_found"
    retryable = False


class PatternWithoutMatch(SourceError):
    """A pattern of the catalog matches no file of the source."""

    kind = "not_found"
    retryable = False


class Moved(SourceError):
    """The source says something else than the lock."""

    kind = "moved_revision"
    retryable = False


class DownloadsDisabled(ModelreadyError):
    """DISABLE_MODEL_DOWNLOADS forbids what would have to be brought."""

    kind = "disabled"


# ---- bytes


class DigestMismatch(ModelreadyError):
    """The bytes that arrived are not the bytes that were promised."""

    kind = "digest_mismatch"


class LengthMismatch(DigestMismatch):
    """More or fewer bytes arrived than were promised."""


# ---- this machine


class DiskFull(ModelreadyError):
    """There is no room for what would have to be written."""

    kind = "disk_full"
    retryable = True


class NotWritable(ModelreadyError):
    """A place cannot be written."""

    kind = "permission"


class ReadOnly(NotWritable):
    """A place lies on a file system that is mounted read-only."""

    kind = "read_only"


class Held(ModelreadyError):
    """Another process holds what is needed and does not move."""

    kind = "stalled"
    retryable = True


class UnsafePath(ModelreadyError):
    """A path would leave the folder it belongs in, or take a name that is not its own."""

    kind = "request"


class MalformedRef(ModelreadyError):
    """A reference of the Hub cache does not hold exactly one commit."""

    kind = "request"

    def __init__(self, path: Path, held: str) -> None:
        self.path = path
        super().__init__(
            f"{path}: holds {held}; expected 40 hexadecimal digits and nothing else",
            remedy="run `modelready provision`, or write the commit there without a newline",
        )


class Bug(ModelreadyError):
    """The program itself is wrong; the traceback stands in the report of the run."""

    kind = "bug"
    exit_code = 3

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"a bug of modelready: {error!r}", remedy="report it with this text")


class Interrupted(ModelreadyError):
    """The work was stopped; what arrived is kept."""

    kind = "interrupted"
    exit_code = 2
    retryable = True


def not_writable(path: Path, error: OSError) -> NotWritable:
    """Tell why *path* cannot be written, in words."""
    if error.errno == errno.EROFS:
        return ReadOnly(
            f"{path}: {error.strerror}", remedy="choose another place, or mount it so that it can be written"
        )
    return NotWritable(
        f"{path}: {error.strerror or error}", remedy="choose a place you may write, or mend its permissions"
    )
