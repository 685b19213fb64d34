"""Which connections may go when a server turns them away."""

import threading

import pytest

from modelready.network.retries import Patience
from modelready.transfer import Access
from modelready.transfer.served import Served


@pytest.fixture
def served():
    """Give connections of which none is at work yet."""
    return Served()


@pytest.fixture
def working(served):
    """Let a connection begin, with so many bytes."""

    def begin(progress):
        patience = Patience(Access("http://127.0.0.1"), threading.Event())
        patience.progress = progress
        served.begin(patience)
        return patience

    return begin


def test_one_goes_while_another_is_served(served, working):
    """The other brings the rest."""
    turned_away, _ = working(0), working(1)

    assert served.lets_go(turned_away)


def test_the_last_stays(served, working):
    """Nobody else could tell what is wrong."""
    assert not served.lets_go(working(1))


def test_of_two_that_are_turned_away_at_once_one_stays(served, working):
    """Both got bytes before, and neither may count on the other any more once that has gone."""
    one, other = working(1), working(1)

    assert [served.lets_go(one), served.lets_go(other)] == [True, False]


def test_one_that_got_nothing_is_no_reason_to_go(served, working):
    """The server may be serving nobody."""
    turned_away, _ = working(1), working(0)

    assert not served.lets_go(turned_away)


def test_who_ended_or_went_is_not_counted_on(served, working):
    """Ending after having gone changes nothing."""
    one, other, last = working(1), working(1), working(1)
    served.lets_go(one)
    served.end(one)
    served.end(other)

    assert not served.lets_go(last)
