"""explain: what a check promises and why, how what it finds is mended, and what a kind of error means."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from modelready import explanations, promises
from modelready.cli.shared import as_json, columns
from modelready.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelready.explanations import Check, Error


@click.command(epilog="Examples: modelready explain weights.are_whole, modelready explain digest_mismatch")
@click.argument("check", required=False, metavar="ID")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
@click.option("--markdown", "is_page", is_flag=True, help="All checks, as a page.")
def explain(check: str | None, *, is_json: bool, is_page: bool) -> int:
    """
    Say what the check or the kind of error ID means; without ID, list all.

    Of a check: what it promises, why it is made, what its objection looks like, how that is mended, and a story.
    """
    known: Mapping[str, Check | Error] = {**checks(), **explanations.errors()}
    if is_page:
        click.echo(explanations.page(checks().values()), nl=False)
        return 0
    chosen = known if check is None else {name: known[name] for name in [_named(check, known)]}
    if is_json:
        as_json({name: asdict(one) for name, one in chosen.items()})
    elif check is None:
        for line in columns([(name, _told_first(one)) for name, one in known.items()]):
            click.echo(line)
    else:
        click.echo("\n\n".join(_told(next(iter(chosen.values())))))
    return 0


def checks() -> dict[str, Check]:
    """Give every check in words by its id, in the order in which they judge."""
    return {name: explanations.check(name, text) for name, text in promises.of_checks().items()}


def _named(asked: str, known: Mapping[str, object]) -> str:
    name = asked.partition("[")[0]
    if name in known:
        return name
    from modelready.patterns import nearest  # noqa: PLC0415 - only for a mistake

    meant = nearest(name, list(known))
    raise RequestError(
        f"no check and no kind of error is called {name}",
        remedy=f"did you mean {meant}?" if meant else "see `modelready explain`",
    )


def _told_first(one: Check | Error) -> str:
    """Give the first line of what is told."""
    return one.promise.splitlines()[0] if isinstance(one, explanations.Check) else one.means


def _told(one: Check | Error) -> list[str]:
    """Give the paragraphs of what is told."""
    if isinstance(one, explanations.Check):
        mend = f"Mend: {one.mend}"
        example = "\n".join(f"    {line}" for line in one.example.splitlines())
        return [text for text in (one.id, one.promise, one.why, example, mend, one.story) if text]
    again = "Trying again may help." if one.retry else "Trying again does not help."
    means = f"{one.means[0].upper()}{one.means[1:]}."
    return [one.kind, means, f"    {one.example}", f"Mend: {one.do}.", f"Exit status: {one.exit}.\n{again}"]
