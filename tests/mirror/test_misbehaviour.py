"""Every way to misbehave does what it says, to whom it says, as often as it says; then the mirror is healed."""

import http.client
import threading

import pytest
import requests

from modelready.errors import RequestError
from modelready.mirror import Mirror

REPO = "org/tiny"
WEIGHTS = "model.safetensors"
CUT = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def body(files):
    """Give the weights as they are."""
    return files[WEIGHTS]


@pytest.fixture
def received(mirror, sha):
    """Ask for a file and give what arrived until the connection ended, and how it ended."""

    def received(path=WEIGHTS, **headers):
        connection = http.client.HTTPConnection(mirror.url.partition("//")[2], timeout=30)
        try:
            connection.request("GET", f"/{REPO}/resolve/main/{path}", headers=headers)
            with connection.getresponse() as answer:
                return _drained(answer)
        finally:
            connection.close()

    return received


def _drained(answer):
    content = b""
    try:
        while block := answer.read1(65536):
            content += block
    except http.client.IncompleteRead as error:
        return content + error.partial, "short"
    except ConnectionResetError:
        return content, "reset"
    return content, "short" if answer.length else "whole"


def test_a_flipped_byte_is_the_only_difference(ask, mirror, sha, body):
    """In the middle, or where it is wanted; in a part as in the whole; and only as often as told."""
    mirror.flip_byte(WEIGHTS, at=1000, times=2)

    whole = ask(WEIGHTS).content
    part = ask(WEIGHTS, headers={"Range": "bytes=1000-1001"}).content
    good = ask(WEIGHTS).content

    assert [at for at in range(len(body)) if whole[at] != body[at]] == [1000]
    assert part == bytes([body[1000] ^ 0xFF, body[1001]])
    assert good == body


def test_several_bytes_can_be_flipped_in_one_answer(ask, mirror, sha, body):
    """Each flip is a fault of its own; the middle is where one goes by default, and an empty file has none."""
    mirror.flip_byte("*", at=0)
    mirror.flip_byte("*")

    answer = ask(WEIGHTS).content

    assert [at for at in range(len(body)) if answer[at] != body[at]] == [0, len(body) // 2]
    assert ask("empty.txt").content == b""


@pytest.mark.parametrize("reset", [pytest.param(False, id="plain end"), pytest.param(True, id="reset")])
def test_a_drop_ends_the_connection_after_so_many_bytes(mirror, received, body, reset):
    """A plain end gives exactly those bytes; a reset may swallow some; then all is well again."""
    mirror.drop_after(WEIGHTS, 100_000, reset=reset, times=1)

    dropped, ending = received()
    after = received()

    assert ending == ("reset" if reset else "short")
    assert body.startswith(dropped)
    assert len(dropped) == 100_000 or reset
    assert after == (body, "whole")


def test_a_drop_counts_the_bytes_of_each_answer(mirror, received, body):
    """A resumed request is dropped after as many more; what is shorter passes and uses nothing up."""
    mirror.drop_after("*", 200_000, times=1)

    small = received("config.json")
    resumed = received(Range="bytes=150000-")
    dropped = received(Range="bytes=10-")

    assert small[1] == resumed[1] == "whole"
    assert dropped == (body[10:200_010], "short")


@pytest.mark.parametrize("reset", [pytest.param(False, id="plain end"), pytest.param(True, id="reset")])
def test_a_connection_can_be_dropped_before_any_answer(ask, mirror, sha, reset):
    """Of any call, the listing too."""
    mirror.drop_after(REPO, None, reset=reset, kind="tree", times=1)

    with pytest.raises(CUT):
        ask(f"/api/models/{REPO}/tree/main")
    assert ask(f"/api/models/{REPO}/tree/main").status_code == 200


def test_two_faults_of_one_sort_come_one_after_the_other(mirror, received, body):
    """First a drop early, then one later, then none."""
    mirror.drop_after(WEIGHTS, 10, times=1)
    mirror.drop_after(WEIGHTS, 20, times=1)

    assert [len(received()[0]) for _ in range(3)] == [10, 20, len(body)]


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        ("revision", "GET", f"/api/models/{REPO}"),
        ("tree", "GET", f"/api/models/{REPO}/tree/main"),
        ("paths", "POST", f"/api/models/{REPO}/paths-info/main"),
        ("head", "HEAD", f"/{REPO}/resolve/main/{WEIGHTS}"),
        ("get", "GET", f"/{REPO}/resolve/main/{WEIGHTS}"),
        ("whoami", "GET", "/api/whoami-v2"),
        ("harnesses", "GET", "/api/agent-harnesses"),
        ("other", "GET", "/nothing"),
    ],
)
@pytest.mark.usefixtures("sha")
def test_a_status_is_answered_to_one_kind_of_call(ask, mirror, kind, method, path):
    """With headers and a body of its own, as often as told; other calls are not touched."""
    mirror.status("*", 429, headers={"Retry-After": "3"}, body=b"slow down", kind=kind, times=1, skip=1)

    answers = [ask(path, method) for _ in range(3)]
    hits = [answer.status_code == 429 for answer in answers]

    assert hits == [False, True, False]
    assert answers[1].headers["Retry-After"] == "3"
    assert answers[1].content == (b"" if method == "HEAD" else b"slow down")
    assert [request.kind for request in mirror.requests] == [kind] * 3


