"""The manager as programs use it: families, functions, and processes that come and go."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest
from huggingface_hub import snapshot_download

from modelready.downloads import ModelInfo, UnifiedModelDownloadManager
from modelready.downloads.functions import is_transient
from modelready.errors import RequestError, UnknownModel, WrongState


@pytest.fixture
def manage(workshop):
    """Give a function that makes a manager, as another process would."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(UnifiedModelDownloadManager(workshop.asked()))


def _until(condition, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
    return found


def _ended(manager, model):
    return _until(lambda: not manager.queue.open_job(model) and manager.get_download_status(model))


def test_families_bring_only_what_they_need(manage, workshop, hub, tmp_path):
    """ONNX and labels of a captioner, one folder of a detection model."""
    upstream = tmp_path / "upstream" / "tagger"
    (upstream / "JTP_PILOT2").mkdir(parents=True)
    for name in ("model.onnx", "selected_tags.csv", "model.safetensors", "JTP_PILOT2/tags.json"):
        (upstream / name).write_text(f"the bytes of {name}")
    hub.add_repo("SmilingWolf/wd-vit-tagger-v3", upstream)
    hub.add_repo("RedRocket/JointTaggerProject", upstream)
    manager = manage()
    manager.register_caption_generator("wdv3", "SmilingWolf/wd-vit-tagger-v3", "tags", 100, 2)
    manager.register_detection_model("jtp2", "RedRocket/JointTaggerProject")
    before = manager.get_download_status("wdv3")

    answers = [manager.start_download(one) for one in ("wdv3", "jtp2", "wdv3")]
    told = [_ended(manager, one)["status"] for one in ("wdv3", "jtp2")]

    brought = {path.name for path in (workshop.place / "hf" / "hub").glob("models--*/snapshots/*/**/*.*")}
    assert (before["status"], before["bytes_total"], before["description"]) == ("not_started", 100, "tags")
    assert answers == ["queued", "queued", "joined"]
    assert told == ["completed", "completed"]
    assert brought == {"model.onnx", "selected_tags.csv", "tags.json"}
    assert manager.start_download("wdv3") == "completed"
    assert manager.is_completed("jtp2")


def test_what_one_process_registered_another_can_bring(manage):
    """A model of the Hub needs nobody in particular."""
    manage().register_caption_generator("mine", "acme/tiny")
    other = manage()

    other.start_download("mine")

    assert _ended(other, "mine")["status"] == "completed"


def test_what_another_program_put_into_the_cache_is_completed_once_it_is_proved(manage, workshop, hub):
    """Nothing travels again."""
    snapshot_download("acme/tiny", endpoint=hub.url, cache_dir=workshop.place / "hf" / "hub")
    hub.forget()
    manager = manage()
    manager.register_caption_generator("mine", "acme/tiny")

    # Of a file that is only a moment old nobody can remember that it was proved: then it is proved once more.
    _until(lambda: manager.start_download("mine") == "completed")

    assert manager.get_download_status("mine")["status"] == "completed"
    assert hub.bytes_sent() == 0


def test_a_function_is_watched_by_what_it_writes(manage, tmp_path):
    """Its progress is the size of its place; another process sees it and joins it."""
    place, go_on = tmp_path / "voices.bin", threading.Event()

    def bring():
        place.write_bytes(b"x" * 1000)
        assert go_on.wait(60)

    manager, other = manage(), manage()
    manager.register_generic_model("voices", bring, "voices", place)

    first, second = manager.start_download("voices"), other.start_download("voices")
    seen = _until(lambda: (told := other.get_download_status("voices"))["bytes_done"] and told)
    go_on.set()

    assert (first, second) == ("queued", "joined")
    assert (seen["bytes_done"], seen["percent"], seen["status"]) == (1000, None, "downloading")
    assert _ended(manager, "voices")["status"] == "completed"
    assert manager.is_completed("voices")
    place.unlink()
    assert not manager.is_completed("voices")


def test_a_function_that_listens_is_stopped(manage, tmp_path):
    """From another process too; it can be paused, as it can be called again."""
    calls = []

    def bring(stop):
        calls.append(stop)
        stop.wait(60)

    manager, other = manage(), manage()
    manager.register_generic_model("voices", bring)
    manager.start_download("voices")
    _until(lambda: calls)

    assert other.cancel_download("voices")

    assert _ended(other, "voices")["status"] == "cancelled"
    assert calls[0].is_set()


def test_a_function_that_cannot_be_stopped_cannot_be_paused(manage):
    """Cancelled, it is told so at once, and the next model waits until it returns."""
    go_on, called = threading.Event(), threading.Event()

    def bring():
        called.set()
        assert go_on.wait(60)

    manager = manage()
    manager.register_generic_model("voices", bring)
    manager.start_download("voices")
    assert called.wait(60)

    with pytest.raises(WrongState, match="cannot be made to stop"):
        manager.pause_download("voices")
    manager.cancel_download("voices")
    cancelled = _ended(manager, "voices")
    manager.start_download("tiny")
    waits = manager.get_download_status("tiny")
    go_on.set()

    assert (cancelled["status"], cancelled["note"]) == ("cancelled", "its function runs on until it returns")
    assert waits["status"] == "queued"
    assert _ended(manager, "tiny")["status"] == "completed"


def test_a_function_that_fails_for_a_moment_is_called_again(manage, workshop):
    """Time-outs pass; a mistake does not."""
    workshop.variables["HF_DOWNLOAD_MAX_RETRIES"] = "1"
    tries = []

    def falters():
        tries.append(1)
        if len(tries) == 1:
            raise TimeoutError("read timed out")

    def broken():
        raise KeyError("no such voice")

    manager = manage()
    manager.register_generic_model("falters", falters)
    manager.register_generic_model("broken", broken)
    for one in ("falters", "broken"):
        manager.start_download(one)

    assert _ended(manager, "falters")["status"] == "completed"
    error = _ended(manager, "broken")["error"]
    assert "KeyError" in error["message"]
    assert error["retryable"] is False
    assert is_transient(ValueError("HTTP 429: rate limit"))


def test_the_job_of_a_process_that_ended_fails_and_is_retried(workshop):
    """Its function went with it; a new one takes its place."""
    started = threading.Event()

    def bring(stop):
        started.set()
        stop.wait(60)

    with UnifiedModelDownloadManager(workshop.asked()) as manager:
        manager.register_generic_model("voices", bring)
        manager.start_download("voices")
        assert started.wait(60)
    with UnifiedModelDownloadManager(workshop.asked()) as later:
        error = _until(lambda: later.get_download_status("voices")["error"])
        later.register_generic_model("voices", lambda: None)
        later.retry_download("voices")

        assert (error["kind"], error["retryable"]) == ("interrupted", True)
        assert _ended(later, "voices")["status"] == "completed"


_OWNER = """
import time
from modelready.downloads import UnifiedModelDownloadManager
manager = UnifiedModelDownloadManager()
manager.register_generic_model("mine", lambda: time.sleep(600))
manager.start_download("mine")
time.sleep(600)
"""


def test_the_job_of_a_process_that_is_killed_at_its_function_fails_and_is_retried(manage, workshop):
    """Nobody else can bring it, and it may be tried again as soon as somebody registers it anew."""
    environ = os.environ | {"MODELREADY_HOME": str(workshop.place / "state"), "HF_HOME": str(workshop.place / "hf")}
    other = manage()
    other.begin()
    with subprocess.Popen([sys.executable, "-c", _OWNER], env=environ) as owner:
        _until(lambda: (job := other.queue.open_job("mine")) and job.claimed and job.state == "downloading")
        seen = other.get_download_status("mine")
        owner.kill()

    told = _ended(other, "mine")
    other.register_generic_model("mine", lambda: None)
    other.retry_download("mine")

    assert seen["status"] == "downloading"
    assert (told["status"], told["error"]["kind"], told["error"]["retryable"]) == ("failed", "interrupted", True)
    assert _ended(other, "mine")["status"] == "completed"


def test_cancelling_ends_within_a_second_and_keeps_or_drops_what_arrived(manage, workshop, hub, tmp_path):
    """The line is slow and the file is large; no call waits for either."""
    upstream = tmp_path / "upstream" / "big"
    upstream.mkdir()
    (upstream / "weights.bin").write_bytes(bytes(range(256)) * 16_384)
    hub.add_repo("acme/big", upstream)
    hub.slow("weights.bin", bytes_per_s=1_500_000)
    manager = manage()
    manager.register_caption_generator("big", "acme/big")

    def kept():
        return list((workshop.place / "hf" / "hub").rglob("*.incomplete"))

    found = []
    for drop in (False, True):
        manager.start_download("big")
        _until(lambda: manager.get_download_status("big")["bytes_done"] > 1_000_000)
        manager.cancel_download("big", drop=drop)
        found.append((_ended(manager, "big")["status"], len(kept())))

    assert found == [("cancelled", 1), ("cancelled", 0)]


def test_a_job_whose_model_no_catalog_names_any_more_can_be_ended(manage, workshop):
    """Nobody can bring it; without an end it would wait for ever."""
    manage().queue.add("tiny")
    workshop.catalog = workshop.catalog.replace('"tiny"', '"renamed"')
    manager = manage()

    told = manager.get_download_status("tiny")["status"]

    assert (told, manager.cancel_download("tiny")) == ("queued", True)
    assert manager.get_download_status("tiny")["status"] == "cancelled"
    assert manager.clear_download("tiny") is False
    with pytest.raises(UnknownModel):
        manager.start_download("tiny")


def test_mistakes_are_told(manage):
    """Ids, repositories, names of the catalog, models that nobody knows."""
    manager = manage()

    for id_, repo in (("a/b", "acme/tiny"), ("ok", "not a repo"), ("tiny", "acme/tiny")):
        with pytest.raises(RequestError):
            manager.register_caption_generator(id_, repo)
    for call in (manager.start_download, manager.cancel_download, manager.get_download_status):
        with pytest.raises(UnknownModel, match="tinny"):
            call("tinny")
    assert ModelInfo("ok", "generic").model is None
