"""What provisioning would do, decided for all models at once before the first byte travels."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from modelready import lock as locks
from modelready import patterns, sizes
from modelready.errors import DiskFull, DownloadsDisabled, Interrupted, ModelreadyError, Moved, PatternWithoutMatch
from modelready.layouts import HubCache, looking
from modelready.placing import doubling, elsewhere, places
from modelready.placing.clashing import without_clashes
from modelready.placing.elsewhere import Twin
from modelready.placing.examining import Examiner, Need, manifest_file
from modelready.placing.knowing import Known, learned, with_digests
from modelready.placing.locating import locate, placed_by, unmatched_patterns

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelready.grounds import Ground
    from modelready.layouts import Folder
    from modelready.model import Manifest, ManifestFile, Model, PlacedFile, PlacedModel
    from modelready.sources import Sources
    from modelready.transfer import Wanted

#: Models whose sources are asked at the same time.
_ASKED_AT_ONCE = 4


@dataclass(frozen=True)
class Options:
    """How models are brought."""

    connections: int = 4
    only: tuple[str, ...] = ()
    resume: bool = True
    reread: bool = False
    trust: bool = False


@dataclass(frozen=True)
class Plan:
    """What bringing one model would take. ``manifest`` is there when the source had to be asked."""

    model: Model
    layout: HubCache | Folder
    placed: PlacedModel
    need: Need = field(default_factory=Need)
    manifest: Manifest | None = None

    @cached_property
    def bytes_to_fetch(self) -> int:
        """Give the bytes that would travel, less those of partial files that will be resumed."""
        by_part = {self.layout.part(manifest_file(one), one.place): one for one in self.need.fetch if one.digests}
        nameless = [one for one in self.need.fetch if not one.digests]
        return sum(max((one.size or 0) - self._kept(one), 0) for one in (*by_part.values(), *nameless))

    @property
    def bytes_to_write(self) -> int:
        """Give the bytes that the disk needs room for: what is fetched, and what would be copied from another disk."""
        copied = [twin for twin in self.need.twins if not doubling.shares(twin.source, self.placed.root, self.layout)]
        return self.bytes_to_fetch + sum(twin.file.size or 0 for twin in copied)

    def wanted(self, placed: PlacedFile) -> Wanted | None:
        """Give what a transfer would be asked for; None where the source has no such file."""
        from modelready.transfer import Wanted  # noqa: PLC0415 - brings the network's libraries with it

        file = self.manifest.by_path.get(placed.path) if self.manifest else None
        if file is None or file.url is None:
            return None
        part = self.layout.part(file, placed.place)
        return Wanted(file.url, part, placed.path, placed.size, placed.digests, file.validator)

    def _kept(self, placed: PlacedFile) -> int:
        from modelready.transfer import kept  # noqa: PLC0415 - brings the network's libraries with it

        wanted = self.wanted(placed)
        return kept(wanted) if wanted else 0


class Planner:
    """Plans models on a ground, asking their sources where it must."""

    def __init__(self, ground: Ground, options: Options, sources: Sources, stop: threading.Event | None = None) -> None:
        self._ground, self._options, self._sources = ground, options, sources
        self._examiner = Examiner(ground, options.reread, options.trust, stop)

    def glance(self, model: Model) -> Plan:
        """Plan *model* by what can be told without reading its bytes."""
        layout = places.layout_of(model, self._ground.settings)
        placed = locate(model, self._ground, only=self._options.only)
        need = self._examiner.at_a_glance(placed, layout)
        return self._asked(model, layout, closely=False) if need.is_unsure else Plan(model, layout, placed, need)

    def closely(self, model: Model, before: Plan | None = None) -> Plan:
        """Plan *model* with every digest proved; what its source said for a plan *before* is not asked again."""
        layout = places.layout_of(model, self._ground.settings)
        if before is None or before.manifest is None:
            placed = locate(model, self._ground, only=self._options.only)
            need = self._examiner.closely(placed, layout)
            if not need.is_unsure:
                return Plan(model, layout, placed, need)
        return self._asked(model, layout, closely=True, before=before)

    def _asked(self, model: Model, layout: HubCache | Folder, *, closely: bool, before: Plan | None = None) -> Plan:
        said = before.manifest if before else None
        manifest = self._with_known_digests(model, layout, said or self.resolve(model))
        what = Known("source", manifest.revision, manifest.files)
        # In the cache the places follow from what the source said: thousands of names are not joined again.
        is_same = said is manifest and isinstance(layout, HubCache)
        placed = before.placed if before and is_same else placed_by(model, layout, what, only=self._options.only)
        _raise_first(placed)
        examine = self._examiner.closely if closely else self._examiner.at_a_glance
        return Plan(model, layout, placed, examine(placed, layout), manifest)

    def _with_known_digests(self, model: Model, layout: HubCache | Folder, manifest: Manifest) -> Manifest:
        """Give *manifest* with the digests that the lock or an earlier fetch knows and the source does not name."""
        if all(file.digests for file in manifest.files):
            return manifest
        entry, _ = locks.entry_for(model, self._ground.lock)
        locked = {file.path: file.digests for file in entry.files} if entry else {}
        files = with_digests(manifest.files, locked)
        return replace(manifest, files=with_digests(files, learned(model, layout, manifest.revision)))

    def resolve(self, model: Model) -> Manifest:
        """
        Ask the source of *model* for its manifest, at the locked revision where there is one.

        Raises: SourceError and its kin, PatternWithoutMatch, Moved, DownloadsDisabled.
        """
        if name := self._ground.settings.disabled_by:
            raise DownloadsDisabled(
                f"{model.name}: something is missing, and {name} forbids to bring it",
                remedy=f"unset {name}, or bring the model where it may be brought",
            )
        entry, _ = locks.entry_for(model, self._ground.lock)
        manifest = self._sources.of(model).resolve(model, entry.revision if entry else None)
        refuse_empty_patterns(model, manifest)
        if entry is not None:
            hold_against_lock(model, entry.manifest, manifest)
        return manifest


def plan_all(
    models: Sequence[Model], ground: Ground, options: Options, *, stop: threading.Event | None = None
) -> Iterator[tuple[Model, Plan | ModelreadyError]]:
    """Plan *models*, hold them against each other and the disk, and give each one's plan, or why there is none."""
    from modelready.sources import Sources  # noqa: PLC0415 - brings the network's libraries with it

    planner = Planner(ground, options, Sources(ground.settings, stop))
    with ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="planning") as pool:
        found = list(pool.map(lambda model: _planned(planner, model, stop), models))
    yield from zip(models, _with_room(without_repeats(without_clashes(found))), strict=True)