def test_kinds_can_be_meant_together(ask, mirror, sha):
    """The whole API, or everything; an unknown kind tells the known ones."""
    mirror.status("*", 500, kind="api")

    statuses = [ask(path).status_code for path in (f"/api/models/{REPO}", "config.json", "/api/agent-harnesses")]
    mirror.status("*", 502, kind="any")

    assert statuses == [500, 200, 200]
    assert ask("/api/agent-harnesses").status_code == 502
    with pytest.raises(RequestError, match="of kind 'put'; kinds are: revision, tree"):
        mirror.status("*", 500, kind="put")


def test_patterns_choose_by_path_or_by_repository_and_path(ask, mirror, sha):
    """One file, one suffix, one repository's files."""
    mirror.status("*.md", 500)
    mirror.status(f"{REPO}/config.json", 501)
    mirror.status("org/other/*", 502)

    paths = ("sub%20folder/deep/notes.md", "config.json", WEIGHTS)

    assert [ask(path).status_code for path in paths] == [500, 501, 200]


def test_a_stall_is_silent_until_the_client_gives_up(ask, mirror, sha, body):
    """Before any answer or after some bytes; nothing is sent meanwhile."""
    mirror.stall(WEIGHTS, times=1)
    mirror.stall(WEIGHTS, after=1000, times=1)

    with pytest.raises(requests.exceptions.ReadTimeout):
        ask(WEIGHTS, timeout=0.2)
    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        ask(WEIGHTS, timeout=0.2)
    assert ask(WEIGHTS).content == body
    assert [request.bytes_sent for request in mirror.requests] == [0, 1000, len(body)]


def test_stopping_the_mirror_ends_stalled_and_slow_answers(folder):
    """No thread of it is left, whatever it was doing."""
    mirror = Mirror()
    mirror.start()
    mirror.add_repo(REPO, folder)
    mirror.stall("config.json")
    mirror.slow(WEIGHTS, 100)
    ended = []

    def ask(path):
        try:
            requests.get(f"{mirror_url}/{REPO}/resolve/main/{path}", timeout=60)
        except CUT:
            ended.append(path)

    mirror_url = mirror.url
    threads = [threading.Thread(target=ask, args=(path,)) for path in ("config.json", WEIGHTS)]
    for thread in threads:
        thread.start()
    while len([request for request in mirror.requests if request.status]) < 2:
        threading.Event().wait(0.01)
    mirror.stop()
    for thread in threads:
        thread.join(30)

    assert sorted(ended) == ["config.json", WEIGHTS]
    assert not [thread for thread in threading.enumerate() if "process_request" in thread.name]


def test_a_slow_answer_is_right(ask, mirror, sha, files):
    """It only takes its time."""
    mirror.slow("config.json", 500, times=1)

    assert ask("config.json").content == files["config.json"]


def test_another_page_can_pose_as_a_file(ask, mirror, sha, body):
    """A captive portal knows nothing of the Hub's headers; its page can have the length of the file."""
    mirror.replace_body(WEIGHTS, b"<html>".ljust, times=1)
    mirror.replace_body(WEIGHTS, b"<html>gone</html>", status=503, kind="any", times=1)

    same_length, other = ask(WEIGHTS, headers={"Range": "bytes=5-"}), ask(WEIGHTS, "HEAD")

    assert same_length.status_code == 200
    assert same_length.content == b"<html>".ljust(len(body))
    assert "ETag" not in same_length.headers
    assert (other.status_code, other.headers["Content-Length"]) == (503, "17")


def test_a_file_can_end_early_and_say_so(ask, mirror, sha, body):
    """A shorter answer, cleanly announced."""
    mirror.cut_short(WEIGHTS, 1000)

    answer = ask(WEIGHTS)

    assert (answer.headers["Content-Length"], answer.content) == ("1000", body[:1000])
    assert ask("config.json").status_code == 200


