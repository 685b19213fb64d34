"""Several files by Xet, one after the other; what Xet does not bring is left to HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready.transfer import disk
from modelready.transfer.xet import bring_xet
from modelready.transfer.xet_process import XetFailed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from modelready.network.access import Access
    from modelready.transfer.wanted import Proof, Wanted, Watcher
    from modelready.transfer.xet_choice import XetSource

_MOST_FAILURES = 2  # then Xet is not asked again


@dataclass(frozen=True)
class Left:
    """A file that Xet did not bring, and why."""

    wanted: Wanted
    reason: str


def bring_by_xet(  # noqa: PLR0913 - as `bring`: one call is the whole interface, all of it by name
    files: Sequence[tuple[Wanted, XetSource]],
    *,
    access: Access,
    settle: Callable[[Proof], None],
    watcher: Watcher,
    stop: threading.Event,
    resume: bool = True,
    stall_s: float = 12.0,
) -> tuple[Left, ...]:
    """
    Bring and settle what Xet can, and give the files that are left to `bring`.

    Raises:
        ModelreadyError: what HTTP would not do better: no room, no permission, *stop*.

    """
    left: list[Left] = []
    for wanted, xet in files:
        if len(left) >= _MOST_FAILURES:
            left.append(Left(wanted, left[-1].reason))
            continue
        try:
            proof = bring_xet(
                wanted, xet=xet, access=access, watcher=watcher, stop=stop, resume=resume, stall_s=stall_s
            )
        except XetFailed as failed:
            left.append(Left(wanted, str(failed)))
            continue
        with disk.told(wanted.part):
            settle(proof)
        watcher.done(proof)
    return tuple(left)
