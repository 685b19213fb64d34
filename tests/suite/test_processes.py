"""Several processes, killed ones and frozen ones: nothing is lost, nothing travels twice, nothing hangs."""

from __future__ import annotations

import os
import signal
import time

import pytest

MIB = 1024 * 1024
SIZE = 24 * MIB


@pytest.fixture
def big(machine, hub, tmp_path):
    """Give a machine whose catalog requires a file of some size, served slowly."""
    folder = tmp_path / "upstream" / "big"
    folder.mkdir(parents=True)
    (folder / "big.bin").write_bytes(os.urandom(MIB) * (SIZE // MIB))
    hub.add_repo("acme/big", folder)
    hub.slow("*big.bin", bytes_per_s=6 * MIB)
    machine.catalog('[[model]]\nname = "big"\nsource = "hf:acme/big"\n')
    return machine


def wait_for(condition, timeout_s=30):
    """Wait until *condition* gives something true, and give that."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def some_of_it_is_there(machine):
    """Tell whether a part of the file has arrived."""
    parts = list(machine.cache.glob("models--*/blobs/*.incomplete"))
    return parts and parts[0].stat().st_blocks * 512 > SIZE // 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_arrived_is_kept_however_the_end_came(big, hub, judged, how):
    """A later run asks for what is missing, not for all of it."""
    first = big.start("provision")
    wait_for(lambda: some_of_it_is_there(big))
    first.send_signal(how)
    text, _ = first.communicate(timeout=30)
    arrived = hub.bytes_sent("*big.bin")
    hub.heal()
    hub.forget()

    outcome = judged(big, "provision")

    assert outcome.status == 0, outcome.text
    assert arrived > SIZE // 3
    assert hub.bytes_sent("*big.bin") <= SIZE - arrived + SIZE // 10
    if how != signal.SIGKILL:
        assert first.returncode == 2, text
        assert "Traceback" not in text
        assert "! interrupted; what arrived is kept: run the same command again !" in text
        assert "session.py" not in text


def test_no_resume_begins_again(big, hub, judged):
    """--no-resume throws away what arrived."""
    first = big.start("provision")
    wait_for(lambda: some_of_it_is_there(big))
    first.kill()
    first.communicate(timeout=30)
    hub.heal()
    hub.forget()

    outcome = judged(big, "provision", "--no-resume")

    assert outcome.status == 0, outcome.text
    assert hub.bytes_sent("*big.bin") >= SIZE


def test_four_at_once_make_one_download(big, hub):
    """The others wait for it, and then find it."""
    hub.heal()
    hub.slow("*big.bin", bytes_per_s=20 * MIB)
    runs = [big.start("provision") for _ in range(4)]
    texts = [run.communicate(timeout=120)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0, 0], texts
    assert SIZE <= hub.bytes_sent("*big.bin") < SIZE * 1.5


def test_a_dead_holders_place_is_taken_over(big, hub, judged):
    """Its lock dies with it: who waits goes on at once."""
    first = big.start("provision")
    wait_for(lambda: some_of_it_is_there(big))
    second = big.start("provision")
    time.sleep(2)
    first.kill()
    first.communicate(timeout=30)
    hub.heal()

    text, _ = second.communicate(timeout=60)

    assert second.returncode == 0, text


def test_a_frozen_holder_is_reported(big, monkeypatch):
    """Who waits for a process that does not move says so after a bounded time, and names it."""
    first = big.start("provision")
    try:
        wait_for(lambda: some_of_it_is_there(big))
        first.send_signal(signal.SIGSTOP)

        second = big.run("provision", timeout=110)
    finally:
        first.send_signal(signal.SIGCONT)
        first.kill()
        first.communicate(timeout=30)

    assert second.returncode == 1, second.stdout
    assert str(first.pid) in second.stdout


def test_status_shows_what_another_process_brings(big):
    """Rows tell the story to everybody."""
    first = big.start("provision")
    try:
        wait_for(lambda: some_of_it_is_there(big))
        done = big.run("status", "--json")
    finally:
        first.kill()
        first.communicate(timeout=30)

    assert '"state": "downloading"' in done.stdout
    assert '"current_file": "big.bin"' in done.stdout
