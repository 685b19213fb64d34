"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("2m", 120), ("1h30m", 5400), ("45", 45), (" 1.5 M ", 90), ("0.5s", 0.5), ("2min 3", 123)],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    """Seconds, where nothing else is said."""
    assert durations.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0", "0m", "soon", "-3s", "3d", "1e9", "٣s", "1" * 30])
def test_what_is_no_duration_is_told(text):
    """Nothing at all is none either: who wants no search would get a silent pass."""
    with pytest.raises(ValueError, match="is no duration; expected more than nothing, in s, m or h: '30s', '2m'"):
        durations.parse(text)


@given(st.text(max_size=20) | st.from_regex(r"[0-9.]{1,9}[hms ]{0,3}[0-9.hms]{0,9}"))
def test_whatever_is_written_is_read_or_refused(text):
    """A positive number of seconds, or words."""
    try:
        seconds = durations.parse(text)
    except ValueError:
        return

    assert 0 < seconds < 1e13
