"""The one verb of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from modelready.network.access import Access
    from modelready.transfer.wanted import Proof, Wanted, Watcher


def bring(  # noqa: PLR0913 - one call is the whole interface, all of it by name
    files: Sequence[Wanted],
    *,
    access: Access,
    connections: int,
    settle: Callable[[Proof], None],
    watcher: Watcher,
    stop: threading.Event,
    resume: bool = True,
) -> None:
    """
    Bring every file into its part, proved byte by byte, and let *settle* give it its name.

    Returns when all are settled; *settle* is called from a thread of ours with a part that is complete, right and
    durable. Whatever ends it early leaves in the parts what arrived, for the next run to go on from.

    Raises:
        ModelreadyError: the first error that lasted; others are noted on it.

    """
    if not files:
        return
    # requests and urllib3 cost as much as all the rest of a start.
    from modelready.transfer.pool import Pool  # noqa: PLC0415 - see above

    Pool(files, access, settle=settle, watcher=watcher, resume=resume).run(connections, stop)
