"""lock: which files the catalog means, at which revision, written down."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json, diagnosed, error_as_json, request_options
from modelready.errors import ModelreadyError

if TYPE_CHECKING:
    from modelready.grounds import Requested
    from modelready.lock import LockEntry
    from modelready.model import Model


@click.command(epilog="Example: modelready lock --check  # in CI, weekly: has anything moved upstream?")
@click.option("--check", "is_check", is_flag=True, help="Write nothing; exit 1 where a source differs from the lock.")
@click.option("--update", multiple=True, metavar="NAME", help="Resolve only these models anew; repeatable.")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
@partial(request_options, may_lack_lock=True)
def lock(asked: Requested, *, is_check: bool, update: tuple[str, ...], is_json: bool) -> int:
    """
    Resolve the catalog at its sources into models.lock.json, committed beside it.

    Every selected model is locked, required here or not.
    """
    from modelready import lock as locks  # noqa: PLC0415 - heavy, and --help must be quick

    models = [asked.catalog.named(name) for name in update] or list(asked.selected.values())
    found, failures = _resolved(asked, models)
    drift = {model.name: _drift(asked, model, found) for model in models if model.name in found}
    drift = {name: lines for name, lines in drift.items() if lines}
    if found and not is_check:
        kept = {name: one for name, one in asked.ground.lock.items() if name in asked.catalog.by_name}
        locks.write(asked.lock_path, kept | found)
    _report(asked, drift, failures, is_json=is_json, is_written=bool(found) and not is_check)
    return 1 if failures or (is_check and drift) else 0


def _resolved(asked: Requested, models: list[Model]) -> tuple[dict[str, LockEntry], dict[str, ModelreadyError]]:
    from modelready import lock as locks  # noqa: PLC0415
    from modelready.sources import Sources  # noqa: PLC0415

    sources = Sources(asked.ground.settings)
    found: dict[str, LockEntry] = {}
    failures: dict[str, ModelreadyError] = {}
    for model in models:
        try:
            found[model.name] = locks.entry(model, sources.of(model).resolve(model))
        except ModelreadyError as error:
            failures[model.name] = error
    return found, failures


def _drift(asked: Requested, model: Model, found: dict[str, LockEntry]) -> list[str]:
    from modelready import lock as locks  # noqa: PLC0415

    old, reason = locks.entry_for(model, asked.ground.lock)
    if old is None:
        return [f"{model.name}: {reason}"]
    return locks.differences({model.name: old}, {model.name: found[model.name]})


def _report(
    asked: Requested,
    drift: dict[str, list[str]],
    failures: dict[str, ModelreadyError],
    *,
    is_json: bool,
    is_written: bool,
) -> None:
    told = diagnosed(asked, [(asked.catalog.named(name), error) for name, error in failures.items()])
    if is_json:
        errors = {model.name: error_as_json(why) for model, why in told}
        as_json({"lock": str(asked.lock_path), "drift": drift, "errors": errors})
        return
    for lines in drift.values():
        for line in lines:
            click.echo(line)
    for _, why in told:
        click.echo(why, err=True)
    if is_written:
        click.echo(f"{asked.lock_path}: written")
    elif not drift and not failures:
        click.echo(f"{asked.lock_path}: nothing has moved")
