"""What an error says can be read, and does nothing else."""

from __future__ import annotations

import pytest

from modelready import errors


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a\x1b]0;title\x07b", "a\ufffd]0;title\ufffdb"),
        ("gpj\u202e.exe", "gpj\ufffd.exe"),
        ("half \ud800 a letter", "half \ufffd a letter"),
        ("two\nlines\tand é 漢 🦀", "two\nlines\tand é 漢 🦀"),
    ],
)
def test_what_a_server_said_steers_no_terminal(said, shown):
    """Escapes, turned text and half letters are shown as what they are not; all else stays."""
    error = errors.RequestError(said, remedy=f"do {said}")

    assert str(error) == f"{shown}; do {shown}"
    assert (error.what, error.remedy) == (shown, f"do {shown}")
    assert str(error).encode()
