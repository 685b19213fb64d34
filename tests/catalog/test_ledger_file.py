"""The file of a ledger: shared, broken, busy or not to be had at all."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from modelready import ledger, ledger_rows

SHA = "a" * 64
MD5 = "b" * 32


def test_thousands_of_files_cost_a_few_statements(place, tmp_path):
    """A thousand models of twenty files are certified in seconds."""
    paths = [tmp_path / f"{number}" for number in range(2500)]
    for path in paths:
        path.touch()
    ledger.settled_fingerprint(paths[-1])
    statements = []

    with ledger.Ledger(place) as book:
        book.remember_many((path, {"sha256": path.name.zfill(64)}, ledger.settled_fingerprint(path)) for path in paths)
        book._rows._connection().set_trace_callback(statements.append)
        known = book.recall_many((path, ["sha256"]) for path in paths)

    assert {path: {"sha256": path.name.zfill(64)} for path in paths} == known
    assert len(statements) <= 5


def test_nothing_to_remember_opens_no_file(place):
    """A look must not leave a trace."""
    with ledger.Ledger(place) as book:
        book.remember_many([])

    assert not place.exists()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda place: place.write_bytes(b"no database" * 1000), id="no database"),
        pytest.param(lambda place: place.write_bytes(place.read_bytes()[:5000]), id="cut short"),
        pytest.param(
            lambda place: place.write_bytes(place.read_bytes()[:4096] + b"\xff" * (place.stat().st_size - 4096)),
            id="overwritten after the first page",
        ),
        pytest.param(
            lambda place: run_sql(place, "DROP TABLE digests_1", "CREATE TABLE digests_1 (path, used)"),
            id="other columns",
        ),
    ],
)
def test_a_broken_ledger_is_replaced_by_a_fresh_one(place, file, damage, remember):
    """It costs one more reading, never a verdict."""
    with ledger.Ledger(place) as book:
        remember(book, file)
    damage(place)

    with ledger.Ledger(place) as book:
        assert book.recall(file, ["sha256"]) == {}
        remember(book, file)
        assert not book.is_in_memory

    with ledger.Ledger(place) as book:
        assert book.recall(file, ["sha256"]) == {"sha256": SHA}


def run_sql(place, *statements):
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements]


@pytest.mark.parametrize("kind", ["no path", "a folder", "below a file"])
def test_without_a_place_the_ledger_lives_in_memory(tmp_path, file, kind, remember):
    """Certifying works where nothing can be written."""
    (tmp_path / "taken").touch()
    place = {"no path": None, "a folder": tmp_path, "below a file": tmp_path / "taken" / "x" / "ledger.db"}[kind]

    with ledger.Ledger(place) as book:
        remember(book, file)

        assert book.is_in_memory
        assert book.recall(file, ["sha256"]) == {"sha256": SHA}


def test_a_ledger_that_may_not_be_written_is_done_without(place, file, monkeypatch, remember):
    """A read-only state folder, or a full disk."""
    with ledger.Ledger(place) as book:
        remember(book, file)
    real = sqlite3.connect
    monkeypatch.setattr(
        "sqlite3.connect",
        lambda path, **options: real(path if path == ":memory:" else f"file:{path}?mode=ro", uri=True, **options),
    )

    with ledger.Ledger(place) as book:
        remember(book, file)

        assert book.is_in_memory
        assert book.recall(file, ["sha256"]) == {"sha256": SHA}


def test_a_broken_ledger_that_cannot_be_removed_is_done_without(place, file, monkeypatch, remember):
    """A folder one may not write to, holding a file one may not use."""
    place.parent.mkdir()
    place.write_bytes(b"no database" * 1000)

    def deny(path, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", deny)

    with ledger.Ledger(place) as book:
        remember(book, file)

        assert book.is_in_memory
        assert book.recall(file, ["sha256"]) == {"sha256": SHA}


def test_a_ledger_that_stays_broken_is_done_without(place, file, monkeypatch, remember):
    """Some file systems say that a file is gone and give it back."""
    place.parent.mkdir()
    place.write_bytes(b"no database" * 1000)
    monkeypatch.setattr("pathlib.Path.unlink", lambda path, missing_ok=False: None)

    with ledger.Ledger(place) as book:
        remember(book, file)

        assert book.is_in_memory
        assert book.recall(file, ["sha256"]) == {"sha256": SHA}


def test_a_file_another_process_has_mended_meanwhile_is_kept(place, file, remember):
    """Two processes may find the same broken file; the second must not remove what the first has written."""
    with ledger.Ledger(place) as book:
        remember(book, file)

    assert ledger_rows._remove(place)

    with ledger.Ledger(place) as book:
        assert book.recall(file, ["sha256"]) == {"sha256": SHA}


def test_a_ledger_that_is_busy_is_done_without_for_once(place, file, monkeypatch, remember):
    """Waiting for ever for a memory aid would be absurd."""
    monkeypatch.setattr(ledger_rows, "_BUSY_S", 0.01)
    with ledger.Ledger(place) as book:
        remember(book, file)
        with closing(sqlite3.connect(place, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            remember(book, file, {"md5": MD5})
            known = book.recall(file, ["sha256", "md5"])

        assert known == {"sha256": SHA}
        assert not book.is_in_memory


def test_old_entries_are_pruned_and_used_ones_stay(place, file, tmp_path, monkeypatch, remember):
    """The ledger does not grow for ever, and what is still asked for is not forgotten."""
    (tmp_path / "other").write_bytes(b"1")
    ledger.settled_fingerprint(tmp_path / "other")
    with ledger.Ledger(place) as book:
        remember(book, file)
        remember(book, tmp_path / "other")
    start, days = time.time(), 24 * 60 * 60

    for later in (100, 200):
        monkeypatch.setattr("time.time", lambda later=later: start + later * days)
        with ledger.Ledger(place) as book:
            assert book.recall(file, ["sha256"]) == {"sha256": SHA}

    assert run_sql(place, "SELECT path FROM digests_1") == [[(os.fsencode(file),)]]


def test_a_replaced_file_leaves_no_second_row(place, file, remember):
    """Each download replaces a file; its old inode will never be asked for again."""
    with ledger.Ledger(place) as book:
        remember(book, file)
        file.with_name("other").write_bytes(b"1")
        file.with_name("other").replace(file)
        remember(book, file)

    assert run_sql(place, "SELECT count(*) FROM digests_1") == [[(1,)]]


def test_a_network_file_system_gets_no_wal(place, file, far, remember):
    """WAL needs memory that all processes share."""
    with ledger.Ledger(place) as book:
        remember(book, file)

    assert run_sql(place, "PRAGMA journal_mode") != [[("wal",)]]


def test_a_local_file_system_gets_wal(place, file, remember):
    """Readers do not wait for writers."""
    with ledger.Ledger(place) as book:
        remember(book, file)

    assert run_sql(place, "PRAGMA journal_mode") == [[("wal",)]]


def test_threads_share_one_ledger(place, tmp_path, remember):
    """Files are settled from several threads at once."""
    paths = [tmp_path / f"{number}" for number in range(80)]
    for path in paths:
        path.touch()
    ledger.settled_fingerprint(paths[-1])

    with ledger.Ledger(place) as book:
        threads = [
            threading.Thread(target=lambda part=part: [remember(book, path) for path in paths[part::8]])
            for part in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert all(book.recall_many((path, ["sha256"]) for path in paths).values())


def test_processes_share_one_ledger(place, tmp_path):
    """Every worker of a parallel run opens it, all at the same moment."""
    for number in range(40):
        (tmp_path / f"{number}").touch()
    ledger.settled_fingerprint(tmp_path / "39")
    code = (
        "import sys; from pathlib import Path; from modelready.ledger import Ledger, fingerprint\n"
        "for path in map(Path, sys.argv[2:]):\n"
        "    with Ledger(Path(sys.argv[1])) as book:\n"
        "        book.remember(path, {'md5': 'b' * 32}, fingerprint=fingerprint(path))\n"
    )
    paths = [tmp_path / f"{number}" for number in range(40)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    running = [
        subprocess.Popen([sys.executable, "-c", code, str(place), *map(str, paths[part::4])], env=environ)
        for part in range(4)
    ]

    assert [process.wait() for process in running] == [0, 0, 0, 0]
    with ledger.Ledger(place) as book:
        assert all(book.recall_many((path, ["md5"]) for path in paths).values())
