"""What the server works with: the manager and its queue, the board, the feed of events, and certifying at the end."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelready.downloads.manager import UnifiedModelDownloadManager
from modelready.notices import Notices
from modelready.suite_calls import suite_command, suite_environment
from modelready.web import answers
from modelready.web.board import Board
from modelready.web.events import Feed

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from modelready.grounds import Requested
    from modelready.web.guards import Access

_LOOK_S = 0.25


@dataclass
class Service:
    """All that the calls need; its manager begins with the server and ends with it."""

    asked: Requested
    access: Access
    connections: int = 4
    suite_options: Sequence[str] | None = None  # None: nothing is certified after a download
    notify: Sequence[str] = field(default=(), repr=False)  # who is told of each job that ends
    notices: Notices = field(init=False)
    manager: UnifiedModelDownloadManager = field(init=False)
    board: Board = field(init=False)
    feed: Feed = field(init=False)

    def __post_init__(self) -> None:
        drained = self.certify if self.suite_options is not None else None
        self.notices = Notices(self.notify)
        self.manager = UnifiedModelDownloadManager(
            self.asked, connections=self.connections, drained=drained, ended=self.notices.job
        )
        self.board = Board(self.asked, self.manager)
        self.feed = Feed(self.manager, self.board, self.asked.ground.settings.home / "last-certificate.json")

    def status(self, model_id: str) -> answers.Status:
        """Give how the download of *model_id* stands."""
        return answers.Status.model_validate(self.board.hidden(self.manager.get_download_status(model_id)))

    def certify(self, stop: threading.Event) -> None:
        """Let the suite certify this machine, in a process of its own; the certificate tells how that went."""
        with subprocess.Popen(  # noqa: S603 - our own interpreter
            suite_command([*(self.suite_options or ())]),
            env=suite_environment() | ({"MODELREADY_NOTIFY": " ".join(self.notify)} if self.notify else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as suite:
            while suite.poll() is None:
                if stop.wait(_LOOK_S):
                    suite.terminate()
                    break
