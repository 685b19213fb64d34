"""Where a case is played: a Hub with one model, one program with a home of its own, and what lies in that home."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from conformance import contents
from conformance.programs import REPO, Order
from modelready.mirror import Mirror

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from conformance.programs import Program
    from modelready.mirror.cdn import Cdn

#: Seconds after which a program counts as hung.
LIMIT_S = 75
_KEPT = frozenset({"PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR"})
_NOT_OURS = frozenset({".cache", ".modelready"})


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit status (None: it did not), and what it printed."""

    status: int | None
    text: str
    lost: tuple[str, ...] = ()  # good files that were there before, and are no more


@dataclass
class Running:
    """A program that runs."""

    process: subprocess.Popen[bytes]
    printed: Path

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, timeout_s: float = LIMIT_S) -> Ended:
        """Wait for its end; kill it when that does not come."""
        try:
            status: int | None = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            status = None
        self.kill()
        return Ended(status, self.printed.read_text(encoding="utf-8", errors="replace"))

    def kill(self) -> None:
        """Leave nothing of it or of what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Scene:
    """One case's stage; close it when the case was played."""

    place: Path
    program: Program
    size: int = contents.SMALL
    cdn: bool | Cdn = False
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hub = Mirror(cdn=self.cdn, xet=self.program.uses_xet)
        self.versions: dict[str, dict[str, bytes]] = {}
        self.order = Order(self.place / "home")
        self.prefix: Sequence[str] = ()
        self.root = Path("/")  # where the program's files are seen from here
        self.arrived = 0
        self.frozen: Running | None = None
        self._started: list[Running] = []
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.order.place.mkdir(parents=True)
        self.push()
        self.hub.start()
        self._closing.callback(self.hub.stop)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._started:
            one.kill()
        self._closing.close()

    # ---- the Hub

    def push(self, **access: str | bool) -> str:
        """Give the Hub a new version of the model."""
        number = len(self.versions)
        folder = self.place / "upstream" / str(number)
        files = contents.write(folder, self.size, number)
        commit = self.hub.add_repo(REPO, folder, **access)  # type: ignore[arg-type]
        self.versions[commit] = files
        return commit

    @property
    def weights_size(self) -> int:
        """Give the size of the weights."""
        return len(self.newest[contents.WEIGHTS])

    @property
    def newest(self) -> dict[str, bytes]:
        """Give the files as they are upstream now."""
        return list(self.versions.values())[-1]

    # ---- the program

    @property
    def storage(self) -> Path:
        """Give the model's folder in the Hub cache."""
        return self.seen(self.order.place / "hf" / "hub" / f"models--{REPO.replace('/', '--')}")

    def into_folder(self) -> None:
        """Let the program put the files into a folder rather than the cache."""
        self.order = replace(self.order, folder=self.order.place / "there")

    def want(self, revision: str) -> None:
        """Let the program be asked for *revision*."""
        self.order = replace(self.order, revision=revision)

    def run(self, **variables: str) -> Ended:
        """Run the program to its end."""
        before = self._good_files()
        ended = self.start(**variables).end()
        return replace(ended, lost=self._lost(before))

    def run_offline(self) -> Ended:
        """Let the program say, without the network, whether the model is there."""
        return self._start(self.program.use_offline(self.order), {"HF_HUB_OFFLINE": "1"}).end()

    def start(self, **variables: str) -> Running:
        """Start the program."""
        return self._start(self.program.bring(self.order), variables)

    def run_python(self, code: str, *arguments: str) -> None:
        """Let another program use the same cache."""
        ended = self._start([sys.executable, "-P", "-c", code, *arguments], {}).end()
        if ended.status != 0:
            raise RuntimeError(ended.text)

    def _start(self, words: Sequence[str], variables: Mapping[str, str]) -> Running:
        printed = self.place / f"printed-{len(self._started)}.txt"
        with printed.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*self.prefix, *words],
                env={**self._environment(), **variables},
                cwd=self.order.place,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(Running(process, printed))
        return self._started[-1]

    def _environment(self) -> dict[str, str]:
        home = self.order.place
        inherited = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("COV")}
        return inherited | {
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_ETAG_TIMEOUT": "2",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_XET": "" if self.program.uses_xet else "1",
            "HF_DOWNLOAD_MAX_RETRIES": "2",
            "MODELREADY_HOME": str(home / "state"),
            "NO_COLOR": "1",
            **self.variables,
        }

    # ---- what lies on disk

    def seen(self, path: Path) -> Path:
        """Give *path* of the program as it is reached from here."""
        return self.root / path.relative_to("/")

    def found(self) -> dict[str, bytes]:
        """Give the files under their final names, as who asks for the model without the network gets them."""
        if self.order.folder is not None:
            root = self.seen(self.order.folder)
            return _files(root)
        commit = self.order.revision
        if commit == "main":
            ref = self.storage / "refs" / "main"
            commit = ref.read_text(encoding="ascii") if ref.is_file() else ""
        return _files(self.storage / "snapshots" / commit) if commit else {}

    def wrong_files(self) -> list[str]:
        """Name what lies under a final name, and is no version of that file."""
        if self.order.folder is not None:
            known = {(path, content) for files in self.versions.values() for path, content in files.items()}
            return [path for path, content in self.found().items() if (path, content) not in known]
        wrong = []
        for commit in (self.storage / "snapshots").glob("*"):
            right = self.versions.get(commit.name, {})
            wrong += [path for path, content in _files(commit).items() if right.get(path) != content]
        return wrong + [blob.name for blob in (self.storage / "blobs").glob("*") if _is_wrong(blob)]

    def _good_files(self) -> dict[str, bytes]:
        versions = list(self.versions.values())
        return {path: data for path, data in self.found().items() if any(one.get(path) == data for one in versions)}

    def _lost(self, before: dict[str, bytes]) -> tuple[str, ...]:
        """Name those files of *before* in whose place now lies nothing, or something wrong."""
        now = self._good_files()
        return tuple(path for path in before if path not in now)

    def clear(self, *, keep: Sequence[str]) -> None:
        """Leave nothing of the model's folder in the cache, nor of shared blobs, but the folders to *keep*."""
        hub = self.storage.parent
        gone = [one for one in self.storage.iterdir() if one.name not in keep]
        for folder in (*gone, hub / "blobs"):
            shutil.rmtree(folder, ignore_errors=True)

    def weights(self) -> Path:
        """Give the file on disk that holds the weights."""
        if self.order.folder is not None:
            return self.seen(self.order.folder) / contents.WEIGHTS
        return next(self.storage.glob(f"snapshots/*/{contents.WEIGHTS}")).resolve()

    def wait_for_bytes(self, share: float, running: Running | None = None) -> int:
        """Wait until the Hub sent so much of the weights; give how many bytes that is."""
        until = time.monotonic() + LIMIT_S
        while self.hub.bytes_sent(contents.WEIGHTS) < share * self.weights_size and time.monotonic() < until:
            if running is not None and running.process.poll() is not None:
                break
            time.sleep(0.02)
        return self.hub.bytes_sent(contents.WEIGHTS)

    def closes(self, action: Callable[[], object]) -> None:
        """Have *action* called at the end."""
        self._closing.callback(action)


def _files(root: Path) -> dict[str, bytes]:
    found = {}
    for path in root.rglob("*"):
        inside = path.relative_to(root)
        if path.is_file() and not _NOT_OURS.intersection(inside.parts):
            found[inside.as_posix()] = path.read_bytes()
    return found


def _is_wrong(blob: Path) -> bool:
    """Tell whether a blob's content is not what its name says."""
    if not blob.is_file() or "." in blob.name:
        return False
    return blob.name not in contents.names(blob.read_bytes())


def doctored(listing: Path, *, keep: str) -> None:
    """Leave nothing in a listing of huggingface_hub's but *keep*."""
    told = json.loads(listing.read_text(encoding="utf-8"))
    told["files"] = {path: one for path, one in told["files"].items() if path == keep}
    listing.write_text(json.dumps(told), encoding="utf-8")
