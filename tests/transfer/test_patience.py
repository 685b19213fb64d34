"""Waits are as the server asks, within bounds, and end when the work is stopped."""

import threading

import pytest

from modelready import errors
from modelready.network import retries
from modelready.network.faults import Passing
from modelready.network.retries import Patience, persist
from modelready.transfer import Access


class Clock:
    """A clock that stands still until told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Halted:
    """An event that is never set; waiting for it costs time of the clock only."""

    def __init__(self, clock):
        self.clock, self.waits = clock, []

    def wait(self, seconds):
        self.waits.append(seconds)
        self.clock.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch):
    """Stop the time."""
    one = Clock()
    monkeypatch.setattr(retries.time, "monotonic", one)
    return one


def failing(*faults):
    """Give work that fails so, one after the other, and then does not."""
    left = list(faults)

    def work():
        if left:
            raise left.pop(0)

    return work


def fault(wait_s=None, *, is_answer=True):
    """Give a fault that may pass."""
    return Passing(errors.ServerFault("bad", remedy="wait"), wait_s=wait_s, is_answer=is_answer)


def waits_of(clock, *faults, **access):
    """Give how long was waited between tries."""
    halted = Halted(clock)
    persist(failing(*faults), Patience(Access("x", **access), halted))
    return halted.waits[1:]


def test_waits_grow_and_are_jittered(clock):
    """Half a second, one, two, four."""
    waits = waits_of(clock, *(fault() for _ in range(4)))

    assert [0.75 <= wait / expected <= 2.6 for wait, expected in zip(waits, (0.5, 1, 2, 4), strict=True)] == [True] * 4


def test_a_told_wait_is_kept(clock):
    """And capped at a minute a time."""
    assert waits_of(clock, fault(0.0), fault(7.0), fault(145.0)) == [0.0, 7.0, 60.0]


def test_a_wait_of_hours_is_an_error_at_once(clock):
    """Nobody wants to sit through it."""
    with pytest.raises(errors.ServerFault, match="bad"):
        waits_of(clock, fault(3600.0))

    assert clock.now == 1000.0


def test_waits_have_a_sum(clock):
    """However many there are."""
    with pytest.raises(errors.ServerFault):
        waits_of(clock, *(fault(60.0) for _ in range(100)), max_retries=1000)

    assert clock.now == 1300.0


@pytest.mark.parametrize("retries_allowed", [0, 1, 5])
def test_tries_are_counted(clock, retries_allowed):
    """HF_DOWNLOAD_MAX_RETRIES of them after the first."""
    with pytest.raises(errors.ServerFault):
        waits_of(clock, *(fault(1.0) for _ in range(100)), max_retries=retries_allowed)

    assert clock.now == 1000.0 + retries_allowed


def test_progress_starts_the_count_anew(clock):
    """However little it was."""
    patience = Patience(Access("x", max_retries=1), Halted(clock))
    left = [1] * 50

    def work():
        if left:
            patience.progress += left.pop()
            raise fault(is_answer=False)

    persist(work, patience)

    assert left == []
    assert clock.now == 1000.0


def test_silence_ends_before_the_tries_do(clock):
    """A minute is the most it may cost."""
    patience = Patience(Access("x", timeout_s=10, max_retries=1000), Halted(clock))

    def silent():
        clock.now += patience.ask()
        raise fault(is_answer=False)

    with pytest.raises(errors.ServerFault):
        persist(silent, patience)

    assert 45 <= clock.now - 1000 + 10 <= 60


def test_a_time_out_beyond_the_silence_is_shortened(clock):
    """HF_HUB_DOWNLOAD_TIMEOUT may be five minutes."""
    patience = Patience(Access("x", timeout_s=300), Halted(clock))

    assert patience.ask() == 45
    clock.now += 44.99
    assert patience.ask() == pytest.approx(0.1)


def test_a_slow_connection_is_changed_and_a_slow_server_given_up(clock):
    """Under a kilobyte a second is as good as nothing."""
    patience = Patience(Access("x"), Halted(clock))

    def seconds(count, heard):
        for _ in range(count):
            clock.now += 1
            patience.heard(heard, "http://x")

    seconds(100, 2000)
    with pytest.raises(Passing):
        seconds(100, 900)
    patience.ask()
    with pytest.raises(errors.Stalled):
        seconds(100, 900)

    assert clock.now - 1100 < 47


def test_a_burst_after_a_pause_is_alive(clock):
    """What counts is the average since it was last so."""
    patience = Patience(Access("x"), Halted(clock))
    clock.now += 29
    patience.heard(30_000, "http://x")
    clock.now += 29

    patience.heard(1, "http://x")


def test_a_wait_ends_when_stopped():
    """Even one of a minute."""
    stop = threading.Event()
    patience = Patience(Access("x"), stop)
    threading.Timer(0.05, stop.set).start()

    with pytest.raises(errors.Interrupted):
        persist(failing(fault(60.0)), patience)
