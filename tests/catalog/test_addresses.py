"""The ``source`` of a model."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelready import addresses
from modelready.model import Source

COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
HERE = Path("/work")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        pytest.param("hf:org/name", ("hf", "org/name", "main", None), id="hub"),
        pytest.param("hf:gpt2", ("hf", "gpt2", "main", None), id="hub, without organisation"),
        pytest.param("hf:org/name@v1.0", ("hf", "org/name", "v1.0", None), id="tag"),
        pytest.param("hf:org/name@refs/pr/1", ("hf", "org/name", "refs/pr/1", None), id="pull request"),
        pytest.param(f"hf:org/name@{COMMIT}", ("hf", "org/name", COMMIT, None), id="commit"),
        pytest.param(f"hf:org/name@{COMMIT.upper()}", ("hf", "org/name", COMMIT, None), id="commit in capitals"),
        pytest.param("civitai:290640", ("civitai", "290640", "", None), id="civitai"),
        pytest.param("civitai:290640?fileId=22", ("civitai", "290640", "", "22"), id="civitai, one of its files"),
        pytest.param("https://h.org/a.bin?x=1", ("url", "https://h.org/a.bin?x=1", "", None), id="https"),
        pytest.param("http://127.0.0.1:80/a", ("url", "http://127.0.0.1:80/a", "", None), id="loopback"),
        pytest.param("http://localhost/a", ("url", "http://localhost/a", "", None), id="localhost"),
        pytest.param("http://[::1]:8080/a", ("url", "http://[::1]:8080/a", "", None), id="loopback, version 6"),
        pytest.param("file:a/b", ("file", "/work/a/b", "", None), id="relative file"),
        pytest.param("file:/a/../b", ("file", "/b", "", None), id="absolute file"),
        pytest.param("file:///a%20b", ("file", "/a b", "", None), id="file as a URL"),
        pytest.param("file://localhost/a", ("file", "/a", "", None), id="file as a URL with a host"),
    ],
)
def test_every_kind_of_source_is_read(text, rest):
    """These are all forms a catalog may use."""
    assert addresses.parse(text, HERE) == Source(text, *rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "org/name",
        "hf:",
        "hf:a/b/c",
        "hf:org/",
        "hf:/name",
        "hf:org/na me",
        "hf:org/name@",
        "hf:org/name@a..b",
        "hf:org/name@/abs",
        "hf:org/name@a b",
        "hf:../name",
        "hf:org/-x",
        "hf:org/a--b",
        "hf:org/x.git",
        "civitai:",
        "civitai:abc",
        "civitai:12?fileid=3",
        "civitai:012",
        "civitai:12?fileId=",
        "civitai:12?fileId=3&format=x",
        "civitai:١٢",
        f"civitai:{'9' * 5000}",
        "https:",
        "https://",
        "https:///x",
        "https://h:99999/x",
        "https://h /x",
        "https://[::1/x",
        "https://user:secret@h/x",
        "http://example.org/x",
        "http://10.0.0.1/x",
        "ftp://h/x",
        "hub:org/name",
        "file:",
        "file:a\0b",
        "file://elsewhere/x",
    ],
)
def test_what_is_no_source_is_refused(text):
    """A wrong source is told before anything is touched."""
    with pytest.raises(ValueError, match="expected"):
        addresses.parse(text, HERE)


def test_a_password_in_a_url_is_not_repeated():
    """The message goes to logs."""
    with pytest.raises(ValueError, match="user or a password") as caught:
        addresses.parse("https://me:secret@h/x", HERE)

    assert "secret" not in str(caught.value)


def test_a_mistyped_kind_is_recognised():
    """One letter less is a common mistake."""
    with pytest.raises(ValueError, match="did you mean 'civitai'"):
        addresses.parse("civtai:12", HERE)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://h/a/b%20c.bin?x=/y", "b c.bin"),
        ("https://h/a/", ""),
        ("https://h", ""),
        ("hf:org/name", ""),
    ],
)
def test_the_end_of_a_url_is_a_file_name(text, name):
    """A URL source has one file, called as the URL ends."""
    assert addresses.file_name(addresses.parse(text, HERE)) == name


@settings(max_examples=100)
@given(st.text(alphabet="0123456789?&=fileId/٣ @.", max_size=24) | st.text(max_size=10))
def test_a_version_of_civitai_is_two_numbers_at_most(rest):
    """They become part of an address, so nothing else may get there."""
    try:
        found = addresses.parse(f"civitai:{rest}", HERE)
    except ValueError:
        return

    file_id = f"?fileId={found.file_id}" if found.file_id else ""
    assert f"civitai:{int(found.address)}{file_id}" == found.text
