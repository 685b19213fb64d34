"""Names from elsewhere: safe on every system, whatever they were."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from modelready import addresses, names
from modelready.network import dispositions
from modelready.patterns import is_literal, safe_relative

NASTY = some.text(some.sampled_from("ab./\\:*?\"'%;= \0\n\x7f\u202e\ud800é") | some.characters(), max_size=40)


def is_safe(name):
    """Tell whether *name* is one part of a path, of few bytes, and no pattern."""
    return "/" not in name and len(name.encode()) <= 201 and is_literal(name) and bool(safe_relative(name))


@given(NASTY)
@settings(max_examples=300)
def test_any_text_becomes_a_safe_name_or_none(text):
    """And a safe name stays what it is."""
    name = names.safe(text)

    assert name == "" or is_safe(name)
    assert names.safe(name) == name


@given(NASTY)
@settings(max_examples=300)
def test_any_header_gives_a_safe_name_or_none(text):
    """However it is written."""
    for header in (text, f"attachment; filename={text}", f'inline; filename="{text}"', f"x; filename*=utf-8''{text}"):
        name = dispositions.file_name(header)

        assert name == "" or is_safe(name)


@given(some.text(some.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/\\?#"), max_size=30))
@settings(max_examples=200)
def test_any_address_ends_in_a_safe_name_or_none(text):
    """The end of the path, percent-decoded."""
    name = addresses.file_name(addresses.parse(f"https://h/{text}", None))

    assert name == "" or is_safe(name)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        pytest.param(None, "", id="none"),
        pytest.param("attachment", "", id="no name"),
        pytest.param('attachment; filename="a b.bin"', "a b.bin", id="quoted"),
        pytest.param("attachment; filename=a.bin; size=3", "a.bin", id="a token"),
        pytest.param('attachment; size=3 ;FileName = "a.bin"', "a.bin", id="case and spaces"),
        pytest.param(r'attachment; filename="a\"b.bin"', "a_b.bin", id="an escaped quote"),
        pytest.param('attachment; filename="a;b.bin"', "a;b.bin", id="a semicolon within"),
        pytest.param("attachment; filename=\"x.bin\"; filename*=UTF-8''na%C3%AFve.bin", "naïve.bin", id="both"),
        pytest.param("attachment; filename*=iso-8859-1'en'%A3.bin", "£.bin", id="latin-1"),
        pytest.param("attachment; filename*=utf-7''x; filename=y", "y", id="a charset nobody may use"),
        pytest.param("attachment; filename=naÃ¯ve.bin", "naïve.bin", id="raw UTF-8"),
        pytest.param('attachment; filename="../../etc/passwd"', "passwd", id="climbing"),
        pytest.param("attachment; filename*=UTF-8''..%2F..%2Fx.bin", "x.bin", id="climbing, encoded"),
        pytest.param('attachment; filename="C:\\\\x\\\\y.bin"', "y.bin", id="a path of Windows"),
        pytest.param('attachment; filename=".."', "", id="the folder above"),
        pytest.param('attachment; filename="aux.bin"', "_aux.bin", id="a device"),
        pytest.param("filename=x.bin", "", id="no disposition"),
    ],
)
def test_dispositions_are_read_as_rfc_6266_says(header, name):
    """``filename*`` before ``filename``; nonsense is no name."""
    assert dispositions.file_name(header) == name


def test_a_long_name_keeps_its_ending():
    """It has to fit with `.part` behind it."""
    assert names.safe("é" * 300 + ".safetensors").endswith("é.safetensors")
