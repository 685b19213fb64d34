"""docs/failures.md: each story, the check that tells it, its words, and who else would have told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from museum.programs import NOT_ASKED, OBJECTS, OTHERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from museum.exhibits import Awaited, Exhibit

_HEADS = ("story", "what is broken", "told by", "its words", *OTHERS)


@dataclass(frozen=True)
class Line:
    """One exhibit, what its check said, and what others said."""

    exhibit: Exhibit
    message: str
    others: Mapping[str, str]
    is_twin_proved: bool


def cells(one: Exhibit) -> tuple[str, str, str]:
    """Give what a row of the table says of *one* before anything is run."""
    told_by = f"`{one.check}`" + (", as a warning" if one.is_warning else "")
    told_by += ", in `provision`" if one.command == "provision" else ""
    return one.row, one.title, told_by


def page(lines: Sequence[Line], awaited: Sequence[Awaited]) -> str:
    """Give the page."""
    count = {name: sum(line.others[name].startswith(OBJECTS) for line in lines) for name in OTHERS}
    asked = {name: sum(line.others[name] != NOT_ASKED for line in lines) for name in OTHERS}
    told, accused = sum(bool(line.message) for line in lines), sum(not line.is_twin_proved for line in lines)
    sums = [f"- {name} objects to {count[name]} of the {asked[name]} that it was asked about." for name in OTHERS]
    return "\n".join(
        [
            "# Models that broke, and who would have told",
            "",
            f"Written by `nox -s museum`, which built every exhibit with huggingface_hub {version('huggingface_hub')}",
            "and let each program look at it.",
            "A number is that of a story people told; *hub* and a number is a row of [the table of faults](faults.md).",
            "",
            "- *hf download* is called once more, without the network: it is what an application gets.",
            "  Where the source is at fault it is called with it.",
            "- *hf cache verify* has the network, which it needs.",
            "- *minimum size* is what scripts test: each weight file is there, with half of its bytes or more.",
            "",
            f"- modelready objects to {told} of {len(lines)}, and to {accused} of their healthy twins.",
            *sums,
            "",
            *_table(_HEADS, [_row_of(line) for line in lines]),
            "",
            "## Not shown",
            "",
            *_table(("story", "what is broken", "why"), [(one.row, one.title, one.why) for one in awaited]),
            "",
        ]
    )


def _row_of(line: Line) -> tuple[str, ...]:
    others = (_short(line.others[name]) for name in OTHERS)
    server = "CIVITAI" if line.exhibit.source == "civitai" else "HUB"
    return (*cells(line.exhibit), _plain(line.message, server), *others)


def _short(said: str) -> str:
    return _plain(said) if said.startswith(OBJECTS) else f"**{said}**" if said == "silent" else said


def _plain(text: str, server: str = "HUB") -> str:
    """Give *text* on one line, as it may stand in a table, and the same each time."""
    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    line = re.sub(r"\b([0-9a-f]{6})[0-9a-f]{34,58}\b", r"\1…", line)
    line = re.sub(r"(?:http://)?127\.0\.0\.1:\d+", server, line)
    line = re.sub(r"localhost:\d+", "CDN", line)
    return line.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("`", "'")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *map(_row, rows)]


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
