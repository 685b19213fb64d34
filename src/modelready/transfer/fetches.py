"""One wanted file on its way: which pieces are out, what answers about it are believed, when it is begun anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from modelready.network.faults import Passing
from modelready.transfer import hashing, ranges, verdicts
from modelready.transfer.faults import Outdated
from modelready.transfer.parts import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelready import errors
    from modelready.model import Algorithm
    from modelready.transfer.answers import Body
    from modelready.transfer.wanted import Wanted, Watcher

LARGE = 32 << 20  # from here on several connections share a file, and a thread of its own hashes it
PIECE = 32 << 20
_MOST_REFUSALS = 2  # wrong digests or lengths, after which the file is fetched again
_MOST_DOUBTS = 2  # wrong answers to ranges, until the file is fetched from its start
_MOST_RESTARTS = 4
_MOST_CHANGES = 2  # other versions, after which only the digest tells: the servers behind an address may not agree


@dataclass(eq=False)
class Piece:
    """The bytes of a file that one connection brings now; ``end`` is None where nobody knows the size."""

    fetch: Fetch
    part: Part
    generation: int
    position: int
    end: int | None

    @property
    def is_done(self) -> bool:
        """Tell whether its bytes are all there."""
        return self.end is not None and self.position >= self.end


class Fetch:
    """The way of one wanted file from nothing to proved."""

    def __init__(self, wanted: Wanted, watcher: Watcher, moved: Callable[[], None], *, resume: bool) -> None:
        self.wanted = wanted
        self.part: Part | None = None
        self.digester: hashing.Digester | None = None
        self.target: str | None = None  # where the last redirect led: pieces need not ask again
        self._watcher = watcher
        self._moved = moved  # called when there may be pieces to claim
        self._is_proving = False
        self.is_proved = False
        self._resume = resume
        self._out: list[Piece] = []
        self._is_known = False  # a first answer told version, size and whether ranges work
        self._is_shared = True
        self._high_water = 0
        self._mismatches = self._refusals = self._doubts = self._restarts = self._changes = 0

    @property
    def is_large(self) -> bool:
        """Tell whether the file is worth several connections."""
        return (self.wanted.size or 0) >= LARGE

    @property
    def is_divided(self) -> bool:
        """Tell whether the file is asked for by ranges from its start: only where something tells versions apart."""
        names_version = bool(self.wanted.digests or (self.part and self.part.validator))
        return self.is_large and self._is_shared and names_version

    @property
    def most_pieces(self) -> int:
        """Give how many connections could bring some of it at once."""
        return 1 + (self.wanted.size or 0) // PIECE

    def open(self) -> Part:
        """Open the part, with what an earlier run left."""
        if self.part is None:
            self.part = Part(self.wanted, resume=self._resume)
            self._high_water = self.part.count
            self._watcher.started(self.wanted, self.part.count)
        return self.part

    def claim(self) -> Piece | None:
        """Give the next piece that no connection brings yet, if one may be begun now; proved files have none."""
        part = self.open()
        if self.is_proved or self._is_proving or (self._out and not (self._is_known and self._is_shared)):
            return None
        piece = self._next(part)
        if piece:
            self._out.append(piece)
        return piece

    def give_back(self, piece: Piece) -> bool:
        """Take *piece* back; tell whether it was the last of a file that the caller has to prove."""
        self._out.remove(piece)
        is_last = piece.part.is_complete and not (self._out or self._is_proving or self.is_large)
        self._is_proving = self._is_proving or is_last
        return is_last

    def accept(self, piece: Piece, body: Body, linked_size: int | None) -> None:
        """
        Believe that *body* carries bytes for *piece*, or not.

        Raises:
            Passing: it does not; asking again may help.
            DigestMismatch: it never does.
            Outdated: the file is begun anew.

        """
        self._check_length(body, linked_size)
        self._check_page(body)
        with piece.part.moved:
            self._check_version(piece, body)
        if body.offset != piece.position:
            self.doubt_ranges(piece, verdicts.ignored_range(self.wanted, body))
        if self._hides_version(piece, body):
            self.doubt_ranges(piece, verdicts.nameless_part(self.wanted))
        if piece.part.size is None and body.total is not None:
            piece.part.set_size(body.total, piece.generation)
        if body.offset == 0 and body.length == body.total:
            self._is_shared = False
            piece.end = piece.part.size
        if not self._is_known:
            self._is_known = True
            if self.is_divided:  # the others may claim pieces of it from now on
                self._moved()

    def store(self, piece: Piece, view: memoryview) -> int:
        """Put *view* into the part; give how many of its bytes were never there before."""
        part = piece.part
        if part.size is not None and piece.position + len(view) > part.size:
            self._mistrust(piece.generation, verdicts.too_long(self.wanted, part.size))
            raise Outdated
        digester = self._digester(part, piece)
        written = part.write(piece.position, view, piece.generation)
        if digester and digester.generation == piece.generation:
            for position, some in written:
                digester.offer(position, some)
        piece.position += len(view)
        self._watcher.received(self.wanted, len(view))
        new = max(part.count - self._high_water, 0)
        self._high_water += new
        return new

    def end(self, piece: Piece) -> None:
        """Note that the body of an answer without a length came to its end."""
        if piece.part.size is None:
            piece.part.set_size(piece.position, piece.generation)
            piece.end = piece.position
        elif not piece.is_done:
            self._refuse(verdicts.ended_early(self.wanted, piece.position))

    def doubt_ranges(self, piece: Piece, error: errors.ModelreadyError) -> NoReturn:
        """Note a wrong answer to a range: ask again, and after some begin anew without ranges."""
        self._doubts += 1
        if self._doubts <= _MOST_DOUBTS:
            raise Passing(error)
        self._is_shared = False
        self.begin_again(piece, error)

    def begin_again(self, piece: Piece, error: errors.ModelreadyError) -> NoReturn:
        """
        Throw away what arrived.

        Raises:
            Outdated: always, as the piece is of the old attempt; or *error*, where this happened too often.

        """
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise error
        self._throw_away(piece.generation)
        raise Outdated

    def prove(self, found: dict[Algorithm, str], generation: int) -> bool:
        """
        Compare what was *found* with what is wanted; a file that is not right is begun anew.

        Raises:
            DigestMismatch: it was wrong each time.

        """
        wrong = hashing.mismatch(self.wanted, found)
        if wrong is None:
            self.is_proved = True
            self._moved()
            return True
        self._mistrust(generation, verdicts.mismatch(self.wanted, wrong, found[wrong.algorithm]))
        return False

    def _next(self, part: Part) -> Piece | None:
        if part.size is None:
            return Piece(self, part, part.generation, 0, None)
        taken = part.arrived
        for piece in self._out:
            if piece.generation == part.generation:
                taken = ranges.added(taken, piece.position, piece.end or part.size)
        for start, end in ranges.gaps(taken, part.size):
            stop = min(end, start + PIECE) if self.is_divided else end
            return Piece(self, part, part.generation, start, stop)
        is_to_be_proved = part.is_complete and not (self._out or self.is_large)
        return Piece(self, part, part.generation, part.size, part.size) if is_to_be_proved else None

    def begin_digest(self, generation: int) -> hashing.Digester:
        """Give the digester of a new attempt to gather the file, whose size is known."""
        size = self.open().size or 0
        self.digester = hashing.Digester(hashing.algorithms(self.wanted), size, generation)
        return self.digester

    def _digester(self, part: Part, piece: Piece) -> hashing.Digester | None:
        """Give the digester that takes bytes as they come; that of a large file was begun by the thread behind it."""
        if self.is_large or part.size is None or piece.position:
            return self.digester
        return self.begin_digest(piece.generation)

    def _check_length(self, body: Body, linked_size: int | None) -> None:
        size = self.wanted.size
        told = next((one for one in (body.total, linked_size) if size is not None and one not in {None, size}), None)
        if told is None or size is None:
            return
        self._refuse(verdicts.wrong_length(self.wanted, told, is_page=body.is_page))

    def _check_page(self, body: Body) -> None:
        """Refuse a web page where only its digest could tell, and there is none, or where kept bytes are at stake."""
        if not body.is_page or self.wanted.path.lower().endswith((".html", ".htm", ".xhtml")):
            return
        is_proved_later = bool(self.wanted.digests)
        if not is_proved_later or (self._high_water and self._refusals < _MOST_REFUSALS):
            self._refuse(verdicts.page(self.wanted))

    def _check_version(self, piece: Piece, body: Body) -> None:
        part, told = piece.part, body.validator
        if piece.generation != part.generation:
            raise Outdated
        if not self.wanted.digests and _differ(self.wanted.validator, told):
            raise verdicts.changed(self.wanted)
        if body.total is not None and part.size not in {None, body.total}:
            self.begin_again(piece, verdicts.changed(self.wanted))
        if self.wanted.digests and self._changes >= _MOST_CHANGES:
            part.validator = None
            return
        if _differ(part.validator, told):
            self._changes += 1
            self.begin_again(piece, verdicts.changed(self.wanted))
        if part.validator is None:
            part.validator = told

    def _hides_version(self, piece: Piece, body: Body) -> bool:
        """Tell whether *body* could be of another version: no digest would tell, and its ETag, a duty, is missing."""
        known, told = piece.part.validator or "", body.validator or ""
        return bool(body.offset) and not self.wanted.digests and known.startswith('"') and not told.startswith('"')

    def _refuse(self, error: errors.ModelreadyError) -> None:
        self._refusals += 1
        self.target = None
        if self._refusals > _MOST_REFUSALS:
            raise error
        raise Passing(error)

    def _mistrust(self, generation: int, error: errors.ModelreadyError) -> None:
        """Throw away bytes that are surely wrong; raise *error* where they were so too often."""
        self._mismatches += 1
        self._is_shared = False  # the next attempt trusts no ranges
        self._throw_away(generation)
        if self._mismatches > _MOST_REFUSALS:
            raise error

    def _throw_away(self, generation: int) -> None:
        self.target = None
        if self.part and self.part.restart(generation):
            self.digester = None
            self._is_proving = False
            self._watcher.restarted(self.wanted)
            self._moved()


def _differ(one: str | None, other: str | None) -> bool:
    """Tell whether two validators of a kind, ETags or dates, name different versions."""
    return bool(one and other and one.startswith('"') == other.startswith('"') and one != other)
