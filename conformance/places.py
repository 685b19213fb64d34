"""Rows 44 to 50: what lies on disk already, and is not what it should be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from conformance.cases import ERROR, Case
from conformance.contents import CONFIG, WEIGHTS
from conformance.programs import REPO
from conformance.scene import Ended, doctored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conformance.scene import Scene

_CACHE, _FOLDER = False, True


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    _rewrite(path, bytes(content))


def _flip_with_its_time_kept(path: Path) -> None:
    then = path.stat()
    _flip(path)
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))


def _truncate(path: Path) -> None:
    _rewrite(path, path.read_bytes()[:-1000])


def _empty(path: Path) -> None:
    _rewrite(path, b"")


def _rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def _delete(path: Path) -> None:
    path.unlink()


def _damaged(row: int, words: str, damage: Callable[[Path], None], *, in_folder: bool = _CACHE) -> tuple[Case, Case]:
    """Give what happens after *damage* to the weights, with the network and without."""

    def spoil(scene: Scene) -> None:
        if in_folder:
            scene.into_folder()
        scene.run()
        damage(scene.weights())

    def online(scene: Scene) -> Ended:
        spoil(scene)
        return scene.run()

    def offline(scene: Scene) -> Ended:
        spoil(scene)
        return scene.run_offline()

    return (
        Case(row, f"{words}, with the network", online),
        Case(row, f"{words}, without the network", offline, ends=ERROR, names=WEIGHTS),
    )


def _failed_update(words: str, spoil: Callable[[Scene], None], *, in_folder: bool) -> Case:
    def play(scene: Scene) -> Ended:
        if in_folder:
            scene.into_folder()
        scene.run()
        scene.want(scene.push())
        spoil(scene)
        return scene.run()

    where = "folder" if in_folder else "cache"
    return Case(47, f"an update of a {where} fails: {words}", play, ends=ERROR, names=WEIGHTS)


def _unavailable(scene: Scene) -> None:
    scene.hub.status(WEIGHTS, 503, kind="body")


def _cut(scene: Scene) -> None:
    scene.hub.drop_after(WEIGHTS, 0, kind="body")


_FETCH_ONE = "from huggingface_hub import hf_hub_download; import sys; hf_hub_download(*sys.argv[1:])"


def _only_config(scene: Scene) -> None:
    scene.run_python(_FETCH_ONE, REPO, CONFIG)
    scene.hub.forget()


def _partly_there_offline(scene: Scene) -> Ended:
    _only_config(scene)
    return scene.run_offline()


def _partly_there(scene: Scene) -> Ended:
    _only_config(scene)
    return scene.run()


def _ref(words: str, text: Callable[[str], str]) -> tuple[Case, Case]:
    def spoil(scene: Scene) -> None:
        scene.run()
        ref = scene.storage / "refs" / "main"
        ref.write_text(text(ref.read_text(encoding="ascii")), encoding="ascii")

    def online(scene: Scene) -> Ended:
        spoil(scene)
        return scene.run()

    def offline(scene: Scene) -> Ended:
        spoil(scene)
        return scene.run_offline()

    return (
        Case(49, f"{words}, with the network", online),
        Case(49, f"{words}, without the network", offline, ends=ERROR, names="refs/main"),
    )


def _doctored_listing(scene: Scene) -> Ended:
    """Leave a listing that names one file, and nothing else."""
    scene.run()
    (listing,) = (scene.storage / "trees").glob("*.json")
    doctored(listing, keep=CONFIG)
    scene.clear(keep=("trees", "refs"))
    return scene.run()


CASES = (
    *_damaged(44, "a bit of the cached weights flipped", _flip),
    *_damaged(44, "a bit flipped, its time kept", _flip_with_its_time_kept),
    *_damaged(44, "the cached weights truncated", _truncate),
    *_damaged(44, "the cached weights empty", _empty),
    *_damaged(45, "the cached weights deleted, the link kept", _delete),
    *_damaged(46, "a file in a folder changed", _flip, in_folder=_FOLDER),
    *_damaged(46, "a file in a folder changed, its time kept", _flip_with_its_time_kept, in_folder=_FOLDER),
    _failed_update("503", _unavailable, in_folder=_FOLDER),
    _failed_update("connection ends", _cut, in_folder=_FOLDER),
    _failed_update("503", _unavailable, in_folder=_CACHE),
    Case(48, "only config.json is there, with the network", _partly_there),
    Case(
        48,
        "only config.json is there, without the network",
        _partly_there_offline,
        ends=ERROR,
        names=r"\*\.safetensors",
    ),
    *_ref("refs/main empty", lambda _: ""),
    *_ref("refs/main with a line end", lambda text: f"{text}\n"),
    Case(50, "trees/COMMIT.json names one file of all", _doctored_listing),
)
