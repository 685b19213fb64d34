"""Which connections may go when a server turns them away."""

import threading

import pytest

from modelready.network.http import Client
from modelready.network.retries import Patience
from modelready.transfer import Access
from modelready.transfer.receiving import Receiver
from modelready.transfer.served import Served

ACCESS = Access("http://127.0.0.1")


@pytest.fixture
def served():
    """Give connections of which none is at work yet."""
    return Served()


@pytest.fixture
def works(served):
    """Let a connection begin a piece, with so many bytes; a new one, or one that had others before."""

    def begin(progress, connection=None):
        connection = connection or Receiver(Client(ACCESS), ACCESS, memoryview(bytearray(1)))
        patience = Patience(ACCESS, threading.Event())
        patience.progress = progress
        served.begin(connection, patience)
        return connection

    return begin


def test_one_goes_while_another_is_served(served, works):
    """The other brings the rest."""
    turned_away, _ = works(0), works(1)

    assert served.lets_go(turned_away)


def test_the_last_stays(served, works):
    """Nobody else could tell what is wrong."""
    assert not served.lets_go(works(1))


def test_of_two_that_are_turned_away_at_once_one_stays(served, works):
    """Both got bytes before, and neither may count on the other any more once that has gone."""
    one, other = works(1), works(1)

    assert [served.lets_go(one), served.lets_go(other)] == [True, False]


def test_one_that_never_got_anything_is_no_reason_to_go(served, works):
    """The server may be serving nobody."""
    turned_away, _ = works(1), works(0)

    assert not served.lets_go(turned_away)


def test_one_that_has_just_begun_its_next_piece_is_served(served, works):
    """It got its last one."""
    turned_away, other = works(0), works(1)
    served.end(other)
    works(0, other)

    assert served.lets_go(turned_away)


def test_who_waits_or_went_is_not_counted_on(served, works):
    """Ending after having gone changes nothing."""
    one, other, last = works(1), works(1), works(1)
    served.lets_go(one)
    served.end(one)
    served.end(other)

    assert not served.lets_go(last)
