"""Rows 1 to 10 and 20 to 35: what goes wrong while a file's bytes are asked for and sent."""

from __future__ import annotations

import socket
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING

from conformance import contents
from conformance.cases import both, lasting, passing, sized
from conformance.contents import CONFIG, LARGE, MEDIUM, WEIGHTS, page
from conformance.programs import REPO
from modelready.mirror.cdn import Cdn

if TYPE_CHECKING:
    from conformance.cases import Case
    from conformance.scene import Scene
    from modelready.mirror import Mirror

_MB = 1_000_000
_CUT = 15 * _MB
_BOGUS = "ab" * 32
_BROKEN = "breaks off|broke|ended|ends|closed|reset|cut|Range|range|bytes"
_PAGE = "page|portal"
_OTHER = "sha256|git_sha1|digest"


def _other(size: int) -> bytes:
    return contents.weights(size, 999)[:size].ljust(size)


def _resumed(hub: Mirror) -> None:
    """End the connection once, in the middle of the weights."""
    hub.drop_after(WEIGHTS, _CUT, times=1)


def _to_a_dead_port(hub: Mirror, times: int | None) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    hub.status("*", 302, kind="get", headers={"Location": f"http://127.0.0.1:{port}/x"}, times=times)


def _in_a_circle(hub: Mirror, times: int | None) -> None:
    hub.status("*", 302, kind="get", headers={"Location": f"/{REPO}/resolve/main/{CONFIG}"}, times=times)


def _cut_and(status: int, *, cdn: bool = False) -> Case:
    def spoil(hub: Mirror) -> None:
        _resumed(hub)
        hub.status(WEIGHTS, status, kind="body", skip=1, times=1)

    return passing(7, f"connection ends, then {status} on resume", spoil, size=MEDIUM, cdn=cdn)


def _cut_and_never_again(status: int, *, cdn: bool = False) -> Case:
    def spoil(hub: Mirror) -> None:
        _resumed(hub)
        hub.status(WEIGHTS, status, kind="body", skip=1)

    words = f"connection ends, then {status} each time"
    return lasting(7, words, spoil, str(status), keeps=True, size=MEDIUM, cdn=cdn)


def _refused(code: int, words: str, row: int = 8, **headers: str) -> tuple[Case, Case]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return both(
        row,
        f"GET {code}{words}",
        lambda hub, times: hub.status("*", code, kind="body", headers=told, times=times),
        f"{code}",
    )


def _bogus_names(hub: Mirror, kind: str) -> None:
    hub.header("*", "ETag", f'"{_BOGUS}"', kind=kind)
    hub.header("*", "X-Linked-Etag", f'"{_BOGUS}"', kind=kind)


def _is_told_the_token(scene: Scene) -> str:
    told = [one for one in scene.hub.requests if one.kind == "cdn" and one.has_authorization]
    return "the Hub's token was sent to another origin" if told else ""


def _blobs(scene: Scene) -> str:
    right = {name for files in scene.versions.values() for one in files.values() for name in contents.names(one)}
    strange = [one.name for one in (scene.storage / "blobs").glob("*") if one.name not in right and "." not in one.name]
    return f"a blob is called {strange[0][:12]}…, which is not its digest" if strange else ""


def _unlike_the_listing(hub: Mirror, times: int | None) -> None:
    hub.change_after(WEIGHTS, _other, requests=0, times=times)


def _range_ignored(hub: Mirror, times: int | None) -> None:
    hub.drop_after(WEIGHTS, _CUT, times=times)
    hub.ignore_range(WEIGHTS, times=times)


def _range_shifted(hub: Mirror, times: int | None) -> None:
    hub.drop_after(WEIGHTS, _CUT, times=times)
    hub.shift_range(WEIGHTS, by=1 << 16, times=times)


def _another_version(hub: Mirror, times: int | None) -> None:
    _resumed(hub)
    hub.change_after(WEIGHTS, _other, requests=1, times=times)


def _another_version_so_called(hub: Mirror, times: int | None) -> None:
    _resumed(hub)
    hub.change_after(WEIGHTS, _other, requests=1, times=times, etag=_BOGUS)
    hub.header(WEIGHTS, "ETag", f'"{_BOGUS}"', kind="body")


