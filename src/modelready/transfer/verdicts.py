"""What is told about bytes that are not the ones wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready import errors
from modelready.network import reasons

if TYPE_CHECKING:
    from modelready.model import Digest
    from modelready.transfer.answers import Body
    from modelready.transfer.wanted import Wanted

_HEAD = 512
_SHOWN = 12
_PAGE = "a web page came instead of the file: a captive portal, a proxy or an error page"


def about(wanted: Wanted, error: errors.SourceError) -> errors.SourceError:
    """Give *error* with the name of the file that it kept from coming."""
    if wanted.path in error.what:
        return error
    return type(error)(f"{wanted.path}: {error.what}", remedy=error.remedy)


def mismatch(wanted: Wanted, digest: Digest, got: str) -> errors.DigestMismatch:
    """Tell that the digest is another one, each time the file was fetched."""
    who = digest.told_by or "its source"
    what = f"{wanted.path}: {digest.algorithm} is {got[:_SHOWN]}…, {who} says {digest.hex[:_SHOWN]}…"
    page = f" ({_PAGE})" if _looks_like_a_page(wanted) else ""
    return errors.DigestMismatch(
        what + page,
        remedy="it was thrown away: provision again, use another endpoint or mirror, or correct the catalog or lock",
    )


def wrong_length(wanted: Wanted, told: int, *, is_page: bool) -> errors.LengthMismatch:
    """Tell that the server has a file of another size."""
    page = f" ({_PAGE})" if is_page else ""
    return errors.LengthMismatch(
        f"{wanted.path}: {reasons.host(wanted.url)} offers {told} bytes instead of {wanted.size}{page}",
        remedy="provision again, use another endpoint or mirror, or bring the lock up to date",
    )


def too_long(wanted: Wanted, size: int) -> errors.LengthMismatch:
    """Tell that the server does not stop sending."""
    return errors.LengthMismatch(
        f"{wanted.path}: {reasons.host(wanted.url)} sends more than the {size} bytes promised",
        remedy="provision again, use another endpoint or mirror, or bring the lock up to date",
    )


def ended_early(wanted: Wanted, came: int) -> errors.LengthMismatch:
    """Tell that the body ended before the file did."""
    return errors.LengthMismatch(
        f"{wanted.path}: {reasons.host(wanted.url)} ends after {came} bytes instead of {wanted.size}",
        remedy="provision again, use another endpoint or mirror, or bring the lock up to date",
    )


def page(wanted: Wanted) -> errors.ServerFault:
    """Tell that a web page came."""
    return errors.ServerFault(
        f"{wanted.path}: from {reasons.host(wanted.url)} {_PAGE}",
        remedy="open the address in a browser to see what is in the way, then provision again",
    )


def ignored_range(wanted: Wanted, body: Body) -> errors.ServerFault:
    """Tell that other bytes came than those asked for."""
    return errors.ServerFault(
        f"{wanted.path}: {reasons.host(wanted.url)} ignores which bytes it is asked for, and sends from {body.offset}",
        remedy="use another endpoint or mirror: this one cannot resume",
    )


def wrong_range(wanted: Wanted, start: int, told: str) -> errors.ServerFault:
    """Tell that a partial answer is not the one asked for."""
    return errors.ServerFault(
        f"{wanted.path}: {reasons.host(wanted.url)} was asked for bytes from {start} and sends {told[:80]!r}",
        remedy="use another endpoint or mirror: this one cannot resume",
    )


def nameless_part(wanted: Wanted) -> errors.ServerFault:
    """Tell that a partial answer does not say of which version it is."""
    return errors.ServerFault(
        f"{wanted.path}: {reasons.host(wanted.url)} sends a part without its ETag, so it may be of another version",
        remedy="name its sha256 in the catalog, or use another endpoint or mirror: this one cannot resume",
    )


def no_such_range(wanted: Wanted, start: int, told: int | None) -> errors.ModelreadyError:
    """Tell that the server has no bytes where there should be some."""
    if told is not None and wanted.size not in {None, told}:
        return wrong_length(wanted, told, is_page=False)
    return errors.ServerFault(
        f"{wanted.path}: {reasons.host(wanted.url)} says it has no bytes from {start} on",
        remedy="use another endpoint or mirror: this one cannot resume",
    )


def unresumable(wanted: Wanted) -> errors.ServerFault:
    """Tell that a file breaks off each time, and that going on could mix two versions of it."""
    return errors.ServerFault(
        f"{wanted.path}: {reasons.host(wanted.url)} breaks off each time, and names no version to go on from",
        remedy="name its sha256 in the catalog, so that going on can be proved right",
    )


def changed(wanted: Wanted) -> errors.ServerFault:
    """Tell that the file is another one each time it is asked for."""
    or_name_it = "" if wanted.digests else ", or name its sha256 in the catalog"
    return errors.ServerFault(
        f"{wanted.path}: the file at {reasons.host(wanted.url)} changes while it is fetched",
        remedy=f"provision again when it has settled; pin a revision{or_name_it}",
    )


def unprovable(wanted: Wanted) -> errors.ServerFault:
    """Tell that nothing would show whether the file is whole."""
    return errors.ServerFault(
        f"{wanted.path}: {reasons.host(wanted.url)} tells no length, and no digest is known: nothing proves the end",
        remedy="name its size or sha256 in the catalog",
    )


def _looks_like_a_page(wanted: Wanted) -> bool:
    try:
        with wanted.part.open("rb") as file:
            head = file.read(_HEAD).lstrip().lower()
    except OSError:
        return False
    return head.startswith((b"<!doctype html", b"<html")) or (head.startswith(b"<?xml") and b"<html" in head)
