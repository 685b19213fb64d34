"""What goes wrong at the source, and is told by provisioning or by `lock --check`, before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from museum import contents
from museum.contents import WEIGHTS
from museum.exhibits import Awaited, Exhibit
from museum.rooms import locked

if TYPE_CHECKING:
    from museum.rooms import Room


def _gated(room: Room) -> None:
    room.publish(room.files, gated=True)


def _moved(room: Room) -> None:
    room.publish({WEIGHTS if path.startswith("split") else path: one for path, one in room.files.items()})


def _split() -> dict[str, bytes]:
    files = contents.plain()
    return {f"split_files/{path}": content for path, content in files.items()}


def _replaced(room: Room) -> None:
    room.publish({**room.files, WEIGHTS: contents.weights(seed=3)})


_ASKED: dict[str, Any] = {"check": "files.are_there", "command": "provision"}

EXHIBITS = (
    Exhibit(
        "15",
        "gated",
        "the licence was never accepted: one file is absent, and the build goes on",
        names="gated",
        remedy="accept|licence",
        spoil=_gated,
        **_ASKED,
    ),
    Exhibit(
        "17",
        "deleted",
        "the repository was deleted, renamed or made private: 401 or 404",
        names="acme/deleted",
        remedy="HF_TOKEN|correct",
        spoil=lambda room: room.hub.remove(room.repo),
        **_ASKED,
    ),
    Exhibit(
        "18",
        "rate-limited",
        "429, on every request",
        names="429",
        remedy="provision again",
        spoil=lambda room: room.hub.status(f"{room.repo}/*", 429, kind="body"),
        **_ASKED,
    ),
    Exhibit(
        "23",
        "silent",
        "the download is stuck: no byte comes",
        names="silent",
        remedy="provision again",
        spoil=lambda room: room.hub.stall(f"{room.repo}/{WEIGHTS}", after=1000),
        **_ASKED,
    ),
    Exhibit(
        "25",
        "moved",
        "404 after months: upstream dropped `split_files/`",
        names=r"split_files/\*.*matches no file",
        remedy="correct it in",
        spoil=_moved,
        files=_split,
        catalog='include = ["split_files/*"]',
        **_ASKED,
    ),
    Exhibit(
        "25",
        "replaced",
        "a file was replaced in place upstream",
        "lock --check",
        names=WEIGHTS,
        remedy="",
        locked=locked,
        spoil=_replaced,
        command="lock --check",
    ),
)

AWAITED = (
    Awaited("13", "CivitAI answers 400, 401 or 403 to a good token", "wants the CivitAI source"),
    Awaited("14", "CivitAI answers 404 to its own address", "wants the CivitAI source"),
    Awaited(
        "22",
        "TypeError: unexpected keyword `local_dir_use_symlinks`",
        "no file is broken: nothing here passes such a keyword, and `nox -s hub1` tries both majors of huggingface_hub",
    ),
)