def _portal(hub: Mirror, times: int | None) -> None:
    hub.replace_body("*", page(2000), kind="head", times=times)
    hub.replace_body("*", page(2000), kind="body", times=times)


def _chunks_cut(hub: Mirror, times: int | None) -> None:
    hub.chunked(WEIGHTS, times=times)
    hub.drop_after(WEIGHTS, 0, times=times)


def _chunks(hub: Mirror, size: int) -> None:
    hub.chunked(WEIGHTS)
    hub.drop_after(WEIGHTS, size)


def _no_names(hub: Mirror) -> None:
    hub.no_header("*", "ETag")
    hub.no_header("*", "X-Linked-Etag")


def _falls_silent(hub: Mirror) -> None:
    hub.stall(WEIGHTS, after=_CUT, times=1)
    hub.stall(WEIGHTS)


def _one_off(hub: Mirror, kind: str, times: int | None) -> None:
    hub.header(WEIGHTS, "X-Linked-Size", "300001", kind=kind, times=times)


RESUMING = sized(
    MEDIUM,
    passing(1, "connection ends after 15 MB, once", _resumed),
    passing(1, "connection ends after 11 MB, each time", lambda hub: hub.drop_after(WEIGHTS, 11 * _MB)),
    passing(2, "connection ends after 9 MB, each time", lambda hub: hub.drop_after(WEIGHTS, 9 * _MB)),
    passing(2, "connection ends after 2 MB, each time", lambda hub: hub.drop_after(WEIGHTS, 2 * _MB)),
    passing(3, "reset in the body, once", lambda hub: hub.drop_after(WEIGHTS, _CUT, reset=True, times=1)),
    passing(3, "reset in the body, twice", lambda hub: hub.drop_after(WEIGHTS, 3 * _MB, reset=True, times=2)),
    passing(3, "reset after 9 MB, each time", lambda hub: hub.drop_after(WEIGHTS, 9 * _MB, reset=True)),
    *both(
        4,
        "connection ends, then the range is ignored",
        _range_ignored,
        _BROKEN,
    ),
    *both(
        5,
        "connection ends, then shifted bytes come",
        _range_shifted,
        f"{_OTHER}|{_BROKEN}",
    ),
    *both(
        6,
        "connection ends, then another version comes",
        _another_version,
        f"{_OTHER}|changes",
    ),
    *both(
        6,
        "connection ends, then another version under the old name",
        _another_version_so_called,
        f"{_OTHER}|changes",
    ),
    _cut_and(503),
    _cut_and(416),
    _cut_and(403, cdn=True),
    _cut_and_never_again(503),
    _cut_and_never_again(403, cdn=True),
    passing(7, "connection ends, and a signed address is good for one use", _resumed, cdn=Cdn(uses=1)),
)

REFUSING = (
    *_refused(500, ""),
    *_refused(502, ""),
    *_refused(503, ""),
    *_refused(503, ", Retry-After 1", Retry_After="1"),
    passing(8, "GET 503 twice", lambda hub: hub.status("*", 503, kind="body", times=2)),
    *_refused(403, ""),
    *_refused(408, "", row=9),
    passing(9, "GET 429 once", lambda hub: hub.status("*", 429, kind="body", times=1)),
    passing(
        9,
        "GET 429 once, Retry-After 1",
        lambda hub: hub.status("*", 429, kind="body", headers={"Retry-After": "1"}, times=1),
    ),
    passing(
        9,
        "GET 429 once, RateLimit",
        lambda hub: hub.status("*", 429, kind="body", headers={"RateLimit": '"api";r=0;t=1'}, times=1),
    ),
    passing(
        9,
        "GET 429 once, Retry-After as a date",
        lambda hub: hub.status(
            "*", 429, kind="body", headers={"Retry-After": formatdate(time() + 2, usegmt=True)}, times=1
        ),
    ),
    lasting(
        10,
        "GET 429 each time, Retry-After 1",
        lambda hub: hub.status("*", 429, kind="body", headers={"Retry-After": "1"}),
        "429",
    ),
)

