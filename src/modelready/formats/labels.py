"""
Tables of labels beside a classifier: which file is one, and how many labels it has.

A CSV table has the columns tag_id and name in its header (the wd taggers and those made like them); a JSON table is
named for what it holds (tags.json, labels.json, classes.json) and is a list of texts, or gives each text its index.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NAMES = frozenset({"tags", "labels", "classes", "class_names", "label_names"})
_COLUMNS = frozenset({"tag_id", "name"})
#: Far above any real table (ten thousand labels take half a megabyte); what is longer is none.
_LONGEST = 64 * 2**20


class BrokenLabels(ValueError):
    """The file is named like a table of labels and cannot be read as one; the message says why, in words."""


@dataclass(frozen=True, slots=True)
class Labels:
    """How many labels a table has; ``kind`` says whether rows, a list or an index tells."""

    count: int
    kind: Literal["rows", "list", "index"]


def may_be_labels(path: str) -> bool:
    """Tell by its name whether a file may be a table of labels."""
    stem, _, suffix = path.lower().rpartition("/")[2].rpartition(".")
    return suffix == "csv" or (suffix == "json" and stem in _NAMES)


def read(path: Path) -> Labels | None:
    """
    Give the labels in *path*; None where it holds something else.

    Raises: BrokenLabels, in words. OSError, where the file cannot be read.
    """
    if (size := path.stat().st_size) > _LONGEST:
        raise BrokenLabels(f"is {size:,} bytes long, far more than any table of labels")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenLabels(f"is no text in UTF-8 (at byte {error.start})") from error
    return _rows(text) if path.suffix.lower() == ".csv" else _listed(text)


def _rows(text: str) -> Labels | None:
    try:
        rows = csv.reader(io.StringIO(text, newline=""))
        header = {name.strip().lower() for name in next(rows, [])}
        return Labels(sum(1 for row in rows if any(row)), "rows") if header >= _COLUMNS else None
    except csv.Error as error:
        raise BrokenLabels(f"is no table in CSV ({error})") from error


def _listed(text: str) -> Labels | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenLabels("is no valid JSON") from error
    if isinstance(found, list):
        return Labels(len(found), "list") if found and _are_texts(found) else None
    if not isinstance(found, dict) or not found:
        return None
    if _is_count(found.values()):
        return Labels(len(found), "index")
    numbers = [int(key) for key in found if key.isascii() and key.isdecimal() and len(key) < 10]  # noqa: PLR2004 - an index
    is_index = len(numbers) == len(found) and _is_count(numbers) and _are_texts(found.values())
    return Labels(len(found), "index") if is_index else None


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(one, str) for one in values)


def _is_count(values: Iterable[object]) -> bool:
    """Tell whether *values* are 0, 1, 2 and so on, in any order."""
    numbers = [one for one in values if isinstance(one, int) and not isinstance(one, bool)]
    return bool(numbers) and sorted(numbers) == list(range(len(numbers))) and len(numbers) == len(list(values))
