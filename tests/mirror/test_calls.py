"""The Hub's API, call by call: who is refused how, what is listed how, what is no call at all."""

import pytest

from modelready.errors import RequestError
from modelready.mirror import Mirror

REPO = "org/tiny"
RIGHT = {"Authorization": "Bearer hf_right"}
WRONG = {"Authorization": "Bearer hf_wrong"}


@pytest.fixture
def restricted(mirror, folder):
    """Put a private and a gated repository on the mirror."""
    mirror.add_repo("org/private", folder, private=True)
    mirror.add_repo("org/gated", folder, gated=True)


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        pytest.param("/api/models/org/none", {}, (401, "RepoNotFound"), id="no such repository, no token"),
        pytest.param("/api/models/org/none", RIGHT, (404, "RepoNotFound"), id="no such repository, a token"),
        pytest.param("/api/models/org/private", {}, (401, "RepoNotFound"), id="private, no token"),
        pytest.param("/api/models/org/private", WRONG, (404, "RepoNotFound"), id="private, another token"),
        pytest.param("/api/models/org/private", RIGHT, (200, None), id="private, the token"),
        pytest.param("/api/models/org/gated", {}, (200, None), id="gated, its description is public"),
        pytest.param("/api/models/org/gated/tree/main", {}, (200, None), id="gated, its listing is public"),
        pytest.param("/org/gated/resolve/main/config.json", {}, (401, "GatedRepo"), id="gated, no token"),
        pytest.param("/org/gated/resolve/main/config.json", WRONG, (403, "GatedRepo"), id="gated, another token"),
        pytest.param("/org/gated/resolve/main/config.json", RIGHT, (200, None), id="gated, the token"),
        pytest.param("/org/tiny/resolve/none/config.json", {}, (404, "RevisionNotFound"), id="no such revision"),
        pytest.param("/api/models/org/tiny/revision/none", {}, (404, "RevisionNotFound"), id="no such revision, api"),
        pytest.param("/org/tiny/resolve/main/none", {}, (404, "EntryNotFound"), id="no such file"),
        pytest.param("/org/tiny/resolve/main/sub%20folder", {}, (404, "EntryNotFound"), id="a folder is no file"),
        pytest.param("/api/models/org/tiny/tree/main/none", {}, (404, "EntryNotFound"), id="no such folder"),
        pytest.param("/api/models/org/tiny/tree/main?limit=x", {}, (400, None), id="a limit that is none"),
        pytest.param("/api/models/org/tiny/tree/main?cursor=!", {}, (400, None), id="a cursor that is none"),
        pytest.param("/api/whoami-v2", {}, (401, None), id="nobody"),
        pytest.param("/api/whoami-v2", WRONG, (401, None), id="somebody else"),
        pytest.param("/api/whoami-v2", RIGHT, (200, None), id="who owns the token"),
        pytest.param("/api/whoami-v2", {"Authorization": "Basic eDp5"}, (401, None), id="not a bearer"),
        pytest.param("/api/agent-harnesses", {}, (200, None), id="harnesses"),
        pytest.param("/api/spaces/org/tiny", {}, (404, None), id="no such call"),
        pytest.param("/api/models/a/b/c", {}, (404, None), id="a name too long"),
        pytest.param("/", {}, (404, None), id="the front page"),
    ],
)
@pytest.mark.usefixtures("sha", "restricted")
def test_each_refusal_is_the_hubs_own(ask, path, headers, expected):
    """Clients decide by status and X-Error-Code what to tell their users."""
    answer = ask(path, headers=headers)

    assert (answer.status_code, answer.headers.get("X-Error-Code")) == expected
    assert (expected[0] == 200) == ("X-Error-Message" not in answer.headers)


def test_without_any_token_a_gated_repository_opens_to_nobody(session, folder):
    """An empty token is not the right one."""
    with Mirror() as mirror:
        mirror.add_repo(REPO, folder, gated=True)
        answer = session.get(f"{mirror.url}/{REPO}/resolve/main/config.json", headers={"Authorization": "Bearer "})

    assert answer.status_code == 403


def test_methods_that_make_no_sense_are_refused(ask, sha):
    """Nobody writes to a mirror."""
    assert ask("config.json", "DELETE").status_code == 405
    assert ask(f"/api/models/{REPO}/paths-info/main").status_code == 405