LYING = (
    *both(
        20,
        "a web page instead of the weights, of its own length",
        lambda hub, times: hub.replace_body(WEIGHTS, page(2000), kind="body", times=times),
        _PAGE,
    ),
    *both(
        21,
        "a web page of the weights' length",
        lambda hub, times: hub.replace_body(WEIGHTS, page, kind="body", times=times),
        _PAGE,
    ),
    *both(
        21,
        "a web page of config.json's length",
        lambda hub, times: hub.replace_body(CONFIG, page, kind="body", times=times),
        _PAGE,
    ),
    *both(
        22,
        "a captive portal before all files",
        _portal,
        _PAGE,
    ),
    *both(23, "one byte of the weights flipped", lambda hub, times: hub.flip_byte(WEIGHTS, times=times), _OTHER),
    *both(23, "one byte of config.json flipped", lambda hub, times: hub.flip_byte(CONFIG, times=times), _OTHER),
    *both(
        24,
        "shorter, and announced so",
        lambda hub, times: hub.cut_short(WEIGHTS, 100_000, times=times),
        "100000 bytes instead|offers|ends",
    ),
    *both(
        24,
        "in chunks, and cut",
        _chunks_cut,
        "ended prematurely",
    ),
    passing(24, "in chunks, cut after 100 kB each time", lambda hub: _chunks(hub, 100_000)),
    passing(25, "in chunks, without a length", lambda hub: hub.chunked("*")),
    passing(26, "slow", lambda hub: hub.slow(WEIGHTS, 4 * _MB), size=4 * _MB),
    *both(29, "other content than the listing names", _unlike_the_listing, _OTHER),
    passing(30, "HEAD tells another name than the listing", lambda hub: _bogus_names(hub, "head"), flaw=_blobs),
    passing(30, "HEAD and GET tell another name", lambda hub: _bogus_names(hub, "any"), flaw=_blobs),
    passing(33, "HEAD tells a size one off", lambda hub: _one_off(hub, "head", None)),
    *both(33, "HEAD and GET tell a size one off", lambda hub, times: _one_off(hub, "any", times), "instead of"),
    passing(34, "no X-Repo-Commit", lambda hub: hub.no_header("*", "X-Repo-Commit")),
    passing(34, "no ETag", _no_names),
)


SILENT = (
    passing(27, "silent in the body, once", lambda hub: hub.stall(WEIGHTS, after=100_000, times=1)),
    passing(27, "silent before the headers, once", lambda hub: hub.stall(WEIGHTS, times=1)),
    passing(27, "silent in the body, twice", lambda hub: hub.stall(WEIGHTS, after=50_000, times=2)),
    lasting(28, "silent at once, each time", lambda hub: hub.stall(WEIGHTS), "silent"),
    lasting(28, "silent after 15 MB, and from then on", _falls_silent, "silent", keeps=True, size=MEDIUM),
    *sized(
        LARGE,
        passing(
            28, "silent after 3 MB, once, several connections", lambda hub: hub.stall(WEIGHTS, after=3 * _MB, times=1)
        ),
    ),
)

LEADING_ELSEWHERE = (
    passing(
        31,
        "the bytes come from another origin",
        lambda _: None,
        cdn=True,
        variables={"HF_TOKEN": "hf_secret"},
        flaw=_is_told_the_token,
    ),
    *both(32, "redirects in a circle", _in_a_circle, "circle|redirect"),
    *both(32, "redirected to a dead port", _to_a_dead_port, "cannot be reached|refused"),
    *both(
        35,
        "connection ends before the answer",
        lambda hub, times: hub.drop_after("*", None, kind="body", times=times),
        _BROKEN,
    ),
    *both(
        35,
        "reset before the answer",
        lambda hub, times: hub.drop_after("*", None, kind="body", reset=True, times=times),
        _BROKEN,
    ),
    passing(35, "reset before the answer, twice", lambda hub: hub.drop_after(WEIGHTS, None, reset=True, times=2)),
)

CASES = (*RESUMING, *REFUSING, *LYING, *SILENT, *LEADING_ELSEWHERE)
