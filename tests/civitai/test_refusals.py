"""Whatever comes instead of a file is read without a bug, and told on one line without the token."""

from __future__ import annotations

import json
import re

import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelready.errors import SourceError
from modelready.network.faults import Passing
from modelready.network.http import Reply
from modelready.sources.civitai_refusals import Refusals

HOME, TOKEN = "https://civitai.test", "geheim-geheim"
VALUE = (
    st.none() | st.integers() | st.text(max_size=20) | st.just(f"no user for {TOKEN}\n\x1b[31m") | st.lists(st.none())
)
SAID = st.dictionaries(st.sampled_from(["error", "message", "deadline", "issues"]), VALUE, max_size=4)
BODY = st.binary(max_size=60) | SAID.map(lambda said: json.dumps(said).encode())
PAGE = st.text(max_size=30).map(lambda text: f"<html><title>{text}</title>".encode())


def reply(status, body, kind, path):
    """Give an answer as requests would."""
    response = requests.Response()
    response.status_code, response._content, response.url = status, body, HOME + path
    response.headers["Content-Type"] = kind
    return Reply(response, response.url, None)


@settings(max_examples=150)
@given(
    st.sampled_from([200, 206, 302, 400, 401, 403, 404, 410, 418, 429, 451, 503]),
    BODY | PAGE,
    st.sampled_from(["application/json", "text/html; charset=utf-8", "", "text/plain"]),
    st.sampled_from(["/api/download/models/1", "/login?returnUrl=x", "/pricing?reason=early-access", "//[", "/?\x00"]),
)
@example(403, b'{"error": "Early Access", "deadline": 7}', "application/json", "/")
def test_any_answer_is_read(status, body, kind, path):
    """None, a fault that may pass, or one that lasts; a server may repeat the token, we do not."""
    found = Refusals(HOME, TOKEN, "CIVITAI_TOKEN")(reply(status, body, kind, path))

    error = found.error if isinstance(found, Passing) else found
    assert error is None or isinstance(error, SourceError)
    assert not re.search(f"{TOKEN}|[\x00-\x1f]", str(error))
    assert error is None or len(str(error)) < 600
    assert status not in {429, 503} or isinstance(found, Passing)
