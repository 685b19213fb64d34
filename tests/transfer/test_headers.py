"""Headers are read as the RFCs mean them; nonsense reads as absent and never as an exception."""

import datetime as dt
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from modelready.network import headers

NOW = 1_800_000_000.0
TEXTS = st.text(st.characters(max_codepoint=255)) | st.text('0123456789-/*bytes =;rt,"', max_size=40)


@given(st.integers(0, 10**15), st.integers(1, 10**15), st.integers(0, 10**15) | st.none())
def test_a_content_range_is_read(start, length, more):
    """Ends are inclusive on the wire and exclusive here."""
    total = None if more is None else start + length + more
    text = f"bytes {start}-{start + length - 1}/{'*' if total is None else total}"

    assert headers.content_range(text) == headers.ContentRange(start, start + length, total)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "bytes */100",
        "bytes 5-4/100",
        "bytes 0-100/100",
        "items 0-1/2",
        "bytes 0-1",
        "bytes 0-1/2, 3-4/5",
        "٣",
    ],
)
def test_a_content_range_that_makes_no_sense_is_none(text):
    """It is then a wrong answer, and told so."""
    assert headers.content_range(text) is None


@given(TEXTS)
def test_no_text_is_too_strange(text):
    """Servers send anything."""
    found = headers.content_range(text)
    told = CaseInsensitiveDict(
        dict.fromkeys(("Retry-After", "RateLimit", "RateLimit-Reset", "ETag", "Last-Modified", "Date"), text)
    )
    wait_s = headers.wait_s(told, NOW)
    validator = headers.strong_validator(told)

    assert found is None or found.start < found.end
    assert wait_s is None or wait_s >= 0
    assert validator is None or validator.strip() in text
    assert (headers.count(text) or 0) >= 0
    assert (headers.unsatisfied_total(text) or 0) >= 0


@given(st.integers(0, 10**6))
def test_seconds_to_wait_are_read(seconds):
    """The plain form."""
    assert headers.wait_s({"Retry-After": f" {seconds} "}, NOW) == seconds


@given(st.integers(-(10**6), 10**6))
def test_a_date_to_wait_for_is_read(seconds):
    """The form that huggingface_hub ignores; one that passed is no wait."""
    at = dt.datetime.fromtimestamp(NOW + seconds, dt.UTC)

    wait_s = headers.wait_s({"Retry-After": email.utils.format_datetime(at, usegmt=True)}, NOW)

    assert wait_s == max(seconds, 0)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"RateLimit": '"resolvers";r=0;t=145'}, 145),
        ({"RateLimit": '"resolvers"; r=0 ; t=145'}, 145),
        ({"RateLimit": '"resolvers";r=3;t=145'}, None),
        ({"RateLimit": '"resolvers";t=7'}, 7),
        ({"RateLimit-Reset": "12"}, 12),
        ({"RateLimit-Reset": str(int(NOW) + 30)}, 30),
        ({"Retry-After": "3", "RateLimit": '"x";r=0;t=9'}, 3),
        ({}, None),
    ],
)
def test_rate_limits_are_read(told, seconds):
    """IETF's form, and the older one."""
    assert headers.wait_s(told, NOW) == seconds


@pytest.mark.parametrize(
    ("told", "validator"),
    [
        ({"ETag": '"abc"'}, '"abc"'),
        ({"ETag": 'W/"abc"'}, None),
        ({"ETag": "abc"}, None),
        ({"ETag": '""'}, None),
        ({"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:29:00 GMT"}, "Wed"),
        ({"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:28:59 GMT"}, None),
        ({"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        (
            {
                "ETag": 'W/"a"',
                "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
                "Date": "Thu, 22 Oct 2015 07:28:59 GMT",
            },
            "Wed",
        ),
    ],
)
def test_only_strong_validators_name_a_version(told, validator):
    """If-Range allows no weak ones, and a date only when it is old enough."""
    assert (headers.strong_validator(told) or "")[:5].startswith(validator or "") is True
    assert (headers.strong_validator(told) is None) == (validator is None)


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("7, 7", 7), ("7,8", None), ("-7", None), ("", None), (None, None)]
)
def test_numbers_are_read(text, number):
    """Content-Length may be repeated, if it agrees with itself."""
    assert headers.count(text) == number
