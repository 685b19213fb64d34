"""Folders: filled by hand, by git, by curl or by `hf download --local-dir`, with what is not the model."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from typing import TYPE_CHECKING

from museum import contents, damages
from museum.contents import PAGE, POINTER, REFUSED, WEIGHTS
from museum.exhibits import Exhibit
from museum.rooms import Room

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

_MESSAGES, _WHOLE = "files.are_not_messages", "weights.are_whole"
_TWO_MB = 2_000_000


def _by_hand(  # noqa: PLR0913, PLR0917 - an exhibit's own, in their order
    row: str, name: str, title: str, check: str, names: str, damage: Callable[[Path], Any], **more: Any
) -> Exhibit:
    """Give an exhibit whose weights are damaged in a folder that was filled by hand: nothing is known of its bytes."""
    return Exhibit(
        row,
        name,
        title,
        check,
        names,
        fill=Room.copy,
        damage=lambda room: damage(room.place(WEIGHTS)),
        layout="folder",
        **more,
    )


def _becomes(content: bytes) -> Callable[[Path], None]:
    return lambda path: damages.rewrite(path, content)


def _endless_header(path: Path) -> None:
    """Give the file a header longer than any loader accepts; only its start takes room on the disk."""
    length = 100_000_001
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length) + b"{")
        file.truncate(8 + length)


def _other_tensors(room: Room) -> None:
    damages.rewrite(room.place("transformer/1.safetensors"), contents.weights_of("blocks.9.weight"))


def _failed_update(room: Room) -> None:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 - as above

    room.hub.status(f"{room.repo}/{WEIGHTS}", 503, kind="body")
    with contextlib.suppress(HfHubHTTPError):
        snapshot_download(
            room.repo, local_dir=str(room.folder), endpoint=room.hub.url, token=False, force_download=True
        )
    room.hub.heal()


def _spoken_for(**about: str | int) -> str:
    """Give the catalog's words on the weights: what they must be."""
    rows = [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in about.items()]
    return "\n".join(['include = ["*.safetensors", "*.json"]', "[[model.file]]", f'path = "{WEIGHTS}"', *rows])


def _two_megabytes() -> dict[str, bytes]:
    return contents.plain(_TWO_MB)


def _with_tokenizer() -> dict[str, bytes]:
    return {**contents.plain(), **contents.tokenizer()}


_SHA256 = hashlib.sha256(contents.weights()).hexdigest()

EXHIBITS = (
    Exhibit(
        "1",
        "other-tensors",
        "every shard is there, and one is another save's: its tensors keep random values",
        "weights.have_every_shard",
        "transformer/1.safetensors.*blocks.1.weight",
        files=contents.sharded,
        fill=Room.copy,
        damage=_other_tensors,
        layout="folder",
    ),
    Exhibit(
        "5",
        "no-tokenizer",
        'weights are present, the tokenizer is not: "cached", and the first step fails',
        "tokenizers.encode_text",
        "tokenizer",
        files=_with_tokenizer,
        fill=Room.copy,
        damage=lambda room: room.place("tokenizer.json").unlink(),
        layout="folder",
    ),
    _by_hand(
        "8", "lfs-pointer", "cloned without git-lfs: HeaderTooLarge", _MESSAGES, f"{WEIGHTS}.*LFS", _becomes(POINTER)
    ),
    _by_hand(
        "9", "cut-copy", "MetadataIncompleteBuffer: the copy was cut short", _WHOLE, "truncated by 1,000", damages.cut
    ),
    _by_hand(
        "10",
        "trailing",
        "loads in one mode and not in another: bytes were appended",
        _WHOLE,
        "24 bytes too many",
        damages.grow,
    ),
    _by_hand(
        "11",
        "endless-header",
        "header too large, in a file that may be whole",
        _WHOLE,
        "loaders accept",
        _endless_header,
        remedy="no other copy helps",
    ),
    _by_hand(
        "12", "login-page", "CivitAI's login page was saved as a model", _MESSAGES, f"{WEIGHTS}.*page", _becomes(PAGE)
    ),
    _by_hand(
        "17",
        "refused",
        '"Invalid username or password." (29 bytes) lies in the file',
        _MESSAGES,
        WEIGHTS,
        _becomes(REFUSED),
    ),
    _by_hand(
        "24",
        "wrong-content",
        "right name, right size, another model's weights",
        "files.have_the_right_bytes",
        f"{WEIGHTS}.*the catalog says",
        _becomes(contents.weights(seed=5)),
        catalog=_spoken_for(sha256=_SHA256),
    ),
    _by_hand(
        "24",
        "wrong-dtype",
        "bfloat16 weights were renamed to fp8",
        "weights.have_the_named_dtype",
        f"{WEIGHTS}.*BF16",
        _becomes(contents.weights(dtype="BF16")),
        catalog=_spoken_for(dtype="F8_E4M3"),
        files=lambda: {**contents.plain(), WEIGHTS: contents.weights(dtype="F8_E4M3")},
        remedy="",
    ),
    _by_hand(
        "26",
        "larger-than-1-mb",
        '"exists and has more than 1 MB" kept a broken file for ever',
        "files.are_large_enough",
        f"{WEIGHTS}.*too few",
        lambda path: damages.cut(path, 500_000),
        files=_two_megabytes,
        catalog=_spoken_for(size=len(contents.weights(_TWO_MB))),
    ),
    Exhibit(
        "hub 46",
        "local-dir",
        "a file in a folder that `hf download` filled was changed and kept its time: it is trusted",
        "files.have_the_right_bytes",
        f"{WEIGHTS}.*listing \\(trees/\\) says",
        fill=lambda room: room.download(into_folder=True),
        damage=lambda room: damages.flip(room.place(WEIGHTS)),
        layout="folder",
    ),
    Exhibit(
        "hub 47",
        "lost-copy",
        "an update of such a folder failed: the good file had been deleted before",
        "files.are_there",
        WEIGHTS,
        fill=lambda room: room.download(into_folder=True),
        damage=_failed_update,
        layout="folder",
    ),
)
