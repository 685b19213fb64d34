"""The connections of one transfer, and which piece of which file each brings next."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from modelready import errors
from modelready.network import retries
from modelready.network.faults import Passing
from modelready.network.http import Client
from modelready.transfer import hashing
from modelready.transfer.faults import Outdated
from modelready.transfer.fetches import Fetch
from modelready.transfer.keeping import Keeper
from modelready.transfer.proving import Follower, prove
from modelready.transfer.receiving import Receiver
from modelready.transfer.served import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelready.network.access import Access
    from modelready.transfer.fetches import Piece
    from modelready.transfer.wanted import Proof, Wanted, Watcher

_POLL_S = 0.1
_GRACE_S = 2.0


class Pool:
    """
    Brings files with a number of connections, large files first.

    Each connection goes on with its own file, so that bytes arrive in order and are hashed as they come. Where there
    are fewer files than connections, a large one is divided among them, piece after piece. The first error that lasts
    ends everything; parts are kept.
    """

    def __init__(
        self,
        files: Sequence[Wanted],
        access: Access,
        *,
        settle: Callable[[Proof], None],
        watcher: Watcher,
        resume: bool,
    ) -> None:
        retries.hush()
        self._access, self._watcher = access, watcher
        self._turn = threading.Condition()
        self._halted = threading.Event()
        self._ended = threading.Event()
        self._failures: list[BaseException] = []
        fetches = [Fetch(wanted, watcher, self._wake, resume=resume) for wanted in files]
        self._fetches = tuple(fetches)
        self._fresh = deque(sorted(fetches, key=lambda fetch: -(fetch.wanted.size or 0) if fetch.is_large else 0))
        self._open: list[Fetch] = []
        self._unsettled = len(fetches)
        self._followers: list[Follower] = []
        self._clients: list[Client] = []
        self._served = Served()
        self._keeper = Keeper(settle, watcher, count=len(fetches), settled=self._settled, failed=self.fail)

    def run(self, connections: int, stop: threading.Event) -> None:
        """
        Bring everything.

        Raises:
            ModelreadyError: the first that ended it; what else went wrong is noted on it.

        """
        if stop.is_set():
            raise retries.interrupted()
        most = sum(fetch.most_pieces for fetch in self._fetches)
        workers = [self._worker() for _ in range(min(max(connections, 1), most))]
        try:
            self._keeper.start()
            for worker in workers:
                worker.start()
            self._wait(stop)
        except BaseException:
            self._halt()
            raise
        finally:
            self._finish(workers)
        if self._failures:
            raise _first(self._failures)

    def fail(self, error: BaseException) -> None:
        """End the transfer with *error*."""
        with self._turn:
            self._failures.append(error)
        self._halt()

    def _wait(self, stop: threading.Event) -> None:
        while not self._ended.wait(_POLL_S):
            if stop.is_set():
                self.fail(retries.interrupted())
            for client in self._clients:
                client.cut_if_older(time.monotonic() - self._access.silence_s - _GRACE_S)

    def _finish(self, workers: list[threading.Thread]) -> None:
        for thread, client in zip(workers, self._clients, strict=True):
            while thread.is_alive() and not (self._halted.is_set() and client.is_unreachable):
                thread.join(_POLL_S)
        for follower in self._followers:
            follower.join()
        if self._keeper.ident:
            self._keeper.finish()
        for fetch in self._fetches:
            self._put_away(fetch)
        for client in self._clients:
            client.close()

    def _put_away(self, fetch: Fetch) -> None:
        try:
            if fetch.part:
                fetch.part.keep()
        except errors.ModelreadyError as error:
            self._failures.append(error)

    def _halt(self) -> None:
        self._halted.set()
        self._ended.set()
        for client in self._clients:
            client.halt()
        with self._turn:
            self._turn.notify_all()
            followed = [fetch.part for fetch in self._open if fetch.part]
        for part in followed:
            with part.moved:
                part.moved.notify_all()

    def _worker(self) -> threading.Thread:
        client = Client(self._access)
        self._clients.append(client)
        name = f"modelready-connection-{len(self._clients)}"
        return threading.Thread(target=self._work, args=(client,), name=name, daemon=True)

    def _work(self, client: Client) -> None:
        buffer = memoryview(bytearray(hashing.BUFFER))
        receiver = Receiver(client, self._access, buffer)
        piece = None
        try:
            while (piece := self._next(piece)) and self._bring(piece, receiver, buffer):
                pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the transfer ends with it
            if not self._unsettled and isinstance(error, errors.ModelreadyError):
                return  # what it waited for came by another connection, and it was cut off
            if not (self._halted.is_set() and self._failures):
                self.fail(error)
            elif not isinstance(error, errors.SourceError | errors.Interrupted):
                self._failures.append(error)

    def _bring(self, piece: Piece, receiver: Receiver, buffer: memoryview) -> bool:
        """Bring one piece; tell whether this connection is of further use."""
        patience = retries.Patience(self._access, self._halted)
        self._served.begin(receiver, patience)
        try:
            receiver.bring(piece, patience)
        except Outdated:
            pass  # the pieces of the new attempt are claimed like any others
        except errors.SourceError as error:
            if not (_is_answer(error) and self._served.lets_go(receiver)):
                raise
            return False
        finally:
            self._served.end(receiver)
            with self._turn:
                is_to_be_proved = piece.fetch.give_back(piece)
                self._turn.notify_all()
        if is_to_be_proved:
            prove(piece.fetch, self._keeper, self._watcher, buffer, self._halted)
        return True

    def _next(self, last: Piece | None) -> Piece | None:
        """Give what to bring after *last*; wait while others bring all there is; None when nothing will come."""
        with self._turn:
            while not self._halted.is_set():
                if piece := self._claim(last.fetch if last else None):
                    return piece
                if not (self._open or self._fresh):
                    return None
                self._turn.wait()
            return None

    def _claim(self, last: Fetch | None) -> Piece | None:
        """Give a piece of the file that this connection is at, else of one not begun, else of one that others bring."""
        if last and (piece := last.claim()):
            return piece
        self._open = [fetch for fetch in self._open if not fetch.is_proved]
        return self._begin() or next((piece for fetch in self._open if (piece := fetch.claim())), None)

    def _begin(self) -> Piece | None:
        """Open the next file of which anything is to be brought, and give its first piece."""
        while self._fresh:
            fetch = self._fresh.popleft()
            fetch.open()
            self._open.append(fetch)
            if fetch.is_large:
                self._follow(fetch)
            if piece := fetch.claim():
                return piece
        return None

    def _follow(self, fetch: Fetch) -> None:
        follower = Follower(fetch, self._keeper, self._watcher, halted=self._halted, failed=self.fail)
        self._followers.append(follower)
        follower.start()

    def _wake(self) -> None:
        with self._turn:
            self._turn.notify_all()

    def _settled(self) -> None:
        with self._turn:
            self._unsettled -= 1
        if not self._unsettled:
            self._halt()  # a connection may still wait for bytes that came by another


def _is_answer(error: errors.SourceError) -> bool:
    return isinstance(error.__cause__, Passing) and error.__cause__.is_answer


def _first(failures: list[BaseException]) -> BaseException:
    """Give the failure that ended the transfer, with the others noted on it."""
    first = failures[0]
    for other in dict.fromkeys(str(one) for one in failures[1:]):
        if other != str(first):
            first.add_note(other)
    return first
