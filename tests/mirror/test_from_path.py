"""What lies at a path becomes repositories, and nothing that lies elsewhere is ever served."""

import hashlib
import json

import pytest
import requests

from modelready.errors import RequestError
from modelready.mirror import Mirror

SHA = "c" * 40


@pytest.fixture
def cache(tmp_path):
    """Give a Hub cache with one repository: a linked LFS file, a linked small one, a copied one."""
    root = tmp_path / "hub"
    home = root / "models--org--tiny"
    snapshot = home / "snapshots" / SHA
    snapshot.mkdir(parents=True)
    (home / "blobs").mkdir()
    for name, content, digest in _blobs():
        (home / "blobs" / digest).write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{digest}")
    (snapshot / "copied.json").write_bytes(b"{}")
    (home / "refs" / "pr").mkdir(parents=True)
    (home / "refs" / "main").write_text(SHA)
    (home / "refs" / "pr" / "1").write_text(f"{SHA}\n")
    (home / "refs" / "gone").write_text("d" * 40)
    return root


def _blobs():
    small, large = b'{"small": 1}', b"weights"
    blob_id = hashlib.sha1(b"blob %d\0" % len(small) + small).hexdigest()
    return [("config.json", small, blob_id), ("weights.data", large, hashlib.sha256(large).hexdigest())]


def _tree(mirror, repo="org/tiny", revision="main"):
    answer = requests.get(f"{mirror.url}/api/models/{repo}/tree/{revision}", timeout=30)
    return {entry["path"]: entry for entry in answer.json()}


def _get(mirror, path, repo="org/tiny", revision="main"):
    return requests.get(f"{mirror.url}/{repo}/resolve/{revision}/{path}", timeout=30)


@pytest.mark.parametrize("up", [pytest.param("", id="the cache"), pytest.param("..", id="its HF_HOME")])
def test_a_hub_cache_serves_its_snapshots_under_their_commits(cache, up):
    """Branches are its refs; digests are the names the cache gives its files."""
    with Mirror.from_path(cache / up) as mirror:
        tree = _tree(mirror)
        contents = [_get(mirror, "weights.data", revision=revision).content for revision in ("main", "refs", SHA)]
        pulled = _get(mirror, "config.json", revision="pr%2F1")
        gone = _get(mirror, "config.json", revision="gone")

    assert mirror.repositories == ("org/tiny",)
    assert set(tree) == {"config.json", "copied.json", "weights.data"}
    assert tree["weights.data"]["lfs"]["oid"] == hashlib.sha256(b"weights").hexdigest()
    assert "lfs" not in tree["config.json"]
    assert contents[0] == contents[2] == b"weights"
    assert pulled.json() == {"small": 1}
    assert gone.headers["X-Error-Code"] == "RevisionNotFound"


def test_a_damaged_blob_is_served_under_the_name_the_cache_gives_it(cache):
    """So that who downloads it can see that it is damaged."""
    digest = hashlib.sha256(b"weights").hexdigest()
    (cache / "models--org--tiny" / "blobs" / digest).write_bytes(b"wEights")

    with Mirror.from_path(cache) as mirror:
        answer = _get(mirror, "weights.data")

    assert (answer.headers["ETag"], answer.content) == (f'"{digest}"', b"wEights")


def test_half_a_snapshot_is_not_passed_off_as_a_whole(cache):
    """The listing is the commit's own; a file that is not there is listed, and refused."""
    small = {"size": 12, "blob_id": _blobs()[0][2]}
    absent = {"size": 5, "blob_id": "e" * 40, "lfs_sha256": "f" * 64, "lfs_size": 5}
    copied = {"size": 3, "blob_id": "a" * 40}
    files = {"config.json": small, "absent.safetensors": absent, "copied.json": copied, "odd": {}}
    trees = cache / "models--org--tiny" / "trees"
    trees.mkdir()
    (trees / f"{SHA}.json").write_text(json.dumps({"format_version": 1, "files": files}))

    with Mirror.from_path(cache) as mirror:
        tree = _tree(mirror)
        answers = {path: _get(mirror, path).status_code for path in (*tree, "odd")}

    assert tree["absent.safetensors"]["lfs"] == {"oid": "f" * 64, "size": 5, "pointerSize": 126}
    assert tree["copied.json"]["oid"] == "a" * 40
    # copied.json has another size than the commit says.
    expected = {"absent.safetensors": 404, "config.json": 200, "copied.json": 409, "weights.data": 200, "odd": 404}
    assert answers == expected


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 5}', '{"files": {"x": 5}}'])
def test_an_unreadable_tree_says_nothing(cache, text):
    """The files that are there are listed, as without one."""
    trees = cache / "models--org--tiny" / "trees"
    trees.mkdir()
    (trees / f"{SHA}.json").write_text(text)

    with Mirror.from_path(cache) as mirror:
        assert set(_tree(mirror)) == {"config.json", "copied.json", "weights.data"}


