"""What tests of places need: small disks, ordinary users, machines that are short of something."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
NOBODY = 65534


def wait_for(condition, timeout_s=60):
    """Wait until *condition* gives something true, and give that."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")


@pytest.fixture
def patience():
    """Give the function that waits for something to become true."""
    return wait_for


@dataclass
class Mounts:
    """Mounts made for one test; all of them are taken away at its end."""

    made: list[Path] = field(default_factory=list)

    def tmpfs(self, place: Path, **options: object) -> Path:
        """Mount a small disk at *place*."""
        given = ",".join(f"{name}={value}" for name, value in options.items())
        return self._mount(place, "-t", "tmpfs", "-o", given, "tmpfs")

    def bind(self, source: Path, place: Path) -> Path:
        """Make *source* appear at *place* too."""
        return self._mount(place, "--bind", str(source))

    def read_only(self, place: Path) -> Path:
        """Make *place*, and what is below it, impossible to write."""
        self.bind(place, place)
        return self.change(place, "bind,ro")

    def change(self, place: Path, options: str) -> Path:
        """Mount *place* again with other *options*."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)
        return place

    def clear(self) -> None:
        """Take every mount away, also where a file in it is still open."""
        while self.made:
            subprocess.run(["umount", "--lazy", str(self.made.pop())], check=True)

    def _mount(self, place: Path, *how: str) -> Path:
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *how, str(place)], check=True)
        self.made.append(place)
        return place


@pytest.fixture
def mounts():
    """Give the maker of mounts."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it mounts small disks")
    found = Mounts()
    try:
        yield found
    finally:
        found.clear()


@pytest.fixture
def small_disk(machine, mounts):
    """Give a function that puts the machine's Hub cache on a small disk of its own."""

    def small_disk(**options):
        disk = mounts.tmpfs(machine.place / "disk", **options)
        machine.variables["HF_HOME"] = str(disk)
        return disk

    return small_disk


@pytest.fixture
def serve(machine, hub, tmp_path):
    """Give a function that serves files as a repository, which the machine's catalog then requires."""

    def serve(files, extra="", repo="acme/big"):
        folder = tmp_path / "upstream" / repo.replace("/", "--")
        for name, content in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        commit = hub.add_repo(repo, folder)
        machine.catalog(f'[[model]]\nname = "big"\nsource = "hf:{repo}"\n{extra}')
        return commit

    return serve


@pytest.fixture
def ordinary():
    """Give a function that runs ``modelready`` as a user who owns nothing; it may read whatever Python lies in."""
    if os.geteuid() != 0:
        pytest.skip("needs root: it becomes another user")

    def run(machine, *arguments, home=None):
        read = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
        who = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *read)
        return subprocess.run(
            [*who, *machine.command(*arguments)],
            env=machine.environment | ({"HOME": str(home)} if home else {}),
            cwd=machine.place,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def begin():
    """Give a function that starts ``modelready`` on a machine, or another program; none outlives the test."""
    running = []

    def begin(machine, *arguments, program=None):
        running.append(
            subprocess.Popen(
                program or machine.command(*arguments),
                env=machine.environment,
                cwd=machine.place,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return running[-1]

    yield begin
    for one in running:
        one.kill()  # a suspended process dies of it too
        if not one.stdout.closed:
            one.communicate(timeout=30)


@pytest.fixture
def cached():
    """Give a function that reads the files of a repository as applications find them in a cache."""

    def cached(cache, repo="acme/big"):
        storage = cache / f"models--{repo.replace('/', '--')}"
        snapshot = storage / "snapshots" / (storage / "refs" / "main").read_text()
        files = (one for one in snapshot.rglob("*") if one.is_file())
        return {one.relative_to(snapshot).as_posix(): one.read_bytes() for one in files}

    return cached
