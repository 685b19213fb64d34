"""The lasting queue: held against a model of it, with processes that come, work and are killed."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelready.downloads.jobs import Job, Jobs
from modelready.downloads.queue import Queue
from modelready.errors import Held, WrongState

MODELS = st.sampled_from(("a", "b", "c"))
WORKERS = st.sampled_from(("one", "two", "three"))
ENDS = {"completed", "failed", "cancelled"}
AFTER = {"": "queued", "pause": "paused", "cancel": "cancelled", "drop": "cancelled"}


class Believed:
    """What the model believes of one job."""

    def __init__(self, place):
        self.place, self.state, self.wish, self.claimed, self.priority, self.attempts = place, "queued", "", "", 0, 0

    @property
    def is_open(self):
        return self.state not in ENDS

    def put_back(self):
        self.state, self.wish, self.claimed = AFTER[self.wish], "", ""


class QueueMachine(RuleBasedStateMachine):
    """Several processes, each with a connection of its own, do what they may in any order."""

    @initialize()
    def begin(self):
        self.stack = ExitStack()
        home = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.queues = {}
        for name in ("one", "two", "three"):
            jobs = self.stack.enter_context(closing(Jobs(home)))
            self.queues[name] = Queue(jobs, home)
        self.believed = {}  # model: jobs, oldest first
        self.turns = {}  # worker: its hold on the queue, and its job

    def teardown(self):
        for hold, _ in self.turns.values():
            hold.close()
        self.stack.close()

    def newest(self, model):
        return (self.believed.get(model) or [None])[-1]

    def open(self, model):
        job = self.newest(model)
        return job if job and job.is_open else None

    @rule(by=WORKERS, model=MODELS)
    def start(self, by, model):
        known = self.open(model)

        _, is_new = self.queues[by].add(model)

        assert is_new == (known is None)
        if known is None:
            count = sum(map(len, self.believed.values()))
            self.believed.setdefault(model, []).append(Believed(count))
        elif known.state == "paused":
            known.state = "queued"
        else:
            known.wish = ""

    @rule(by=WORKERS, model=MODELS, wish=st.sampled_from(("cancel", "drop", "pause")))
    def end_or_pause(self, by, model, wish):
        known, queue = self.open(model), self.queues[by]

        is_done = queue.pause(model) if wish == "pause" else queue.cancel(model, drop=wish == "drop")

        assert is_done == (known is not None)
        if known and known.claimed:
            known.wish = wish
        elif known:
            known.state = AFTER[wish]

    @rule(by=WORKERS, model=MODELS)
    def resume(self, by, model):
        known = self.open(model)

        is_done = self.queues[by].resume(model)

        assert is_done == bool(known and (known.state == "paused" or known.wish))
        if known and known.state == "paused":
            known.state = "queued"
        elif known:
            known.wish = ""

    @rule(by=WORKERS, model=MODELS)
    def retry(self, by, model):
        known = self.newest(model)
        if known and known.state in {"failed", "cancelled"}:
            self.queues[by].retry(model)
            known.state = "queued"
            return

        with pytest.raises(WrongState):
            self.queues[by].retry(model)

    @rule(by=WORKERS, model=MODELS, priority=st.integers(-2, 2))
    def prioritise(self, by, model, priority):
        known = self.open(model)

        assert self.queues[by].prioritise(model, priority) == (known is not None)

        if known:
            known.priority = priority

    @rule(by=WORKERS)
    def take(self, by):
        if by in self.turns:
            return
        queue, hold = self.queues[by], ExitStack()

        is_ours = hold.enter_context(queue.turn())

        assert is_ours == (not self.turns)
        if not is_ours:
            hold.close()
            return
        queue.recover()
        self.put_back_the_dead()
        waiting = [job for jobs in self.believed.values() for job in jobs if job.state == "queued"]
        expected = min(waiting, key=lambda job: (-job.priority, job.place), default=None)
        job = queue.claim(by, lambda _: True)
        assert (job is None) == (expected is None)
        if job is None:
            hold.close()
            return
        assert self.newest(job.model) is expected
        expected.state, expected.claimed, expected.attempts = "verifying", by, expected.attempts + 1
        self.turns[by] = (hold, job)

    @precondition(lambda self: self.turns)
    @rule(state=st.sampled_from(("completed", "failed")))
    def settle(self, state):
        worker, (hold, job) = self.turns.popitem()
        believed = self.newest(job.model)

        self.queues[worker].settle(Job(job.run, job.model, state=state))
        hold.close()

        believed.state, believed.wish, believed.claimed = state, "", ""

    @precondition(lambda self: self.turns)
    @rule()
    def stop_gently(self):
        worker, (hold, job) = self.turns.popitem()
        believed = self.newest(job.model)

        state = self.queues[worker].release(job)
        hold.close()

        believed.put_back()
        assert state == believed.state

    @precondition(lambda self: self.turns)
    @rule()
    def kill(self):
        _, (hold, _) = self.turns.popitem()

        hold.close()  # the kernel takes the lock away; the row still says that somebody is at it

    @rule(by=WORKERS, model=MODELS)
    def clear(self, by, model):
        known = self.open(model)
        if known and known.claimed and self.turns:
            with pytest.raises(Held):
                self.queues[by].clear(model)
            return
        if not self.turns:
            self.put_back_the_dead()

        is_done = self.queues[by].clear(model)

        known = self.open(model)
        assert is_done == (known is not None)
        if known:
            known.state = "cancelled"

    def put_back_the_dead(self):
        for jobs in self.believed.values():
            for job in jobs:
                if job.claimed:
                    job.put_back()

    @invariant()
    def rows_tell_what_is_believed(self):
        if not hasattr(self, "queues"):
            return
        rows = self.queues["one"].jobs.select("ORDER BY created_at, rowid")
        told = {}
        for row in rows:
            told.setdefault(row.model, []).append((row.state, row.wish, row.claimed, row.priority, row.attempts))
        expected = {
            model: [(job.state, job.wish, job.claimed, job.priority, job.attempts) for job in jobs]
            for model, jobs in self.believed.items()
        }
        assert told == expected

    @invariant()
    def one_job_at_most_is_at_work(self):
        if not hasattr(self, "queues"):
            return
        jobs = self.queues["two"].open_jobs()
        assert len({job.model for job in jobs}) == len(jobs)
        assert sum(bool(job.claimed) for job in jobs) <= 1


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each step is real SQLite: shrinking would take minutes
)


@pytest.fixture
def queue(tmp_path):
    """Give an empty queue."""
    with closing(Jobs(tmp_path)) as jobs:
        yield Queue(jobs, tmp_path)


def test_many_who_ask_at_once_get_one_job(queue, tmp_path):
    """Every thread has a connection of its own, as a process has."""
    found = []

    def ask():
        with closing(Jobs(tmp_path)) as jobs:
            found.extend(Queue(jobs, tmp_path).add("tiny") for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(is_new for _, is_new in found) == 1
    assert len({job.run for job, _ in found}) == 1
    assert len(queue.open_jobs()) == 1


def test_what_tells_the_story_never_steers(queue):
    """Progress writes its row four times a second; what others wished meanwhile stays."""
    queue.add("tiny")
    with queue.turn():
        job = queue.claim("me", lambda _: True)
        queue.cancel("tiny")
        queue.prioritise("tiny", 7)

        queue.jobs.write(Job(job.run, "tiny", state="downloading", bytes_done=5))

    found = queue.open_job("tiny")
    assert (found.wish, found.priority, found.claimed, found.attempts) == ("cancel", 7, "me", 1)
    assert (found.state, found.bytes_done) == ("downloading", 5)


def test_a_job_that_only_a_dead_process_can_bring_fails_retryably(queue):
    """Its function went with it."""
    with queue.sign("living"):
        queue.add("mine", owner="living")
        queue.add("lost", owner="dead")

        queue.fail_orphans()

        assert queue.open_job("mine").state == "queued"
    lost = queue.latest("lost")
    assert (lost.state, lost.error_kind, lost.is_retryable) == ("failed", "interrupted", 1)
    assert "registered" in lost.error_what
    queue.fail_orphans()
    assert queue.latest("mine").state == "failed"


def test_changes_are_numbered_over_all_processes(queue, tmp_path):
    """Who knows the last number misses nothing."""
    queue.add("a")
    last = queue.last_seq()
    with closing(Jobs(tmp_path)) as jobs:
        Queue(jobs, tmp_path).add("b")
    queue.cancel("a")

    changed = queue.changed_since(last + 1)

    assert [(job.model, job.state) for job in changed] == [("b", "queued"), ("a", "cancelled")]
    assert queue.last_seq() > last


def test_a_living_run_of_the_suite_is_not_cleared(queue):
    """One that died is."""
    queue.jobs.write(Job("run", "tiny", state="downloading"))

    with pytest.raises(Held, match="run of the suite"):
        queue.clear("tiny")

    queue.jobs.write(Job("run", "tiny", state="downloading", beat=1.0))
    assert queue.clear("tiny")
    assert queue.jobs.of_run("run", "tiny").state == "cancelled"


def test_a_table_of_an_earlier_version_gets_what_it_lacks(tmp_path):
    """Its story stays."""
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite3")) as old, old:
        old.execute(
            "CREATE TABLE jobs (run TEXT, model TEXT, place INTEGER, state TEXT, created_at REAL,"
            " finished_at REAL, beat REAL, PRIMARY KEY (run, model))"
        )
        old.execute("INSERT INTO jobs VALUES ('old', 'tiny', 0, 'completed', ?, 2.0, 2.0)", (time.time(),))
    with closing(Jobs(tmp_path)) as jobs:
        queue = Queue(jobs, tmp_path)

        queue.add("tiny")

        assert jobs.of_run("old", "tiny").state == "completed"
        assert queue.open_job("tiny").state == "queued"
