"""Faults that may pass, before they become errors a user meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.errors import ModelreadyError


class Passing(Exception):
    """
    What went wrong may go well next time; if it lasts, ``error`` is what the user is told.

    ``wait_s`` is how long the server asked to be left alone, ``is_answer`` whether it spoke at all.
    """

    def __init__(self, error: ModelreadyError, *, wait_s: float | None = None, is_answer: bool = False) -> None:
        self.error, self.wait_s, self.is_answer = error, wait_s, is_answer
        super().__init__(str(error))
