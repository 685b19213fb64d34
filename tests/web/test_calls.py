"""The calls of the API against a real server: what is asked for comes, once, verified, and can be steered."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
import requests

WEIGHTS = "*.safetensors"


def test_a_model_is_brought_and_told_of(served, tiny):
    """Every field of the status is there, and completed means verified."""
    before = served.status()
    started = served.do("start")

    told = served.until("completed")

    size = sum(path.stat().st_size for path in tiny.rglob("*") if path.is_file())
    assert before["status"] == "not_started"
    assert (started.status_code, started.json()["status"] in {"queued", "verifying", "downloading"}) == (202, True)
    assert (told["bytes_done"], told["bytes_total"], told["files_done"], told["files_total"]) == (size, size, 6, 6)
    assert (told["percent"], told["attempts"], told["error"], told["in_hf_cache"]) == (100.0, 1, None, True)
    assert told["queue"] == {"size": 0, "running": False, "currently_downloading": None}
    assert served.do("start").status_code == 200
    assert [job["model_id"] for job in served.get("/api/model-download-history").json()["jobs"]] == ["tiny"]


def test_what_a_model_needs_comes_before_it(served):
    """The page's start button need not know."""
    served.do("start", "spare")

    served.until("completed", model="spare")

    assert served.status("tiny")["status"] == "completed"


