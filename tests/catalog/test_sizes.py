"""Sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelready import sizes

UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


@given(st.integers(0, 10**6), st.sampled_from(list(UNITS)), st.sampled_from(["", " ", "  "]))
def test_each_unit_is_the_power_it_names(count, unit, space):
    """KB is 1000 and KiB is 1024: the two families are never mixed up."""
    assert sizes.parse(f"{count}{space}{unit}") == count * UNITS[unit]


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        pytest.param("3 GB", 3_000_000_000, id="as in the manual"),
        pytest.param("1.5 GiB", 1_610_612_736, id="decimals"),
        pytest.param("90.9mb", 90_900_000, id="small letters, no space"),
        pytest.param("5 kB", 5000, id="as physicists write it"),
        pytest.param("1.1 GiB", 1_181_116_006, id="a part of a byte is dropped"),
        pytest.param(" 7 ", 7, id="no unit is bytes"),
        pytest.param("0.1 MB", 100_000, id="what a float could not hold exactly"),
        pytest.param("9223372036854775807 B", sizes.LARGEST, id="the largest"),
    ],
)
def test_a_size_is_read_as_it_is_meant(text, size_bytes):
    """People write sizes in several ways."""
    assert sizes.parse(text) == size_bytes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GB",
        "3 gigs",
        "3 GBit",
        "1,5 GB",
        "-1 GB",
        "1e9",
        "nan",
        "inf",
        "3 G B",
        "1_000 B",
        "٣ GB",
        ".5 GB",
        "10 EB",
    ],
)
def test_what_is_no_size_is_refused(text):
    """A size that is guessed would let a truncated file pass."""
    with pytest.raises(ValueError, match=r"is no size; expected"):
        sizes.parse(text)


@pytest.mark.parametrize("size_bytes", [-1, 2**63])
def test_a_size_no_file_can_have_is_refused(size_bytes):
    """SQLite and file systems count to 2^63 - 1."""
    with pytest.raises(ValueError, match="no size a file can have"):
        sizes.checked(size_bytes)


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (90_868_376, "90.9 MB"),
        (999_949, "999.9 KB"),
        (999_950, "1.0 MB"),
        (999_999_999, "1.0 GB"),
        (3_857_413_744, "3.9 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_a_size_is_told_in_the_unit_that_fits(size_bytes, words):
    """A size is read by people, and rounding up may need the next unit."""
    assert sizes.told(size_bytes) == words


@given(st.integers(0, 10**15))
def test_what_is_told_can_be_read_again(size_bytes):
    """Words and numbers agree within what the words leave out."""
    again = sizes.parse(sizes.told(size_bytes))

    assert abs(again - size_bytes) <= size_bytes * 0.0505
