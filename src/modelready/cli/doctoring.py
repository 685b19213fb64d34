"""doctor: what on this machine is, or may be, in the way of models."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json, request_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.diagnosing.findings import Finding
    from modelready.grounds import Requested

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(epilog="Example: modelready doctor --json | jq '.findings[] | select(.level != \"ok\")'")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
@request_options
def doctor(asked: Requested, *, is_json: bool) -> int:
    """
    Look at tokens, endpoints, variables, disks, file systems, locks and versions.

    Downloads nothing, leaves nothing behind, never shows a token; ends with 1 where something fails.
    """
    from modelready.diagnosing.doctor import Patient, examine  # noqa: PLC0415 - heavy, and --help must be quick

    findings = examine(Patient(asked, dict(os.environ)))
    found = list(findings if is_json else _told(findings))
    counts = Counter(one.level for one in found)
    result = next((level for level in ("fail", "warn") if counts[level]), "ok")
    if is_json:
        as_json({"result": result, "findings": [asdict(one) for one in found]})
    else:
        click.echo(f"\n{counts['ok']} ok, {counts['warn']} to be looked at, {counts['fail']} in the way")
    return 1 if counts["fail"] else 0


def _told(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Print *findings* as they come, below their topics."""
    topic = ""
    for one in findings:
        if one.topic != topic:
            topic = one.topic
            click.secho(topic, bold=True)
        click.echo(f"  {click.style(one.level.ljust(4), fg=_COLOURS[one.level])}  {one.text}")
        if one.remedy:
            click.echo(f"        {one.remedy}")
        yield one
