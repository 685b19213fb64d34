"""Downloads that huggingface_hub reports as success, and that brought other bytes than the Hub has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from museum import contents
from museum.contents import CONFIG, PAGE, WEIGHTS
from museum.exhibits import Exhibit
from museum.rooms import Room

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BYTES = "files.have_the_right_bytes"
_MB = 1_000_000
_CUT = 15 * _MB  # huggingface_hub goes on in one process only, and only after 10 MiB
_BOGUS = "ab" * 32


def _large() -> dict[str, bytes]:
    return contents.plain(24 * _MB)


def _other(size: int) -> bytes:
    return contents.weights(size, 9)[:size]


def _page(size: int) -> bytes:
    return PAGE.ljust(size)[:size]


def _shifted(room: Room) -> None:
    room.hub.drop_after(f"{room.repo}/{WEIGHTS}", _CUT, times=1)
    room.hub.shift_range(f"{room.repo}/{WEIGHTS}", by=1 << 16)


def _mixed(room: Room) -> None:
    room.hub.drop_after(f"{room.repo}/{WEIGHTS}", _CUT, times=1)
    room.hub.change_after(f"{room.repo}/{WEIGHTS}", _other, requests=1)


def _named_otherwise(room: Room) -> None:
    for header in ("ETag", "X-Linked-Etag"):
        room.hub.header(f"{room.repo}/{WEIGHTS}", header, f'"{_BOGUS}"', kind="any")


def _brought(row: str, name: str, title: str, spoil: Callable[[Room], Any], **more: Any) -> Exhibit:
    about: dict[str, Any] = {"check": _BYTES, "names": WEIGHTS} | more
    return Exhibit(row, name, title, spoil=spoil, fill=Room.download, **about)


EXHIBITS = (
    _brought("hub 5", "shifted", "resumed at another place than asked for", _shifted, files=_large),
    _brought("hub 6", "mixed", "resumed with another version: half of each", _mixed, files=_large),
    _brought(
        "hub 21",
        "page-of-that-size",
        "a proxy's page of the weights' length",
        lambda room: room.hub.replace_body(f"{room.repo}/{WEIGHTS}", _page, kind="body"),
        check="files.are_not_messages",
    ),
    _brought(
        "hub 21",
        "page-for-config",
        "a proxy's page of config.json's length",
        lambda room: room.hub.replace_body(f"{room.repo}/{CONFIG}", _page, kind="body"),
        check="files.are_not_messages",
        names=CONFIG,
    ),
    _brought(
        "hub 23",
        "flipped-on-the-way",
        "one byte flipped on the way",
        lambda room: room.hub.flip_byte(f"{room.repo}/{WEIGHTS}"),
    ),
    _brought(
        "hub 29",
        "replaced-meanwhile",
        "other content came than the listing names",
        lambda room: room.hub.change_after(f"{room.repo}/{WEIGHTS}", _other, requests=0),
    ),
    _brought(
        "hub 30",
        "named-otherwise",
        "the Hub told another name than its listing: the right bytes lie under a name that is not their digest",
        _named_otherwise,
        check="cache.names_lead_to_files",
        remedy="another endpoint",
        is_warning=True,
    ),
)
