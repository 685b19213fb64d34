"""Digests of files: remembered where nothing changed, read where something did, absent where nothing is."""

from __future__ import annotations

import hashlib
import threading

import pytest

from modelready import proving
from modelready.errors import Interrupted
from modelready.ledger import Ledger, settled_fingerprint
from modelready.model import Digest, PlacedFile


@pytest.fixture
def ledger(tmp_path):
    """Give an empty ledger."""
    with Ledger(tmp_path / "ledger.sqlite3") as found:
        yield found


@pytest.fixture
def placed(tmp_path):
    """Give a file that is what it should be."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"bytes")
    settled_fingerprint(path)
    return PlacedFile("a.bin", path, digests=(Digest("md5", hashlib.md5(b"bytes").hexdigest()),))


def test_bytes_are_read_once_and_remembered(placed, ledger):
    """sha256 is always among them: the certificate names files by it."""
    first = proving.prove([placed], ledger)["a.bin"]
    second = proving.prove([placed], ledger)["a.bin"]
    again = proving.prove([placed], ledger, reread=True)["a.bin"]

    assert [one.how for one in (first, second, again)] == ["read", "remembered", "read"]
    assert first.digests == {"sha256": hashlib.sha256(b"bytes").hexdigest(), "md5": placed.digests[0].hex}
    assert all(proving.is_as_expected(placed, one) for one in (first, second, again))


def test_a_file_that_is_not_there_has_no_digests(placed, ledger, tmp_path):
    """And is never as expected."""
    missing = PlacedFile("b.bin", tmp_path / "b.bin")

    found = proving.prove([placed, missing], ledger)

    assert list(found) == ["a.bin"]
    assert not proving.is_as_expected(missing, found.get("b.bin"))


def test_other_bytes_are_not_as_expected(placed, ledger):
    """By any digest that is known."""
    placed.place.write_bytes(b"other")

    found = proving.prove([placed], ledger)

    assert not proving.is_as_expected(placed, found["a.bin"])


def test_two_names_of_one_place_are_read_once(placed, ledger):
    """Files of the same bytes share a blob."""
    twin = PlacedFile("b.bin", placed.place, digests=(Digest("sha1", hashlib.sha1(b"bytes").hexdigest()),))

    found = proving.prove([placed, twin], ledger)

    assert found["a.bin"].digests == found["b.bin"].digests
    assert found["a.bin"].digests.keys() == {"sha256", "md5", "sha1"}


def test_reading_can_be_stopped(placed, ledger):
    """Forty gigabytes take minutes."""
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted):
        proving.prove([placed], ledger, stop=stop)
