"""cleanup and remove: what may go, each path with the bytes it wins, and deleting it when that is wanted."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json, columns, files_told, request_options
from modelready.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from modelready.downloads.jobs import Job
    from modelready.grounds import Requested
    from modelready.housekeeping.cleaning import Leftovers
    from modelready.housekeeping.duplicates import Duplicate, Shared
    from modelready.housekeeping.finds import Find, Kept, Outcome
    from modelready.housekeeping.removing import Removal

_DRY = click.option("--dry-run", is_flag=True, help="Only say what would go.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_JSON = click.option("--json", "is_json", is_flag=True, help="For scripts; deletes only with --yes.")


@click.command(epilog="Example: modelready cleanup --dry-run")
@_DRY
@_YES
@_JSON
@click.option("--link-duplicates", is_flag=True, help="Let files that lie on a disk twice share their bytes, too.")
@request_options
def cleanup(asked: Requested, *, dry_run: bool, yes: bool, is_json: bool, link_duplicates: bool) -> int:
    """Delete what downloads left behind: partial files, orphaned blobs, locks and rows of the dead."""
    from modelready.housekeeping import cleaning, duplicates  # noqa: PLC0415 - heavy, and --help must be quick

    found, twice = cleaning.look(asked), duplicates.look(asked)
    if not is_json:
        _show(found)
        _show_duplicates(twice, is_asked=link_duplicates)
    if dry_run or (found.is_nothing and not (link_duplicates and twice)):
        return _told(found, None, twice) if is_json else 0
    if not _is_wanted("Go on?" if link_duplicates else "Delete them?", yes=yes, is_json=is_json):
        return 0
    outcome = cleaning.clean(asked, found)
    shared, kept = duplicates.share(asked, twice) if link_duplicates else ((), ())
    outcome = replace(outcome, kept=(*outcome.kept, *kept))
    if is_json:
        return _told(found, outcome, twice, shared)
    for one in shared:
        click.echo(f"{_short(one.duplicate.path)}: shares its bytes with {_short(one.duplicate.same_as)} ({one.how})")
    return _show_outcome(outcome)


def _show_duplicates(twice: Sequence[Duplicate], *, is_asked: bool) -> None:
    from modelready import sizes  # noqa: PLC0415 - only where it is shown

    rows = [(sizes.told(one.size), "duplicate", _short(one.path), f"same as {_short(one.same_as)}") for one in twice]
    for line in columns(rows):
        click.echo(line)
    if twice:
        option = "" if is_asked else " with --link-duplicates"
        count = "1 duplicate" if len(twice) == 1 else f"{len(twice)} duplicates"
        click.echo(f"{count}, {sizes.told(sum(one.size for one in twice))} to win{option}")


def _short(path: Path) -> str:
    from modelready.inspection import words  # noqa: PLC0415 - only where it is shown

    return words.folded(path)


@click.command(epilog="Example: modelready remove wan21-t2v-14b-fp8 --dry-run")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@_DRY
@_YES
@_JSON
@request_options
def remove(asked: Requested, *, names: tuple[str, ...], dry_run: bool, yes: bool, is_json: bool) -> int:
    """Delete the files of the models NAME…; what another model needs stays."""
    from modelready.housekeeping import removing  # noqa: PLC0415 - heavy, and --help must be quick
    from modelready.housekeeping.finds import Outcome  # noqa: PLC0415 - as above

    models = [asked.catalog.named(name) for name in dict.fromkeys(names)]
    found = removing.plan_all(asked, models)
    if not is_json:
        for one in found:
            _show_removal(one)
    if dry_run or not any(one.finds for one in found):
        return _told_removals(found, None) if is_json else 0
    if not _is_wanted("Delete them?", yes=yes, is_json=is_json):
        return 0
    outcomes = [removing.remove(asked, one) for one in found]
    if is_json:
        return _told_removals(found, outcomes)
    gone = tuple(file for one in outcomes for file in one.gone)
    return _show_outcome(Outcome(gone, tuple(file for one in outcomes for file in one.kept)))


def _show_removal(one: Removal) -> None:
    click.echo(f"{one.model.name}:")
    _show_finds(one.finds)
    _show_kept(one.kept)
    if not one.finds:
        click.echo("nothing of it to delete here")
    for name in one.needed_by:
        click.echo(f"{name} needs it, and is required here")


def _told_removals(found: list[Removal], outcomes: list[Outcome] | None) -> int:
    """Print all of it as JSON."""
    rows = []
    for place, one in enumerate(found):
        outcome = outcomes[place] if outcomes else None
        told = _files_as_rows(outcome.gone if outcome else one.finds, (*one.kept, *(outcome.kept if outcome else ())))
        rows.append({"name": one.model.name, "needed_by": list(one.needed_by)} | told)
    as_json({"deleted": outcomes is not None, "models": rows})
    return 1 if any(one.kept for one in outcomes or ()) else 0


def _files_as_rows(finds: Iterable[Find], kept: Iterable[Kept]) -> dict[str, object]:
    from modelready.housekeeping.finds import total  # noqa: PLC0415 - only where it is shown

    finds = list(finds)
    return {
        "files": [_as_row(one) for one in finds],
        "bytes": total(finds),
        "kept": [{"path": str(one.path), "why": one.why} for one in kept],
    }


def _show(found: Leftovers) -> None:
    _show_finds(found.finds)
    for job in found.jobs:
        click.echo(f"{job.model}: {_dead(job)}")
    _show_kept(found.kept)
    if found.is_nothing:
        click.echo("nothing was left behind")


def _show_finds(finds: Iterable[Find]) -> None:
    from modelready import sizes  # noqa: PLC0415 - only where it is shown
    from modelready.housekeeping.finds import total  # noqa: PLC0415 - as above

    finds = list(finds)
    rows = [(sizes.told(one.size), _kind(one), _short(one.path), one.why) for one in finds]
    for line in columns(rows):
        click.echo(line)
    if finds:
        click.echo(f"{files_told(len(finds))}, {sizes.told(total(finds))} to win")


def _show_kept(kept: Iterable[Kept]) -> None:
    for one in kept:
        click.echo(f"stays: {_short(one.path)}: {one.why}")


def _show_outcome(outcome: Outcome) -> int:
    from modelready import sizes  # noqa: PLC0415 - only where it is shown
    from modelready.housekeeping.finds import total  # noqa: PLC0415 - as above

    _show_kept(outcome.kept)
    click.echo(f"{files_told(len(outcome.gone))} deleted, {sizes.told(total(outcome.gone))} won")
    return 1 if outcome.kept else 0


def _told(found: Leftovers, outcome: Outcome | None, twice: Sequence[Duplicate], shared: Sequence[Shared] = ()) -> int:
    """Print all of it as JSON."""
    kept = (*found.kept, *(outcome.kept if outcome else ()))
    jobs = [{"model": job.model, "run": job.run, "state": job.state} for job in found.jobs]
    told = _files_as_rows(outcome.gone if outcome else found.finds, kept)
    how = {one.duplicate.path: one.how for one in shared}
    rows = [
        {"path": str(one.path), "same_as": str(one.same_as), "bytes": one.size, "shared": how.get(one.path)}
        for one in twice
    ]
    as_json({"deleted": outcome is not None, "jobs": jobs, "duplicates": rows} | told)
    return 1 if outcome and outcome.kept else 0


def _as_row(one: Find) -> dict[str, object]:
    return {
        "kind": one.kind,
        "left_by": one.left_by,
        "path": str(one.path),
        "with": [str(path) for path in one.also],
        "bytes": one.size,
        "why": one.why,
    }


def _is_wanted(question: str, *, yes: bool, is_json: bool) -> bool:
    """
    Ask, unless *yes* was said.

    Raises: RequestError, where nobody can be asked.
    """
    if yes:
        return True
    if is_json or not sys.stdin.isatty():
        raise RequestError("nothing was deleted: nobody can be asked here", remedy="say --yes, or --dry-run to look")
    return click.confirm(question)


def _kind(one: Find) -> str:
    return f"{one.kind} of {one.left_by}" if one.left_by else one.kind


def _dead(job: Job) -> str:
    return f"a row says {job.state}, and its process ({job.pid} on {job.host}) is gone"
