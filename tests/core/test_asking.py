"""A question is asked again while that makes sense, and never for ever."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import threading
import time
from email.utils import format_datetime

import pytest

from modelready import errors
from modelready.mirror import Mirror
from modelready.network.access import Access
from modelready.sources import asking
from modelready.sources.asking import Asker, Refused


@pytest.fixture
def question(hub, tiny):
    """Give an address that answers JSON."""
    hub.add_repo("acme/tiny", tiny)
    return f"{hub.url}/api/models/acme/tiny/revision/main"


def asker(hub, stop=None, **patience):
    """Give an asker with little patience."""
    return Asker(Access(hub.url, **({"timeout_s": 0.3, "max_retries": 1, "silence_s": 2.0} | patience)), stop)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda hub: hub.status("*", 503, kind="any", times=1), id="503"),
        pytest.param(lambda hub: hub.status("*", 429, kind="any", times=1, headers={"Retry-After": "0"}), id="429"),
        pytest.param(
            lambda hub: hub.status(
                "*", 503, kind="any", times=1, headers={"Retry-After": format_datetime(dt.datetime.now(dt.UTC), True)}
            ),
            id="until a date",
        ),
        pytest.param(lambda hub: hub.drop_after("*", None, kind="any", times=1), id="dropped"),
        pytest.param(lambda hub: hub.drop_after("*", 10, kind="any", times=1), id="cut"),
        pytest.param(lambda hub: hub.stall("*", kind="any", times=1), id="silent"),
        pytest.param(lambda hub: hub.replace_body("*", b"<html>", kind="any", times=1), id="page"),
    ],
)
def test_what_passes_is_asked_again(hub, question, spoil):
    """Once is no reason to fail."""
    spoil(hub)

    assert "sha" in asker(hub).ask(question).json
    assert len(hub.requests) == 2


def test_a_refusal_is_not_asked_again(hub, question):
    """A 404 stays a 404."""
    hub.remove("acme/tiny")

    with pytest.raises(Refused, match="RepoNotFound") as caught:
        asker(hub, max_retries=5).ask(question)

    assert caught.value.status in {401, 404}
    assert len(hub.requests) == 1


def test_what_lasts_is_given_up_after_as_many_tries_as_allowed(hub, question):
    """HF_DOWNLOAD_MAX_RETRIES bounds them."""
    hub.status("*", 503, kind="any", headers={"Retry-After": "0"})

    with pytest.raises(errors.ServerFault, match="answers 503"):
        asker(hub, max_retries=3).ask(question)

    assert len(hub.requests) == 4


def test_a_server_that_asks_for_too_long_a_wait_is_given_up_at_once(hub, question):
    """An hour is no wait."""
    hub.status("*", 429, kind="any", headers={"Retry-After": "3600"})

    with pytest.raises(errors.RateLimited, match="in 3600 s"):
        asker(hub, max_retries=5).ask(question)

    assert len(hub.requests) == 1


def test_a_server_found_silent_is_not_asked_again(hub, question):
    """A second model would wait as long for nothing."""
    hub.stall("*", kind="any")
    one = asker(hub, max_retries=0)
    with pytest.raises(errors.Stalled):
        one.ask(question)
    hub.heal()
    asked = len(hub.requests)

    with pytest.raises(errors.Stalled):
        one.ask(question)

    assert len(hub.requests) == asked


def test_a_server_that_is_not_there_is_told():
    """Nothing listens there."""
    with Mirror() as hub:
        url = hub.url

    with pytest.raises(errors.Offline, match="cannot be reached"):
        Asker(Access(url, max_retries=0)).ask(f"{url}/api")


def test_nothing_is_asked_once_stopped(hub, question):
    """Ctrl-C while models are planned."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(errors.Interrupted):
        asker(hub, stop).ask(question)

    assert hub.requests == ()


def test_stopping_ends_the_waiting(hub, question):
    """A wait that the server asked for is not waited out."""
    hub.status("*", 503, kind="any", headers={"Retry-After": "60"})
    stop = threading.Event()
    watch = threading.Thread(target=lambda: (_until(lambda: hub.requests), stop.set()))
    watch.start()

    with pytest.raises(errors.Interrupted):
        asker(hub, stop, max_retries=5, silence_s=300.0).ask(question)

    watch.join()
    assert len(hub.requests) == 1


def test_an_answer_without_end_is_given_up(hub, question, monkeypatch):
    """Memory is not the server's to fill."""
    monkeypatch.setattr(asking, "_MOST_BYTES", 10)

    with pytest.raises(errors.ServerFault, match="without end"):
        asker(hub).ask(question)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="in its headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="in its body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", id="in a body of known length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", id="in a chunk"),
    ],
)
def test_a_server_that_only_trickles_is_given_up(head):
    """A byte now and then keeps every read of the socket alive, and the whole waiting for hours."""
    with _trickling(head) as url, pytest.raises(errors.Stalled, match="went silent"):
        Asker(Access(url, timeout_s=2.0, max_retries=5, silence_s=1.0)).ask(f"{url}/api")


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"size": 1' + b"0" * 5000 + b"}"], ids=["deep", "long number"])
def test_json_that_nobody_can_read_is_no_json(hub, question, text):
    """The parser's own limits are the server's fault."""
    hub.replace_body("*", text, kind="any")

    with pytest.raises(errors.ServerFault, match="where JSON was expected"):
        asker(hub, max_retries=0).ask(question)


def test_a_refusal_of_one_thread_is_not_anothers(hub, question, tiny):
    """Models are resolved by several threads at once."""
    hub.add_repo("acme/other", tiny)
    one, found = asker(hub), {}

    def ask(name):
        try:
            found[name] = one.ask(f"{hub.url}/api/models/acme/{name}/revision/main").url
        except Refused as refused:
            found[name] = refused.status

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("tiny", "other", "none")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found["tiny"].endswith("acme/tiny/revision/main")
    assert found["other"].endswith("acme/other/revision/main")
    assert found["none"] in {401, 404}


@contextlib.contextmanager
def _trickling(head):
    """Give the address of a server that answers with *head*, and then with a byte now and then."""
    over = threading.Event()

    def answer(connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(head)
            while not over.wait(0.1):
                connection.sendall(b" ")

    def accept(listening):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        listening.shutdown(socket.SHUT_RDWR)


def _until(condition):
    while not condition():
        time.sleep(0.01)
