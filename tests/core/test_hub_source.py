"""What the Hub answers becomes a manifest, or one clear error; the token goes to the Hub and nowhere else."""

from __future__ import annotations

import json

import pytest
import responses

from modelready import errors
from modelready.environment import read
from modelready.model import Digest, Model, Source
from modelready.sources import Sources
from modelready.sources.hub import HubSource

HUB = "https://hub.test"
COMMIT = "c" * 40
TREE = f"{HUB}/api/models/acme/tiny/tree/{COMMIT}"
REVISION = f"{HUB}/api/models/acme/tiny/revision/main"
SMALL = {"type": "file", "path": "a.json", "oid": "a" * 40, "size": 3}
LARGE = {
    "type": "file",
    "path": "dir/b.bin",
    "oid": "b" * 40,
    "size": 130,
    "lfs": {"oid": "d" * 64, "size": 10**10, "pointerSize": 130},
    "xetHash": "e" * 64,
}


@pytest.fixture
def hub():
    """Stand in for the Hub."""
    with responses.RequestsMock() as answers:
        yield answers


@pytest.fixture
def source(monkeypatch):
    """Give the source, with a token."""
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    return HubSource(settings())


def settings(**variables):
    """Give settings that wait for nothing."""
    return read({"HF_ENDPOINT": HUB, "HF_DOWNLOAD_MAX_RETRIES": "0", "HF_HUB_ETAG_TIMEOUT": "1", **variables})


def model(revision=COMMIT, **facts):
    """Give a model of the repository."""
    source = Source(f"hf:acme/tiny@{revision}", "hf", "acme/tiny", revision)
    return Model(name="tiny", source=source, layout="hub-cache", **facts)


def test_a_listing_becomes_a_manifest(hub, source):
    """Large files are known by sha256, small ones by git's hash."""
    hub.get(TREE, json=[SMALL, {"type": "directory", "path": "dir", "oid": "f" * 40}, LARGE])

    small, large = source.resolve(model()).files

    assert (small.path, small.size, small.digests) == ("a.json", 3, (Digest("git_sha1", "a" * 40, "the Hub"),))
    assert (large.size, large.digests) == (10**10, (Digest("sha256", "d" * 64, "the Hub"),))
    assert (large.xet_hash, large.blob_id) == ("e" * 64, "b" * 40)
    assert large.url == f"{HUB}/acme/tiny/resolve/{COMMIT}/dir/b.bin"


@pytest.mark.parametrize("told", [None, 7, "../" * 21 + "x", "E" * 64])
def test_a_xet_hash_that_is_none_is_passed_over(hub, source, told):
    """Only a way to bring the bytes faster is lost."""
    hub.get(TREE, json=[LARGE | {"xetHash": told}])

    assert source.resolve(model()).files[0].xet_hash is None


def test_names_are_quoted_in_addresses(hub, source):
    """A question mark in a name is no query."""
    hub.get(TREE, json=[SMALL | {"path": "what? 100%.json"}])

    assert source.resolve(model()).files[0].url.endswith("/what%3F%20100%25.json")


def test_a_branch_is_asked_for_its_commit(hub, source):
    """The listing is then of that commit, whatever moves meanwhile."""
    hub.get(REVISION, json={"sha": COMMIT})
    hub.get(TREE, json=[SMALL])

    assert source.resolve(model("main")).revision == COMMIT


def test_the_lock_decides_the_revision(hub, source):
    """The branch is not asked for."""
    hub.get(TREE, json=[SMALL])

    assert source.resolve(model("main"), COMMIT).revision == COMMIT


def test_all_pages_are_read_and_each_is_asked_with_the_token(hub, source):
    """The next page may be told relative to this one."""
    hub.get(TREE, json=[SMALL], headers={"Link": f'<{TREE}?cursor=2>; rel="next"'})
    hub.get(f"{TREE}?cursor=2", json=[LARGE], headers={"Link": '<?cursor=3>; rel="next"'})
    hub.get(f"{TREE}?cursor=3", json=[SMALL | {"path": "z.json"}])

    found = source.resolve(model())

    assert [file.path for file in found.files] == ["a.json", "dir/b.bin", "z.json"]
    assert {call.request.headers["Authorization"] for call in hub.calls} == {"Bearer hf_right"}


def test_a_next_page_elsewhere_is_refused(hub, source):
    """A listing is read from one server, and the token is sent to no other."""
    hub.get(TREE, json=[SMALL], headers={"Link": '<https://evil.test/page2>; rel="next"'})

    with pytest.raises(errors.ServerFault, match=r"evil\.test"):
        source.resolve(model())