def without_repeats(found: Sequence[Plan | ModelreadyError]) -> list[Plan | ModelreadyError]:
    """Let each file travel once, for the first model that wants it; the others will find its bytes there."""
    first: dict[Path, Path] = {}
    wanted = [one for plan in found if isinstance(plan, Plan) for one in plan.need.fetch]
    later = {twin.file.place: twin for twin in elsewhere.repeats(list({one.place: one for one in wanted}.values()))}
    return [_doubled(plan, later, first) if isinstance(plan, Plan) else plan for plan in found]


def _doubled(plan: Plan, later: Mapping[Path, Twin], first: dict[Path, Path]) -> Plan:
    """Move to the twins of *plan* what an earlier one fetches: the same bytes, or the very same place."""
    fetch: list[PlacedFile] = []
    twins: list[Twin] = []
    for one in plan.need.fetch:
        if twin := later.get(one.place):
            twins.append(twin)
        elif one.place in first:
            twins.append(Twin(one, one.place))
        else:
            fetch.append(one)
    first |= {one.place: one.place for one in fetch}
    need = replace(plan.need, fetch=tuple(fetch), twins=(*plan.need.twins, *twins))
    return replace(plan, need=need) if twins else plan


def refuse_empty_patterns(model: Model, manifest: Manifest) -> None:
    """
    Hold the patterns and paths that the catalog names against what the source of *model* has.

    Raises: PatternWithoutMatch, for those that match nothing, or nothing that is wanted.
    """
    paths = [file.path for file in manifest.files]
    unmatched = unmatched_patterns(model, paths)
    if not unmatched:
        return
    remedy = f"correct it in {model.catalog.name if model.catalog else 'the catalog'}:{model.line}"
    where = f"{manifest.source}{_at(manifest.revision)}"
    if nowhere := patterns.unmatched(unmatched, paths):
        only = f", which has only {paths[0]}" if len(paths) == 1 else ""
        raise PatternWithoutMatch(
            f"{model.name}: {', '.join(nowhere)}: matches no file of {where}{only}", remedy=remedy
        )
    what = f"{model.name}: {', '.join(unmatched)}: include or exclude leaves out all that it matches of {where}"
    raise PatternWithoutMatch(what, remedy=remedy)


