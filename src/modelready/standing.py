"""How every model of a catalog stands on this machine: required or not, complete, partial, missing or damaged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from modelready import proving
from modelready.layouts import looking
from modelready.placing import locate, siblings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelready.downloads.jobs import Job
    from modelready.grounds import Ground, Requested
    from modelready.model import Model, PlacedFile, PlacedModel
    from modelready.placing.siblings import Sibling
    from modelready.switches import Decision


@dataclass(frozen=True)
class Standing:
    """One model's standing. Sizes are in bytes; ``bytes_wanted`` is None where the sizes are not known."""

    name: str
    title: str
    source: str
    required: bool
    because: str
    variables: tuple[str, ...]  # those that decided, or would turn it on
    state: str  # complete, partial, missing, damaged
    known_by: str
    revision: str
    path: str
    files_present: int
    files_wanted: int
    bytes_present: int
    bytes_wanted: int | None
    damaged: tuple[str, ...] = ()
    lacking: tuple[dict[str, object], ...] = ()  # path and size of each file that is not there, or not right
    stored_once: tuple[dict[str, str], ...] = ()  # path, how ("hard link", "reflink"), with (MODEL/PATH)
    bytes_stored_once: int = 0
    job: dict[str, object] | None = None


def standings(asked: Requested) -> Iterator[Standing]:
    """Give the standing of every selected model; no byte is read, no network asked."""
    jobs = asked.ground.jobs.latest()
    located = {model.name: locate(model, asked.ground) for model in asked.catalog.models if _has_place(model)}
    shared = siblings.of(located.values())
    for model in asked.selected.values():
        placed = located.get(model.name)
        found = _standing(model, asked.ground, placed, asked.decisions[model.name], jobs.get(model.name))
        yield replace(found, **_once(placed, shared)) if shared else found


def _once(placed: PlacedModel | None, shared: Mapping[Path, Sibling]) -> dict[str, Any]:
    once = [(one, shared[one.place]) for one in (placed.files if placed else ()) if one.place in shared]
    return {
        "stored_once": tuple({"path": one.path, "how": other.how, "with": other.name} for one, other in once),
        "bytes_stored_once": sum(looking.size(one.place) or 0 for one, _ in once),
    }


def standing_of(model: Model, ground: Ground, decision: Decision, job: Job | None) -> Standing:
    """Give the standing of *model*; no byte is read, no network asked."""
    return _standing(model, ground, locate(model, ground) if _has_place(model) else None, decision, job)


def _standing(
    model: Model, ground: Ground, placed: PlacedModel | None, decision: Decision, job: Job | None
) -> Standing:
    files = placed.files if placed else ()
    present = [one for one in files if looking.is_file(one.place)]
    damaged = _damaged(ground, present)
    sizes = [one.size for one in files if not one.optional]
    return Standing(
        name=model.name,
        title=model.title,
        source=model.source.text,
        required=decision.is_required,
        because=decision.because,
        variables=decision.variables,
        state=_state(placed, present, damaged),
        known_by=placed.known_by if placed else "",
        revision=(placed.revision if placed else None) or "",
        path=str(placed.root) if placed else "",
        files_present=len(present),
        files_wanted=len(files),
        bytes_present=sum(one.place.stat().st_size for one in present),
        bytes_wanted=sum(size or 0 for size in sizes) if sizes and None not in sizes and _is_sure(placed) else None,
        damaged=damaged,
        lacking=_lacking(files, present, damaged),
        job=_told(job) if job else None,
    )


def _has_place(model: Model) -> bool:
    return model.layout == "hub-cache" or model.folder is not None


def _lacking(
    files: Sequence[PlacedFile], present: Sequence[PlacedFile], damaged: Sequence[str]
) -> tuple[dict[str, object], ...]:
    here = {one.path for one in present} - set(damaged)
    gone = [one for one in files if one.path not in here and not (one.optional and one.path not in damaged)]
    return tuple({"path": one.path, "size": one.size} for one in gone)


def _damaged(ground: Ground, present: list[PlacedFile]) -> tuple[str, ...]:
    """Give the files whose size is wrong, or whose digest is remembered and wrong."""
    known = proving.remembered(present, ground.ledger)
    return tuple(
        one.path
        for one in present
        if (one.size is not None and one.place.stat().st_size != one.size)
        or (one.path in known and not proving.is_as_expected(one, known[one.path]))
    )


def _state(placed: PlacedModel | None, present: list[PlacedFile], damaged: tuple[str, ...]) -> str:
    if placed is None or not present:
        return "missing"
    if damaged:
        return "damaged"
    here = {one.path for one in present}
    lacking = [one for one in placed.files if one.path not in here and not one.optional]
    return "complete" if _is_sure(placed) and not lacking and not placed.faults else "partial"


def _is_sure(placed: PlacedModel | None) -> bool:
    """Tell whether somebody who can be believed says which files the model has."""
    return placed is not None and placed.known_by not in {"", "snapshot", "folder"}


def _told(job: Job) -> dict[str, object]:
    return asdict(job) | {"alive": job.is_alive}
