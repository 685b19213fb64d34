"""Models that only a function knows how to bring: called, watched by the size of what it writes, tried again."""

from __future__ import annotations

import inspect
import os
import threading
from typing import TYPE_CHECKING

from modelready.errors import Bug, Interrupted, ModelreadyError, RateLimited, Stalled

if TYPE_CHECKING:
    from pathlib import Path

    from modelready.downloads.infos import ModelInfo
    from modelready.downloads.progress import Progress

#: Seconds between two looks at the size of what arrives, and the longest wait before another try.
_LOOK_S, _LONGEST_BACKOFF_S = 0.5, 30.0
#: Words in an error by which a transient one is known, whatever its class.
_TRANSIENT = ("timeout", "timed out", "network", "connection", "rate limit", "429", "temporarily")


class Call:
    """One call of a registered function, in a thread of its own."""

    def __init__(self, info: ModelInfo, cache: Path, retries: int) -> None:
        self._info, self._retries = info, retries
        self._place = info.model_path or cache
        self._stop = threading.Event()
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._call, name=f"function of {info.model_id}", daemon=True)

    def bring(self, progress: Progress, stop: threading.Event) -> None:
        """
        Call the function, and tell by the size of what it writes how far it is.

        Raises: ModelreadyError, when it failed; Interrupted, when *stop* is set: the function may still run then.
        """
        info, before = self._info, size(self._place)
        progress.tell(
            state="downloading", bytes_total=info.total_size_estimate, files_total=info.file_count_estimate or 1
        )
        self._thread.start()
        while not self._over.wait(_LOOK_S):
            if stop.is_set():
                self._stop.set()
                raise Interrupted("the download was stopped", remedy="start it again")
            arrived = max(size(self._place) - before, 0)
            progress.tell(bytes_done=arrived, bytes_fetched=arrived)
        if self._error is not None:
            raise told(self._info.model_id, self._error) from self._error
        arrived = max(size(self._place) - before, 0)
        progress.tell(bytes_done=arrived, bytes_fetched=arrived, files_done=progress.job.files_total)
        if info.model_path is not None and not info.model_path.exists():
            raise ModelreadyError(
                f"{info.model_id}: its function returned, and what it should bring is not there",
                remedy="correct the function, or the model_path that it was registered with",
            )

    def join(self, over: threading.Event) -> None:
        """Wait until the function has returned, or *over* is set: a function cannot be made to stop."""
        while self._thread.is_alive() and not over.is_set():
            self._thread.join(_LOOK_S)

    def _call(self) -> None:
        try:
            for attempt in range(self._retries + 1):
                self._error = self._tried()
                if self._error is None or not is_transient(self._error) or attempt == self._retries:
                    return
                if self._stop.wait(min(2.0**attempt, _LONGEST_BACKOFF_S)):
                    return
        finally:
            self._over.set()

    def _tried(self) -> BaseException | None:
        function = self._info.download_func
        if function is None:
            raise AssertionError(f"{self._info.model_id} has no function")  # unreachable: only those are called
        try:
            if takes_stop(function):
                function(stop=self._stop)
            else:
                function()
        except Exception as error:  # noqa: BLE001 - whatever a function of another program raises fails its job
            return error
        return None


def takes_stop(function: object) -> bool:
    """Tell whether *function* takes ``stop``, an event that is set when it shall end."""
    try:
        return "stop" in inspect.signature(function).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again may help: a time-out, the network, a rate limit."""
    if isinstance(error, ModelreadyError):
        return error.retryable
    text = f"{type(error).__name__} {error}".lower()
    return isinstance(error, (TimeoutError, ConnectionError)) or any(word in text for word in _TRANSIENT)


def told(model_id: str, error: BaseException) -> ModelreadyError:
    """Give *error* of a function as one of ours."""
    if isinstance(error, ModelreadyError):
        return error
    what = f"{model_id}: its function failed: {type(error).__name__}: {error}"
    if not is_transient(error):
        return FunctionFailed(what, remedy="see the program that registered it, then retry")
    kind = RateLimited if "429" in what or "rate limit" in what.lower() else Stalled
    return kind(what, remedy="retry later")


class FunctionFailed(ModelreadyError):
    """A function that another program registered raised an error."""

    kind = Bug.kind


def size(place: Path) -> int:
    """Count the bytes in *place*, a file or a folder; links are not followed."""
    try:
        if not place.is_dir():
            return place.lstat().st_size
    except OSError:
        return 0
    total = 0
    folders = [str(place)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:  # gone meanwhile: its bytes are no longer here
            continue
    return total
