"""Small files as applications read them: one table, or a reason in words."""

import pytest

from modelready.consumers import reading


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b'{"a": 1', "is no JSON: Expecting", id="cut short"),
        pytest.param(b"[]", "holds no table", id="a list"),
        pytest.param(b"\xef\xbb\xbf{}", "is no JSON: Unexpected UTF-8 BOM", id="a byte order mark"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "is no JSON: Exceeds the limit", id="a number without end"),
        pytest.param(b'{"a":' * 200_000, "nested too deeply", id="nested"),
        pytest.param(b"{}\xff", "byte 2 is not UTF-8", id="no text"),
    ],
)
def test_what_is_no_table_is_refused(fill, content, words):
    """In one line, whatever it is."""
    place = fill({"x.json": content}) / "x.json"

    with pytest.raises(reading.Unreadable, match=words):
        reading.table(place)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path):
    """A configuration of gigabytes is none; memory stays small."""
    place = tmp_path / "config.json"
    with place.open("wb") as stream:
        stream.truncate(2**40)

    with pytest.raises(reading.Unreadable, match="more than 67,108,864 bytes"):
        reading.table(place)


def test_what_cannot_be_opened_is_refused(tmp_path):
    """A folder, and nothing at all."""
    with pytest.raises(reading.Unreadable, match="Is a directory"):
        reading.table(tmp_path)
    with pytest.raises(reading.Unreadable, match="No such file"):
        reading.table(tmp_path / "nothing")
    assert reading.magic(tmp_path / "nothing") == b""


def test_yaml_that_refers_to_itself_is_small(fill):
    """References are shared, not copied: a few lines make no gigabytes."""
    lines = ["a0: &a0 [x, x]", *(f"a{one}: &a{one} [*a{one - 1}, *a{one - 1}]" for one in range(1, 40))]

    assert len(reading.yaml_table(fill({"x.yaml": "\n".join(lines)}) / "x.yaml")) == 40
