"""What goes wrong at the source, and is told by provisioning or by `lock --check`, before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from museum import contents
from museum.contents import WEIGHTS
from museum.exhibits import Awaited, Exhibit
from museum.rooms import locked

if TYPE_CHECKING:
    from museum.rooms import Room


def _with_own_bytes(room: Room, seed: int, **access: bool) -> None:
    """Publish weights that no other model here has: bytes that lie on the machine are not asked for again."""
    room.publish({**room.files, WEIGHTS: contents.weights(seed=seed)}, **access)


def _gated(room: Room) -> None:
    _with_own_bytes(room, 101, gated=True)


def _rate_limited(room: Room) -> None:
    _with_own_bytes(room, 102)
    room.hub.status(f"{room.repo}/*", 429, kind="body")


def _silent(room: Room) -> None:
    _with_own_bytes(room, 103)
    room.hub.stall(f"{room.repo}/{WEIGHTS}", after=1000)


def _moved(room: Room) -> None:
    room.publish({WEIGHTS if path.startswith("split") else path: one for path, one in room.files.items()})


def _split() -> dict[str, bytes]:
    files = contents.plain()
    return {f"split_files/{path}": content for path, content in files.items()}


def _replaced(room: Room) -> None:
    room.publish({**room.files, WEIGHTS: contents.weights(seed=3)})


def _two_of_a_kind() -> dict[str, bytes]:
    """Give two files that CivitAI's own addresses, by type and format, do not tell apart."""
    return {WEIGHTS: contents.weights(), "model-fp16.safetensors": contents.weights(seed=1)}


_ASKED: dict[str, Any] = {"check": "files.are_there", "command": "provision"}

_CIVITAI: dict[str, Any] = {**_ASKED, "source": "civitai", "layout": "folder", "catalog": ""}
_BOTH = f'include = ["{WEIGHTS}", "model-fp16.safetensors"]'

EXHIBITS = (
    Exhibit(
        "13",
        "key-refused",
        "CivitAI answers 401 to the token (and 401 to any HEAD, 403 to urllib's own name: the twin is brought)",
        names="answers 401",
        remedy="check the token in CIVITAI_TOKEN",
        spoil=lambda room: room.civitai.status(f"{room.version}", 401, kind="download"),
        **_CIVITAI,
    ),
    Exhibit(
        "13",
        "key-forwarded",
        "the host that CivitAI redirects to answers 400 (to a token, always: the twin is brought with one)",
        names=f"answers 400 for {WEIGHTS}, where CivitAI sends",
        remedy="provision again",
        spoil=lambda room: room.civitai.status(f"{room.version}/*", 400, kind="cdn"),
        **_CIVITAI,
    ),
    Exhibit(
        "14",
        "own-address-404",
        "CivitAI answers 404 to an address of its own (by type and format, always: the twin's two files are brought)",
        names="answers 404.*File not found",
        remedy="correct the version id or fileId",
        spoil=lambda room: room.civitai.status(
            f"{room.version}", 404, body=b'{"error": "File not found"}', kind="download"
        ),
        files=_two_of_a_kind,
        **{**_CIVITAI, "catalog": _BOTH},
    ),
    Exhibit(
        "14",
        "two-of-one-name",
        "two files of a version have one name, and one would take the other's place",
        names=f"fileId=.*{WEIGHTS}.*fileId=.*{WEIGHTS}",
        remedy=r"fileId=N",
        spoil=lambda room: room.offer({"other.safetensors": contents.weights(seed=2)}, name=WEIGHTS),
        **{**_CIVITAI, "catalog": 'include = ["*.safetensors"]'},
        files=lambda: {WEIGHTS: contents.weights()},
    ),
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
        spoil=_rate_limited,
        **_ASKED,
    ),
    Exhibit(
        "23",
        "silent",
        "the download is stuck: no byte comes",
        names="silent",
        remedy="provision again",
        spoil=_silent,
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
    Awaited(
        "22",
        "TypeError: unexpected keyword `local_dir_use_symlinks`",
        "no file is broken: nothing here passes such a keyword, and `nox -s hub1` tries both majors of huggingface_hub",
    ),
)
