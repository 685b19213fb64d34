"""What CivitAI answers becomes a manifest, or one clear error; the token goes to CivitAI and nowhere else."""

from __future__ import annotations

import hashlib

import pytest
import requests
import responses

from modelready import __version__, errors
from modelready.model import Digest
from modelready.network import words

API = "https://civitai.test/api/v1/model-versions/1"
LOAD = "https://civitai.test/api/download/models/1?fileId=7"
LISTED = {"id": 1, "files": [{"id": 7, "name": "real.safetensors", "sizeKB": 0.1, "primary": True}]}


@pytest.fixture
def said():
    """Stand in for a CivitAI that answers as told."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as answers:
        answers.get(API, json=LISTED)
        yield answers


@pytest.fixture
def told(ask):
    """Give a function that gives the error which resolving ends with."""

    def resolve(text="civitai:1", **options):
        variables = {"CIVITAI_ENDPOINT": "https://civitai.test", **options.pop("variables", {})}
        with pytest.raises(errors.ModelreadyError) as refused:
            ask(text, variables=variables, **options)
        assert "\n" not in str(refused.value)
        return refused.value

    return resolve


def test_a_version_becomes_a_manifest(civitai, ask, weights):
    """The revision is the version, the digest CivitAI's own, the size what its host says and not what it rounds."""
    file_id = civitai.offer(1, weights, sizeKB=195.0)

    manifest = ask("civitai:1")

    (file,) = manifest.files
    assert (manifest.revision, file.path, file.size) == ("1", "real.safetensors", 200_000)
    assert [(one.algorithm, one.hex) for one in file.digests] == [
        ("sha256", hashlib.sha256(weights.read_bytes()).hexdigest())
    ]
    assert file.url == f"{civitai.url}/api/download/models/1?fileId={file_id}"


def test_the_size_costs_one_byte(civitai, ask, weights):
    """HEAD is mishandled there, and the whole file is for later."""
    civitai.offer(1, weights)

    ask("civitai:1")

    assert [one.method for one in civitai.requests] == ["GET"] * 3
    assert [(one.kind, one.range) for one in civitai.requests[1:]] == [("download", "bytes=0-0"), ("cdn", "bytes=0-0")]
    assert civitai.bytes_sent() == 1


def test_the_token_opens_and_stays_at_home(civitai, ask, weights, token):
    """The host of the signed address answers 400 to it."""
    civitai.offer(1, weights)
    civitai.set_terms(1, "token")

    ask("civitai:1", variables={"CIVITAI_TOKEN": token})

    assert [one.has_authorization for one in civitai.requests] == [True, True, False]
    assert not any(token in one.path for one in civitai.requests)


@pytest.mark.parametrize("name", ["CIVITAI_TOKEN", "CIVITAI_API_KEY"])
def test_either_variable_holds_the_token_and_errors_name_it(civitai, told, weights, name):
    """Who set the other one would look in vain."""
    civitai.offer(1, weights)
    civitai.set_terms(1, "token")

    error = told(variables={"CIVITAI_ENDPOINT": civitai.url, name: "wrong-wrong"})

    assert (error.kind, f"check the token in {name}" in str(error)) == ("unauthorised", True)
    assert "wrong-wrong" not in str(error)


def test_several_files_are_told_apart_by_id_where_type_and_format_are_not(civitai, ask, weights):
    """The address that the API itself lists for the second answers 404."""
    civitai.offer(1, weights)
    second = civitai.offer(1, weights, name="other.safetensors")
    listed = requests.get(f"{civitai.url}/api/v1/model-versions/1", headers={"User-Agent": "t"}, timeout=30).json()

    (file,) = ask(f"civitai:1?fileId={second}").files

    assert (file.path, file.size) == ("other.safetensors", 200_000)
    assert requests.get(listed["files"][1]["downloadUrl"], headers={"User-Agent": "t"}, timeout=30).status_code == 404


def test_an_empty_file_has_its_size_too(civitai, ask, weights):
    """Its host has no first byte to give."""
    weights.write_bytes(b"")
    civitai.offer(1, weights)

    assert ask("civitai:1").files[0].size == 0


def test_a_host_without_ranges_tells_the_size_all_the_same(civitai, ask, weights):
    """Its answer is not read to the end."""
    civitai.offer(1, weights)
    civitai.ignore_range("*")

    assert ask("civitai:1").files[0].size == 200_000


