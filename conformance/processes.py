"""Rows 38 to 43: programs that are killed, stopped, many at once, and disks that take no more."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from conformance import disks
from conformance.cases import ERROR, Case
from conformance.contents import MEDIUM, WEIGHTS

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.scene import Ended, Scene

_MB = 1_000_000
_AT_ONCE = 4


def _slow(scene: Scene) -> None:
    scene.hub.slow("*", bytes_per_s=12 * _MB, kind="body")


def _ended_by(number: signal.Signals, words: str, row: int) -> Case:
    def play(scene: Scene) -> Ended:
        _slow(scene)
        running = scene.start()
        scene.wait_for_bytes(0.6, running)
        running.send(number)
        running.end()
        scene.hub.heal()
        scene.arrived = scene.hub.bytes_sent(WEIGHTS)
        scene.hub.forget()
        return scene.run()

    return Case(row, f"{words} at 60 %, and run again", play, flaw=_asked_again, size=MEDIUM)


def _asked_again(scene: Scene) -> str:
    """Tell how much of what had arrived was asked for again, where that is more than a tenth."""
    again = scene.hub.bytes_sent(WEIGHTS) - (scene.weights_size - scene.arrived)
    return f"{again / scene.arrived:.0%} of what had arrived travels again" if again > scene.arrived / 10 else ""


def _together(scene: Scene) -> Ended:
    _slow(scene)
    ends = [running.end() for running in [scene.start() for _ in range(_AT_ONCE)]]
    worst = [one for one in ends if one.status != 0]
    return worst[0] if worst else ends[0]


def _travelled_twice(scene: Scene) -> str:
    times = scene.hub.bytes_sent(WEIGHTS) / scene.weights_size
    return f"the weights travelled {times:.1f} times" if times > 1.5 else ""  # noqa: PLR2004 - once, and a little


def _holder_killed(scene: Scene) -> Ended:
    _slow(scene)
    first = scene.start()
    scene.wait_for_bytes(0.3, first)
    second = scene.start()
    time.sleep(2)  # until it waits
    first.kill()
    scene.hub.heal()
    return second.end()


def _holder_frozen(scene: Scene) -> Ended:
    _slow(scene)
    frozen = scene.start()
    scene.wait_for_bytes(0.3, frozen)
    frozen.send(signal.SIGSTOP)
    scene.frozen = frozen
    return scene.run()


def _thaw(scene: Scene) -> None:
    if scene.frozen is not None:
        scene.frozen.kill()
    scene.hub.heal()


def _too_small(scene: Scene) -> Ended:
    disks.small(scene, 10 * _MB)
    return scene.run()


def _fills_up(scene: Scene) -> Ended:
    """Let another program take the room while the file arrives."""
    filler = disks.small(scene, 40 * _MB) / "filler"
    _slow(scene)
    running = scene.start()
    scene.wait_for_bytes(0.4, running)
    _fill(filler)
    return running.end()


def _fill(path: Path) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(64 * 1024))
    except OSError:
        return  # full: as meant


def _make_room(scene: Scene) -> None:
    (disks.shown(scene) / "filler").unlink(missing_ok=True)
    disks.resize(scene, 80 * _MB)
    scene.hub.heal()


def _read_only_and_whole(scene: Scene) -> Ended:
    scene.run()
    disks.read_only(scene)
    return scene.run()


def _read_only_and_empty(scene: Scene) -> Ended:
    (scene.order.place / "hf" / "hub").mkdir(parents=True)
    disks.read_only(scene)
    return scene.run()


_NO_ROOM = "free|space|full"

CASES = (
    _ended_by(signal.SIGKILL, "kill -9", 38),
    _ended_by(signal.SIGTERM, "SIGTERM", 38),
    _ended_by(signal.SIGINT, "Ctrl-C", 39),
    Case(40, "the disk is too small", _too_small, ends=ERROR, names=_NO_ROOM, mend=_make_room, size=MEDIUM),
    Case(40, "the disk fills up", _fills_up, ends=ERROR, names=_NO_ROOM, mend=_make_room, size=MEDIUM, keeps=True),
    Case(41, "four at once", _together, flaw=_travelled_twice, size=MEDIUM),
    Case(42, "who downloads is killed, another waits", _holder_killed, size=MEDIUM),
    Case(
        42,
        "who downloads is frozen, another waits",
        _holder_frozen,
        ends=ERROR,
        names="process",
        mend=_thaw,
        size=MEDIUM,
    ),
    Case(43, "the cache is read-only, and whole", _read_only_and_whole),
    Case(
        43,
        "the cache is read-only, and empty",
        _read_only_and_empty,
        ends=ERROR,
        names="read-only|cannot be written|not writable|Read-only",
        mend=disks.writable,
    ),
)
