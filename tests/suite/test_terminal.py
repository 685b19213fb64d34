"""On a terminal downloads are live bars below pytest's lines; elsewhere they are plain lines."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

pty = pytest.importorskip("pty", reason="a terminal as POSIX has it")


@pytest.fixture
def watched(tiny_machine):
    """Give a function that runs a command on a terminal and gives its status and all that was shown."""

    def run(*arguments):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            tiny_machine.command(*arguments),
            env=tiny_machine.environment | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
            cwd=tiny_machine.place,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        os.close(ours)
        return process.wait(timeout=30), shown.decode()

    return run


def test_bars_move_below_the_lines_of_models(watched, hub):
    """And nothing of them is left when the run ends."""
    hub.slow("*.safetensors", bytes_per_s=30_000)

    status, shown = watched("provision")

    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert status == 0, shown
    assert re.search(r"tiny +━.* of 44\.4 KB", plain), plain
    assert "✓ tiny  ready: " in plain
    assert re.fullmatch(r"=+ \d+ passed in .* =+", plain.rstrip().splitlines()[-1])


def test_a_line_that_does_not_end_is_shown_at_the_end(watched):
    """The names of tests under -v stand on such lines."""
    status, shown = watched("provision", "-v", "-p", "no:xdist")

    assert status == 0, shown
    assert "test_are_there[tiny]" in shown
    assert "PASSED" in shown


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other end was closed
        return b""
