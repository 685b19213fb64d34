"""Where each file of a model lies, or should, and what is known of it: pure reading, no network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.errors import UnsafePath
from modelready.layouts import Folder, looking
from modelready.model import Fault, ManifestFile, PlacedFile, PlacedModel
from modelready.placing import places
from modelready.placing.knowing import (
    EXHAUSTIVE,
    Known,
    known,
    metadata_digests,
    named_paths,
    outdated,
    wanted_paths,
)
from modelready.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modelready.grounds import Ground
    from modelready.layouts import HubCache
    from modelready.model import Digest, FileRule, Model


def locate(model: Model, ground: Ground, *, only: Sequence[str] = ()) -> PlacedModel:
    """Give *model* and where its files lie, or should, as far as this machine knows; *only* keeps matching files."""
    layout = places.layout_of(model, ground.settings)
    placed = placed_by(model, layout, known(model, layout, ground.lock), only=only)
    return replace(placed, faults=(*placed.faults, *_outdated(placed, layout)))


def placed_by(model: Model, layout: HubCache | Folder, what: Known, *, only: Sequence[str] = ()) -> PlacedModel:
    """Place the files that *what* knows of, and those that the catalog names exactly."""
    files, faults = _placed(model, layout, what)
    if only:
        files = [file for file in files if patterns.matches(file.path, only)]
        faults += [] if files else [Fault(", ".join(only), "no file of the model matches --only", "loosen --only")]
    elif what.by in EXHAUSTIVE or what.by in {"folder", "snapshot"}:
        lacking = unmatched_patterns(model, [file.path for file in what.files])
        faults += [_unmatched(pattern, what.by) for pattern in lacking]
    return PlacedModel(
        model=model,
        root=places.root_of(layout, what.revision),
        revision=what.revision,
        files=tuple(files),
        known_by=what.by or ("catalog" if files else ""),
        faults=tuple(faults),
    )


def _outdated(placed: PlacedModel, layout: HubCache | Folder) -> Iterator[Fault]:
    files, came_as = outdated(placed, layout)
    for one in files.values():
        if looking.is_file(one.place):
            message = f"came as {came_as}, the lock says {placed.revision}, and no digest tells whether they differ"
            yield Fault(one.path, message, "run `modelready provision`")


def unmatched_patterns(model: Model, paths: Sequence[str]) -> list[str]:
    """Give the catalog's patterns, and the paths it names, that match nothing of what it wants of *paths*."""
    rules = [rule.path for rule in model.files if not rule.optional]
    return list(dict.fromkeys(patterns.unmatched([*model.include, *rules], wanted_paths(model, paths))))


def names_all_files(model: Model) -> bool:
    """Tell whether the catalog alone says which files the model has: every one by its exact path."""
    return bool(model.include) and all(patterns.is_literal(one) for one in model.include)


def _placed(model: Model, layout: HubCache | Folder, what: Known) -> tuple[list[PlacedFile], list[Fault]]:
    by_path = {file.path: file for file in what.files}
    wanted = wanted_paths(model, list(by_path))
    named = dict.fromkeys(named_paths(model))
    files: list[PlacedFile] = []
    faults: list[Fault] = []
    for path in dict.fromkeys((*wanted, *named)):
        file = by_path.get(path) or ManifestFile(path)
        try:
            files.append(_place(model, layout, file, what.revision, is_named=path in named))
        except UnsafePath as error:
            faults.append(Fault(path, error.what, error.remedy))
    return files, faults


def _place(
    model: Model, layout: HubCache | Folder, file: ManifestFile, revision: str | None, *, is_named: bool
) -> PlacedFile:
    rule = rule_for(model, file.path)
    told = (*_rule_digests(rule), *file.digests)
    if not told and isinstance(layout, Folder):
        told = metadata_digests(layout, (rule.save_as if rule else None) or file.path)
    return PlacedFile(
        path=file.path,
        place=places.place(layout, revision, file.path, rule),
        size=rule.size if rule and rule.size is not None else file.size,
        min_size=rule.min_size if rule else None,
        digests=_strongest(told),
        optional=bool(rule and rule.optional),
        dtype=rule.dtype if rule else None,
        allow_globals=rule.allow_globals if rule else (),
        is_named=is_named,
    )


def _rule_digests(rule: FileRule | None) -> tuple[Digest, ...]:
    return rule.digests if rule else ()


def _strongest(digests: Iterable[Digest]) -> tuple[Digest, ...]:
    """Keep the first digest of each algorithm: they come strongest first."""
    found: dict[str, Digest] = {}
    for digest in digests:
        found.setdefault(digest.algorithm, digest)
    return tuple(found.values())


def _unmatched(pattern: str, by: str) -> Fault:
    if by not in EXHAUSTIVE:
        return Fault(pattern, "no file here matches this pattern", "run `modelready provision`")
    return Fault(pattern, "no file of the source matches this pattern", "correct it in the catalog")
