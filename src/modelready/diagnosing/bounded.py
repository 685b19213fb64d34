"""Work that may hang, done for so long and no longer."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Found = TypeVar("Found")


def all_within(seconds: float, works: Sequence[Callable[[], Found]]) -> list[Found | None]:
    """
    Give what each of *works* gives; None for one that has not ended after *seconds*, whose thread is left to itself.

    Names are looked up by the system's library, which nothing can interrupt. A bug in one of them is raised here.
    """
    found: list[Found | None] = [None] * len(works)
    bugs: list[BaseException] = []

    def do(place: int) -> None:
        try:
            found[place] = works[place]()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            bugs.append(error)

    threads = [threading.Thread(target=do, args=(place,), daemon=True) for place in range(len(works))]
    for one in threads:
        one.start()
    end = time.monotonic() + seconds
    for one in threads:
        one.join(max(end - time.monotonic(), 0.0))
    if bugs:
        raise bugs[0]
    return list(found)
