"""Why nothing was answered is told apart by what was raised, never by its words."""

from __future__ import annotations

import errno
import pkgutil
import socket
import ssl
import threading
from importlib import import_module

import pytest

import modelready as package
from modelready import errors, explanations
from modelready.network import reasons
from modelready.network.faults import Passing


@pytest.fixture
def proxied(monkeypatch):
    """Give a function that names the proxy for what is no loopback address."""

    def through(url):
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)

    return through


@pytest.fixture
def closed_port():
    """Give the port of nobody."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def answering():
    """Give a function that lets a port answer everything with one status, and gives its number."""
    opened = []

    def port(status):
        opened.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=_answer, args=(opened[-1], status), daemon=True).start()
        return opened[-1].getsockname()[1]

    yield port
    for one in opened:
        one.close()


def test_a_name_that_nobody_knows_is_dns(server, want, fetch, small):
    """A typing error in HF_ENDPOINT is no lack of a network."""
    server.serve("small", small)

    with pytest.raises(errors.UnknownHost, match=r"no-such-host\.invalid"):
        fetch(want("small", url="http://no-such-host.invalid/x"), max_retries=0)


def test_http_where_tls_is_expected_is_tls(server, want, fetch, small, answering):
    """The address says https, and what answers does not speak it."""
    server.serve("small", small)
    url = f"https://127.0.0.1:{answering(b'400 Bad Request')}/small"

    with pytest.raises(errors.Untrusted, match="no encrypted connection"):
        fetch(want("small", url=url), max_retries=0)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_told(server, want, fetch, small, proxied, closed_port, scheme):
    """Nobody looks for the fault at the source."""
    proxied(f"http://127.0.0.1:{closed_port}")
    server.serve("small", small)

    with pytest.raises(errors.ProxyRefused, match="through the proxy"):
        fetch(want("small", url=f"{scheme}://models.invalid/x"), max_retries=0)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_asks_for_a_password_is_told(server, want, fetch, small, proxied, answering, scheme):
    """407 is the proxy's word, for a tunnel and for a plain request."""
    proxied(f"http://user:a-secret-word-0@127.0.0.1:{answering(b'407 Proxy Authentication Required')}")
    server.serve("small", small)

    with pytest.raises(errors.ProxyRefused, match="407") as told:
        fetch(want("small", url=f"{scheme}://models.invalid/x"), max_retries=0)

    assert "a-secret-word-0" not in str(told.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(OSError(errno.ENETUNREACH, "Network is unreachable"), "offline", id="no route"),
        pytest.param(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "offline", id="refused"),
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "dns", id="no name server"),
        pytest.param(ssl.SSLEOFError("cut"), "server_fault", id="cut under TLS"),
        pytest.param(ConnectionResetError(errno.ECONNRESET, "reset"), "server_fault", id="reset"),
        pytest.param(TimeoutError("timed out"), "stalled", id="silence"),
        pytest.param(ssl.SSLError(1, "[SSL] handshake failure"), "tls", id="handshake"),
    ],
)
def test_each_fault_of_the_wire_has_its_kind(error, kind):
    """By exception type and number."""
    assert reasons.unanswered("https://models.invalid/x", error).error.kind == kind


def test_a_certificate_is_refused_at_once():
    """Asking again changes nothing."""
    with pytest.raises(errors.Untrusted):
        reasons.unanswered("https://models.invalid/x", ssl.SSLCertVerificationError("self-signed"))


def test_a_place_that_is_mounted_read_only_is_told(tmp_path):
    """Its permissions need no mending."""
    told = errors.not_writable(tmp_path, OSError(errno.EROFS, "Read-only file system"))

    assert (told.kind, type(told)) == ("read_only", errors.ReadOnly)


def test_whether_to_try_again_depends_on_the_kind_alone():
    """A program that knows the kind, from a row or from JSON, knows this too."""
    told = {(one.kind, one.retryable) for one in _all(errors.ModelreadyError)}

    assert told == {(kind, one.retry) for kind, one in explanations.errors().items()}


def test_a_fault_that_may_pass_is_what_it_becomes():
    """Nothing is lost when it lasts."""
    fault = reasons.silent("https://models.invalid/x")

    assert isinstance(fault, Passing)
    assert fault.error.retryable


def _all(error):
    for module in pkgutil.walk_packages(package.__path__, "modelready."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    return [error, *(below for child in error.__subclasses__() for below in _all(child))]


def _answer(listening, status):
    """Answer *status* to everybody, until nobody listens any more."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