def hold_against_lock(model: Model, locked: Manifest, manifest: Manifest) -> None:
    """
    Hold what the source says now against what the lock says.

    Raises: Moved, where they differ.
    """
    for file in locked.files:
        now = manifest.by_path.get(file.path)
        is_told_apart = bool(locked.revision and manifest.revision) and not file.digests
        is_other_version = is_told_apart and locked.revision != manifest.revision
        if now is None or is_other_version or is_another(file, now):
            raise Moved(
                f"{model.name}: {file.path} is not what the lock says{_at(locked.revision)}",
                remedy=f"look at `modelready lock --check`, then `modelready lock --update {model.name}`",
            )


def is_another(locked: ManifestFile, now: ManifestFile) -> bool:
    """Tell whether *now* has surely other bytes than *locked*."""
    if None not in {locked.size, now.size} and locked.size != now.size:
        return True
    return any((digest := now.digest(one.algorithm)) is not None and digest.hex != one.hex for one in locked.digests)


def _at(revision: str) -> str:
    return f" at {revision[:12]}" if revision else ""


def _raise_first(placed: PlacedModel) -> None:
    """Raise what was wrong with the files that a source named: a path that would leave its folder, an empty choice."""
    for fault in placed.faults:
        message = fault.message if repr(fault.path) in fault.message else f"{fault.path}: {fault.message}"
        raise ModelreadyError(f"{placed.name}: {message}", remedy=fault.remedy)


def _planned(planner: Planner, model: Model, stop: threading.Event | None) -> Plan | ModelreadyError:
    if stop is not None and stop.is_set():
        return Interrupted("stopped before its turn", remedy="run the same command again")
    try:
        return planner.glance(model)
    except ModelreadyError as error:
        return error


def _with_room(found: Sequence[Plan | ModelreadyError]) -> list[Plan | ModelreadyError]:
    """Replace the plans that the disk has no room for, all together, by the error that says so."""
    wanted: dict[int, int] = {}
    for plan in found:
        if isinstance(plan, Plan) and plan.bytes_to_write:
            device = looking.existing(plan.placed.root).stat().st_dev
            wanted[device] = wanted.get(device, 0) + plan.bytes_to_write
    return [_or_no_room(plan, wanted) for plan in found]


def _or_no_room(plan: Plan | ModelreadyError, wanted: dict[int, int]) -> Plan | ModelreadyError:
    if not isinstance(plan, Plan) or not plan.bytes_to_write:
        return plan
    place = looking.existing(plan.placed.root)
    free, needed = shutil.disk_usage(place).free, wanted[place.stat().st_dev]
    if needed <= free:
        return plan
    return DiskFull(
        f"{sizes.told(needed)} have to be fetched, {sizes.told(free)} are free at {place}",
        remedy=f"free {sizes.told(needed - free)}, or require fewer models",
    )
