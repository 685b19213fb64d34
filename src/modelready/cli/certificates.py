"""certificate verify: is a certificate still true of this machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json, request_options

if TYPE_CHECKING:
    from modelready.grounds import Requested
    from modelready.verifying import Held

_EPILOG = """\b
Examples:
  modelready certificate verify proof.json            at the start of a server: takes well under a second
  modelready certificate verify proof.json --reread   reads every byte
\b
Exit status: 0 it is true, 1 it is not, 4 the file is no certificate.
"""


@click.command(epilog=_EPILOG)
@click.argument("action", type=click.Choice(["verify"]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--reread", is_flag=True, help="Read every byte; else large files are known by ledger or size.")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
@request_options
def certificate(asked: Requested, *, action: str, file: Path, reread: bool, is_json: bool) -> int:  # noqa: ARG001 - verify is the only action
    """
    Tell whether the certificate FILE is still true of this machine; the network is not asked.

    Every file that it names must lie where the catalog says, unchanged, and every model that is required here must be
    among those that it proved.
    """
    from modelready import verifying  # noqa: PLC0415 - heavy, and --help must be quick

    held = verifying.hold(file, asked, reread=reread)
    if is_json:
        as_json({"certificate": str(file), "true": held.is_true, "files": held.files, **asdict(held)})
    else:
        _tell(file, held)
    return 0 if held.is_true else 1


def _tell(file: Path, held: Held) -> None:
    for one in held.faults:
        click.echo(f"{one.path}: {one.message}", err=True)
    if held.is_true:
        models = "1 model" if len(held.models) == 1 else f"{len(held.models)} models"
        how = f"{held.read} read, {held.remembered} remembered, {held.by_size} by size"
        click.echo(f"{file}: still true: {models}, {held.files} files ({how})")
    else:
        remedies = list(dict.fromkeys(one.remedy for one in held.faults if one.remedy))
        click.echo(f"{file}: not true of this machine; {'; '.join(remedies)}", err=True)
