"""Why an error is likely to have happened here is told with it, from what is known of this machine."""

from __future__ import annotations

import re
from os import getuid

import pytest

from modelready import environment, errors, explanations
from modelready.diagnosing import causes
from modelready.mirror import Mirror
from modelready.model import Model, Source

UID = getuid()
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz01234567"
HUB = Model("flux", Source("hf:acme/flux", "hf", "acme/flux"), "hub-cache")
PINNED = Model("flux", Source("hf:acme/flux@" + "a" * 40, "hf", "acme/flux", "a" * 40), "hub-cache")
CIVITAI = Model("lora", Source("civitai:1", "civitai", "1"), "folder")
PLAIN = Model("web", Source("https://models.invalid/x", "https", "https://models.invalid/x"), "folder")


@pytest.fixture
def cause(tmp_path):
    """Give a function that tells the cause of an error on a machine with *variables*."""

    def tell(error, model=HUB, **variables):
        environ = {"HOME": str(tmp_path), "HF_HOME": str(tmp_path / "hf"), **variables}
        known = causes.Diagnosing(environ, environment.read(environ))
        return known.diagnose(error, model, tmp_path).cause

    return tell


def error(kind, what="it failed"):
    return kind(what, remedy="do something")


def test_every_kind_has_a_cause_or_needs_none():
    """The list is closed: a new kind says here what its cause may be."""
    needs_none = {"request", "interrupted", "bug"}

    assert set(causes._CAUSES) | needs_none == set(explanations.errors())


@pytest.mark.parametrize("kind", [errors.NotFound, errors.Gated, errors.Unauthorised, errors.RateLimited])
def test_whether_a_token_was_sent_is_told(cause, kind):
    """And by whom it is held; never what it is."""
    assert cause(error(kind)).startswith("neither HF_TOKEN nor ")
    assert cause(error(kind), HF_TOKEN=TOKEN) == "the token in HF_TOKEN is sent"
    assert "stands in quotes" in cause(error(kind), HF_TOKEN=f'"{TOKEN}"')
    assert cause(error(kind), HF_HUB_DISABLE_IMPLICIT_TOKEN="1").startswith("HF_HUB_DISABLE_IMPLICIT_TOKEN is set: ")
    assert cause(error(kind), CIVITAI) == "CIVITAI_TOKEN is not set"
    assert cause(error(kind), CIVITAI, CIVITAI_API_KEY="0" * 32) == "the token in CIVITAI_API_KEY is sent"
    assert cause(error(kind), PLAIN) == ""


def test_a_pattern_without_a_match_has_nothing_to_do_with_tokens(cause):
    """The listing was there."""
    assert cause(error(errors.PatternWithoutMatch)) == ""


def test_why_nobody_answers_is_told(cause):
    """Forbidden, an address of this machine, or a proxy on the way."""
    assert cause(error(errors.Offline), HF_HUB_OFFLINE="1") == "HF_HUB_OFFLINE is set on this machine"
    here = cause(error(errors.Offline), HF_ENDPOINT="http://127.0.0.1:9")
    assert here == "nothing listens at http://127.0.0.1:9, an address of this machine"
    proxied = cause(error(errors.Offline), HTTPS_PROXY="http://ada:secret@proxy.invalid:8080")
    assert proxied == "HTTPS_PROXY names proxy.invalid:8080; HF_ENDPOINT is not set"
    assert cause(error(errors.ProxyRefused)) == "no proxy is set"
    assert cause(error(errors.DigestMismatch), PLAIN) == "no proxy is set; the catalog names the address"


def test_who_is_asked_for_names_is_told(cause):
    """A container may ask a server that is not there."""
    found = cause(error(errors.UnknownHost), HF_ENDPOINT="https://hub.invalid")

    assert re.match(r"this machine (asks [\w.:, ]+ for names|has no name server); ", found)
    assert found.endswith("HF_ENDPOINT is set to https://hub.invalid")


def test_the_clock_and_who_is_trusted_are_told(cause):
    """The two that certificates fail by."""
    found = cause(error(errors.Untrusted), REQUESTS_CA_BUNDLE="/etc/bundle.pem")

    assert re.match(r"the clock of this machine says \d{4}-\d\d-\d\d \d\d:\d\d UTC; REQUESTS_CA_BUNDLE says", found)


def test_how_the_server_is_now_is_told_after_one_look(tmp_path):
    """Of two models that failed alike, only the first costs a look."""
    with Mirror() as hub:
        environ = {"HOME": str(tmp_path), "HF_ENDPOINT": hub.url}
        known = causes.Diagnosing(environ, environment.read(environ))
        found = [known.diagnose(error(kind), HUB).cause for kind in (errors.ServerFault, errors.Stalled)]
        asked = len(hub.requests)
    held = known.diagnose(error(errors.Held), HUB).cause

    assert re.fullmatch(r"127\.0\.0\.1:\d+ answers \d+ within \d+ ms", found[0])
    assert (found[1], asked, held) == (found[0], 1, "")


def test_a_server_that_is_gone_is_told(tmp_path):
    """It did not only drop one file."""
    with Mirror() as hub:
        environ = {"HOME": str(tmp_path), "HF_ENDPOINT": hub.url}
    known = causes.Diagnosing(environ, environment.read(environ))

    assert known.diagnose(error(errors.ServerFault), HUB).cause.endswith("does not answer now either")


def test_the_disk_in_question_is_told(cause, tmp_path):
    """That of the path in the error, or of the model."""
    named = cause(error(errors.DiskFull, f"{tmp_path}/absent/x: no space left on the device"))
    unnamed = cause(error(errors.DiskFull))

    assert re.fullmatch(r"[\d.]+ \w+ free at .*", named)
    assert named.endswith(tmp_path.name)
    assert "free at" in unnamed


def test_who_writes_where_is_told(cause, tmp_path):
    """A volume that belongs to another user."""
    tmp_path.chmod(0o755)

    found = cause(error(errors.NotWritable, f"{tmp_path}/x: Permission denied"))

    assert f"this is user {UID}" in found
    assert f"belongs to user {UID} with mode 755" in found
    assert cause(error(errors.ReadOnly)) == ""  # it can be written now


def test_what_moves_is_told(cause):
    """A branch does, a commit does not."""
    assert cause(error(errors.Moved)) == "the catalog follows main, which moves"
    assert "pins a commit" in cause(error(errors.Moved), PINNED)


def test_the_switch_that_forbids_is_told(cause):
    """With its value."""
    found = cause(error(errors.DownloadsDisabled), DISABLE_MODEL_DOWNLOADS="yes")

    assert found == "DISABLE_MODEL_DOWNLOADS=yes on this machine"


def test_rows_faults_and_certificates_say_the_same(tiny_machine, hub):
    """One text: what the terminal shows is what the certificate keeps."""
    tiny_machine.catalog('[[model]]\nname = "gone"\nsource = "hf:acme/gone"\n')

    done = tiny_machine.run("provision", "--certificate", "c.json")

    text = "no token was sent (neither HF_TOKEN nor ~/hf/token holds a token)"
    certificate = (tiny_machine.place / "c.json").read_text(encoding="utf-8")
    assert done.returncode == 1
    assert done.stdout.count(text) == 2
    assert text in certificate
    assert '"kinds": [\n' in certificate
    assert '"not_found"' in certificate
