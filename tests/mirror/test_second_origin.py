"""Large files from a second origin: signed addresses, no tokens, and addresses that expire."""

from urllib.parse import urlsplit

import pytest
import requests

from modelready.mirror import Cdn, Mirror

REPO = "org/tiny"
WEIGHTS = f"/{REPO}/resolve/main/model.safetensors"


@pytest.fixture
def cdn(folder):
    """Give a mirror with a second origin."""
    with Mirror(cdn=True, token="hf_right") as running:
        running.add_repo(REPO, folder)
        yield running


def _location(mirror, session):
    return session.get(mirror.url + WEIGHTS, timeout=30, allow_redirects=False).headers["Location"]


def test_large_files_are_elsewhere_and_small_ones_here(cdn, session, files):
    """The answer says digest, size and commit, and sends to another host and port."""
    large = session.head(cdn.url + WEIGHTS, timeout=30, allow_redirects=False)
    small = session.get(f"{cdn.url}/{REPO}/resolve/main/config.json", timeout=30, allow_redirects=False)

    here, there = urlsplit(cdn.url), urlsplit(large.headers["Location"])
    assert (large.status_code, small.status_code) == (302, 200)
    assert large.headers["X-Linked-Size"] == str(len(files["model.safetensors"]))
    assert (here.hostname, there.hostname) == ("127.0.0.1", "localhost")
    assert here.port != there.port
    assert "Signature=" in there.query


def test_the_body_comes_in_parts_too(cdn, session, files):
    """Range works behind the redirect; the log knows which file it was."""
    answer = session.get(cdn.url + WEIGHTS, headers={"Range": "bytes=5-"}, timeout=30)

    assert (answer.status_code, answer.content) == (206, files["model.safetensors"][5:])
    assert [(request.kind, request.file) for request in cdn.requests] == [
        ("get", "model.safetensors"),
        ("cdn", "model.safetensors"),
    ]
    assert cdn.bytes_sent() == len(files["model.safetensors"]) - 5


def test_a_token_sent_along_is_refused(cdn, session):
    """As signed storage does, so that a client that leaks its token is found out."""
    location = _location(cdn, session)

    leaked = requests.get(location, headers={"Authorization": "Bearer hf_right"}, timeout=30)

    assert leaked.status_code == 400
    assert cdn.requests[-1].has_authorization


@pytest.mark.parametrize("target", ["/", "/org/tiny/none?Signature=abc"])
def test_an_address_that_was_not_signed_opens_nothing(cdn, session, target):
    """There is nothing to guess."""
    origin = urlsplit(_location(cdn, session))

    assert requests.get(f"http://{origin.netloc}{target}", timeout=30).status_code == 403


def test_addresses_expire_when_told(cdn, session):
    """An old one is refused, a new one works."""
    old = _location(cdn, session)
    cdn.expire_urls()
    new = _location(cdn, session)

    assert "expired" in requests.get(old, timeout=30).text
    assert requests.get(new, timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("terms", "statuses"),
    [
        pytest.param(Cdn(uses=2), [200, 200, 403], id="after two uses"),
        pytest.param(Cdn(expires_s=0), [403, 403, 403], id="at once"),
        pytest.param(Cdn(expires_s=3600), [200, 200, 200], id="in an hour"),
    ],
)
def test_addresses_expire_by_themselves(folder, session, terms, statuses):
    """By time or by use."""
    with Mirror(cdn=terms) as mirror:
        mirror.add_repo(REPO, folder)
        location = _location(mirror, session)

        assert [requests.get(location, timeout=30).status_code for _ in range(3)] == statuses


def test_faults_reach_the_second_origin(cdn, session, files):
    """Those about bodies find them here, and "cdn" means this origin alone."""
    cdn.flip_byte("*.safetensors", at=0, times=1)
    cdn.status("*.safetensors", 403, kind="cdn", times=1, skip=1)

    first, second, third = (session.get(cdn.url + WEIGHTS, timeout=30) for _ in range(3))

    assert first.content[1:] == files["model.safetensors"][1:]
    assert first.content[0] == 0xFF
    assert (second.status_code, third.status_code) == (403, 200)


def test_a_file_that_changed_on_disk_is_refused_there_too(cdn, session, folder):
    """The address outlived the file."""
    location = _location(cdn, session)
    (folder / "model.safetensors").write_bytes(b"other")

    assert requests.get(location, timeout=30).status_code == 409


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost:1", "127.0.0.1"), ("[::1]:1", "localhost"), ("box.lan:1", "box.lan"), ("[fe80::1]:1", "[fe80::1]")],
)
def test_the_second_origin_goes_by_a_name_the_client_can_reach(cdn, session, host, expected):
    """The name under which the Hub was reached, but on loopback the other one."""
    answer = session.get(cdn.url + WEIGHTS, headers={"Host": host}, timeout=30, allow_redirects=False)

    assert answer.headers["Location"].startswith(f"http://{expected}:")
