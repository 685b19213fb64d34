"""Redirects are followed, and the token stays at home."""

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from modelready import errors
from modelready.network.http import Client, origin, prepared
from modelready.transfer import Access

TOKEN = "hf_a_secret_that_must_not_travel"


def moved(to, status=302, **headers):
    """Send elsewhere."""

    def fault(answering):
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        answering.head(status, {"Location": to, "Content-Length": 0} | shown)

    return fault


def test_the_token_goes_to_its_own_origin_only(server, other_server, want, fetch, small):
    """A CDN gets the request, not the token."""
    target = other_server.serve("cdn/abc", small)
    server.serve("weights.bin", small, lasting=moved(target + "?signature=x"))

    assert fetch(want(), token=TOKEN) == [small]
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in other_server.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_relative_redirect_keeps_the_token(server, want, fetch, small, status):
    """The Hub sends small files to /api/resolve-cache of its own."""
    server.serve("api/weights", small)
    server.serve("weights.bin", small, lasting=moved("/api/weights", status))

    assert fetch(want(), token=TOKEN) == [small]
    assert server.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_pieces_go_straight_to_where_the_first_was_sent(server, other_server, want, fetch, large):
    """The Hub is asked once a file, not once a piece."""
    server.serve("weights.bin", large, lasting=moved(other_server.serve("cdn", large)))

    assert fetch(want(), connections=1) == [large]
    assert len(server.requests) == 1
    assert len(other_server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_expired_address_is_renewed(server, other_server, want, fetch, large, status):
    """Signed addresses live for minutes; large files take longer."""
    target = other_server.serve("cdn", large)
    server.serve("weights.bin", large, lasting=moved(target))
    once = []

    def expiring(answering):
        if answering.span[0] and not once:
            once.append(True)
            return other_server.status(status)(answering)
        return answering.well()

    other_server.things["cdn"].lasting = expiring

    assert fetch(want(), connections=1) == [large]
    assert len(server.requests) == 2


def test_an_address_that_never_works_is_given_up(server, other_server, want, fetch, small):
    """Each renewal is refused."""
    target = other_server.serve("cdn", small, lasting=other_server.status(403))
    server.serve("weights.bin", small, lasting=moved(target))

    with pytest.raises(errors.ServerFault, match="answers 403 Reason to an address that"):
        fetch(want(), max_retries=2)

    assert len(other_server.requests) == 3


def test_a_circle_is_told(server, want, fetch, small):
    """It may pass, if not it is an error with both ends."""
    server.serve("weights.bin", small, lasting=moved("/b"))
    server.serve("b", small, lasting=moved("/weights.bin"))

    with pytest.raises(errors.ServerFault, match=r"weights.bin redirects in a circle, last to .*weights.bin"):
        fetch(want(), max_retries=1)


def test_a_long_way_is_told(server, want, fetch, small):
    """Ten steps are enough."""
    for step in range(20):
        server.serve(f"{step}", small, lasting=moved(f"/{step + 1}"))

    with pytest.raises(errors.ServerFault, match="more than 10 times"):
        fetch(want("0"), max_retries=0)


def test_a_circle_that_passes_is_nothing(server, want, fetch, small):
    """The next try goes well."""
    server.serve("weights.bin", small, moved("/weights.bin"))

    assert fetch(want()) == [small]


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher:x"])
def test_only_http_is_followed(server, want, fetch, small, target):
    """Nothing on this machine is read because a server says so."""
    server.serve("weights.bin", small, lasting=moved(target))

    with pytest.raises(errors.ServerFault, match="redirects to"):
        fetch(want())


@responses.activate
def test_encryption_is_not_given_up():
    """A redirect from https to http is refused before anything is sent there."""
    responses.get("https://hub.test/x", status=302, headers={"Location": "http://hub.test/x"})
    client = Client(Access("https://hub.test", token=TOKEN))

    with pytest.raises(errors.ServerFault, match="no encrypted address"):
        client.get("https://hub.test/x", asking={}, timeout_s=1)

    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    "url", ["https://hub.test:444/x", "https://cdn.hub.test/x", "https://hub.test.evil/x", "http://hub.test/x"]
)
@responses.activate
def test_a_neighbour_is_another_origin(url):
    """Scheme, host and port make a home."""
    responses.get(url, body=b"x")
    client = Client(Access("https://hub.test", token=TOKEN))

    client.get(url, asking={}, timeout_s=1)

    assert "Authorization" not in responses.calls[0].request.headers


