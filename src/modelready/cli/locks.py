"""lock: which files the catalog means, at which revision, written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json, diagnosed, error_as_json, files_told, request_options
from modelready.errors import ModelreadyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelready.diagnosing.causes import Diagnosis
    from modelready.drifts import Drift
    from modelready.grounds import Requested
    from modelready.lock import LockEntry
    from modelready.model import Model
    from modelready.upstream import Found


@dataclass
class _Answers:
    """What the sources said, by name of model."""

    found: dict[str, Found] = field(default_factory=dict)
    errors: dict[str, ModelreadyError] = field(default_factory=dict)
    drifts: dict[str, tuple[Drift, ...]] = field(default_factory=dict)


@click.command(
    epilog="""\b
Example:
  modelready lock --check    in CI, weekly: has anything moved upstream?
"""
)
@click.option("--check", "is_check", is_flag=True, help="Write nothing; exit 1 where a source differs from the lock.")
@click.option("--update", multiple=True, metavar="NAME", help="Resolve only these models anew; repeatable.")
@click.option("--json", "is_json", is_flag=True, help="For scripts: each difference with its kind.")
@partial(request_options, may_lack_lock=True)
def lock(asked: Requested, *, is_check: bool, update: tuple[str, ...], is_json: bool) -> int:
    """
    Resolve the catalog at its sources into models.lock.json, committed beside it.

    Every selected model is locked, required here or not. A check tells apart what moved, changed, was re-quantised,
    deleted, renamed, re-licensed or gated, and what could not be reached.
    """
    from modelready import lock as locks  # noqa: PLC0415 - heavy, and --help must be quick

    models = [asked.catalog.named(name) for name in update] or list(asked.selected.values())
    answers = _asked(asked, models, is_check=is_check)
    is_written = bool(answers.found) and not is_check
    if is_written:
        kept = {name: one for name, one in asked.ground.lock.items() if update or name in asked.catalog.by_name}
        locks.write(asked.lock_path, kept | _entries(asked, answers))
    if is_json:
        as_json(_as_json(asked, answers))
    else:
        _print(asked, answers, is_check=is_check, is_written=is_written)
    return 1 if answers.errors or (is_check and answers.drifts) else 0


def _entries(asked: Requested, answers: _Answers) -> dict[str, LockEntry]:
    from modelready import upstream  # noqa: PLC0415 - heavy, and --help must be quick

    models, settings = asked.catalog.by_name, asked.ground.settings
    return {name: upstream.with_learned(models[name], one.entry, settings) for name, one in answers.found.items()}


def _asked(asked: Requested, models: Sequence[Model], *, is_check: bool) -> _Answers:
    from modelready import upstream  # noqa: PLC0415 - heavy, and --help must be quick
    from modelready.drifts import Drift  # noqa: PLC0415
    from modelready.placing.planning import refuse_empty_patterns  # noqa: PLC0415
    from modelready.sources import Sources  # noqa: PLC0415

    answers = _Answers()
    looking = upstream.Upstream(Sources(asked.ground.settings))
    for model in models:
        try:
            found = looking.look(model, asked.ground.lock.get(model.name))
            if not is_check:
                refuse_empty_patterns(model, found.manifest)
        except ModelreadyError as error:
            answers.errors[model.name] = error
            if is_check:
                why = str(error).removeprefix(f"{model.name}: ")
                answers.drifts[model.name] = (Drift(model.name, upstream.kind_of(model, error), why),)
            continue
        answers.found[model.name] = found
        if found.drifts:
            answers.drifts[model.name] = found.drifts
    return answers


def _as_json(asked: Requested, answers: _Answers) -> dict[str, object]:
    told = {
        name: [{"kind": one.kind, "path": one.path, "message": one.message} for one in found]
        for name, found in answers.drifts.items()
    }
    errors = {model.name: error_as_json(why) for model, why in _told(asked, answers)}
    notes = [note for one in answers.found.values() for note in one.notes]
    return {"lock": str(asked.lock_path), "drift": told, "errors": errors, "notes": notes}


def _print(asked: Requested, answers: _Answers, *, is_check: bool, is_written: bool) -> None:
    for name, found in answers.drifts.items():
        is_new = is_written and [one.kind for one in found] == ["unlocked"]
        for line in [_locked(name, answers.found[name].entry)] if is_new else [str(one) for one in found]:
            click.echo(line)
    for one in answers.found.values():
        for note in one.notes:
            click.echo(f"note: {note}")
    for _, why in () if is_check else _told(asked, answers):
        click.echo(why, err=True)
    if is_written:
        click.echo(f"{asked.lock_path}: written")
    elif not answers.drifts and not answers.errors:
        click.echo(f"{asked.lock_path}: nothing has moved")


def _told(asked: Requested, answers: _Answers) -> list[tuple[Model, Diagnosis]]:
    return diagnosed(asked, [(asked.catalog.named(name), error) for name, error in answers.errors.items()])


def _locked(name: str, entry: LockEntry) -> str:
    from modelready import sizes  # noqa: PLC0415

    total = sizes.told(sum(file.size or 0 for file in entry.files))
    at = f", at {entry.revision}" if entry.revision else ""
    return f"{name}: locked: {files_told(len(entry.files))}, {total}{at}"
