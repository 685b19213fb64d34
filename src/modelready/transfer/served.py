"""Which connections a server serves: one that it turns away may go only while another stays."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.network.retries import Patience


class Served:
    """
    The connections at work, each known by the patience with its piece.

    A server may allow fewer connections than were opened. Two that are turned away at once must not both go because
    the other is there: nobody would be left to bring the rest, or to tell why it cannot be brought.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._at_work: list[Patience] = []

    def begin(self, patience: Patience) -> None:
        """Note that a connection set to work."""
        with self._turn:
            self._at_work.append(patience)

    def end(self, patience: Patience) -> None:
        """Note that a connection is done with its piece, if it has not gone before."""
        with self._turn:
            if patience in self._at_work:
                self._at_work.remove(patience)

    def lets_go(self, patience: Patience) -> bool:
        """Let a connection that was turned away go, and tell so, where another got bytes and goes on."""
        with self._turn:
            is_another_served = any(one.progress for one in self._at_work if one is not patience)
            if is_another_served:
                self._at_work.remove(patience)
            return is_another_served
