"""status, plan and path: what is there, what would be fetched, what an application is to be given."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json, columns, diagnosed, error_as_json, files_told, request_options
from modelready.errors import ModelreadyError, RequestError
from modelready.layouts import looking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelready.downloads.jobs import Job
    from modelready.grounds import Requested
    from modelready.model import Model
    from modelready.placing import Plan
    from modelready.placing.planning import Planner
    from modelready.standing import Standing


@click.command(epilog="Example: modelready status --json | jq '.models[] | select(.state != \"complete\")'")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
@click.option("--watch", is_flag=True, help="Go on showing downloads, of any process, until Ctrl-C.")
@request_options
def status(asked: Requested, *, is_json: bool, watch: bool) -> int:
    """Show every model: required or why not, complete, partial, missing or damaged, and what runs."""
    from modelready.standing import standings  # noqa: PLC0415 - heavy, and --help must be quick

    found = list(standings(asked))
    if is_json:
        as_json({"models": [asdict(one) for one in found]})
    else:
        for line in columns([_status_row(one) for one in found]):
            click.echo(line)
        for line in dict.fromkeys(line for one in found for line in (*_stored_once(one), *_ended_badly(one))):
            click.echo(line)
    if watch:
        _watch(asked)
    return 0


@click.command(epilog="Example: modelready plan --require 'qwen*'")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
@click.option("--only", multiple=True, metavar="GLOB", help="Only these files.")
@request_options
def plan(asked: Requested, *, is_json: bool, only: tuple[str, ...]) -> int:
    """Show what provision would fetch: files, bytes, where to, and the free space; changes nothing."""
    from modelready.placing import Options  # noqa: PLC0415 - heavy, and --help must be quick
    from modelready.placing.clashing import without_clashes  # noqa: PLC0415
    from modelready.placing.planning import Planner, without_repeats  # noqa: PLC0415
    from modelready.sources import Sources  # noqa: PLC0415

    if not asked.required:
        from modelready.errors import NothingRequired  # noqa: PLC0415

        raise NothingRequired(
            "no model is required here", remedy="`modelready status` says which variable turns one on"
        )
    planner = Planner(asked.ground, Options(only=only), Sources(asked.ground.settings))
    models = asked.with_needs(list(asked.required))
    asked_for = without_clashes([_plan_of(planner, model) for model in models])
    found = list(zip(models, without_repeats(asked_for), strict=True))
    plans = [one for _, one in found if not isinstance(one, ModelreadyError)]
    errors = diagnosed(asked, [(model, one) for model, one in found if isinstance(one, ModelreadyError)])
    if is_json:
        refused = [{"name": model.name, "error": error_as_json(why)} for model, why in errors]
        as_json({"models": [_planned(one) for one in plans] + refused})
    else:
        _print_plans(plans)
    for _, why in errors:
        click.echo(why, err=True)
    return 1 if errors else 0


@click.command(
    epilog="""\b
Example:
  llama-server --model "$(modelready path qwen3-4b-gguf-q4km)/Qwen3-4B-Q4_K_M.gguf"
