"""How often and how long something is tried again: stamina counts and backs off, progress starts the count anew."""

from __future__ import annotations

import logging
import random
import time
from itertools import chain, repeat
from typing import TYPE_CHECKING

import stamina

from modelready import errors
from modelready.network import reasons
from modelready.network.faults import Passing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from modelready.network.access import Access

_FIRST_WAIT_S, _LONGEST_BACKOFF_S = 0.5, 10.0
_LONGEST_TOLD_WAIT_S = 60.0
_MOST_TOLD_WAITS_S = 300.0
_SLOWEST_BPS = 1024
_SLOW_FOR_S = 30.0


class Patience:
    """How long one connection's work on one piece may still be waited for."""

    def __init__(self, access: Access, halted: threading.Event) -> None:
        self.progress = 0
        self.attempts = access.max_retries + 1
        self._access, self._halted = access, halted
        self._lively = self._asked = time.monotonic()
        self._since_lively = 0
        self._wait_s = self._waited_s = 0.0

    def ask(self) -> float:
        """Note that a request goes out; give the seconds that each read of its answer may take."""
        self._asked = time.monotonic()
        return max(min(self._access.timeout_s, self.left_s), 0.1)

    @property
    def left_s(self) -> float:
        """Give the seconds of silence that are still borne."""
        return max(self._lively + self._access.silence_s - time.monotonic(), 0.0)

    def heard(self, count: int, url: str) -> None:
        """
        Note *count* bytes from *url*.

        Raises:
            Passing: they come so slowly that another connection is worth a try.
            Stalled: they came so slowly for so long that nothing is worth it.

        """
        now = time.monotonic()
        self._since_lively += count
        if self._since_lively >= _SLOWEST_BPS * (now - self._lively):
            self._lively, self._since_lively = now, 0
        elif now - self._lively > self._access.silence_s:
            raise reasons.silent(url).error
        elif now - max(self._lively, self._asked) > _SLOW_FOR_S:
            raise reasons.silent(url)

    def wait(self) -> None:
        """
        Wait as the last fault demands.

        The wait is ours and not stamina's, because it has to end when the work is stopped.
        """
        if self._halted.wait(self._wait_s):
            raise interrupted()
        self._wait_s = 0.0

    def plan(self, fault: Passing, backoff_s: float) -> None:
        """Decide how long to wait after *fault*; raise its error when nothing more is to be expected."""
        now = time.monotonic()
        self._wait_s = random.uniform(0.75, 1.25) * backoff_s  # noqa: S311 - jitter, no secret
        if fault.wait_s is not None:
            self._plan_told_wait(fault, fault.wait_s)
        if fault.is_answer:
            self._lively, self._since_lively = now + self._wait_s, 0
        elif now + self._wait_s - self._lively >= self._access.silence_s:
            raise fault.error from fault

    def _plan_told_wait(self, fault: Passing, told_s: float) -> None:
        if self._waited_s + told_s > _MOST_TOLD_WAITS_S:
            raise fault.error from fault
        self._wait_s = min(told_s, _LONGEST_TOLD_WAIT_S)
        self._waited_s += self._wait_s


class _Progressed(Exception):
    """The fault came after new bytes: it is the first of its kind."""


def persist(work: Callable[[], None], patience: Patience) -> None:
    """
    Do *work* until it ends well, or fails too often without a single new byte between.

    Raises:
        ModelreadyError: what the fault that lasted means.

    """
    while True:
        patience.wait()
        before = patience.progress
        try:
            return work()  # without stamina, whose care costs a small file as much as its bytes do
        except Passing as fault:
            failed = fault
        try:
            return _try_again(work, patience, failed, before)
        except _Progressed:
            continue
        except Passing as fault:
            raise fault.error from fault


def hush() -> None:
    """Keep stamina's notes of every retry off the terminal; a program that listens still hears them."""
    logger = logging.getLogger("stamina")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def interrupted() -> errors.Interrupted:
    """Tell that the work was stopped from outside."""
    return errors.Interrupted("the download was stopped", remedy="provision again to go on; what arrived is kept")


def _try_again(work: Callable[[], None], patience: Patience, failed: Passing, before: int) -> None:
    """Go on after a first try that *failed*, *before* which so much had arrived."""

    def again() -> None:
        patience.wait()
        work()

    works = chain([lambda: _fail(failed)], repeat(again))
    for attempt in stamina.retry_context(
        on=lambda error: 0.0 if isinstance(error, Passing) else False,
        attempts=patience.attempts,
        timeout=None,
        wait_initial=_FIRST_WAIT_S,
        wait_max=_LONGEST_BACKOFF_S,
    ):
        with attempt:
            try:
                next(works)()
            except Passing as fault:
                is_first, before = patience.progress > before, patience.progress
                patience.plan(fault, 0.0 if is_first else attempt.next_wait)
                if is_first:
                    raise _Progressed from fault
                raise


def _fail(fault: Passing) -> None:
    raise fault
