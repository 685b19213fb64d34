"""Notice of what has ended goes to those who were named, is tried again, and never changes how a run ends."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina

from modelready import notices
from modelready.certificate import Judged, Run, Verdict
from modelready.downloads.jobs import Job
from modelready.downloads.worker import Order, Worker
from modelready.errors import RequestError, ServerFault, SourceError
from modelready.model import Fault
from modelready.network import posts
from modelready.placing import Options

RUN = Run(
    started="2026-01-01T00:00:00+00:00",
    finished="2026-01-01T00:00:02+00:00",
    verdicts=(
        Verdict("files.are_there", "flux", "failed", "gone", (Fault("hf:acme/flux", "gone", "", "not_found"),)),
        Verdict("files.are_there", "tts", "passed"),
    ),
    models=(
        Judged("flux", True, "hf:acme/flux", "", "failed", "gone"),
        Judged("tts", True, "hf:acme/tts", "c" * 40, "proved"),
        Judged("off", False, "hf:acme/off", "", "not required", "OFF is not set"),
    ),
    subjects=(),
)


class Listener(ThreadingHTTPServer):
    """Takes what is posted; answers with the statuses it was given, then with 204."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answering)
        self.posts, self.statuses, self.silent = [], [], threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook/a-secret-path?key=a-secret-key"


class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, dict(self.headers), json.loads(body)))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status is None:
            self.server.silent.wait(60)
        self.send_response(status or 204)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def listener():
    """Give somebody who wants to know."""
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.silent.set()
        server.shutdown()


@pytest.fixture
def no_waits():
    """Back off for no time at all."""
    stamina.set_testing(True, attempts=4, cap=True)
    yield
    stamina.set_testing(False)


def test_a_run_is_told_in_names_counts_and_kinds(listener):
    """With a line that chat programs show."""
    told = notices.Notices([listener.url])
    told.run(RUN, "Not ready: 1 of 2 required models ready")
    told.close(60)

    ((path, sent, body),) = listener.posts
    assert path == "/hook/a-secret-path?key=a-secret-key"
    assert "Authorization" not in sent
    assert (body["event"], body["result"], body["required"], body["ready"]) == ("certification", "FAILED", 2, 1)
    assert (body["not_ready"], body["kinds"], body["checks"]) == (["flux"], ["not_found"], {"failed": 1, "passed": 1})
    assert body["text"] == "modelready: Not ready: 1 of 2 required models ready"
    assert told.failures == []


@pytest.mark.parametrize("status", [503, 429, 500])
def test_what_may_pass_is_tried_again(listener, no_waits, status):
    """A service that restarts is told all the same."""
    listener.statuses = [status, status]
    told = notices.Notices([listener.url])
    told.run(RUN, "")
    told.close(60)

    assert len(listener.posts) == 3
    assert told.failures == []


@pytest.mark.parametrize("status", [404, 302, 400])
def test_what_will_not_pass_is_not(listener, status):
    """And no redirect is followed."""
    listener.statuses = [status]

    with pytest.raises(ServerFault, match=f"answers {status}"):
        posts.post(listener.url, {}, user_agent="test")

    assert len(listener.posts) == 1


def test_nobody_there_is_a_warning_that_tells_no_secret(no_waits):
    """Its host is named; what stands behind it may open a door."""
    with Listener() as gone:
        url = gone.url.replace("http://", "http://user:a-secret-word@")
    told = notices.Notices([url])
    told.run(RUN, "")
    told.close(60)

    (failure,) = told.failures
    assert failure.startswith("127.0.0.1:")
    assert "secret" not in failure


def test_a_silent_listener_keeps_nobody(listener):
    """It is left to itself, and told of."""
    listener.statuses = [None]
    told = notices.Notices([listener.url])
    told.run(RUN, "")

    told.close(patience_s=0.2)

    assert "takes no notice within" in told.failures[0]


def test_a_listener_that_refused_once_is_told_only_the_end(listener):
    """A thousand models cost one time-out, not a thousand."""
    listener.statuses = [404]
    told = notices.Notices([listener.url])
    for name in ("a", "b", "c"):
        told.job(Job("run", name, state="failed", error_kind="offline"))
    told.run(RUN, "")
    told.close(60)

    assert [body["event"] for _, _, body in listener.posts] == ["job", "certification"]


def test_jobs_are_told_unless_they_found_everything_in_place(listener, workshop):
    """A failed one with its kind, and whether trying again may help."""
    workshop.catalog += '[[model]]\nname = "gone"\nsource = "hf:acme/gone"\n'
    told = notices.Notices([listener.url])
    for run in ("first", "second"):
        asked = workshop.asked()
        worker = Worker(Order(list(asked.required.values()), asked.ground, run, Options(), told.job))
        worker.start()
        worker.join()
    told.close(60)

    bodies = [body for _, _, body in listener.posts]
    assert [(body["model"], body["result"]) for body in bodies] == [
        ("tiny", "completed"),
        ("gone", "failed"),
        ("gone", "failed"),
    ]
    assert bodies[0]["fetched"] == bodies[0]["bytes"] > 0
    assert (bodies[1]["kind"], bodies[1]["retryable"]) == ("not_found", False)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://hooks.example/a-secret", "http://hooks.example: what is posted there could be read on the way"),
        ("ftp://hooks.example/a-secret", "ftp://hooks.example: is no address to post to"),
        ("https:///a-secret", "is no address to post to"),
        ("a-secret", "is no address to post to"),
        ("https://hooks.example:99999/a-secret", "is no address to post to"),
    ],
)
def test_an_address_that_nothing_may_be_posted_to_is_refused_at_once(url, told):
    """Before anything is brought, and without the secret in it."""
    with pytest.raises(RequestError) as refused:
        notices.urls([url], {})

    assert told in str(refused.value)
    assert str(refused.value).startswith("--notify: ")
    assert "a-secret" not in str(refused.value)


def test_addresses_may_stand_in_a_variable():
    """Where a process list does not show them; the option is stronger."""
    environ = {"MODELREADY_NOTIFY": "https://a.example/x, http://localhost:1/y http://[::1]:2/z"}

    assert notices.urls([], environ) == ("https://a.example/x", "http://localhost:1/y", "http://[::1]:2/z")
    assert notices.urls(["https://b.example"], environ) == ("https://b.example",)
    with pytest.raises(RequestError, match="MODELREADY_NOTIFY: "):
        notices.urls([], {"MODELREADY_NOTIFY": "http://b.example"})


def test_an_address_that_cannot_be_spoken_to_tells_no_secret():
    """Whatever the library says of it."""
    with pytest.raises(SourceError) as refused:
        posts.post("https://xn--\u0000/a-secret", {}, user_agent="test")

    assert "a-secret" not in str(refused.value)


def test_a_run_ends_as_it_would_have_ended(tiny_machine, listener):
    """The face: options, several listeners, and a warning for the one that is gone."""
    with Listener() as other:
        gone = other.url
    done = tiny_machine.run("provision", "--notify", listener.url, "--notify", gone)

    assert done.returncode == 0, done.stdout + done.stderr
    assert [body["event"] for _, _, body in listener.posts] == ["job", "certification"]
    assert listener.posts[1][2]["result"] == "PASSED"
    assert "warning: no notice was given: 127.0.0.1" in done.stdout
    assert "a-secret" not in done.stdout + done.stderr
