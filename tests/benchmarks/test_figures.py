"""Ratios are of medians, limits are about the first of the others, and a limit on memory counts too."""

import math

import pytest


def test_a_spread_keeps_middle_and_ends(figures):
    """One slow run of five must not decide."""
    spread = figures.Spread.of([3.0, 1.0, 2.0, 90.0, 1.5])

    assert (spread.median, spread.least, spread.most) == (2.0, 1.0, 90.0)


def test_a_ratio_is_of_medians(result):
    """Below 1 this project is faster."""
    first, second = result([1.0, 2.0, 3.0], [4.0, 4.0, 5.0], [1.0, 1.0, 1.0]).comparisons

    assert first.wall == pytest.approx(0.5)
    assert first.cpu == pytest.approx(0.5)
    assert second.wall == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("ours", "at_most", "kept"),
    [
        pytest.param(1.0, 0.5, True, id="at the limit"),
        pytest.param(1.1, 0.5, False, id="above"),
        pytest.param(9.0, None, None, id="no limit"),
    ],
)
def test_a_limit_is_kept_or_missed(result, ours, at_most, kept):
    """What is missed is said, not rounded away."""
    (only,) = result([ours], [2.0], at_most=at_most).comparisons

    assert only.is_kept is kept


def test_only_the_first_of_the_others_has_a_limit(result):
    """The others stand beside for orientation."""
    _, second = result([1.0], [2.0], [0.1], at_most=0.6).comparisons

    assert second.is_kept is None


def test_a_limit_on_memory_counts_too(result):
    """Fast and too large is missed."""
    (only,) = result([1.0], [2.0], at_most=2.0, most_bytes=500_000_000, peak_bytes=600_000_000).comparisons

    assert only.is_kept is False


def test_what_takes_no_time_cannot_be_undercut(figures):
    """A clock that did not move must not end the run."""
    assert figures.ratio(1.0, 0.0) == math.inf
