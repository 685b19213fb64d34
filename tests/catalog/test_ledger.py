"""Digests already computed: never recalled for a file that may have changed."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelready import digests, ledger

SHA = "a" * 64
MD5 = "b" * 32


def test_what_was_remembered_is_recalled(place, file, remember):
    """By another process too: the ledger is a file."""
    with ledger.Ledger(place) as book:
        remember(book, file)

    with ledger.Ledger(place) as book:
        assert book.recall(file, ["sha256", "md5"]) == {"sha256": SHA}
        assert book.recall(file, ["md5"]) == {}
        assert not book.is_in_memory


def test_a_file_nobody_read_is_not_known(place, file, tmp_path):
    """Neither is one that is not there."""
    with ledger.Ledger(place) as book:
        known = book.recall_many([(file, ["sha256"]), (tmp_path / "nope", ["sha256"])])

    assert known == {file: {}, tmp_path / "nope": {}}


def test_digests_of_one_state_of_a_file_add_up(place, file, remember):
    """One check wants sha256, another git's."""
    with ledger.Ledger(place) as book:
        remember(book, file, {"sha256": SHA})
        remember(book, file, {"md5": MD5})

        assert book.recall(file, ["sha256", "md5"]) == {"sha256": SHA, "md5": MD5}


def flip_byte(path):
    path.write_bytes(b"weighty")


def flip_byte_and_hide_it(path):
    """As an rsync --inplace or a careful attacker would."""
    before = path.stat()
    path.write_bytes(b"weighty")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_file(path):
    other = path.with_name("other")
    other.write_bytes(b"weighty")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    "change",
    [
        flip_byte,
        flip_byte_and_hide_it,
        replace_file,
        pytest.param(lambda path: path.write_bytes(b"x"), id="another size"),
        pytest.param(lambda path: path.chmod(0o600), id="another mode, which only ctime shows"),
        pytest.param(Path.unlink, id="deleted"),
    ],
)
def test_a_file_that_changed_is_not_recalled(place, file, change, remember):
    """The whole point: a verdict is never older than the bytes."""
    with ledger.Ledger(place) as book:
        remember(book, file)

        change(file)

        assert book.recall(file, ["sha256"]) == {}


def test_a_file_may_be_asked_for_twice_at_once(place, file, remember):
    """Two models share a file, and each wants its own digests of it."""
    with ledger.Ledger(place) as book:
        remember(book, file, {"sha256": SHA, "md5": MD5})

        known = book.recall_many([(file, ["sha256"]), (file, ["md5"])])

    assert known == {file: {"sha256": SHA, "md5": MD5}}


def test_a_new_state_replaces_the_old_digests(place, file, remember):
    """Digests of two states never stand in one row."""
    with ledger.Ledger(place) as book:
        remember(book, file, {"sha256": SHA, "md5": MD5})
        flip_byte(file)
        ledger.settled_fingerprint(file)
        remember(book, file, {"sha256": "c" * 64})

        assert book.recall(file, ["sha256", "md5"]) == {"sha256": "c" * 64}


def test_a_file_that_changed_while_it_was_read_is_not_remembered(place, file):
    """The digest would be of a mixture."""
    before = ledger.fingerprint(file)
    flip_byte(file)

    with ledger.Ledger(place) as book:
        book.remember(file, {"sha256": SHA}, fingerprint=before)
        ledger.settled_fingerprint(file)

        assert book.recall(file, ["sha256"]) == {}
        assert book.recall(file, ["sha256"], trust=True) == {}


def test_a_file_that_vanished_while_it_was_read_is_not_remembered(place, file):
    """Nothing to remember, and nothing to fail about."""
    before = ledger.fingerprint(file)
    file.unlink()

    with ledger.Ledger(place) as book:
        book.remember(file, {"sha256": SHA}, fingerprint=before)

        assert book.recall(file, ["sha256"]) == {}


def test_a_file_that_was_read_too_early_is_never_recalled(place, tmp_path):
    """Within one tick of the clock a second change leaves no trace."""
    path = tmp_path / "x"
    path.write_bytes(b"1")
    taken = ledger.fingerprint(path)

    with ledger.Ledger(place) as book:
        book.remember(path, {"sha256": SHA}, fingerprint=replace(taken, taken_ns=taken.ctime_ns + 1))
        early = book.recall(path, ["sha256"])
        book.remember(path, {"md5": MD5}, fingerprint=replace(taken, taken_ns=taken.ctime_ns + 10**10))

        assert early == {}
        assert book.recall(path, ["sha256", "md5"]) == {"md5": MD5}


@pytest.mark.parametrize("round_", range(20))
def test_changes_in_quick_succession_are_seen(place, tmp_path, round_):
    """What `git` calls racy: write, read, write again at once, with the same size."""
    path = tmp_path / "x"
    with ledger.Ledger(place) as book:
        path.write_bytes(b"1")
        before = ledger.fingerprint(path)
        told = digests.compute(path, ["sha256"])
        book.remember(path, told, fingerprint=before)

        path.write_bytes(b"2")

        assert book.recall(path, ["sha256"]) == {}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["write 1", "write 2", "hide", "read", "settle", "swap", "recall"]), max_size=10))