def test_names_without_an_organisation_work(ask, mirror, folder):
    """As gpt2 and bert-base-uncased have none."""
    sha = mirror.add_repo("tiny", folder)

    assert ask("/api/models/tiny").json()["sha"] == sha
    assert ask("/api/models/tiny/revision/main").json()["author"] is None
    assert ask("/tiny/resolve/main/config.json").json() == {"model_type": "tiny"}


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/models/org/tiny", "/api/models/new/name"),
        ("/api/models/org/tiny/revision/main?blobs=true", "/api/models/new/name/revision/main?blobs=true"),
        ("/org/tiny/resolve/main/sub%20folder/deep", "/new/name/resolve/main/sub%20folder/deep"),
    ],
)
def test_a_renamed_repository_sends_to_its_new_name(ask, mirror, sha, path, location):
    """With 307 and a relative address, as the Hub does; a new repository may take the old name."""
    mirror.rename(REPO, "new/name")

    answer = ask(path)

    assert (answer.status_code, answer.headers["Location"]) == (307, location)


def test_an_old_name_can_be_taken_anew(ask, mirror, sha, folder):
    """A repository of that name comes before the memory of another."""
    mirror.rename(REPO, "new/name")
    mirror.add_repo(REPO, folder)

    assert ask(f"/api/models/{REPO}").status_code == 200


def test_a_removed_repository_is_gone(ask, mirror, sha):
    """Nothing is left of it; removing or renaming it again tells what there is."""
    mirror.remove(REPO)

    assert ask(f"/api/models/{REPO}").status_code == 401
    with pytest.raises(RequestError, match="no repository 'org/tiny'; it has: none"):
        mirror.remove(REPO)
    with pytest.raises(RequestError, match="no repository"):
        mirror.rename(REPO, "x/y")


def test_a_page_may_be_smaller_but_not_larger(ask, mirror, sha):
    """As on the Hub, where 1000 is the most."""
    few = ask(f"/api/models/{REPO}/tree/main?limit=2&recursive=true")
    following = ask(few.links["next"]["url"].removeprefix(mirror.url))

    assert [entry["path"] for entry in few.json()] == ["sub folder", "sub folder/deep"]
    assert [entry["path"] for entry in following.json()] == [".gitattributes", "config.json"]
    assert "next" in following.links
    assert "next" not in ask(f"/api/models/{REPO}/tree/main?limit=5000").links


def test_a_cursor_survives_a_push(ask, mirror, sha, folder):
    """A page begins after the last entry of the one before, whatever came or went meanwhile."""
    first = ask(f"/api/models/{REPO}/tree/main?limit=3")
    (folder / "aaa.json").write_bytes(b"{}")
    mirror.add_repo(REPO, folder)
    second = ask(first.links["next"]["url"].removeprefix(mirror.url))

    assert [entry["path"] for entry in first.json()] == ["sub folder", ".gitattributes", "config.json"]
    assert [entry["path"] for entry in second.json()] == ["empty.txt", "model.safetensors"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"json": {"paths": ["config.json"]}}, 200, id="json"),
        pytest.param({"json": {"paths": "config.json", "expand": True}}, 200, id="json, one path"),
        pytest.param({"data": {"paths": ["config.json"], "expand": False}}, 200, id="a form"),
        pytest.param({"json": ["config.json"]}, 400, id="no object"),
        pytest.param({"data": b"\xff", "headers": {"Content-Type": "application/json"}}, 400, id="no json"),
    ],
)
def test_paths_are_asked_for_in_json_or_as_a_form(ask, sha, body, status):
    """Versions of huggingface_hub differ in it."""
    answer = ask(f"/api/models/{REPO}/paths-info/main", "POST", **body)

    assert answer.status_code == status
    assert status != 200 or [entry["path"] for entry in answer.json()] == ["config.json"]


def test_an_expanded_listing_says_that_nothing_was_scanned(ask, sha):
    """A mirror makes no promise about the safety of files."""
    entry = ask(f"/api/models/{REPO}/tree/main?expand=true").json()[-1]

    assert entry["securityFileStatus"]["status"] == "unscanned"
    assert entry["lastCommit"]["id"] == sha