@pytest.mark.parametrize(("cursors", "calls"), [("00", 2), ("123", 3)], ids=["in a circle", "on and on"])
def test_a_listing_without_end_is_given_up(hub, source, monkeypatch, cursors, calls):
    """A page that names itself as the next is asked for no third time."""
    monkeypatch.setattr("modelready.sources.hub._MOST_PAGES", 3)
    for cursor in cursors:
        hub.get(TREE, json=[SMALL], headers={"Link": f'<{TREE}?cursor={cursor}>; rel="next"'})

    with pytest.raises(errors.ServerFault, match="does not end"):
        source.resolve(model())

    assert len(hub.calls) == calls


def test_a_redirect_elsewhere_takes_no_token_along(hub, source):
    """The token belongs to one origin."""
    hub.get(TREE, status=307, headers={"Location": "https://other.test/api/models/acme/tiny/tree"})
    hub.get("https://other.test/api/models/acme/tiny/tree", json=[SMALL])

    source.resolve(model())

    assert [call.request.headers.get("Authorization") for call in hub.calls] == ["Bearer hf_right", None]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(SMALL | {"path": 7}, id="path is a number"),
        pytest.param({"type": "file", "oid": "a" * 40, "size": 3}, id="no path"),
        pytest.param({"type": "file", "path": "a.json", "size": 3}, id="no oid"),
        pytest.param(SMALL | {"oid": "short"}, id="oid is short"),
        pytest.param(SMALL | {"oid": None}, id="oid is null"),
        pytest.param(SMALL | {"oid": "../" * 13 + "x"}, id="oid is a path"),
        pytest.param(LARGE | {"lfs": {"oid": "../" * 21 + "x", "size": 1}}, id="digest is a path"),
        pytest.param(SMALL | {"size": -1}, id="negative size"),
        pytest.param(SMALL | {"size": "many"}, id="size is a word"),
        pytest.param(LARGE | {"oid": "../" * 13 + "x"}, id="pointer is a path"),
        pytest.param(LARGE | {"lfs": ["x"]}, id="lfs is a list"),
        pytest.param(LARGE | {"lfs": {"size": 1}}, id="lfs without oid"),
        pytest.param(SMALL | {"path": "\ud800"}, id="path is no text"),
        pytest.param("a.json", id="entry is a text"),
        pytest.param(None, id="entry is null"),
    ],
)
def test_a_malformed_entry_is_a_fault_of_the_server(hub, source, entry):
    """No traceback, and nothing is made of half an entry."""
    hub.get(TREE, body=json.dumps([SMALL, entry]))

    with pytest.raises(errors.ServerFault, match="lists a file of acme/tiny without"):
        source.resolve(model())


@pytest.mark.parametrize("listing", [{"error": "no"}, "text", 7, None])
def test_a_listing_that_is_none_is_a_fault_of_the_server(hub, source, listing):
    """JSON, but not a list."""
    hub.get(TREE, body=json.dumps(listing))

    with pytest.raises(errors.ServerFault, match="gives no listing"):
        source.resolve(model())


@pytest.mark.parametrize("answer", [{"sha": "main"}, {"sha": None}, {}, [], "c" * 40])
def test_a_revision_without_a_commit_is_a_fault_of_the_server(hub, source, answer):
    """What is no commit would become the name of a folder."""
    hub.get(REVISION, json=answer)

    with pytest.raises(errors.ServerFault, match="gives no commit"):
        source.resolve(model("main"))


def test_a_page_instead_of_json_is_told(hub, source):
    """A captive portal answers 200."""
    hub.get(TREE, body="<html>log in</html>", content_type="text/html; charset=utf-8")

    with pytest.raises(errors.ServerFault, match="answers with text/html where JSON was expected"):
        source.resolve(model())


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (403, "GatedRepo", errors.Gated, "the token of HF_TOKEN has no access"),
        (404, "RevisionNotFound", errors.NotFound, f"no revision {COMMIT}"),
        (404, "RepoNotFound", errors.NotFound, "or the token may not see it"),
        (401, "", errors.NotFound, "or the token may not see it"),
        (403, "", errors.Unauthorised, "the token may not read it"),
        (418, "", errors.ServerFault, "answers 418"),
        (429, "", errors.RateLimited, "answers 429"),
        (503, "", errors.ServerFault, "answers 503"),
    ],
)
def test_every_refusal_has_a_meaning(hub, source, status, code, error, words):
    """One error class a cause, so that scripts can tell them apart."""
    hub.get(TREE, status=status, headers={"X-Error-Code": code} if code else {})

    with pytest.raises(error, match=words):
        source.resolve(model())


@pytest.fixture
def tokenless(monkeypatch):
    """Give the source without a token."""
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    return HubSource(settings())


