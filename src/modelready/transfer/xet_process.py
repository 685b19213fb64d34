"""The process that hf_xet runs in: started with its order, listened to, killed."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from modelready.environment import unraced
from modelready.transfer import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from modelready.network.access import Access
    from modelready.transfer.wanted import Wanted

_SCRIPT = Path(__file__).with_name("xet_child.py")
_STREAMS = 8  # each has a piece of up to 8 MiB in memory
_READ_BYTES = 64 << 10
_GRACE_S = 1.0
_NOT_FOR_XET = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_XET_LOG_DEST", "HF_XET_LOG_FILE"})
_SETTINGS = {
    # With these and the streams above, about 200 MB were seen at most.
    "HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_SIZE": "96mb",
    "HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_PERFILE_SIZE": "1mb",
    "HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_LIMIT": "96mb",
    "HF_XET_RECONSTRUCTION_MIN_PREFETCH_BUFFER": "16mb",
    "HF_XET_CHUNK_CACHE_SIZE_BYTES": "0",
    "HF_XET_HIGH_PERFORMANCE": "0",
    "HF_XET_HP": "0",
    # A stall or an error that lasts is better met by HTTP than by patience.
    "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "3",
    "HF_XET_CLIENT_RETRY_BASE_DELAY": "500ms",
    # Nothing is told to anybody; what is logged goes with the private folder.
    "HF_XET_TELEMETRY_ENABLED": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


class XetFailed(Exception):
    """Xet did not bring the file; HTTP may."""


class Process:
    """
    One run of hf_xet, from its start at the beginning of a ``with`` block to its death at the end.

    The token goes through standard input; it is in no argument and no variable. The process ends by itself when
    standard input does, and so when we die; on Linux the kernel kills it then.
    """

    def __init__(self, order: dict[str, Any], access: Access, *, stall_s: float) -> None:
        agent = {"user-agent": access.user_agent}
        bearer = _bearer(order["token_url"], access)
        self._order = {**order, "streams": _STREAMS, "headers": agent, "token_headers": agent | bearer}
        self._stall_s = stall_s
        self._rest = b""

    def __enter__(self) -> Self:
        try:
            with contextlib.ExitStack() as opened:
                home = opened.enter_context(
                    tempfile.TemporaryDirectory(prefix="modelready-xet-", ignore_cleanup_errors=True)
                )
                self._process = _start(home, self._stall_s)
                self._opened = opened.pop_all()
        except OSError as error:
            raise XetFailed(f"no process can be started: {error.strerror or error}") from error
        self._send(json.dumps(self._order).encode() + b"\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the process end, or kill it, and wait until it surely writes nothing more."""
        if kind is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._opened.close()

    def arrivals(self, wanted: Wanted, *, timeout_s: float) -> Iterator[tuple[int, int]]:
        """
        Wait a moment, and give the ranges of bytes that were written to the part.

        Raises:
            XetFailed: the process cannot go on, or ended.
            DiskFull, NotWritable: the part cannot be written.

        """
        for line in self._lines(timeout_s):
            told = _read(line)
            if "errno" in told:
                raise disk.fault(wanted.part, OSError(told["errno"], os.strerror(told["errno"])))
            if "failed" in told:
                raise XetFailed(str(told["failed"]))
            if "start" in told:
                yield told["start"], told["end"]

    def _lines(self, timeout_s: float) -> list[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - a pipe, as asked for
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                return []
        read = os.read(self._process.stdout.fileno(), _READ_BYTES)
        if not read:
            raise XetFailed(f"its process ended: {_ending(self._process.wait())}")
        *lines, self._rest = (self._rest + read).split(b"\n")
        return lines

    def _send(self, line: bytes) -> None:
        """Send the order; a process that died already is noticed where it is listened to."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe, as asked for
        try:
            self._process.stdin.write(line)
        except BrokenPipeError:
            return


def _start(home: str, stall_s: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-P", os.fspath(_SCRIPT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=home,
        env=_environment(stall_s) | {"HF_HOME": home, "HF_XET_CACHE": home},
    )


def _environment(stall_s: float) -> dict[str, str]:
    mine = {name: value for name, value in unraced(os.environ.copy).items() if name not in _NOT_FOR_XET}
    # Half of the time that ends in HTTP, so that one silent connection is given up and another tried.
    patience = {
        "HF_XET_CLIENT_READ_TIMEOUT": f"{max(round(stall_s * 400), 100)}ms",
        "HF_XET_CLIENT_CONNECT_TIMEOUT": f"{max(round(stall_s * 400), 100)}ms",
        "HF_XET_CLIENT_RETRY_MAX_DURATION": f"{max(round(stall_s * 1000), 100)}ms",
    }
    return mine | _SETTINGS | patience


def _read(line: bytes) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        raise XetFailed(f"its process tells {line[:80]!r}") from None
    return told


def _bearer(url: str, access: Access) -> dict[str, str]:
    """Give the header with the token; to another origin than the endpoint's it is not sent."""
    if access.token is None or urlsplit(url)[:2] != urlsplit(access.endpoint)[:2]:
        return {}
    return {"authorization": f"Bearer {access.token}"}


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
