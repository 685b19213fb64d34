"""Files: headers, ranges, commits, and what happens when they change on disk."""

import hashlib
import os
import threading

import pytest
import requests

from modelready.errors import RequestError
from modelready.mirror import Mirror

REPO = "org/tiny"


def test_an_lfs_file_says_what_it_is(ask, mirror, sha, files):
    """Digest and size stand in the headers that huggingface_hub reads."""
    body = files["model.safetensors"]

    answer = ask("model.safetensors", "HEAD")

    digest = f'"{hashlib.sha256(body).hexdigest()}"'
    assert answer.status_code == 200
    assert answer.headers["ETag"] == answer.headers["X-Linked-Etag"] == digest
    assert answer.headers["X-Linked-Size"] == answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["X-Repo-Commit"] == sha
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_small_file_is_named_as_git_names_it(ask, sha):
    """It has a git blob id for an ETag and no LFS headers."""
    answer = ask("config.json")

    body = answer.content
    assert answer.headers["ETag"] == f'"{hashlib.sha1(b"blob %d%c" % (len(body), 0) + body).hexdigest()}"'
    assert "X-Linked-Etag" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        pytest.param("bytes=0-9", 206, ((0, 10), "bytes 0-9/307200"), id="the first ten"),
        pytest.param("bytes=100-", 206, ((100, None), "bytes 100-307199/307200"), id="from an offset"),
        pytest.param("bytes=-5", 206, ((-5, None), "bytes 307195-307199/307200"), id="the last five"),
        pytest.param("bytes=-999999", 206, ((0, None), "bytes 0-307199/307200"), id="more than all, from the end"),
        pytest.param("bytes=7-999999", 206, ((7, None), "bytes 7-307199/307200"), id="beyond the end"),
        pytest.param("bytes=307200-", 416, ((0, 0), "bytes */307200"), id="at the end"),
        pytest.param("bytes=9-3", 416, ((0, 0), "bytes */307200"), id="backwards"),
        pytest.param("bytes=-", 200, ((0, None), None), id="no numbers"),
        pytest.param("bytes=0-1,4-5", 200, ((0, None), None), id="several"),
        pytest.param("pages=1-2", 200, ((0, None), None), id="another unit"),
    ],
)
@pytest.mark.usefixtures("sha")
def test_ranges_are_honoured(ask, files, asked, status, part):
    """A part is answered with 206 and says which part it is; nonsense with the whole."""
    span, told = part
    answer = ask("model.safetensors", headers={"Range": asked})

    assert answer.status_code == status
    assert answer.content == files["model.safetensors"][span[0] : span[1]]
    assert answer.headers.get("Content-Range") == told


def test_if_range_gives_the_part_only_of_the_same_file(ask, sha, files):
    """A resumed download never mixes two versions."""
    etag = ask("model.safetensors", "HEAD").headers["ETag"]

    same = ask("model.safetensors", headers={"Range": "bytes=10-", "If-Range": etag})
    other = ask("model.safetensors", headers={"Range": "bytes=10-", "If-Range": '"other"'})

    assert (same.status_code, same.content) == (206, files["model.safetensors"][10:])
    assert (other.status_code, other.content) == (200, files["model.safetensors"])


def test_a_range_of_an_empty_file_cannot_be_satisfied(ask, sha):
    """There is no byte 0 in it; the whole of it is fine."""
    assert ask("empty.txt", headers={"Range": "bytes=0-"}).status_code == 416
    assert ask("empty.txt").content == b""


def test_the_commit_follows_from_the_contents(mirror, folder):
    """Same files, same commit; one byte other, another commit; a name that is given is kept."""
    first = mirror.add_repo(REPO, folder)
    again = mirror.add_repo("org/copy", folder)
    (folder / "config.json").write_bytes(b"{}")
    changed = mirror.add_repo(REPO, folder)
    named = mirror.add_repo(REPO, folder, commit="a" * 40)

    assert first == again
    assert len({first, changed, named}) == 3
    assert named == "a" * 40


def test_an_old_commit_stays_when_the_branch_moves_on(ask, mirror, sha, folder, tmp_path):
    """A pin goes on working after a push; a short sha and another branch work too."""
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "config.json").write_bytes(b'{"new": true}')
    mirror.add_repo(REPO, newer)
    mirror.add_repo(REPO, newer, revision="refs/pr/1")

    assert ask("config.json").json() == {"new": True}
    assert ask(f"/{REPO}/resolve/{sha}/config.json").json() == {"model_type": "tiny"}
    assert ask(f"/{REPO}/resolve/{sha[:8]}/config.json").json() == {"model_type": "tiny"}
    assert ask(f"/{REPO}/resolve/refs%2Fpr%2F1/config.json").json() == {"new": True}
    assert ask(f"/{REPO}/resolve/{sha[:6]}/config.json").headers["X-Error-Code"] == "RevisionNotFound"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda place: place.write_bytes(b"{}"), id="changed"),
        pytest.param(lambda place: place.unlink(), id="deleted"),
    ],
)
def test_a_file_that_changed_on_disk_is_refused(ask, mirror, sha, folder, damage):
    """A mirror does not pass other bytes off under an old name; adding the folder again mends it."""
    damage(folder / "config.json")

    refused = ask("config.json")
    mirror.add_repo(REPO, folder)
    served = ask("config.json")

    assert refused.status_code == 409
    assert "add its repository again" in refused.headers["X-Error-Message"]
    assert served.status_code in {200, 404}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(None, {"model.safetensors"}, id="by suffix"),
        pytest.param(["*.json"], {"config.json", "sub folder/ü #%41+&?.json"}, id="by patterns"),
        pytest.param(lambda path, size: size == 0, {"empty.txt"}, id="by function"),
        pytest.param((), set(), id="none"),
    ],
)
def test_which_files_are_lfs_can_be_said(ask, mirror, folder, rule, expected):
    """The default is what the Hub would do; tests may want otherwise."""
    mirror.add_repo(REPO, folder, lfs=rule)

    tree = ask(f"/api/models/{REPO}/tree/main?recursive=true").json()

    assert {entry["path"] for entry in tree if "lfs" in entry} == expected


