"""Disks that are small, or read-only: mounts in a namespace of their own, which need no rights and leave nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.scene import Scene


class NoDisks(Exception):
    """This machine does not let its users mount anything."""


def small(scene: Scene, size: int) -> Path:
    """Give the program's caches a disk of *size* bytes; gives that disk's place."""
    _mount(scene, 'mount -t tmpfs -o size="$2" tmpfs "$1"', str(size))
    return shown(scene)


def resize(scene: Scene, size: int) -> None:
    """Make the small disk another size."""
    _inside(scene, "mount", "-o", f"remount,size={size}", str(_place(scene)))


def read_only(scene: Scene) -> None:
    """Let the program's caches be read-only."""
    _mount(scene, 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"')


def writable(scene: Scene) -> None:
    """Let them be writable again."""
    _inside(scene, "mount", "-o", "remount,bind,rw", str(_place(scene)))


def shown(scene: Scene) -> Path:
    """Give the disk's place, as it is reached from here."""
    return scene.seen(_place(scene))


def _place(scene: Scene) -> Path:
    return scene.order.place / "hf"


def _mount(scene: Scene, command: str, *words: str) -> None:
    """Mount something at the place of the caches, in a namespace that lives until the scene is closed."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        raise NoDisks("unshare and nsenter (util-linux) are needed to mount a disk for one program")
    place = _place(scene)
    place.mkdir(parents=True, exist_ok=True)
    script = f"{command} && echo mounted && exec sleep 600"
    holder = subprocess.Popen(  # noqa: S603 - our own command
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(place), *words],  # noqa: S607 - wherever it lies
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    scene.closes(lambda: _end(holder))
    said = holder.stdout.readline().strip() if holder.stdout else ""
    if said != "mounted":
        raise NoDisks(f"nothing can be mounted here: {said}")
    scene.prefix = (
        "nsenter",
        f"--target={holder.pid}",
        "--user",
        "--mount",
        "--preserve-credentials",
        _wd(scene),
        "--",
    )
    scene.root = Path(f"/proc/{holder.pid}/root")


def _wd(scene: Scene) -> str:
    return f"--wdns={scene.order.place}"


def _inside(scene: Scene, *words: str) -> None:
    subprocess.run([*scene.prefix, *words], check=True)  # noqa: S603 - our own command


def _end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()
