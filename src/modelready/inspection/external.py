"""The external data of ONNX models: files beside a model that hold its weights."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.formats import onnx
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent
from modelready.layouts import looking
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from modelready.model import PlacedFile, PlacedModel

_WIDEN = words.PROVISION + "; where the catalog leaves it out, widen its `include`"
_ELSEWHERE = "do not load it: no program follows such a path; get the model from another source"


def broken(files: Iterable[PlacedFile], model: PlacedModel, *, refused: Collection[str] = ()) -> tuple[Fault, ...]:
    """
    Tell the external data that ONNX models among *files* name, and that are not there or too short.

    A required file that is absent, or one of *refused*, was told of already: it is passed over.
    """
    known = {one.place: one for one in model.files}
    told = {one.path for one in model.files if is_required_and_absent(one)} | set(refused)
    return tuple(
        fault
        for one in files
        if one.place.suffix.lower() == ".onnx"
        for location, end in _ends(one.place).items()
        for fault in _faults(one, location, end, known)
        if fault.path not in told
    )


def unlisted(files: Iterable[PlacedFile], model: PlacedModel) -> tuple[Fault, ...]:
    """Tell the external data that are there and that nobody listed: no digest of them is known, and none computed."""
    known = {one.path for one in model.files} | {one.place.as_posix() for one in model.files}
    remedy = "widen the catalog's `include`, or name the file in a [[model.file]] row"
    return tuple(
        Fault(path, f"holds weights of {one.path}, and is no file of {model.name}", remedy)
        for one in files
        if one.place.suffix.lower() == ".onnx"
        for location in _ends(one.place)
        if not onnx.leaves_its_folder(location)
        and (path := _beside(one.path, location)) not in known
        and (place := one.place.parent / location).as_posix() not in known
        and looking.is_file(place)
    )


def _ends(place: Path) -> dict[str, int]:
    """Give the places that the model names, each with how many bytes there are to be."""
    try:
        found = onnx.read(place).external
    except (onnx.BrokenModel, onnx.UnknownModel, OSError):  # told by weights.unwhole
        return {}
    ends: dict[str, int] = {}
    for one in found:
        ends[one.location] = max(ends.get(one.location, 0), one.offset + one.length)
    return ends


def _faults(model: PlacedFile, location: str, end: int, known: dict[Path, PlacedFile]) -> Iterator[Fault]:
    if onnx.leaves_its_folder(location):
        yield Fault(model.path, f"its external data lead out of its folder, to {location[:80]!r}", _ELSEWHERE)
        return
    place = model.place.parent / location
    path = known[place].path if place in known else _beside(model.path, location)
    size = looking.size(place) if looking.is_file(place) else None
    if size is None and place in known and known[place].optional:
        return
    if size is None:
        yield Fault(path, f"the external data that {model.path} names are not there", _WIDEN)
    elif size < end:
        message = f"truncated by {end - size:,} bytes: {model.path} reads {end:,} bytes of it, it has {size:,}"
        yield Fault(path, message, words.PROVISION)


def _beside(path: str, location: str) -> str:
    """Give the path in the source of what lies at *location* beside *path*."""
    parts = [part for part in PurePosixPath(path).parent.joinpath(location).parts if part != "."]
    for place, part in reversed(list(enumerate(parts))):
        if part == ".." and place:
            del parts[place - 1 : place + 1]
    return "/".join(parts)