def test_a_thousand_starts_from_twenty_clients_are_one_download(served, hub, tiny):
    """Nobody is told that another one was first, and there is one job."""
    hub.slow(WEIGHTS, bytes_per_s=1500)
    answers = Counter()
    url = f"{served.url}/api/model-download/tiny/start"

    def ask():
        with requests.Session() as session:
            answers.update(session.post(url, timeout=60).status_code for _ in range(50))

    clients = [threading.Thread(target=ask) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    assert answers == {202: 1, 200: 999}
    assert len(served.service.manager.queue.jobs.select("WHERE model = 'tiny'")) == 1
    assert served.status()["attempts"] == 1


def test_a_download_is_paused_and_goes_on(served, hub):
    """Paused it moves nothing, and nobody's turn is lost."""
    hub.slow(WEIGHTS, bytes_per_s=4000)
    served.do("start")
    served.until("downloading")

    assert served.do("pause").status_code == 200
    paused = served.until("paused")
    hub.heal()
    resumed = served.do("resume")

    assert paused["queue"]["running"] is False
    assert resumed.status_code == 200
    assert served.until("completed")["attempts"] == 2


def test_a_download_is_cancelled_and_retried(served, hub):
    """Cancelling what is not there is no error; retrying what did not fail is one."""
    hub.slow(WEIGHTS, bytes_per_s=4000)
    assert served.do("cancel").status_code == 200
    assert served.do("retry").status_code == 409
    served.do("start")
    served.until("downloading")

    served.do("cancel")
    cancelled = served.until("cancelled")
    hub.heal()
    retried = served.do("retry")

    assert cancelled["finished_at"] is not None
    assert retried.status_code == 200
    assert served.until("completed")["attempts"] == 2


def test_a_failure_says_what_to_do(served, hub):
    """Kind, remedy, and whether trying again may help."""
    hub.status("*", 404, kind="revision")

    served.do("start")
    error = served.until("failed")["error"]

    assert error["kind"] == "not_found"
    assert "acme/tiny" in error["message"]
    assert error["remedy"]
    assert error["retryable"] is False


def test_an_end_is_noticed_with_its_cause(site, hub, listener):
    """Who is to be told hears of a failure in the queue too; its words say what is known of this machine."""
    hub.status("*", 404, kind="revision")
    site.notify = (listener.url,)

    served = site.start()
    served.do("start")
    error = served.until("failed")["error"]
    notice = listener.heard()

    assert (notice["event"], notice["model"], notice["kind"]) == ("job", "tiny", "not_found")
    assert "token" in error["message"]


def test_a_cancelled_download_is_noticed_whether_it_ran_or_waited(site, hub, listener):
    """Each has ended, and once."""
    site.notify = (listener.url,)
    site.catalog = "".join(f'[[model]]\nname = "m{one}"\nsource = "hf:acme/tiny"\nlayout = "folder"\n' for one in "ab")
    hub.slow(WEIGHTS, bytes_per_s=2000)
    served = site.start()
    for one in ("ma", "mb"):
        served.do("start", one)
    served.until("downloading", model="ma")

    for one in ("mb", "ma"):
        served.do("cancel", one)
        served.until("cancelled", model=one)
    told = [listener.heard() for _ in "ab"]
    served.stop()

    assert {(one["model"], one["result"]) for one in told} == {("ma", "cancelled"), ("mb", "cancelled")}
    assert listener.posts.empty()


def test_the_queue_has_an_order_that_can_be_changed(served, hub):
    """One runs; of those that wait, higher priority comes first."""
    served.stop()
    rows = "".join(f'[[model]]\nname = "m{one}"\nsource = "hf:acme/tiny"\nlayout = "folder"\n' for one in range(3))
    served.catalog = rows
    hub.slow(WEIGHTS, bytes_per_s=2000)
    served.start()
    for one in range(3):
        served.do("start", f"m{one}")
    served.until("downloading", model="m0")

    moved = served.post("/api/model-download/m2/priority?value=5")
    told = served.get("/api/model-download-queue-status").json()

    assert moved.json()["priority"] == 5
    assert [job["model_id"] for job in told["jobs"]] == ["m0", "m2", "m1"]
    assert told["queue"] == {"size": 3, "running": True, "currently_downloading": "m0"}


def test_a_restart_goes_on_where_it_was(site, hub, tmp_path):
    """The job waits in the queue, the bytes that arrived stay: they travel once."""
    upstream = tmp_path / "upstream" / "big"
    upstream.mkdir()
    (upstream / "weights.bin").write_bytes(bytes(range(256)) * 16_384)
    hub.add_repo("acme/big", upstream)
    site.catalog = '[[model]]\nname = "big"\nsource = "hf:acme/big"\n'
    hub.slow("weights.bin", bytes_per_s=1_500_000)
    site.start()
    site.do("start", "big")
    arrived = site.wait(lambda: (done := site.status("big")["bytes_done"]) > 1_000_000 and done)
    site.stop()
    sent = hub.bytes_sent()
    hub.heal()

    site.start()
    told = site.until("completed", model="big")

    assert arrived > 1_000_000
    assert told["attempts"] == 2
    assert hub.bytes_sent() - sent < 4_194_304 - 500_000


def test_downloads_that_are_disabled_are_refused_with_the_reason(site):
    """403 names the variable; the status says so too."""
    site.variables["DISABLE_MODEL_DOWNLOADS"] = "1"
    site.start()

    refused = site.do("start")

    assert (refused.status_code, refused.json()["kind"]) == (403, "disabled")
    assert "DISABLE_MODEL_DOWNLOADS" in refused.json()["detail"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert site.status()["status"] == "disabled"


def test_only_the_admin_clears(served, hub):
    """403 from loopback too; 409 while a living process is at it."""
    hub.slow(WEIGHTS, bytes_per_s=2000)
    served.do("start")
    served.until("downloading")

    nobody, stranger = served.do("clear"), served.do("clear", Authorization="Bearer wrong")
    busy = served.do("clear", **served.admin)
    served.do("pause")
    served.until("paused")
    cleared = served.do("clear", **served.admin)

    assert (nobody.status_code, stranger.status_code, busy.status_code) == (403, 403, 409)
    assert (cleared.status_code, cleared.json()["status"], cleared.json()["note"]) == (200, "cancelled", "cleared")


@pytest.mark.parametrize("verb", ["start", "cancel", "pause", "resume", "retry", "clear"])
def test_an_unknown_model_is_404(served, verb):
    """With the nearest name."""
    refused = served.do(verb, "tinny", **served.admin)

    assert (refused.status_code, refused.json()["status"]) == (404, 404)
    assert "did you mean" in refused.json()["remedy"]


def test_models_disk_and_metrics_tell_the_same(served):
    """Bytes on disk are those of the files."""
    served.do("start")
    size = served.until("completed")["bytes_total"]
    served.service.board.forget()

    tiny, spare = served.get("/api/models").json()["models"]
    places = served.get("/api/disk").json()["places"]
    metrics = served.get("/metrics")

    assert (tiny["state"], tiny["bytes_on_disk"], tiny["required"], tiny["lacking"]) == ("complete", size, True, [])
    assert (tiny["title"], tiny["kind"], tiny["tags"], tiny["job"]["status"]) == (
        "The tiny one",
        "caption",
        ["small"],
        "completed",
    )
    assert (spare["required"], spare["decided_by"], spare["needs"]) == (False, "ENABLE_SPARE", ["tiny"])
    assert places[0]["label"] == "Hub cache"
    assert {"model": "tiny", "bytes": size} in places[0]["used"]
    assert metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert f"modelready_fetched_bytes_total {float(size)}" in metrics.text
    assert metrics.text.endswith("# EOF\n")


def test_a_missing_file_is_named(served):
    """By its path in the source, with its bytes."""
    served.do("start")
    served.until("completed")
    for blob in (served.place / "hf" / "hub").glob("models--acme--tiny/snapshots/*/words.json"):
        blob.unlink()
    served.service.board.forget()

    tiny = served.get("/api/models").json()["models"][0]

    assert (tiny["state"], tiny["lacking"]) == ("partial", [{"path": "words.json", "bytes": 14}])
    assert served.status()["status"] == "not_started"
