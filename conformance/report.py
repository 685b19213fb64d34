"""What became of each case: as lines for a terminal, and as docs/faults.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from conformance import verdicts
from conformance.cases import RIGHT
from conformance.programs import PROGRAMS
from conformance.scene import LIMIT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.cases import Case

_KINDS = ("right", "error", verdicts.WRONG_BYTES, verdicts.MISSING, verdicts.OLD, verdicts.LOST, "HUNG", "not played")


@dataclass(frozen=True)
class Line:
    """One case, and what became of it with each program."""

    case: Case
    outcomes: tuple[str, ...]


def told(line: Line) -> list[str]:
    """Give *line* for a terminal."""
    width = max(len(program.name) for program in PROGRAMS)
    pairs = zip(PROGRAMS, line.outcomes, strict=True)
    return [line.case.id, *(f"    {program.name.ljust(width)}  {outcome}" for program, outcome in pairs)]


def counts(lines: Sequence[Line]) -> list[str]:
    """Give how often each program ended how."""
    found = [Counter(_kind(line.outcomes[nth]) for line in lines) for nth, _ in enumerate(PROGRAMS)]
    kinds = [kind for kind in _KINDS if any(one[kind] for one in found)]
    rows = [("", *(program.name for program in PROGRAMS))]
    rows += [(kind, *(str(one[kind]) for one in found)) for kind in kinds]
    widths = [max(len(row[nth]) for row in rows) for nth in range(len(rows[0]))]
    return ["", *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)]


def page(lines: Sequence[Line]) -> str:
    """Give docs/faults.md."""
    versions = f"huggingface_hub {version('huggingface_hub')}, hf-xet {version('hf-xet')}"
    heads = ("row", "what goes wrong", *(program.name for program in PROGRAMS))
    rows = [(str(line.case.row), line.case.words, *map(_shown, line.outcomes)) for line in lines]
    found = [Counter(_kind(line.outcomes[nth]) for line in lines) for nth, _ in enumerate(PROGRAMS)]
    sums = [(kind, *(str(one[kind]) for one in found)) for kind in _KINDS if any(one[kind] for one in found)]
    return "\n".join(
        [
            "# What goes wrong, and what becomes of it",
            "",
            f"Written by `nox -s conformance`, which played every case with {versions}, against a Hub on loopback.",
            "*right* is exit 0 with every file as it is upstream; each error is shown with its first telling line.",
            f"A program that has not ended after {LIMIT_S} s is called hung.",
            (
                "Time-outs are 2 s (`HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`) for all, retries as each has them"
                " (`HF_DOWNLOAD_MAX_RETRIES` is 2)."
            ),
            (
                "modelready asks nothing about what is in place:"
                " where `main` has moved it stays at the commit that its certificate names."
            ),
            "Where a fault lasts, or the network is not there, one clear error is all that can be had.",
            "",
            *_table(("", *(program.name for program in PROGRAMS)), sums),
            "",
            *_table(heads, rows),
            "",
        ]
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(outcome: str) -> str:
    """Give *outcome* as it may stand in a table."""
    text = outcome.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("`", "'")
    return text if _kind(outcome) in {RIGHT, "error"} else f"**{text}**"


def _kind(outcome: str) -> str:
    return next((kind for kind in _KINDS if outcome.startswith(kind)), outcome)
