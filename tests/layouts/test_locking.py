"""Who holds a lock is known, a living holder is waited for, a dead one is not, a frozen one is reported."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from filelock import FileLock, Timeout

from modelready.errors import Held, Interrupted, NotWritable
from modelready.layouts.locking import Holder, hold, hold_if_free, holder_of

HOLD = """
import sys
from pathlib import Path
from modelready.layouts.locking import hold
with hold(Path(sys.argv[1]), beat_s=0.05):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path):
    """Give a lock file in a folder that is not there yet."""
    return tmp_path / "locks" / "tiny.lock"


@pytest.fixture
def holder(path):
    """Give another process that holds the lock until it is told to let go."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.kill()


def test_a_lock_says_who_holds_it(path):
    """Who waits learns for whom; afterwards the name is gone with the hold."""
    with hold(path):
        during = holder_of(path)

    assert during == Holder(os.getpid(), socket.gethostname())
    assert str(during) == f"process {os.getpid()} on {socket.gethostname()}"
    assert holder_of(path) is None


def test_a_lock_can_be_taken_again_and_again(path):
    """Letting go leaves the file, but nobody in it."""
    with hold(path):
        pass

    with hold(path):
        assert path.exists()


def test_threads_hold_different_locks_at_once(tmp_path):
    """A lock is one destination's, not the process's."""
    both = threading.Barrier(2, timeout=30)
    met = []

    def work(name):
        with hold(tmp_path / name):
            met.append(both.wait())

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a.lock", "b.lock")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(met) == [0, 1]


def test_threads_take_turns_at_one_lock(path):
    """Two threads that want the same place are kept apart like two processes."""
    inside, most = [], []

    def work():
        with hold(path):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1, 1, 1]


def test_a_living_holder_is_waited_for(path, holder):
    """Patience starts anew with every sign of life, and the one who waits is told for whom."""
    told = []

    def waiting(who, seconds):
        told.append((who.pid, seconds))
        if seconds > 1:
            holder.stdin.write("\n")
            holder.stdin.flush()

    with hold(path, waiting=waiting, patience_s=0.5):
        mine = holder_of(path).pid

    assert {pid for pid, _ in told[:3]} == {holder.pid}
    assert mine == os.getpid()


def test_a_killed_holders_lock_is_free_at_once(path, holder):
    """The kernel lets go for the dead: nothing to clean up, nothing to wait for."""
    holder.kill()
    holder.wait()

    with hold(path, patience_s=0):
        mine = holder_of(path).pid

    assert mine == os.getpid()


def test_a_frozen_holder_is_reported(path, holder):
    """A holder without a heartbeat is named, and nobody hangs."""
    holder.send_signal(signal.SIGSTOP)

    with pytest.raises(Held) as caught, hold(path, patience_s=0.6):
        pass

    holder.send_signal(signal.SIGCONT)
    assert str(path) in caught.value.what
    assert f"process {holder.pid} on {socket.gethostname()}" in caught.value.what
    assert "suspended" in caught.value.remedy


def test_waiting_can_be_stopped(path, holder):
    """Ctrl-C ends a wait as it ends a download."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted, match=str(holder.pid)), hold(path, stop=stop):
        pass


def test_what_happens_inside_lets_go(path):
    """An error in the work frees the place for the next."""
    with pytest.raises(RuntimeError), hold(path):
        raise RuntimeError

    with hold(path, patience_s=0):
        assert holder_of(path)


def test_a_lock_file_taken_away_does_not_end_the_work(path):
    """Somebody tidied up the locks folder: the work goes on, without a heartbeat."""
    with hold(path, beat_s=0.01):
        path.unlink()
        threading.Event().wait(0.1)
        during = holder_of(path)

    assert during is None


def test_a_place_that_cannot_be_written_says_so(tmp_path):
    """A lock in a folder that cannot be is an error with a path, not a traceback."""
    (tmp_path / "file").touch()

    with pytest.raises(NotWritable, match="file"), hold(tmp_path / "file" / "x.lock"):
        pass


def test_a_lock_of_huggingface_hub_that_is_held_is_not_waited_for(path, holder):
    """Its holders show no sign of life: whoever asks is told, and goes on without it."""
    with hold_if_free(path) as is_held:
        pass

    assert not is_held


def test_a_lock_of_huggingface_hub_keeps_its_own_code_out(path):
    """The kernel's lock is the one that filelock, and so huggingface_hub, asks for."""
    with hold_if_free(path) as is_held, pytest.raises(Timeout):
        FileLock(path).acquire(timeout=0)

    assert is_held
    with FileLock(path).acquire(timeout=0):
        pass


@pytest.mark.parametrize("take", [hold, hold_if_free])
def test_a_link_in_the_place_of_a_lock_opens_nothing(path, tmp_path, take):
    """An archive may hold one: what it leads to keeps its bytes and its mode, and nothing is made where it points."""
    victim = tmp_path / "private key"
    victim.write_text("of mine")
    victim.chmod(0o600)
    path.parent.mkdir()

    for target in (victim, tmp_path / "nothing yet"):
        path.symlink_to(target)
        with pytest.raises(NotWritable), take(path):
            pass
        path.unlink()

    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("of mine", 0o600)
    assert not (tmp_path / "nothing yet").exists()


def test_a_free_lock_of_huggingface_hub_is_left_as_it_is(path):
    """Its lock files are empty and stay so."""
    with hold_if_free(path) as is_held:
        pass

    assert is_held
    assert path.read_bytes() == b""
    assert path.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("text", ["", "x\ny\n", "12"], ids=["empty", "no number", "one line"])
def test_a_lock_file_with_something_else_names_nobody(path, text):
    """What is not ours is not guessed at."""
    path.parent.mkdir()
    path.write_text(text)

    assert holder_of(path) is None
    assert str(Holder()) == "another process"


def test_a_file_system_without_kernel_locks_is_served_too(path, monkeypatch):
    """Where flock is unknown, filelock leaves a marker with the same two lines in it; ours would break it."""

    def no_flock(descriptor, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", no_flock)

    with pytest.warns(UserWarning, match="SoftFileLock"), hold(path):
        during = holder_of(path)

    assert during == Holder(os.getpid(), socket.gethostname())
    assert not path.exists()