def test_whatever_happens_to_a_file_a_recalled_digest_is_true(tmp_path_factory, steps):
    """The promise itself, over any history."""
    path = tmp_path_factory.mktemp("history") / "x"
    path.write_bytes(b"0")
    mtime = path.stat().st_mtime_ns
    with ledger.Ledger(path.with_name("ledger.db")) as book:
        for step in [*steps, "recall"]:
            if step.startswith("write"):
                path.write_bytes(step[-1].encode())
            elif step == "hide":
                os.utime(path, ns=(mtime, mtime))
            elif step == "swap":
                path.with_name("y").write_bytes(b"3")
                path.with_name("y").replace(path)
            elif step in {"read", "settle"}:
                take = ledger.fingerprint if step == "read" else ledger.settled_fingerprint
                before = take(path)
                book.remember(path, digests.compute(path, ["sha256"]), fingerprint=before)
            else:
                known = book.recall(path, ["sha256"])
                assert known in ({}, digests.compute(path, ["sha256"]))


def test_waiting_for_the_tick_makes_a_new_file_recallable(place, tmp_path):
    """What we have just brought and proved ourselves is not read again."""
    path = tmp_path / "x"
    path.write_bytes(b"1")

    with ledger.Ledger(place) as book:
        book.remember(path, {"sha256": SHA}, fingerprint=ledger.settled_fingerprint(path))

        assert book.recall(path, ["sha256"]) == {"sha256": SHA}


def test_a_file_system_of_whole_seconds_has_longer_ticks():
    """FAT keeps two seconds, HFS+ one; such times have no fraction."""
    fine = ledger.Fingerprint(1, 1, 1, 0, 10**18 + 1, 10**18 + 10**8)
    coarse = replace(fine, ctime_ns=10**18)

    assert not fine.is_young
    assert coarse.is_young
    assert not replace(coarse, taken_ns=10**18 + 3 * 10**9).is_young


def test_a_file_from_the_future_does_not_keep_us_waiting(tmp_path, monkeypatch):
    """A clock that was set back must cost a reading, not an hour."""
    (tmp_path / "x").touch()
    past = time.time_ns() - 3600 * 10**9
    monkeypatch.setattr("time.time_ns", lambda: past)
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"slept {seconds} s"))

    assert ledger.settled_fingerprint(tmp_path / "x").is_young


def test_windows_keeps_the_creation_where_others_keep_the_change(monkeypatch):
    """There only mtime says when a file changed."""
    taken = ledger.Fingerprint(1, 1, 1, 5, 7)
    monkeypatch.setattr("os.name", "nt")

    assert taken.changed_ns == 5


def test_over_a_network_nothing_is_recalled_unless_the_place_is_trusted(place, file, far, remember):
    """Another machine's ctime is another machine's promise."""
    with ledger.Ledger(place) as book:
        remember(book, file)

        assert book.recall(file, ["sha256"]) == {}
        assert book.recall(file, ["sha256"], trust=True) == {"sha256": SHA}


def test_trust_takes_size_and_time_for_enough(place, file, remember):
    """A volume that is mounted anew has other devices and inodes, and the same files."""
    with ledger.Ledger(place) as book:
        remember(book, file)
        moved = file.with_name("copy")
        moved.write_bytes(b"weights")
        os.utime(moved, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
        moved.replace(file)

        assert book.recall(file, ["sha256"]) == {}
        assert book.recall(file, ["sha256"], trust=True) == {"sha256": SHA}
        flip_byte(file)
        assert book.recall(file, ["sha256"], trust=True) == {}


def test_a_link_shares_the_digests_of_its_file(place, file, tmp_path, remember):
    """A snapshot of a Hub cache is links into blobs."""
    (tmp_path / "link").symlink_to(file)

    with ledger.Ledger(place) as book:
        remember(book, file)

        assert book.recall(tmp_path / "link", ["sha256"]) == {"sha256": SHA}


def test_names_that_are_no_text_are_remembered(place, tmp_path):
    """Linux allows any bytes."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    path.write_bytes(b"1")

    with ledger.Ledger(place) as book:
        book.remember(path, {"sha256": SHA}, fingerprint=ledger.settled_fingerprint(path))

        assert book.recall(path, ["sha256"], trust=True) == {"sha256": SHA}


def test_figures_beyond_what_sqlite_counts_are_remembered(place, file, monkeypatch):
    """Overlay file systems use all 64 bits of an inode; archives hold times of the year 9999."""
    odd = ledger.Fingerprint(2**64 - 1, 2**64 - 1, 7, 2**70, 1)
    monkeypatch.setattr(ledger, "fingerprint", lambda path: replace(odd, taken_ns=10**10))

    with ledger.Ledger(place) as book:
        book.remember(file, {"sha256": SHA}, fingerprint=replace(odd, taken_ns=10**10))

        assert book.recall(file, ["sha256"]) == {"sha256": SHA}
