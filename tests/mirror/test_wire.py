"""HTTP as it goes over the wire, the log of it, and starting and stopping."""

import socket
import subprocess

import pytest
import requests

from modelready.errors import RequestError
from modelready.mirror import Mirror, gitobjects

REPO = "org/tiny"
CONFIG = f"/{REPO}/resolve/main/config.json"


def test_one_connection_serves_many_requests(ask, mirror, sha, wire):
    """Requests may even be sent before the answers are read."""
    text = f"GET {CONFIG} HTTP/1.1\r\n\r\n" * 3 + f"GET {CONFIG} HTTP/1.1\r\nConnection: close\r\n\r\n"

    answers = wire(text.encode())

    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert answers.count(b"Connection: close\r\n") == 1


@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param(b"GET %s HTTP/1.0\r\n\r\n", b"200", id="1.0 ends after one"),
        pytest.param(b"GET http://any%s HTTP/1.1\r\nconnection: close\r\n\r\n", b"200", id="absolute, as to a proxy"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n", b"404", id="asterisk"),
        pytest.param(b"GET %s HTTP/2.0\r\n\r\n", b"400", id="another version"),
        pytest.param(b"nonsense\r\n\r\n", b"400", id="no HTTP"),
        pytest.param(b"GET /%s\r\n\r\n" % (b"x" * 70_000), b"400", id="a line too long"),
        pytest.param(b"GET / HTTP/1.1\r\n%s\r\n" % (b"A: b\r\n" * 300), b"400", id="too many headers"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400", id="a negative length"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", b"400", id="a huge body"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400", id="a chunked body"),
    ],
)
def test_odd_requests_get_an_answer(wire, mirror, sha, text, status):
    """A bad one does no harm: the connection ends and the mirror goes on."""
    request = text.replace(b"%s", CONFIG.encode(), 1)

    answer = wire(request)

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert requests.get(mirror.url + CONFIG, timeout=30).status_code == 200


def test_a_client_that_goes_away_is_no_fault(mirror, sha, folder, capfd):
    """In the middle of a large body; nothing is printed, and less than the whole is counted as sent."""
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(200_000_000)
    mirror.add_repo(REPO, folder, commit="a" * 40, lfs=())
    mirror.header("*", "ETag", '"x"')
    host, port = mirror.url.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"GET /{REPO}/resolve/main/model.safetensors HTTP/1.1\r\n\r\n".encode())
        connection.recv(1000)
    while mirror.requests[-1].finished is None:
        pass

    assert 0 < mirror.bytes_sent() < 200_000_000
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [pytest.param(1000, id="small"), pytest.param(5_000_000, id="by sendfile")])
def test_a_file_that_shrinks_while_it_is_sent_ends_the_connection(mirror, folder, wire, size, monkeypatch):
    """The announced length cannot be kept, so the client must see that it was not."""
    place = folder / "model.safetensors"
    place.write_bytes(bytes(size))
    mirror.add_repo(REPO, folder)
    monkeypatch.setattr("modelready.mirror.repos.ServedFile.is_unchanged", lambda self: True)
    place.write_bytes(bytes(size // 2))

    answer = wire(f"GET /{REPO}/resolve/main/model.safetensors HTTP/1.1\r\n\r\n".encode())

    assert len(answer) < size


def test_the_log_says_what_was_asked(ask, mirror, sha):
    """Everything a test of a downloader wants to know; never a token."""
    ask("model.safetensors", headers={"Range": "bytes=5-", "If-Range": '"x"', "Authorization": "Bearer hf_secret"})
    ask(f"/api/models/{REPO}/tree/main?recursive=true")

    get, tree = mirror.requests
    assert (get.method, get.path, get.repo) == ("GET", f"/{REPO}/resolve/main/model.safetensors", REPO)
    assert (get.file, get.kind, get.range, get.if_range) == ("model.safetensors", "get", "bytes=5-", '"x"')
    assert (get.has_authorization, get.status, get.bytes_sent) == (True, 200, 307200)
    assert (tree.file, tree.kind, tree.has_authorization) == ("", "tree", False)
    assert get.started < get.finished < tree.started < tree.finished
    assert "hf_secret" not in repr(mirror.requests)


def test_bytes_are_counted_by_pattern(ask, mirror, sha, files):
    """Only those of files; listings and refusals are none."""
    for path in ("config.json", "model.safetensors", "none", f"/api/models/{REPO}"):
        ask(path)
    sizes = {path: len(content) for path, content in files.items()}

    assert mirror.bytes_sent() == sizes["config.json"] + sizes["model.safetensors"]
    assert mirror.bytes_sent("*.json") == mirror.bytes_sent(f"{REPO}/config*") == sizes["config.json"]
    mirror.forget()
    assert (mirror.bytes_sent(), mirror.requests) == (0, ())


def test_a_mirror_can_be_stopped_and_started_at_the_same_address(mirror, sha):
    """A server that is down for a while, then back; starting twice changes nothing."""
    url = mirror.url
    mirror.stop()
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url + CONFIG, timeout=30)
    mirror.start()
    mirror.start()

    assert mirror.url == url
    assert requests.get(url + CONFIG, timeout=30).status_code == 200


@pytest.mark.parametrize("cdn", [False, True])
def test_an_address_that_is_taken_is_refused_in_one_line(mirror, cdn):
    """What to do is in it, and no socket stays open."""
    port = int(mirror.url.rpartition(":")[2])

    with pytest.raises(RequestError, match=f"127.0.0.1 port {port}: .*choose another"):
        Mirror(port=port, cdn=cdn).start()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "127.0.0.1"), ("localhost", "localhost"), ("::1", "[::1]"), ("::", "[::1]"), ("", "127.0.0.1")],
)
def test_the_address_shown_is_one_that_can_be_asked(host, shown):
    """Before the start too, when the port is still what was wished."""
    assert Mirror(host=host, port=99).url == f"http://{shown}:99"


def test_it_listens_on_ipv6(folder):
    """Where the machine has it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")

    with Mirror(host="::1") as mirror:
        mirror.add_repo(REPO, folder)

        assert requests.get(mirror.url + CONFIG, timeout=30).status_code == 200


def test_trees_and_blobs_are_named_as_git_names_them(tmp_path):
    """Judged by git itself: folders sort as if their names ended with a slash."""
    paths = {"a.b": b"1", "a/c": b"2", "a0": b"3", "a/d/e": b"", "\u00fc": b"5"}
    for path, content in paths.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)

    def git(*words):
        quiet = ["git", "-C", str(tmp_path), "-c", "core.autocrlf=false", *words]
        return subprocess.run(quiet, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "--all")
    ours = gitobjects.tree_ids({path: gitobjects.blob_id(tmp_path / path, len(body)) for path, body in paths.items()})

    assert ours[""] == git("write-tree")
    assert ours["a"] == git("rev-parse", f"{ours['']}:a")


def test_an_unknown_status_is_sent_all_the_same(ask, mirror, sha):
    """A proxy's own invention, and one that has no body."""
    mirror.status("config.json", 599, times=1)
    mirror.status("config.json", 204, times=1)

    assert ask("config.json").status_code == 599
    assert (ask("config.json").status_code, ask("config.json").status_code) == (204, 200)