"""
)
@click.argument("name")
@request_options
def path(asked: Requested, name: str) -> int:
    """Print the folder that an application is to be given for the model NAME."""
    from modelready.placing import locate  # noqa: PLC0415 - heavy, and --help must be quick

    model = asked.catalog.named(name)
    if model.layout == "folder" and model.folder is None:
        raise RequestError(
            f"{name}: its folder names a variable that is not set", remedy="set it, or require the model"
        )
    placed = locate(model, asked.ground)
    is_anything_here = any(looking.is_file(one.place) for one in placed.files)
    if not (is_anything_here and looking.is_folder(placed.root)):
        raise ModelreadyError(f"{name} is not on this machine yet", remedy="run `modelready provision`")
    click.echo(placed.root)
    return 0


def _plan_of(planner: Planner, model: Model) -> Plan | ModelreadyError:
    try:
        return planner.closely(model)
    except ModelreadyError as error:
        return error


def _status_row(one: Standing) -> tuple[str, ...]:
    from modelready import sizes  # noqa: PLC0415

    wanted = "?" if one.bytes_wanted is None else sizes.told(one.bytes_wanted)
    files = one.files_wanted if one.bytes_wanted is not None else "?"
    amount = f"{one.files_present}/{files} files  {sizes.told(one.bytes_present)} of {wanted}"
    required = "required" if one.required else "not required"
    once = f"  {sizes.told(one.bytes_stored_once)} stored once" if one.stored_once else ""
    alive = f"{once}  {one.job['state']}" if one.job and one.job["alive"] else once
    return one.name, required, one.state, f"{amount}{alive}", _decided(one)


def _decided(one: Standing) -> str:
    """Say why a model is required or not, and by which variables where the words name none."""
    unnamed = [name for name in one.variables if name not in one.because]
    return f"{one.because} ({', '.join(unnamed)})" if unnamed else one.because


def _stored_once(one: Standing) -> Iterator[str]:
    """Give a line for each place that shares its bytes with another: damage to a hard link is damage to both."""
    for how, other in sorted({(file["how"], file["with"].partition("/")[0]) for file in one.stored_once}):
        count = sum(file["how"] == how and file["with"].startswith(f"{other}/") for file in one.stored_once)
        yield f"{one.name}: {files_told(count)} stored once with {other} ({how})"


def _ended_badly(one: Standing) -> Iterator[str]:
    """Say why a model is not complete, where its last download tells."""
    from modelready import sizes  # noqa: PLC0415

    job = one.job
    if not job or job["alive"] or one.state == "complete":
        return
    if job["state"] == "failed" and job["error_what"]:
        what = str(job["error_what"]).removeprefix(f"{one.name}: ")
        yield f"{one.name}: the last download failed: {what}; {job['error_remedy']}"
    elif job["state"] in {"downloading", "verifying"} and not job["lasting"]:
        amount = f"{sizes.told(int(str(job['bytes_done'])))} of {sizes.told(int(str(job['bytes_total'])))}"
        yield f"{one.name}: the last download was cut off at {amount}; `modelready provision` goes on from there"


def _watch(asked: Requested) -> None:
    from rich.console import Console  # noqa: PLC0415 - only where it is shown

    from modelready.downloads.display import Watch  # noqa: PLC0415

    began, jobs = time.time(), asked.ground.jobs
    with Watch(lambda: [job for job in jobs.latest().values() if _is_news(job, began)], Console()):
        while True:
            time.sleep(0.5)


def _is_news(job: Job, began: float) -> bool:
    """Tell whether somebody is at *job*, it waits in the queue, or it has ended since."""
    waits = bool(job.lasting) and job.state in {"queued", "paused"}
    return job.is_alive or waits or job.finished_at >= began


def _planned(one: Plan) -> dict[str, object]:
    return {
        "name": one.model.name,
        "revision": one.placed.revision or "",
        "destination": str(one.placed.root),
        "bytes": one.bytes_to_fetch,
        "free": _free(one.placed.root),
        "fetch": [{"path": file.path, "size": file.size, "to": str(file.place)} for file in one.need.fetch],
        "link": [file.path for file in one.need.link],
        "twins": [
            {"path": twin.file.path, "to": str(twin.file.place), "from": str(twin.source)} for twin in one.need.twins
        ],
        "right": len(one.need.right),
    }


def _print_plans(plans: list[Plan]) -> None:
    from modelready import sizes  # noqa: PLC0415
    from modelready.inspection import words  # noqa: PLC0415

    for one in plans:
        need = one.need
        if need.fetch:
            free = sizes.told(_free(one.placed.root))
            place = words.folded(one.placed.root)
            amount = f"{files_told(len(need.fetch))}, {sizes.told(one.bytes_to_fetch)}"
            click.echo(f"{one.model.name}: {amount} to {place} ({free} free)")
        else:
            to_mend = len(need.twins) + len(need.link)
            mended = f"{files_told(to_mend)} to take from this machine, " if to_mend else ""
            click.echo(f"{one.model.name}: nothing to fetch, {mended}{files_told(len(need.right))} in place")
        for file in need.fetch:
            click.echo(f"  {file.path}  {'?' if file.size is None else sizes.told(file.size)}")
        for twin in need.twins:
            how = "lies on this machine already" if looking.is_file(twin.source) else "travels once"
            click.echo(f"  {twin.file.path}  {how}: {words.folded(twin.source)}")


def _free(place: Path) -> int:
    return shutil.disk_usage(looking.existing(place)).free
