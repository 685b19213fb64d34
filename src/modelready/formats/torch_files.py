"""Files of torch and other pickles, told by what they hold: whether they are whole. Nothing is unpickled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.formats import magics, pickles, torch_archives, torch_legacy
from modelready.formats.byte_views import Cursor, View

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INSPECTED = frozenset({"zip", "pickle", "tar"})
#: Nothing but torch writes these.
_TORCH = frozenset({".pt", ".pth"})


def faults(path: Path) -> tuple[str, ...]:
    """
    Say what is wrong with the file; nothing, if it is whole as far as its format tells.

    Raises: OSError, where it cannot be read.
    """
    with path.open("rb") as file:
        view = View(file, 0, file.seek(0, 2))
        return tuple(_faults(view, is_torch=path.suffix.lower() in _TORCH))


def is_inspected(path: Path) -> bool:
    """Tell whether the file holds what is inspected here, whatever its name; one that cannot be read may."""
    try:
        with path.open("rb") as file:
            return magics.kind_of(file.read(magics.HEAD_BYTES), file.seek(0, 2)) in _INSPECTED
    except OSError:
        return True


def _faults(view: View, *, is_torch: bool) -> Iterator[str]:
    head = view.read(0, magics.HEAD_BYTES)
    kind = magics.kind_of(head, view.size)
    if kind == "zip":
        yield from torch_archives.faults(view, is_torch=is_torch)
    elif kind == "tar":
        yield from torch_legacy.tar_faults(view)
    elif kind == "pickle" and torch_legacy.is_legacy(view):
        yield from torch_legacy.faults(view)
    elif kind == "pickle":
        fault = pickles.scan(Cursor(view)).fault
        yield from [f"its pickle {fault}"] if fault else []
    elif is_torch and kind == "":
        yield f"is no file of torch: it begins with {head[:8]!r}, expected a zip archive or a pickle"
