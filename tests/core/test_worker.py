"""One worker brings the models of a run, one by one, and every row ends, whatever happens."""

from __future__ import annotations

import json
import shutil
import threading
import time

import pytest

from modelready.downloads.arrivals import Arrivals
from modelready.downloads.jobs import Job, Jobs
from modelready.errors import NotWritable

TWO = """
[[model]]
name = "first"
source = "hf:acme/tiny"
include = ["*.json"]

[[model]]
name = "second"
source = "hf:acme/twin"
"""
COMMIT = "c" * 40


def test_models_are_brought_in_order_and_their_rows_tell_of_it(workshop, hub, tiny):
    """Counts, bytes and times are those of the job."""
    hub.add_repo("acme/twin", tiny)
    workshop.catalog = TWO

    jobs = workshop.bring()

    size = sum(path.stat().st_size for path in tiny.rglob("*") if path.is_file())
    here = sum(
        path.stat().st_size for path in tiny.glob("*.json")
    )  # the first brought those, and their bytes are the same
    second = jobs["second"]
    assert list(jobs) == ["first", "second"]
    assert [job.state for job in jobs.values()] == ["completed", "completed"]
    assert (second.files_done, second.files_total) == (6, 6)
    assert (second.bytes_done, second.bytes_total, second.bytes_fetched) == (size, size, size - here)
    assert jobs["first"].finished_at <= second.finished_at


def test_a_second_run_fetches_nothing(workshop, hub):
    """What is there and right is counted as done."""
    workshop.bring()
    hub.forget()

    job = workshop.bring()["tiny"]

    assert (job.state, job.files_done, job.files_total, job.bytes_fetched) == ("completed", 6, 6, 0)
    assert hub.requests == ()


def test_one_model_that_fails_does_not_keep_the_others(workshop, hub, tiny):
    """Every failure is told with its kind and its remedy."""
    workshop.catalog = TWO

    jobs = workshop.bring()

    assert jobs["first"].state == "completed"
    assert (jobs["second"].state, jobs["second"].error_kind) == ("failed", "not_found")
    assert "acme/twin" in jobs["second"].error_what
    assert "HF_TOKEN" in jobs["second"].error_remedy


def test_a_bug_ends_every_row_and_is_given_to_the_run(workshop, hub, tiny):
    """A file that Python cannot name is one: no check may wait for ever."""
    hub.add_repo("acme/twin", tiny)
    workshop.catalog = TWO
    asked = workshop.asked()
    worker, run = workshop.worker(asked, connections="many")

    worker.start()
    bug = worker.join()

    jobs = asked.ground.jobs.all_of_run(run)
    assert isinstance(bug, TypeError)
    assert [job.state for job in jobs] == ["failed", "failed"]
    assert "a bug of modelready: TypeError" in jobs[1].error_what


def test_a_stopped_worker_cancels_what_waits(workshop, hub):
    """What runs ends with what arrived kept; what waits says that it never had its turn."""
    hub.stall("*.safetensors", after=10)
    asked = workshop.asked()
    worker, run = workshop.worker(asked)
    worker.start()
    _until(lambda: asked.ground.jobs.of_run(run, "tiny").state == "downloading")

    bug = worker.stop()

    job = asked.ground.jobs.of_run(run, "tiny")
    assert bug is None
    assert (job.state, job.error_kind) == ("cancelled", "interrupted")


def test_a_worker_stopped_before_it_began_cancels_everything(workshop, hub):
    """Nothing is asked of the network."""
    asked = workshop.asked()
    worker, run = workshop.worker(asked)
    worker._stop.set()
    worker.start()

    bug = worker.join()

    assert bug is None
    assert asked.ground.jobs.of_run(run, "tiny").state == "cancelled"
    assert hub.requests == ()


def test_waiting_rows_show_signs_of_life(workshop, hub, tiny, monkeypatch):
    """They wait behind a long download, and must not look dead."""
    monkeypatch.setattr("modelready.downloads.worker._BEAT_S", 0.05)
    hub.add_repo("acme/twin", tiny)
    workshop.catalog = TWO
    hub.stall("acme/tiny/*", kind="get", times=1)
    asked = workshop.asked()
    worker, run = workshop.worker(asked)
    worker.start()
    first = asked.ground.jobs.of_run(run, "second").beat

    _until(lambda: asked.ground.jobs.of_run(run, "second").beat > first)

    worker.stop()


def test_a_state_folder_that_cannot_be_written_is_told_at_the_start(workshop):
    """Before anything is asked for."""
    workshop.place.mkdir()
    (workshop.place / "state").write_text("a file")
    worker, _ = workshop.worker()

    with pytest.raises(NotWritable, match="MODELREADY_HOME"):
        worker.start()


