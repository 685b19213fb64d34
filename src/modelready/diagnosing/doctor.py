"""Everything that a doctor looks at, in the order in which one thing explains the next."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import lock
from modelready.diagnosing import bounded, endpoints, holders, places, programs, tokens, variables
from modelready.diagnosing.findings import Finding, fail, ok, warn
from modelready.errors import DiskFull, ModelreadyError
from modelready.grounds import Ground
from modelready.inspection import words
from modelready.layouts import looking
from modelready.placing import Options, Plan, locate, plan_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelready.grounds import Requested
    from modelready.model import Model, PlacedModel

_PATIENCE_S = 5
_PLANNING_S = 60.0
_MOST_TOLD = 10
_DAY_S = 86_400


@dataclass(frozen=True)
class Patient:
    """What is looked at: the request, the environment it came from, and the models that it is about."""

    asked: Requested
    environ: Mapping[str, str]

    @property
    def models(self) -> list[Model]:
        """Give the required models and what they need; where none is required, all that were selected."""
        return self.asked.with_needs(list(self.asked.required or self.asked.selected))

    def placed(self) -> list[PlacedModel]:
        """Locate the models that have a place."""
        with_place = [one for one in self.models if one.layout == "hub-cache" or one.folder is not None]
        return [locate(one, self.asked.ground) for one in with_place]


def examine(patient: Patient) -> Iterator[Finding]:
    """Tell what is as it should be, what may be in the way, and what is; nothing is brought or left behind."""
    asked, environ, models = patient.asked, patient.environ, patient.models
    settings, placed = asked.ground.settings, patient.placed()
    yield from programs.examine(frozenset(name for one in models for name in one.consumers))
    yield from _catalog(asked)
    yield from variables.examine(environ, asked.catalog.models, placed)
    gated = [one.name for one in models if one.gated]
    yield from tokens.examine(environ, settings, frozenset(one.source.kind for one in models), gated)
    silent: set[str] = set()
    for finding, seen in endpoints.examine(environ, settings, [one.source for one in models]):
        silent |= {seen.endpoint} if seen and seen.error else set()
        yield finding
    plans = _plans(asked, [one for one in models if endpoints.of_source(one.source, environ, settings) not in silent])
    yield from _models(plans)
    yield from places.examine(_places(patient, placed, plans))
    yield from _state(settings.home)
    yield from holders.examine(settings.home, settings.hf_cache, placed, asked.ground.jobs.latest().values())


def _catalog(asked: Requested) -> Iterator[Finding]:
    shown = ", ".join(words.folded(path) for path in asked.catalog.paths)
    if not asked.required:
        remedy = "`modelready status` says which variable turns one on"
        yield warn("catalog", f"{shown}: no model is required here", remedy)
        return
    yield ok("catalog", f"{shown}: {len(asked.required)} of {len(asked.selected)} models required here")
    unlocked = [name for name, one in asked.required.items() if lock.entry_for(one, asked.ground.lock)[0] is None]
    if unlocked:
        more = f" and {len(unlocked) - _MOST_TOLD} more" if unlocked[_MOST_TOLD:] else ""
        names = f"{', '.join(unlocked[:_MOST_TOLD])}{more}"
        text = f"no lock speaks of {names}: only what lies beside the files says what they should be"
        yield warn("catalog", text, "write models.lock.json with `modelready lock`, and commit it beside the catalog")


def _plans(asked: Requested, models: Sequence[Model]) -> dict[str, Plan | ModelreadyError]:
    """Ask the sources, impatiently, what would have to be brought; what is remembered of files is not needed for it."""
    with tempfile.TemporaryDirectory(prefix="modelready-doctor-") as home:
        hasty = replace(
            asked.ground.settings,
            home=Path(home),
            max_retries=0,
            metadata_timeout_s=min(asked.ground.settings.metadata_timeout_s, _PATIENCE_S),
            read_timeout_s=min(asked.ground.settings.read_timeout_s, _PATIENCE_S),
        )
        ground, stop = Ground(hasty, asked.ground.lock), threading.Event()
        try:
            (found,) = bounded.all_within(_PLANNING_S, [lambda: list(plan_all(models, ground, Options(), stop=stop))])
        finally:
            stop.set()
            ground.close()
    return {model.name: plan for model, plan in found or ()}


def _models(plans: Mapping[str, Plan | ModelreadyError]) -> Iterator[Finding]:
    refused = {name: one for name, one in plans.items() if isinstance(one, ModelreadyError)}
    for name, one in list(refused.items())[:_MOST_TOLD]:
        yield fail("models", f"{name}: {one.what.removeprefix(f'{name}: ')}", one.remedy)
    planned = [one for one in plans.values() if isinstance(one, Plan)]
    if planned:
        lacking = sum(one.need.lacks for one in planned)
        yield ok("models", f"{len(planned) - lacking} lack nothing, as far as sizes tell; {lacking} can be brought")


def _places(
    patient: Patient, placed: Sequence[PlacedModel], plans: Mapping[str, Plan | ModelreadyError]
) -> Iterator[places.Place]:
    for one in placed:
        plan = plans.get(one.name)
        root = patient.asked.ground.settings.hf_cache if one.model.layout == "hub-cache" else one.root
        yield places.Place(root, _still_to_come(plan))
    yield places.Place(patient.asked.ground.settings.home)


def _still_to_come(plan: Plan | ModelreadyError | None) -> int | None:
    """Give the bytes that *plan* would bring and copy; where the disk is full, that was told with the model."""
    if isinstance(plan, Plan):
        return plan.bytes_to_write
    return 0 if isinstance(plan, DiskFull) else None


def _state(home: Path) -> Iterator[Finding]:
    shown, last = words.folded(home), home / "last-certificate.json"
    if why := _why_unwritable(looking.existing(home)):
        remedy = "certify works so; for provision and serve, set MODELREADY_HOME to a folder that can be written"
        yield warn("state", f"{shown} cannot be written: {why}", remedy)
    if not looking.is_folder(home):
        yield ok("state", f"{shown}: not there yet; it is made when it is needed")
        return
    try:
        found = json.loads(last.read_text(encoding="utf-8"))
        result, at = found["predicate"]["result"], found["predicate"]["modelready"]["finished"]
    except (OSError, ValueError, KeyError, TypeError):
        yield ok("state", f"{shown}: no certificate of an earlier run")
        return
    days = (time.time() - last.stat().st_mtime) / _DAY_S
    text = f"{shown}: the last certificate says {result}, {days:.0f} days ago ({at})"
    yield ok("state", text) if result == "PASSED" else warn("state", text, "run `modelready certify`")


def _why_unwritable(folder: Path) -> str:
    """Say what the system has against writing into *folder*; its rights alone do not tell."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__
