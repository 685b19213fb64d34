"""Deleting what was found: under its locks, never what somebody uses, never outside its home."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from modelready.errors import ModelreadyError
from modelready.housekeeping.finds import Find, Kept, Outcome
from modelready.housekeeping.users import Users
from modelready.layouts import locking, looking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


def sort(finds: Iterable[Find]) -> tuple[list[Find], list[Kept]]:
    """Tell those of *finds* that may go now from those that somebody uses."""
    users = Users()
    free, kept = [], []
    for one in finds:
        if why := _why_not(one, users):
            kept.append(Kept(one.path, why))
        else:
            free.append(one)
    return free, kept


def delete(finds: Sequence[Find]) -> Outcome:
    """Delete *finds*, but for what is used, wanted again, or another file by now."""
    users = Users()
    gone: list[Find] = []
    kept: list[Kept] = []
    for one in finds:
        if why := _deleted(one, users):
            kept.append(Kept(one.path, why))
        else:
            gone.append(one)
    return Outcome(tuple(gone), tuple(kept))


def _deleted(one: Find, users: Users) -> str:
    """Delete *one*; say why it stays where it does."""
    try:
        with held(one.locks) as held_by:
            if why := held_by or _used(one, users):
                return why
            if one.is_still_so is not None and not one.is_still_so():
                return "is wanted again, or was changed meanwhile"
            for path in one.paths:
                path.unlink(missing_ok=True)
    except OSError as error:
        return f"cannot be deleted: {error.strerror}"
    except ModelreadyError as error:
        return str(error)
    return ""


def _why_not(one: Find, users: Users) -> str:
    locked = next((lock for lock in one.locks if locking.is_held(lock)), None)
    return _holder(locked) if locked else _used(one, users)


def _used(one: Find, users: Users) -> str:
    if not one.is_inside:
        return f"a link on the way leads out of {one.homes[0]}"
    return next((f"is open in {user}" for path in (*one.paths, *one.watched) if (user := users.of(path))), "")


@contextlib.contextmanager
def held(locks: Sequence[Path]) -> Iterator[str]:
    """Hold *locks* as long as nobody else does; give who does, where somebody does."""
    with contextlib.ExitStack() as taken:
        for lock in locks:
            if not lock.parent.is_dir():  # nobody ever locked anything there
                continue
            is_new = not looking.is_file(lock)
            if not taken.enter_context(locking.hold_if_free(lock)):
                yield _holder(lock)
                return
            if is_new:
                taken.callback(lock.unlink, missing_ok=True)
        yield ""


def _holder(lock: Path) -> str:
    return f"{locking.holder_of(lock) or 'another process'} is at it"