def test_a_range_can_be_ignored(ask, mirror, sha, body):
    """The whole comes with 200; a plain request does not use the fault up."""
    mirror.ignore_range(WEIGHTS, times=1)
    ask(WEIGHTS)

    ignored = ask(WEIGHTS, headers={"Range": "bytes=5-"})
    honoured = ask(WEIGHTS, headers={"Range": "bytes=5-"})

    assert (ignored.status_code, ignored.content) == (200, body)
    assert (honoured.status_code, honoured.content) == (206, body[5:])


@pytest.mark.parametrize("by", [1, -1, 1000])
def test_a_range_can_be_shifted(ask, mirror, sha, body, by):
    """The bytes are from elsewhere and the headers lie about it."""
    mirror.shift_range(WEIGHTS, by=by)

    answer = ask(WEIGHTS, headers={"Range": "bytes=2000-2999"})

    assert answer.headers["Content-Range"] == f"bytes 2000-2999/{len(body)}"
    assert answer.content == body[2000 + by : 3000 + by]
    assert ask(WEIGHTS).content == body


def test_a_file_can_change_between_two_requests(ask, mirror, sha, body):
    """With its own digest, so that If-Range sees it."""
    etag = ask(WEIGHTS, "HEAD").headers["ETag"]
    mirror.change_after(WEIGHTS, bytes, requests=1)
    mirror.change_after("config.json", b"{}", requests=0)

    first = ask(WEIGHTS)
    second = ask(WEIGHTS, headers={"Range": "bytes=9-", "If-Range": etag})

    assert first.content == body
    assert (second.status_code, second.content) == (200, bytes(len(body)))
    assert second.headers["ETag"] == second.headers["X-Linked-Etag"] != etag
    assert ask("config.json").headers["ETag"] == '"9e26dfeeb6e641a33dae4961196235bdb965b21b"'


def test_a_file_can_change_and_deny_it(ask, mirror, sha, body):
    """Under the old digest a resume is answered with bytes of the new file."""
    etag = ask(WEIGHTS, "HEAD").headers["ETag"]
    mirror.change_after(WEIGHTS, bytes(len(body)), requests=0, etag=etag.strip('"'))
    mirror.flip_byte(WEIGHTS, at=9)

    answer = ask(WEIGHTS, headers={"Range": "bytes=9-", "If-Range": etag})

    assert (answer.status_code, answer.content) == (206, b"\xff" + bytes(len(body) - 10))


def test_headers_can_be_left_out_or_lie(ask, mirror, sha):
    """Whatever the case of their names."""
    mirror.no_header(WEIGHTS, "x-repo-commit")
    mirror.no_header(WEIGHTS, "etag", kind="get", times=1)
    mirror.header(WEIGHTS, "x-linked-size", "5", kind="head")
    mirror.header(WEIGHTS, "X-Odd", "a\r\nInjected: b\u2603")

    head, get = ask(WEIGHTS, "HEAD"), ask(WEIGHTS)

    assert "X-Repo-Commit" not in head.headers
    assert "ETag" in head.headers
    assert head.headers["X-Linked-Size"] == "5"
    assert "ETag" not in get.headers
    assert "Injected" not in get.headers
    assert get.headers["X-Odd"] == "a  Injected: b?"


def test_healing_ends_every_fault(ask, mirror, sha, body):
    """The mirror is then as good as new."""
    mirror.status("*", 500, kind="any")
    mirror.flip_byte("*")
    mirror.heal()

    assert ask(WEIGHTS).content == body


def test_a_fault_is_met_exactly_as_often_as_told_by_many_at_once(mirror, sha):
    """Counting holds over threads."""
    mirror.status("*", 503, times=7)
    statuses = []

    def ask_often():
        with requests.Session() as session:
            url = f"{mirror.url}/{REPO}/resolve/main/config.json"
            statuses.extend(session.get(url, timeout=30).status_code for _ in range(10))

    threads = [threading.Thread(target=ask_often) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses.count(503) == 7
    assert statuses.count(200) == 53


def test_chunks_tell_no_length_and_carry_the_same_bytes(ask, mirror, sha, body):
    """In a part as in the whole; the connection serves the next request."""
    mirror.chunked(WEIGHTS, times=2)

    whole, part, plain = ask(WEIGHTS), ask(WEIGHTS, headers={"Range": "bytes=10-99999"}), ask(WEIGHTS)

    assert (whole.content, part.content, plain.content) == (body, body[10:100000], body)
    assert ["Content-Length" in one.headers for one in (whole, part, plain)] == [False, False, True]
    assert ask(WEIGHTS, method="HEAD").headers["Content-Length"] == str(len(body))


def test_chunks_that_are_cut_end_without_the_last(ask, mirror, sha):
    """The client notices."""
    mirror.chunked(WEIGHTS)
    mirror.drop_after(WEIGHTS, 1000)

    with pytest.raises(CUT):
        ask(WEIGHTS)