def test_two_runs_at_once_make_one_download(workshop, hub, tiny):
    """The second waits, says for whom, and then finds everything."""
    hub.slow("*.safetensors", bytes_per_s=20_000)
    size = sum(path.stat().st_size for path in tiny.rglob("*") if path.is_file())
    one, two = workshop.asked(), workshop.asked()
    (first, _), (second, run) = workshop.worker(one), workshop.worker(two)
    first.start()
    _until(hub.bytes_sent)
    second.start()
    _until(lambda: "waits for process" in two.ground.jobs.of_run(run, "tiny").note)

    bugs = [first.join(), second.join()]

    job = two.ground.jobs.of_run(run, "tiny")
    assert bugs == [None, None]
    assert (job.state, job.note, job.bytes_fetched) == ("completed", "", 0)
    assert hub.bytes_sent() == size


def test_an_arrival_is_waited_for_from_another_thread(workshop):
    """Checks wait by the row, from any process."""
    asked = workshop.asked()
    worker, run = workshop.worker(asked)
    found = []
    waiting = threading.Thread(target=lambda: found.append(Arrivals(asked.ground.jobs, run).wait("tiny")))
    waiting.start()

    worker.start()

    waiting.join(30)
    worker.join()
    assert [job.state for job in found] == ["completed"]


def test_a_worker_that_died_is_told_after_a_while(tmp_path, monkeypatch):
    """Its rows never end; the check says what to do."""
    monkeypatch.setattr("modelready.downloads.arrivals._PATIENCE_S", 0.2)
    jobs = Jobs(tmp_path)
    jobs.write(Job("run", "tiny", state="downloading", beat=time.time() - 100))

    lost, unknown = Arrivals(jobs, "run").wait("tiny"), Arrivals(jobs, "run").wait("other")

    jobs.close()
    assert [(job.state, job.error_kind) for job in (lost, unknown)] == [("failed", "stalled")] * 2
    assert "the process that brings other has told nothing" in unknown.error_what


def test_a_worker_that_tells_of_itself_is_waited_for(tmp_path, monkeypatch):
    """However long it takes."""
    monkeypatch.setattr("modelready.downloads.arrivals._PATIENCE_S", 0.5)
    jobs = Jobs(tmp_path)
    jobs.write(Job("run", "tiny", state="downloading"))
    over = threading.Event()

    def live():
        for _ in range(8):
            jobs.write(Job("run", "tiny", state="downloading", beat=time.time()))
            over.wait(0.1)
        jobs.write(Job("run", "tiny", state="completed"))

    living = threading.Thread(target=live)
    living.start()

    job = Arrivals(jobs, "run").wait("tiny")

    living.join()
    jobs.close()
    assert job.state == "completed"


def test_a_flipped_byte_is_thrown_away_and_fetched_again(workshop, hub):
    """The row counts what travelled, and never more than there is as done."""
    hub.flip_byte("model-00001*", times=1)

    job = workshop.bring()["tiny"]

    assert job.state == "completed"
    assert job.bytes_fetched > job.bytes_total == job.bytes_done


def test_a_file_named_outside_its_folder_is_one_clear_error(workshop, hub, tiny):
    """A Hub that lies: nothing is written outside, nothing is called complete."""
    entry = {"type": "file", "oid": "a" * 40, "size": 3}
    for path in ("../../../escaped.txt", "/escaped.txt", "a/../../escaped.txt", "C:\\escaped.txt"):
        hub.heal()
        hub.replace_body("*", json.dumps([entry | {"path": path}]).encode(), kind="tree")

        job = workshop.bring()["tiny"]

        assert job.state == "failed", path
        assert repr(path) in job.error_what
    assert not [path for path in workshop.place.rglob("*") if "escaped" in path.name]


def test_only_the_files_asked_for_are_brought(workshop):
    """A first look at the configs."""
    job = workshop.bring(only=("*.json",))["tiny"]

    assert job.state == "completed"
    assert sorted(path.name for path in workshop.snapshot.iterdir()) == [
        "config.json",
        "model.safetensors.index.json",
        "words.json",
    ]


def test_a_choice_of_files_that_matches_none_is_told(workshop):
    """--only with a slip of the pen."""
    job = workshop.bring(only=("*.jsn",))["tiny"]

    assert (job.state, job.error_what) == ("failed", "tiny: *.jsn: no file of the model matches --only")


def test_a_disk_without_room_is_told_before_a_byte_travels(workshop, hub, monkeypatch):
    """All models together are held against the free space."""
    usage = shutil.disk_usage(workshop.place.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))

    job = workshop.bring()["tiny"]

    assert (job.state, job.error_kind) == ("failed", "disk_full")
    assert "1.0 KB are free at" in job.error_what
    assert hub.bytes_sent() == 0


def _until(condition, timeout_s=20):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_end_of_a_job_is_its_last_word(workshop, hub, monkeypatch):
    """Its progress is told many times a second: none of that may come after, or nobody learns why it failed."""
    monkeypatch.setattr("modelready.downloads.progress._TICK_S", 0.0005)
    hub.status("*.json", 404, kind="get")

    ends = [workshop.bring()["tiny"] for _ in range(5)]

    assert [(job.state, job.error_kind) for job in ends] == [("failed", "not_found")] * 5
