"""The rows of downloads: written by one process, read by all, and never a reason to fail a reader."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from modelready.downloads.jobs import BEAT_S, Job, Jobs
from modelready.errors import NotWritable

WRITER = """
import sys
from pathlib import Path
from modelready.downloads.jobs import Job, Jobs
jobs = Jobs(Path(sys.argv[1]))
for place in range(20):
    jobs.write(Job(sys.argv[2], f"model-{place}", place, state="completed"))
"""


@pytest.fixture
def jobs(tmp_path):
    """Give an empty table."""
    with closing(Jobs(tmp_path / "state")) as table:
        yield table


def test_a_job_is_read_as_it_was_written(jobs):
    """Every column comes back."""
    job = Job("run", "tiny", 3, "downloading", "a.bin", 1, 2, 10, 20, 10, 1.5, "note", "kind", "what", "remedy")

    jobs.write(job)

    assert jobs.of_run("run", "tiny") == job
    assert jobs.of_run("run", "other") is None
    assert jobs.of_run("other", "tiny") is None


def test_a_run_is_read_in_its_order_and_the_newest_of_a_model_is_its_latest(jobs):
    """Status shows the newest job of every model."""
    jobs.write(Job("old", "tiny", created_at=1.0), Job("new", "b", 1, created_at=2.0), Job("new", "tiny", 0))

    assert [job.model for job in jobs.all_of_run("new")] == ["tiny", "b"]
    assert jobs.latest()["tiny"].run == "new"


def test_only_jobs_whose_process_still_tells_of_them_are_running(jobs):
    """A dead process leaves rows that never end."""
    silent = time.time() - BEAT_S - 1
    jobs.write(
        Job("run", "alive", 0, "downloading"),
        Job("run", "dead", 1, "downloading", beat=silent),
        Job("run", "over", 2, "completed"),
    )

    assert [job.model for job in jobs.running()] == ["alive"]


def test_a_beat_keeps_waiting_jobs_of_its_run_alive(jobs):
    """They wait for a long download before them."""
    silent = time.time() - BEAT_S - 1
    jobs.write(Job("mine", "waits", 0, beat=silent), Job("other", "waits", 0, beat=silent))

    jobs.beat("mine")

    assert [job.run for job in jobs.running()] == ["mine"]


def test_old_rows_are_forgotten(jobs):
    """The story is not kept for ever."""
    jobs.write(Job("old", "tiny", created_at=1.0), Job("new", "tiny"))

    jobs.forget_before(2.0)

    assert [job.run for job in jobs.latest().values()] == ["new"]
    assert jobs.of_run("old", "tiny") is None


def test_several_processes_and_threads_write_one_table(jobs):
    """Four runs at once tell their stories to one file."""
    names = ["one", "two"]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(jobs.path.parent), name]) for name in names]
    threads = [
        threading.Thread(target=lambda run=run: [jobs.write(Job(run, f"model-{place}", place)) for place in range(20)])
        for run in ("three", "four")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [writer.wait(timeout=30) for writer in writers] == [0, 0]
    assert [len(jobs.all_of_run(run)) for run in (*names, "three", "four")] == [20, 20, 20, 20]


def test_a_table_that_is_not_there_is_empty_and_is_not_made_by_reading(jobs):
    """Reading commands write nothing."""
    assert jobs.latest() == {}
    assert jobs.running() == ()
    assert not jobs.path.parent.exists()


def test_a_broken_table_is_empty_for_readers_and_begun_anew_by_writers(jobs):
    """A power cut may leave one; it tells a story, and no download fails for it."""
    jobs.path.parent.mkdir()
    jobs.path.write_bytes(b"not a table" * 1000)

    before = jobs.latest()
    jobs.write(Job("run", "tiny"))

    assert before == {}
    assert list(jobs.latest()) == ["tiny"]


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path):
    """Its parent is a file."""
    (tmp_path / "file").write_text("")

    with pytest.raises(NotWritable, match=r"jobs\.sqlite3"):
        Jobs(tmp_path / "file" / "state").write(Job("run", "tiny"))


def test_a_closed_table_opens_again(jobs):
    """Closing twice does nothing."""
    jobs.write(Job("run", "tiny"))
    jobs.close()
    jobs.close()

    jobs.write(Job("run", "tiny", state="completed"))

    assert jobs.of_run("run", "tiny").is_over
