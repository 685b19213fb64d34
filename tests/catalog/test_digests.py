"""What the bytes of files hash to."""

import hashlib
import shutil
import subprocess
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import digests
from modelready.errors import Interrupted

ALL = ("sha256", "git_sha1", "sha1", "md5")


def expected(content):
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "git_sha1": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
        "sha1": hashlib.sha1(content).hexdigest(),
        "md5": hashlib.md5(content).hexdigest(),
    }


@given(st.binary(max_size=40), st.sampled_from([0, 1, 2**19 - 1, 2**19, 2**19 + 1, 2**20]))
def test_every_algorithm_reads_every_byte_once(tmp_path_factory, tail, length):
    """At and around the size of the buffer too, where one byte is easily lost."""
    path = tmp_path_factory.mktemp("bytes") / "x.bin"
    content = bytes(range(256)) * (length // 256 + 1)
    content = content[:length] + tail
    path.write_bytes(content)

    assert digests.compute(path, ALL) == expected(content)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git to ask")
def test_git_itself_gives_the_same_name(tmp_path):
    """A Hub's small files are known by git's name for them only."""
    path = tmp_path / "config.json"
    path.write_bytes(b'{"a": 1}\n')

    told = subprocess.run(["git", "hash-object", "--no-filters", str(path)], capture_output=True, text=True, check=True)

    assert digests.compute(path, ["git_sha1"]) == {"git_sha1": told.stdout.strip()}


def test_only_what_is_asked_for_is_computed(tmp_path):
    """Each algorithm costs time."""
    (tmp_path / "x").write_bytes(b"abc")

    assert list(digests.compute(tmp_path / "x", ["md5"])) == ["md5"]
    assert digests.compute(tmp_path / "x", []) == {}


def test_memory_stays_flat_whatever_the_size(tmp_path):
    """A checkpoint of 40 GB is read on a machine with 8."""
    with (tmp_path / "x").open("wb") as file:
        file.truncate(200_000_000)
    tracemalloc.start()

    digests.compute(tmp_path / "x", ["md5"])

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_missing_file_is_the_callers_to_judge(tmp_path):
    """Whether that is a fault depends on who asks."""
    with pytest.raises(FileNotFoundError):
        digests.compute(tmp_path / "nope", ["md5"])


def test_reading_stops_when_it_is_told_to(tmp_path):
    """Ctrl-C must not wait for the end of 40 GB."""
    (tmp_path / "x").write_bytes(b"abc")
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted, match="x: stopped while it was read; run the same command again"):
        digests.compute(tmp_path / "x", ["md5"], stop=stop)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_many_files_are_each_told_once(tmp_path, workers):
    """Small ones are read in batches, large ones alone; none is lost or mixed up."""
    contents = {tmp_path / f"{number}": bytes([number % 7]) * (number**3) for number in range(150)}
    contents[tmp_path / "large"] = b"x" * 5_000_000
    for path, content in contents.items():
        path.write_bytes(content)

    found = list(digests.compute_many(((path, ALL) for path in contents), workers=workers))

    assert len(found) == len(contents)
    assert {one.path: one.digests for one in found} == {path: expected(content) for path, content in contents.items()}


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    """All that is wrong is told at once."""
    (tmp_path / "good").write_bytes(b"abc")

    found = {one.path.name: one for one in digests.compute_many([(tmp_path / "nope", ALL), (tmp_path / "good", ALL)])}

    assert isinstance(found["nope"].error, FileNotFoundError)
    assert found["nope"].digests == {}
    assert found["good"].error is None
    assert found["good"].digests == expected(b"abc")


def test_no_files_are_no_work():
    """An empty list is not an error of the reader."""
    assert list(digests.compute_many([])) == []


def test_many_files_stop_when_they_are_told_to(tmp_path):
    """One event ends all threads."""
    (tmp_path / "x").write_bytes(b"abc")
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted):
        list(digests.compute_many([(tmp_path / "x", ALL)] * 3, stop=stop))


def test_who_stops_listening_stops_the_work(tmp_path):
    """No thread goes on reading after a check has failed."""
    for number in range(300):
        (tmp_path / f"{number}").write_bytes(b"x" * 100_000)
    results = digests.compute_many([(tmp_path / f"{number}", ALL) for number in range(300)], workers=1)
    next(results)

    results.close()

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("digests")]


def test_the_cores_of_this_process_are_counted(monkeypatch):
    """A container may use fewer than the machine has; not every system can say."""
    here = digests.cores()
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)

    assert here >= 1
    assert digests.cores() == 1