def test_without_a_token_none_is_sent_and_the_words_ask_for_one(hub, tokenless):
    """A private repository looks like a missing one."""
    hub.get(TREE, status=401, headers={"X-Error-Code": "RepoNotFound"})

    with pytest.raises(errors.NotFound, match="set HF_TOKEN"):
        tokenless.resolve(model())

    assert "Authorization" not in hub.calls[0].request.headers


def test_a_gated_model_without_a_token_is_told_before_anything_is_asked(hub, tokenless):
    """The catalog says that it is gated."""
    with pytest.raises(errors.Gated, match=r"no token was found; accept its licence at https://hub.test/acme/tiny"):
        tokenless.resolve(model(gated=True))


@pytest.mark.parametrize("token", ["hf_\tright", "hf_ä"])
def test_a_token_with_characters_no_token_has_is_refused(monkeypatch, token):
    """It would end up in a header, and in an error of the HTTP library."""
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN", token)

    with pytest.raises(errors.RequestError, match="HF_TOKEN holds characters") as caught:
        HubSource(settings())

    assert token not in str(caught.value)


def test_a_renamed_repository_is_told_with_its_new_name(hub, source):
    """Somebody else may own the old name one day."""
    hub.get(TREE, status=307, headers={"Location": f"/api/models/acme/new/tree/{COMMIT}"})
    hub.get(f"{HUB}/api/models/acme/new/tree/{COMMIT}", json=[SMALL])

    with pytest.raises(errors.Renamed, match=r'is called acme/new now; write source = "hf:acme/new@'):
        source.resolve(model())


def test_a_name_in_other_case_is_the_same_repository(hub, source):
    """The Hub redirects to the case of the owner's choice."""
    hub.get(TREE, status=307, headers={"Location": f"/api/models/Acme/Tiny/tree/{COMMIT}"})
    hub.get(f"{HUB}/api/models/Acme/Tiny/tree/{COMMIT}", json=[SMALL])

    assert source.resolve(model()).files[0].path == "a.json"


def test_offline_by_variable_asks_nothing(hub, monkeypatch):
    """HF_HUB_OFFLINE is obeyed before any request."""
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")

    with pytest.raises(errors.Offline, match="HF_HUB_OFFLINE forbids it"):
        HubSource(settings(HF_HUB_OFFLINE="1")).resolve(model())


def test_a_source_that_nothing_can_fetch_from_is_told(monkeypatch):
    """The catalog may name what only certify understands."""
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    foreign = Model(name="tiny", source=Source("ftp:x", "ftp", "x"), layout="folder")

    with pytest.raises(errors.RequestError, match="ftp:x cannot be fetched by this version; it fetches from hf:"):
        Sources(settings()).of(foreign)


@pytest.mark.parametrize(
    ("answer", "licence"),
    [
        pytest.param({"cardData": {"license": "mit"}, "tags": ["license:gpl-3.0"]}, "mit", id="the card"),
        pytest.param({"cardData": None, "tags": ["x", "license:mit"]}, "mit", id="a tag"),
        pytest.param({"cardData": {"license": ["mit", "apache-2.0"]}}, "mit, apache-2.0", id="several"),
        pytest.param({"cardData": {"license": "other", "license_name": "flux-dev"}}, "flux-dev", id="one of its own"),
        pytest.param({"cardData": {"license": "other"}}, "", id="one without a name"),
        pytest.param({"cardData": {"license": 7}, "tags": "x"}, "", id="nonsense"),
        pytest.param({}, "", id="none"),
    ],
)
def test_the_licence_is_what_the_card_says(hub, source, answer, licence):
    """It is locked, and held against the catalog."""
    hub.get(f"{HUB}/api/models/acme/tiny", json=answer)

    assert source.about(model()).licence == licence


@pytest.mark.parametrize(
    ("answer", "gated", "head"),
    [
        pytest.param({"gated": False, "sha": COMMIT}, False, COMMIT, id="open"),
        pytest.param({"gated": "manual", "sha": "main"}, True, "", id="gated"),
        pytest.param({}, None, "", id="not told"),
    ],
)
def test_gate_and_newest_commit_are_told(hub, source, answer, gated, head):
    """As they are now, whatever the catalog pins."""
    hub.get(f"{HUB}/api/models/acme/tiny", json=answer)

    about = source.about(model())

    assert (about.gated, about.head) == (gated, head)


def test_a_mirror_that_tells_nothing_of_repositories_is_no_fault(hub, source):
    """Files and listings are enough to lock."""
    hub.get(f"{HUB}/api/models/acme/tiny", status=404)

    assert source.about(model()) is None
