"""What of an address may be shown: enough to tell it from others, never what opens it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from modelready import addresses, signed

SIGNING = """
X-Amz-Signature X-Amz-Credential x-amz-security-token X-Goog-Signature Signature sig se sp sv skoid Expires Policy
Key-Pair-Id AWSAccessKeyId GoogleAccessId token access_token api_key apikey my-auth-token password secret hdnts
"""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://h/a.bin", "https://h/a.bin", id="nothing to hide"),
        pytest.param("https://h/a.bin?download=true", "https://h/a.bin?download=true", id="harmless"),
        pytest.param("https://h/a?versionId=3&X-Amz-Signature=ab", "https://h/a?versionId=3", id="an object's version"),
        pytest.param("https://h/a?%74oken=ab", "https://h/a", id="an encoded name"),
        pytest.param("https://u:p@h/a#part", "https://h/a", id="a user"),
        pytest.param("https://h/a?key=ab", "https://h/a?key=…fb8e20fc", id="a key, or a path"),
        pytest.param("https://h/a?abcdefghijklmnopqrstuvw", "https://h/a?…7f07818e", id="no name"),
        pytest.param("civitai:12?token=ab", "civitai:12", id="no URL"),
    ],
)
def test_what_is_shown(url, shown):
    """A person knows which file is meant."""
    assert signed.without_secrets(url) == shown


@pytest.mark.parametrize("name", SIGNING.split())
def test_what_signs_is_left_out(name):
    """So an address signed anew is the same source."""
    assert signed.without_secrets(f"https://h/a?{name}=x&v=1") == "https://h/a?v=1"


@given(some.text("abcdefghijkXYZ0123456789+/=%-_", min_size=17, max_size=60), some.sampled_from(["id", "k", "foo", ""]))
@settings(max_examples=200)
def test_no_long_value_is_shown(value, name):
    """A secret may have any name."""
    assert value not in signed.without_secrets(f"https://h/a?{name}={value}")


def test_a_source_shows_and_writes_only_what_it_may():
    """What is asked is whole."""
    source = addresses.parse("https://h/a.bin?sig=secret&v=1", None)

    assert (source.text, source.address) == ("https://h/a.bin?v=1", "https://h/a.bin?sig=secret&v=1")
    assert "secret" not in repr(source)


@pytest.mark.parametrize("text", ["http://h/a?sig=secret", "https://h /a?sig=secret", "ftp://h/a?sig=secret"])
def test_a_fault_of_a_catalog_does_not_tell_it_either(text):
    """Builds print faults into logs that many read."""
    with pytest.raises(ValueError, match="expected") as caught:
        addresses.parse(text, None)

    assert "secret" not in str(caught.value)
