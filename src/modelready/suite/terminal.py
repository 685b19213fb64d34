"""The terminal of a run, shared by pytest's lines and the live bars below them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from rich.console import Console


class Terminal:
    """A console on the real standard output, whatever pytest captures; pytest's own lines go through it."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        from rich.console import Console  # noqa: PLC0415 - only for provisioning

        # Checks run with captured output: the file descriptor is taken while nothing is captured.
        self._file = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", buffering=1)
        self.console = Console(file=self._file, soft_wrap=True)
        self._writer = reporter._tw  # noqa: SLF001 - pytest gives no public way to its stream
        self._original = self._writer._file  # noqa: SLF001
        if self.console.is_terminal:
            self._writer._file = _Lines(self.console)  # noqa: SLF001

    def give_back(self) -> None:
        """Let pytest write to its own stream again."""
        if isinstance(self._writer._file, _Lines):  # noqa: SLF001
            self._writer._file.finish()  # noqa: SLF001
        self._writer._file = self._original  # noqa: SLF001
        self._file.close()


class _Lines:
    """Collects what pytest writes, and prints it line by line above the live bars."""

    encoding = "utf-8"

    def __init__(self, console: Console) -> None:
        self._console, self._begun = console, ""

    def write(self, text: str) -> int:
        from rich.text import Text  # noqa: PLC0415 - only for provisioning

        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._console.print(Text.from_ansi(line))
        return len(text)

    def flush(self) -> None:
        """Do nothing: lines are printed when they end."""

    def isatty(self) -> bool:
        return True

    def finish(self) -> None:
        """Print the line that has not ended."""
        if self._begun:
            self.write("\n")