@responses.activate
def test_home_is_home_however_it_is_written():
    """Case and the standard port do not matter."""
    responses.get("https://HUB.test:443/x", body=b"x")
    client = Client(Access("https://hub.test", token=TOKEN))

    client.get("https://HUB.test:443/x", asking={}, timeout_s=1)

    assert responses.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


@responses.activate
def test_netrc_is_not_read(monkeypatch, tmp_path):
    """Its passwords were not given for this."""
    (tmp_path / "netrc").write_text("machine hub.test login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    responses.get("https://hub.test/x", body=b"x")

    Client(Access("https://hub.test")).get("https://hub.test/x", asking={}, timeout_s=1)

    assert "Authorization" not in responses.calls[0].request.headers


def test_a_proxy_from_the_environment_is_used(server, want, fetch, monkeypatch, small):
    """It is asked for the whole address."""
    server.serve("http://hub.invalid/weights.bin", small)
    monkeypatch.setenv("http_proxy", server.url)

    assert fetch(want("weights.bin", small, url="http://hub.invalid/weights.bin")) == [small]


def test_a_token_is_never_shown(server, want, fetch, small):
    """Neither by a value nor by an error."""
    server.serve("weights.bin", small, lasting=server.status(401))

    with pytest.raises(errors.Unauthorised) as told:
        fetch(want(url=f"{server.url}/weights.bin?token={TOKEN}"), token=TOKEN)

    assert TOKEN not in f"{told.value} {told.value!r} {Access('x', token=TOKEN)!r}"
    assert "check the token in HF_TOKEN" in told.value.remedy


@pytest.mark.parametrize("url", ["http://[::1", "nonsense", "http://", "http://a b/"])
def test_an_address_that_is_none_is_told(want, server, fetch, small, url):
    """A catalog can hold anything."""
    server.serve("weights.bin", small)

    with pytest.raises(errors.ModelreadyError):
        fetch(want(url=url), max_retries=0)


def test_an_origin_is_scheme_host_and_port():
    """And strange ports are none."""
    assert origin("HTTPS://Hub.test/x") == ("https", "hub.test", 443)
    assert origin("http://hub.test:x/") == ("http", "hub.test", 80)


@responses.activate
def test_what_responses_mocks_is_received(want, server, fetch, small):
    """Its bodies are no sockets; everything works all the same."""
    server.serve("weights.bin", small)
    responses.get(f"{server.url}/weights.bin", body=requests.ConnectionError("mocked"))
    responses.get(f"{server.url}/weights.bin", body=small, headers={"ETag": '"a"'})

    assert fetch(want()) == [small]


@given(
    path=st.lists(st.text("abAZ09._~-/%+ é?#", min_size=1, max_size=8), min_size=1, max_size=3).map("/".join),
    host=st.sampled_from(["127.0.0.1:8080", "huggingface.co", "localhost:59999", "a-b.example:443"]),
    scheme=st.sampled_from(["http", "https"]),
)
def test_an_address_is_sent_as_requests_itself_would_send_it(path, host, scheme):
    """Most are known to need nothing done; whichever way one goes, the server sees the same."""
    url, sent = f"{scheme}://{host}/{path}", {"User-Agent": "x", "Range": "bytes=0-"}
    ours, theirs = prepared(url, sent), requests.Request("GET", url, headers=sent).prepare()

    assert (ours.method, ours.url, ours.headers, ours.body) == (theirs.method, theirs.url, theirs.headers, None)
    assert ours.path_url == theirs.path_url
