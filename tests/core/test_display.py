"""Downloads are shown as lines where nobody watches, and as bars on a terminal."""

from __future__ import annotations

import io
import threading
from contextlib import closing
from dataclasses import replace

import pytest
from rich.console import Console

from modelready.downloads.display import Display, Watch, table, told
from modelready.downloads.jobs import Job, Jobs


def job(**changes):
    """Give a job that is half way."""
    half = {"state": "downloading", "files_done": 1, "files_total": 2, "bytes_done": 5_000_000, "bytes_total": 10**7}
    return Job("run", "tiny", **(half | changes))


def printed(*jobs, width=120):
    """Give the table of *jobs* as text."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(table(jobs, width))
    return console.file.getvalue()


class Terminal(io.StringIO):
    """A terminal that tells when a text has been written to it."""

    def __init__(self, awaited):
        super().__init__()
        self.awaited, self.seen = awaited, threading.Event()

    def write(self, text):
        count = super().write(text)
        if self.awaited in self.getvalue():
            self.seen.set()
        return count


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (job(), "tiny: 1/2 files, 5.0 MB of 10.0 MB"),
        (job(current_file="a.bin"), "tiny: 1/2 files, 5.0 MB of 10.0 MB, a.bin"),
        (job(speed_bps=1e6), "tiny: 1/2 files, 5.0 MB of 10.0 MB, 1.0 MB/s, 0:05 left"),
        (job(speed_bps=1000), "tiny: 1/2 files, 5.0 MB of 10.0 MB, 1.0 KB/s, 1:23:20 left"),
        (job(speed_bps=3), "tiny: 1/2 files, 5.0 MB of 10.0 MB, 3 B/s"),
        (job(bytes_done=-3), "tiny: 1/2 files, 0 B of 10.0 MB"),
        (job(state="queued", note="waits for process 7"), "tiny: queued, waits for process 7"),
        (job(state="verifying"), "tiny: verifying"),
        (job(state="completed", bytes_fetched=5), "tiny: in place, 2 files, 5 B fetched"),
        (job(state="completed", files_total=1), "tiny: in place, 1 file, nothing to fetch"),
        (job(state="failed", error_what="tiny: no", error_remedy="try"), "tiny: failed: no; try"),
    ],
)
def test_a_job_is_told_in_one_line(shown, line):
    """Logs of builds keep these lines."""
    assert told(shown) == line


def test_the_table_has_a_bar_for_each_job_and_counts_those_that_wait():
    """A queue of a hundred models must not fill the screen."""
    text = printed(
        job(current_file="a.bin", speed_bps=1e6),
        Job("run", "first"),
        Job("run", "second"),
        Job("run", "noted", note="waits for process 7"),
    )

    assert "1/2 files, 5.0 MB of 10.0 MB" in text
    assert "a.bin" in text
    assert "waits for process 7" in text
    assert "+ 2 waiting" in text
    assert "first" not in text


@pytest.mark.parametrize("width", [200, 112, 100, 80, 60])
def test_a_job_keeps_to_one_line_on_every_terminal(width):
    """Lines that wrap jump about while the bars move."""
    long = replace(job(current_file="folder/" * 20 + "a.bin", speed_bps=1e6), model="a-long-name" * 4)

    lines = printed(long, job(state="verifying", bytes_done=10**7), width=width).splitlines()

    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)
    assert "5.0 MB of" in lines[0]


def test_what_nobody_knows_yet_is_not_told_as_nothing():
    """A job that is being planned has no figures."""
    assert " of " not in printed(Job("run", "tiny", note="asks the Hub"))


def test_the_table_of_nothing_is_empty():
    """Between two models nothing is shown."""
    assert not printed().strip()


@pytest.fixture
def jobs(tmp_path):
    """Give an empty table of jobs."""
    with closing(Jobs(tmp_path)) as rows:
        yield rows


def test_lines_tell_each_change_once(jobs):
    """A row that stands still says nothing new; the last word is told when the display ends."""
    file = Terminal("1/2 files")
    jobs.write(job())
    with Display(lambda: jobs.all_of_run("run"), Console(file=file, width=200)):
        assert file.seen.wait(10)
        jobs.write(job(state="completed", bytes_fetched=5))

    assert file.getvalue().splitlines() == [
        "tiny: 1/2 files, 5.0 MB of 10.0 MB",
        "tiny: in place, 2 files, 5 B fetched",
    ]


def test_a_job_that_waits_is_told_only_with_what_it_waits_for(jobs):
    """A queue is no news; a process that somebody may have to wake up is, once and not with every second."""
    file = Terminal("waits")
    noted = Job("run", "noted", 1, note="waits for process 7 (0 s)")
    jobs.write(Job("run", "tiny"), noted)

    with Display(lambda: jobs.all_of_run("run"), Console(file=file, width=200)):
        assert file.seen.wait(10)
        jobs.write(replace(noted, note="waits for process 7 (1 s)"))

    assert file.getvalue().splitlines() == ["noted: queued, waits for process 7 (0 s)"]


def test_a_terminal_gets_bars_that_leave_nothing_behind(jobs):
    """Finished jobs vanish: pytest's own line tells of the model."""
    file = Terminal("1/2 files")
    jobs.write(job(), Job("run", "over", state="completed"))
    console = Console(file=file, force_terminal=True, width=120, _environ={"TERM": "xterm"})

    with Display(lambda: jobs.all_of_run("run"), console):
        assert file.seen.wait(10)

    assert "over" not in file.getvalue()
    assert "\x1b[2K" in file.getvalue()  # the live lines were erased


def test_a_watch_keeps_a_line_of_what_has_ended(jobs):
    """Who looks away for a minute still sees how each download ended, once."""
    file = Terminal("tiny: in place")
    console = Console(file=file, force_terminal=True, width=120, color_system=None, _environ={"TERM": "xterm"})
    ended = job(state="completed", bytes_fetched=5, finished_at=7.0)
    failed = replace(ended, model="other", state="failed", error_what="gone [/] away", error_remedy="try again")
    jobs.write(ended, failed)

    with Watch(lambda: jobs.all_of_run("run"), console):
        assert file.seen.wait(30)
        file.awaited = "nothing is being downloaded"
        file.seen.clear()
        assert file.seen.wait(30)

    assert file.getvalue().count("✓ tiny: in place, 2 files, 5 B fetched") == 1
    assert file.getvalue().count("✗ other: failed: gone [/] away; try again") == 1


def test_a_watch_shows_what_moves(jobs):
    """The rows are those that provision shows, whichever process writes them."""
    file = Terminal("1/2 files")
    jobs.write(job())

    with Watch(lambda: jobs.all_of_run("run"), Console(file=file, force_terminal=True, width=120)):
        assert file.seen.wait(30)
