"""Who may ask: no page elsewhere, no name that somebody points here, no stranger, and not too much at once."""

from __future__ import annotations

import json
import socket

import pytest
import requests

from modelready.errors import RequestError
from modelready.web import serving
from modelready.web.app import create_app
from modelready.web.guards import MOST_BODY, Access, Rates, is_loopback
from modelready.web.service import Service

TOKEN = "hf_" + "abcdEFGHijklMNOPqrstUVWXyz01234567"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Host": "evil.example"}, 421, id="a name that was pointed here"),
        pytest.param({"Host": "127.0.0.1.evil.example:8091"}, 421, id="a name that looks like ours"),
        pytest.param({"Host": ""}, 421, id="no name"),
        pytest.param({"Host": "localhost:1"}, 202, id="our name"),
        pytest.param({"Host": "[::1]:8091"}, 202, id="our name, six"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="another origin"),
        pytest.param({"Origin": "null"}, 403, id="an origin that hides"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a neighbour of the site"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 202, id="our page"),
        pytest.param({"Sec-Fetch-Site": "none"}, 202, id="the address bar"),
    ],
)
def test_a_download_starts_only_for_who_may(served, headers, status):
    """A page that a browser visits must not start downloads here."""
    answer = served.do("start", **headers)

    assert answer.status_code == status
    assert (served.status()["created_at"] is not None) == (status == 202)


def test_other_origins_read_nothing_either(served):
    """No answer of the API has a header that lets them."""
    refused = served.get("/api/models", Origin="https://evil.example")
    allowed = served.get("/api/models", Origin=served.url)

    assert (refused.status_code, allowed.status_code) == (403, 200)
    assert "access-control-allow-origin" not in allowed.headers


@pytest.mark.parametrize("path", ["/", "/docs", "/api/models", "/nowhere", "/page/nothing.js", "/healthz"])
def test_every_answer_has_the_headers_that_protect(served, path):
    """The page may ask nobody but us, and nobody may frame it."""
    headers = served.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path", ["/page/../app.py", "/page/..%2fapp.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/page/%00"]
)
def test_the_page_gives_nothing_but_itself(served, path):
    """Paths from outside never leave their folder."""
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))

    assert answer.split(b" ")[1] in {b"404", b"400"}


def test_a_body_that_is_too_large_or_endless_is_refused(served):
    """No call needs one."""
    url = f"{served.url}/api/model-download/tiny/start"

    large = requests.post(url, data=b"x" * (MOST_BODY + 1), timeout=60)
    endless = requests.post(url, data=iter([b"x"]), timeout=60)
    small = requests.post(url, json={}, timeout=60)
    padded = served.post("/api/model-download/tiny/start", **{"Content-Length": f"{'0' * 12}{MOST_BODY + 1}"})

    assert (large.status_code, endless.status_code, small.status_code) == (413, 411, 202)
    assert padded.status_code == 413


def test_who_asks_too_often_waits(served):
    """One address cannot keep the others from being heard."""
    rates = Rates(rate=0.001, burst=3)

    may = [rates.may("10.0.0.1") for _ in range(5)]

    assert may == [True, True, True, False, False]
    assert rates.may("10.0.0.2")


def test_a_server_for_others_wants_a_token(site):
    """Reading is free, changing is not, and names that were not allowed are refused."""
    with pytest.raises(RequestError, match="MODELREADY_ADMIN_TOKEN"):
        serving.check(Access("0.0.0.0"))
    site.access = Access("0.0.0.0", ("models.example",), "an-admin-token")
    serving.check(site.access)
    site.start()

    answers = {
        "by address": site.get("/api/models", Host="10.1.2.3:8091").status_code,
        "by its name": site.get("/api/models", Host="models.example").status_code,
        "by another": site.get("/api/models", Host="evil.example").status_code,
        "a start": site.do("start").status_code,
        "a start with a wrong token": site.do("start", Authorization="Bearer ä").status_code,
        "the admin's start": site.do("start", **site.admin).status_code,
    }

    assert list(answers.values()) == [200, 200, 421, 403, 403, 202]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.9.9.9", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_what_only_this_machine_reaches(host, expected):
    """A name that is not an address is none, whatever it leads to today."""
    assert is_loopback(host) == expected
    assert not is_loopback("models.example")


def test_a_token_is_never_right_where_none_was_set():
    """An empty token opens nothing."""
    assert not Access().is_admin("Bearer ")
    assert not Access(admin_token="secret").is_admin("Basic secret")
    assert Access(admin_token="secret").is_admin("bearer secret")


def test_no_answer_holds_a_path_or_a_token(site, hub):
    """Errors name paths and addresses for who sits before the machine; the API takes them out."""
    site.variables["HF_TOKEN"] = TOKEN
    (site.place / "models").write_text("a file where a folder should be")
    site.start()
    site.do("start", "spare")
    failed = site.until("failed", model="spare")
    site.service.manager.queue.add("tiny")
    site.service.board.forget()

    paths = ("/api/models", "/api/disk", "/api/certificate", "/api/model-download-queue-status", "/readyz", "/metrics")
    answers = [site.get(path).text for path in (*paths, "/api/model-download-history", "/openapi.json")]
    answers += [json.dumps(failed)]

    assert failed["error"]["kind"] in {"permission", "disk_full"}
    assert [text for text in answers if str(site.place) in text or TOKEN in text or "/tmp" in text] == []


def test_folders_with_spaces_are_hidden_whole(site, tmp_path):
    """Where media lie, too; and a folder whose name only begins like one that is known."""
    medium = tmp_path / "My Drive" / "for nobody" / "x y.bin"
    site.catalog += f'[[model]]\nname = "carried"\nsource = "file:{medium}"\nlayout = "folder"\n'
    asked = site.asked()
    service = Service(asked, site.access)

    told = service.board.hidden([f"file:{medium}", f"{site.place}/models2/secret/z", f"see {site.place}/models."])

    assert told == ["file:…/x y.bin", "…/z", "see …."]
    asked.ground.close()


def test_a_bug_is_told_without_its_inside(site, monkeypatch):
    """Its traceback is for who runs the server."""
    site.start()
    monkeypatch.setattr(site.service.board, "disk", lambda: 1 / 0)

    answer = site.get("/api/disk")

    assert (answer.status_code, answer.json()["kind"]) == (500, "bug")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text


def test_a_port_that_is_taken_is_told(served):
    """One line, with what to do."""
    port = int(served.url.rpartition(":")[2])

    with pytest.raises(RequestError, match="cannot be served"):
        serving.listen("127.0.0.1", port)


def test_the_page_is_served_where_it_is_installed(served, tmp_path, monkeypatch):
    """And a plain word where it is not."""
    monkeypatch.setattr("modelready.web.app._PAGE", tmp_path)
    app = create_app(served.service)
    index = next(route for route in app.routes if getattr(route, "path", "") == "/").endpoint

    absent = index().body.decode()
    (tmp_path / "index.html").write_text("<!doctype html>")

    assert "/docs" in absent
    assert index().path == tmp_path / "index.html"
