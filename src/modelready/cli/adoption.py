"""adopt: the catalog of what is already there."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json
from modelready.errors import RequestError, not_writable

if TYPE_CHECKING:
    from modelready.adopting import Adopted

_EPILOG = """\b
Examples:
  modelready adopt ~/.cache/huggingface --output catalogs/mine.toml
  modelready adopt /workspace/ComfyUI/models > comfyui.toml
  modelready adopt workflow.json download_models.sh
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the catalog there.")
@click.option("--force", is_flag=True, help="Write over what is there.")
@click.option("--json", "is_json", is_flag=True, help="For scripts: the models, and what could not be known.")
def adopt(paths: tuple[Path, ...], *, output: Path | None, force: bool, is_json: bool) -> int:
    """
    Write the catalog of what is already at PATH.

    PATH is a Hub cache, a folder of models, ComfyUI's models folder, a weight file, a workflow of ComfyUI, or a
    download script with hf_download, civitai_download and verify_download lines. What could not be known is told,
    a line each.
    """
    from modelready import adopting  # noqa: PLC0415 - heavy, and --help must be quick

    if output is not None and output.exists() and not force:
        raise RequestError(f"{output}: is there already", remedy="name another file, or write over it with --force")
    found = adopting.adopt(paths, os.environ)
    if output is not None:
        _write(output, adopting.toml(found))
    if is_json:
        as_json({"models": [asdict(row) for row in found.rows], "unknown": _untold(found), "output": output})
    elif output is None:
        click.echo(adopting.toml(found), nl=False)
    for line in () if is_json else _untold(found):
        click.echo(line, err=True)
    if output is not None and not is_json:
        models = "1 model" if len(found.rows) == 1 else f"{len(found.rows)} models"
        click.echo(f"{output}: {models}; read it, then: modelready status --catalog {output}")
    return 0


def _untold(found: Adopted) -> list[str]:
    return [*found.unknown, *(f"{row.name}: {line}" for row in found.rows for line in row.unknown)]


def _write(output: Path, text: str) -> None:
    part = output.with_name(f"{output.name}.{os.getpid()}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise not_writable(output, error) from error