@pytest.mark.parametrize(
    ("terms", "kind", "words"),
    [
        pytest.param("token", "unauthorised", ["401", "requires you to be logged in", "set CIVITAI_TOKEN"], id="401"),
        pytest.param("login-page", "unauthorised", ["'Log in | Civitai'", "set CIVITAI_TOKEN"], id="login page"),
        pytest.param("early-access", "gated", ["Early Access", "buy early access", "until 2099-01-01"], id="early"),
        pytest.param("no-downloads", "unauthorised", ["403", "disabled downloads", "model's page"], id="403"),
        pytest.param("region", "unauthorised", ["451", "Not available in your region", "elsewhere"], id="451"),
        pytest.param("archived", "not_found", ["410", "archived", "another version"], id="410"),
    ],
)
def test_each_refusal_is_told_for_what_it_is(civitai, told, weights, terms, kind, words):
    """What CivitAI says, and what to do about it, on one line."""
    civitai.offer(1, weights)
    civitai.set_terms(1, terms)

    error = told(variables={"CIVITAI_ENDPOINT": civitai.url})

    assert error.kind == kind
    assert all(word in str(error) for word in ["real: civitai:1", *words]), str(error)


def test_a_version_that_nobody_has(civitai, told):
    """The id is wrong, or the version private."""
    error = told(variables={"CIVITAI_ENDPOINT": civitai.url})

    assert (error.kind, "Model not found; correct the version id" in str(error)) == ("not_found", True)


def test_a_version_whose_files_are_listed_no_more(civitai, told, weights):
    """The API answers, with an empty list."""
    civitai.offer(1, weights)
    civitai.set_terms(1, "open", mode="Archived")

    assert "is archived; choose another version" in str(told(variables={"CIVITAI_ENDPOINT": civitai.url}))


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        pytest.param({"status": 429, "headers": {"Retry-After": "400"}}, "rate_limited", ["in 400 s"], id="429"),
        pytest.param({"status": 503}, "server_fault", ["503", "later"], id="503"),
        pytest.param(
            {"status": 403, "body": "<html>", "content_type": "text/html"}, "server_fault", ["robot"], id="guard"
        ),
        pytest.param({"status": 404, "json": {"error": "File not found"}}, "not_found", ["File not found"], id="404"),
        pytest.param({"status": 400, "json": {"error": {"issues": []}}}, "server_fault", ["400"], id="odd JSON"),
        pytest.param({"status": 401, "body": b"\xff"}, "unauthorised", ["401", "set CIVITAI_TOKEN"], id="no JSON"),
        pytest.param(
            {"body": "<title>Hotel\nWiFi</title>", "content_type": "text/html"},
            "server_fault",
            ["'Hotel WiFi'", "captive portal"],
            id="page",
        ),
        pytest.param(
            {"body": "<title>Sign in</title>", "content_type": "text/html"},
            "unauthorised",
            ["'Sign in'", "set CIVITAI_TOKEN"],
            id="login page where the file should be",
        ),
        pytest.param(
            {"body": b"x" * 29, "headers": {"Content-Length": "29"}},
            "server_fault",
            ["29 bytes", "about 4000 KiB and no digest"],
            id="a message for a file",
        ),
    ],
)
def test_what_comes_instead_of_a_file_is_told(said, told, answer, kind, words):
    """However it is dressed."""
    said.replace(responses.GET, API, json={"id": 1, "files": [LISTED["files"][0] | {"sizeKB": 4000.4}]})
    said.get(LOAD, **answer)

    error = told()

    assert error.kind == kind, str(error)
    assert all(word in str(error) for word in words), str(error)


@pytest.mark.parametrize(
    ("status", "where"), [(403, "where CivitAI sends for it"), (400, "cdn.test answers 400")], ids=str
)
def test_a_signed_address_that_refuses_is_told_with_its_host(said, told, status, where):
    """It is not CivitAI that says so, and no token helps."""
    said.get(LOAD, status=307, headers={"Location": "https://cdn.test/x?Signature=geheim"})
    said.get("https://cdn.test/x", status=status)

    error = told()

    assert where in str(error)
    assert "geheim" not in str(error)


def test_the_shop_where_the_file_should_be_is_told(said, told):
    """CivitAI sends a browser there, with status 200 in the end."""
    said.get(LOAD, status=307, headers={"Location": "/pricing?reason=early-access&returnUrl=/models/1"})
    said.get("https://civitai.test/pricing", body="<title>Membership</title>", content_type="text/html")

    error = told()

    assert (error.kind, "buy early access on the model's page and set CIVITAI_TOKEN" in str(error)) == ("gated", True)