def test_a_large_file_is_lfs_whatever_its_name(mirror, folder, ask):
    """The Hub takes nothing over 10 MB but as LFS."""
    (folder / "large.txt").write_bytes(bytes(10_000_001))
    mirror.add_repo(REPO, folder)

    answer = ask("large.txt")

    assert answer.headers["X-Linked-Size"] == "10000001"
    assert len(answer.content) == 10_000_001


def test_links_lead_nowhere_outside(ask, mirror, folder, tmp_path):
    """A link out of the folder, into nothing or to a folder is left out and told; one inside is followed."""
    (tmp_path / "secret").write_text("secret")
    (folder / "inside.json").symlink_to("config.json")
    (folder / "outside.json").symlink_to(tmp_path / "secret")
    (folder / "dangling.json").symlink_to("nothing")
    (folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"latin-\xfc")).write_bytes(b"a name that is no UTF-8")
    mirror.add_repo(REPO, folder)

    left_out = {place.name for place in mirror.left_out}
    answers = [ask(path).status_code for path in ("inside.json", "outside.json", "dangling.json", "linked/secret")]

    assert left_out == {"outside.json", "dangling.json", "linked", "pipe", os.fsdecode(b"latin-\xfc")}
    assert answers == [200, 404, 404, 404]


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "..%2Fsecret",
        "%2e%2e/secret",
        "sub folder/../../secret",
        "/etc/passwd",
        ".git/config",
        "%00",
    ],
)
def test_no_path_leads_out_of_a_repository(mirror, sha, wire, path, tmp_path):
    """Only names that a commit lists are ever opened."""
    (tmp_path / "secret").write_text("secret")
    line = f"GET /{REPO}/resolve/main/{path.replace(' ', '%20')} HTTP/1.1\r\nConnection: close\r\n\r\n"

    answer = wire(line.encode())

    assert answer.startswith(b"HTTP/1.1 404 ")


def test_many_connections_are_served_at_once(mirror, sha, files):
    """Threads that ask at the same time each get the right bytes."""
    faults = []

    def ask_often():
        with requests.Session() as session:
            for _ in range(20):
                answer = session.get(f"{mirror.url}/{REPO}/resolve/main/model.safetensors", timeout=30)
                faults.extend([] if answer.content == files["model.safetensors"] else [answer.status_code])

    threads = [threading.Thread(target=ask_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert mirror.bytes_sent() == 160 * len(files["model.safetensors"])


def test_a_large_file_arrives_whole_through_sendfile(mirror, folder, ask):
    """More than one block of it, with a length that no block divides."""
    body = os.urandom(3_333_333)
    (folder / "model.safetensors").write_bytes(body)
    mirror.add_repo(REPO, folder)

    assert ask("model.safetensors").content == body
    assert ask("model.safetensors", headers={"Range": "bytes=1111111-"}).content == body[1111111:]


def test_a_folder_that_is_none_is_refused(mirror, tmp_path):
    """A wrong path is told, not served as an empty repository."""
    with pytest.raises(RequestError, match="is no folder"):
        mirror.add_repo(REPO, tmp_path / "none")


def test_a_hub_snapshot_can_be_added_as_a_folder(tmp_path):
    """Its links into the blobs are followed, and name the digests."""
    home = tmp_path / "models--org--tiny"
    snapshot = home / "snapshots" / ("b" * 40)
    body = b"weights"
    digest = hashlib.sha256(body).hexdigest()
    (home / "blobs").mkdir(parents=True)
    (home / "blobs" / digest).write_bytes(body)
    (snapshot / ".eval").mkdir(parents=True)
    (snapshot / "weights.data").symlink_to(f"../../blobs/{digest}")
    (snapshot / ".eval" / "x.json").write_bytes(b"{}")

    with Mirror() as mirror:
        mirror.add_repo(REPO, snapshot)
        answer = requests.get(f"{mirror.url}/{REPO}/resolve/main/weights.data", timeout=30)
        hidden = requests.get(f"{mirror.url}/{REPO}/resolve/main/.eval/x.json", timeout=30)

    assert answer.content == body
    assert answer.headers["X-Linked-Etag"] == f'"{digest}"'
    assert hidden.content == b"{}"
