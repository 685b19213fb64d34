"""Which connections a server serves: one that it turns away may go only while another stays."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelready.network.retries import Patience
    from modelready.transfer.receiving import Receiver


class Served:
    """
    The connections at work, each with the patience for its piece, and those that got bytes before.

    A server may allow fewer connections than were opened. Two that are turned away at once must not both go because
    the other is there: nobody would be left to bring the rest, or to tell why it cannot be brought.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._at_work: dict[Receiver, Patience] = {}
        self._were_served: set[Receiver] = set()

    def begin(self, connection: Receiver, patience: Patience) -> None:
        """Note that *connection* set to work at a piece."""
        with self._turn:
            self._at_work[connection] = patience

    def end(self, connection: Receiver) -> None:
        """Note that *connection* is done with its piece, if it has not gone before."""
        with self._turn:
            patience = self._at_work.pop(connection, None)
            if patience is not None and patience.progress:
                self._were_served.add(connection)

    def lets_go(self, connection: Receiver) -> bool:
        """Let *connection*, which was turned away, go, and tell so, where another that got bytes is at work."""
        with self._turn:
            others = {one: patience for one, patience in self._at_work.items() if one is not connection}
            is_another_served = any(patience.progress or one in self._were_served for one, patience in others.items())
            if is_another_served:
                self._at_work = others
            return is_another_served