def test_links_out_of_a_cache_are_left_out(cache, tmp_path):
    """Into the cache they may lead, out of it they may not, through a linked folder neither."""
    (tmp_path / "secret").write_text("secret")
    snapshot = cache / "models--org--tiny" / "snapshots" / SHA
    (snapshot / "secret.json").symlink_to(tmp_path / "secret")
    (cache / "models--org--tiny" / "snapshots" / ("9" * 40)).symlink_to(tmp_path)

    with Mirror.from_path(cache) as mirror:
        refused = _get(mirror, "secret.json")
        linked = _get(mirror, "secret", revision="9" * 40)

    assert mirror.left_out == (snapshot / "secret.json",)
    assert (refused.status_code, linked.status_code) == (404, 404)


def test_a_shared_blob_is_followed_and_named_by_the_first_link(cache):
    """Newer caches link a blob on into a store for all repositories."""
    digest = hashlib.sha256(b"weights").hexdigest()
    blob = cache / "models--org--tiny" / "blobs" / digest
    shared = cache / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to(f"../../blobs/ab/{'ab' * 32}")

    with Mirror.from_path(cache) as mirror:
        answer = _get(mirror, "weights.data")

    assert (answer.headers["ETag"], answer.content) == (f'"{digest}"', b"weights")


def test_folders_of_organisations_are_repositories_by_their_names(tmp_path):
    """org/name each; hidden, empty and linked folders are none."""
    for name in ("one/a", "one/b", "two/c", ".hidden/d", "two/.git"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "config.json").write_text(f'"{name}"')
    (tmp_path / "models" / "two" / "empty").mkdir()
    (tmp_path / "models" / "linked").symlink_to("one")

    with Mirror.from_path(tmp_path / "models") as mirror:
        content = _get(mirror, "config.json", repo="two/c").json()

    assert mirror.repositories == ("one/a", "one/b", "two/c")
    assert content == "two/c"


def test_a_folder_with_files_is_one_repository(folder):
    """By its own name, or the one it is given."""
    with Mirror.from_path(folder) as own, Mirror.from_path(folder, name="org/given", page_size=2) as given:
        contents = [_get(own, "config.json", repo="tiny").json(), _get(given, "config.json", repo="org/given").json()]

    assert (own.repositories, given.repositories) == (("tiny",), ("org/given",))
    assert contents == [{"model_type": "tiny"}] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda place: None, "is no folder", id="nothing there"),
        pytest.param(lambda place: place.write_text(""), "is no folder", id="a file"),
        pytest.param(lambda place: place.mkdir(), "holds no repository", id="an empty folder"),
    ],
)
def test_a_path_without_a_repository_is_refused(tmp_path, make, message):
    """A mirror of nothing helps nobody."""
    make(tmp_path / "place")

    with pytest.raises(RequestError, match=message):
        Mirror.from_path(tmp_path / "place")


def test_a_name_of_a_digest_is_believed_only_in_a_cache(tmp_path):
    """Elsewhere a link's target may be called anything, and the bytes are read."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / ("a" * 40)).write_bytes(b"{}")
    (tmp_path / "plain" / "config.json").symlink_to("a" * 40)

    with Mirror.from_path(tmp_path / "plain") as mirror:
        answer = _get(mirror, "config.json", repo="plain")

    assert answer.headers["ETag"] == '"9e26dfeeb6e641a33dae4961196235bdb965b21b"'


def test_a_rule_of_ones_own_overrides_the_names_of_a_cache(cache):
    """A blob named by git cannot be LFS by that name; its sha256 is computed then."""
    snapshot = cache / "models--org--tiny" / "snapshots" / SHA

    with Mirror() as mirror:
        mirror.add_repo("org/tiny", snapshot, lfs=["config.json"])
        tree = _tree(mirror)

    assert tree["config.json"]["lfs"]["oid"] == hashlib.sha256(b'{"small": 1}').hexdigest()
    assert len(tree["weights.data"]["oid"]) == 40