def test_a_page_from_the_other_host_is_told(said, told):
    """However long it is, its beginning is read."""
    said.get(LOAD, status=307, headers={"Location": "https://cdn.test/x"})
    said.get("https://cdn.test/x", body="<title>Portal</title>" + "x" * 99_999, content_type="text/html")

    assert "cdn.test answers with a web page 'Portal' instead of the file" in str(told())


def test_a_status_that_is_neither_file_nor_refusal_is_told(said, told):
    """Nothing is taken for a file that was not said to be one."""
    said.get(LOAD, status=204)

    assert "civitai.test answers 204 for real.safetensors, where CivitAI sends for it" in str(told())


@pytest.mark.parametrize("status", [204, 206])
def test_a_listing_without_a_listing_is_told(said, told, status):
    """Nothing is taken for an answer that was not said to be one."""
    said.replace(responses.GET, API, status=status, body=b"")

    assert f"civitai.test answers {status} for version 1" in str(told())


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"id": 2, "files": []},
        {"id": 1, "files": {}},
        {"id": 1, "files": [{"name": "x"}]},
        {"id": 1, "files": [{"id": 1, "name": ".."}]},
        {"id": 1, "files": [{"id": 1, "name": "x", "hashes": {"SHA256": "abc"}}]},
    ],
    ids=["list", "another version", "no files", "no id", "no name", "no digest"],
)
def test_an_answer_that_is_not_civitais_costs_one_line(said, told, answer):
    """A mirror may be anything."""
    said.replace(responses.GET, API, json=answer)

    assert "CIVITAI_ENDPOINT: this does not speak like CivitAI" in str(told())


def test_a_server_that_repeats_the_token_is_not_repeated(said, told):
    """Errors are logged and posted."""
    said.get(LOAD, status=401, json={"error": "no user for key secretsecret"})

    assert "secretsecret" not in str(told(variables={"CIVITAI_TOKEN": "secretsecret"}))


def test_the_catalogs_digest_is_held_against_civitais_before_anything_travels(civitai, told, weights):
    """Gigabytes would be fetched three times to tell the same."""
    civitai.offer(1, weights)
    row = {"path": "real.safetensors", "digests": (Digest("sha256", "0" * 64, "the catalog"),)}

    error = told(files=[row], variables={"CIVITAI_ENDPOINT": civitai.url})

    assert (error.kind, "the catalog says 000000000000" in str(error)) == ("digest_mismatch", True)
    assert civitai.bytes_sent() == 0


@pytest.mark.parametrize(
    ("variables", "facts", "words"),
    [
        pytest.param({"HF_HUB_OFFLINE": "1"}, {}, ["civitai:1 has to be asked", "unset HF_HUB_OFFLINE"], id="offline"),
        pytest.param({}, {"gated": True}, ["gated", "set CIVITAI_TOKEN"], id="gated"),
        pytest.param({"CIVITAI_TOKEN": "a b"}, {}, ["CIVITAI_TOKEN holds characters"], id="no token"),
    ],
)
def test_what_needs_no_question_is_told_before_any(civitai, told, variables, facts, words):
    """Nothing is asked."""
    error = told(variables={"CIVITAI_ENDPOINT": civitai.url, **variables}, **facts)

    assert all(word in str(error) for word in words)
    assert civitai.requests == ()


def test_a_reason_that_only_trickles_is_not_waited_for(civitai, told, weights, monkeypatch):
    """The status says enough."""
    monkeypatch.setattr(words, "_WITHIN_S", 0.2)
    civitai.offer(1, weights)
    civitai.set_terms(1, "token")
    civitai.slow("1", 20, kind="download")

    error = told(variables={"CIVITAI_ENDPOINT": civitai.url})

    assert (error.kind, "logged in" in str(error), "set CIVITAI_TOKEN" in str(error)) == ("unauthorised", False, True)


def test_every_request_says_who_asks(said, ask):
    """The guard before CivitAI answers 403 to urllib's own name."""
    said.get(LOAD, body=b"x" * 100)

    ask("civitai:1", variables={"CIVITAI_ENDPOINT": "https://civitai.test"})

    assert {call.request.headers["User-Agent"] for call in said.calls} == {f"modelready/{__version__}"}
