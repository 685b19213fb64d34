"""explain: what a check promises and how what it finds is mended, what an error means; told by themselves."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

import click

from modelready.cli.shared import as_json, columns
from modelready.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path


@click.command(epilog="Examples: modelready explain weights.are_whole, modelready explain digest_mismatch")
@click.argument("check", required=False, metavar="ID")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
def explain(check: str | None, *, is_json: bool) -> int:
    """Say what the check or the error ID means, and how it is mended; without ID, list the checks."""
    known = promises()
    if check is None:
        if is_json:
            as_json(known)
        else:
            for line in columns([(name, text.splitlines()[0]) for name, text in known.items()]):
                click.echo(line)
        return 0
    known |= meanings()
    name = check.partition("[")[0]
    if name not in known:
        from modelready.patterns import nearest  # noqa: PLC0415 - only for a mistake

        meant = nearest(name, list(known))
        raise RequestError(
            f"no check and no kind of error is called {name}",
            remedy=f"did you mean {meant}?" if meant else "see `modelready explain`",
        )
    if is_json:
        as_json({name: known[name]})
    else:
        click.echo(f"{name}\n\n{known[name]}")
    return 0


def promises() -> dict[str, str]:
    """Give the text of every check by its id, in the order in which they judge."""
    from modelready.suite import naming  # noqa: PLC0415 - imports pytest

    files = sorted(naming.folder().glob("[!_]*.py"), key=lambda path: (naming.ORDER.index(path.stem), path.stem))
    return {name: text for path in files for name, text in _of_file(path).items()}


def meanings() -> dict[str, str]:
    """Give what every kind of error means and what to do, by the name it has in ``--json`` and in rows of downloads."""
    from modelready.cli import error_kinds  # noqa: PLC0415 - only for explain

    return {
        kind: f"{meaning[0].upper()}{meaning[1:]}.\n\nMend: {remedy}."
        for kind, (meaning, remedy) in error_kinds.KINDS.items()
    }


def _of_file(path: Path) -> dict[str, str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checks = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
    return {
        f"{path.stem}.{one.name.removeprefix('test_')}": inspect.cleandoc(ast.get_docstring(one) or "")
        for one in checks
    }
