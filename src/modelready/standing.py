"""How every model of a catalog stands on this machine: required or not, complete, partial, missing or damaged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from modelready import proving
from modelready.layouts import looking
from modelready.placing import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.downloads.jobs import Job
    from modelready.grounds import Requested
    from modelready.model import Model, PlacedFile, PlacedModel


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
    job: dict[str, object] | None = None


def standings(asked: Requested) -> Iterator[Standing]:
    """Give the standing of every selected model; no byte is read, no network asked."""
    jobs = asked.ground.jobs.latest()
    for model in asked.selected.values():
        yield _standing(asked, model, jobs.get(model.name))


def _standing(asked: Requested, model: Model, job: Job | None) -> Standing:
    placed = locate(model, asked.ground) if _has_place(model) else None
    files = placed.files if placed else ()
    present = [one for one in files if looking.is_file(one.place)]
    damaged = _damaged(asked, present)
    decision = asked.decisions[model.name]
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
        job=_told(job) if job else None,
    )


def _has_place(model: Model) -> bool:
    return model.layout == "hub-cache" or model.folder is not None


def _damaged(asked: Requested, present: list[PlacedFile]) -> tuple[str, ...]:
    """Give the files whose size is wrong, or whose digest is remembered and wrong."""
    known = proving.remembered(present, asked.ground.ledger)
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
