"""Where bytes lie, and how they get their final name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from modelready.layouts.delivery import Delivery
from modelready.layouts.folder import Folder
from modelready.layouts.hub_cache import HubCache
from modelready.layouts.metadata import Metadata
from modelready.layouts.receipts import Receipt, ReceiptFile

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from modelready.layouts.locking import Waiting
    from modelready.model import ManifestFile

__all__ = ["LAYOUTS", "Delivery", "Folder", "HubCache", "Layout", "Metadata", "Receipt", "ReceiptFile"]


class Layout(Protocol):
    """What bringing files needs to know of the place they go to."""

    def blob(self, file: ManifestFile, place: Path) -> Path:
        """Give the place of the bytes, which may be there without their name."""
        ...

    def part(self, file: ManifestFile, place: Path) -> Path:
        """Give the part file."""
        ...

    def beginnings(self, file: ManifestFile, place: Path, *, least: int) -> Iterator[Path]:
        """Give what lies here and may be how *file* begins, if it has *least* bytes."""
        ...

    def prepare(self, file: ManifestFile, place: Path) -> Path:
        """Make the folders that *file* needs, and give its part file."""
        ...

    def settle(self, file: ManifestFile, place: Path, part: Path) -> None:
        """Give the verified *part* its final name."""
        ...

    def link_existing(self, file: ManifestFile, place: Path) -> bool:
        """Make *place* lead to bytes that lie here and are proved; False when there are none."""
        ...

    def begin(self, delivery: Delivery) -> None:
        """Write down what is to be brought."""
        ...

    def finish(self, delivery: Delivery) -> None:
        """Write down what was brought."""
        ...

    def lock(
        self, *, waiting: Waiting | None = None, patience_s: float = 60.0, stop: threading.Event | None = None
    ) -> AbstractContextManager[None]:
        """Hold the destination: who holds it downloads."""
        ...


LAYOUTS: Mapping[str, Callable[[Path, str], Layout]] = {"hub-cache": HubCache, "folder": Folder}
