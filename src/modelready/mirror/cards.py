"""What a repository's README.md says of it in its first lines: the licence, among other things."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelready.mirror.repos import Commit

_MOST_BYTES = 1 << 20
_FRONT = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def of_commit(commit: Commit) -> dict[str, Any]:
    """Give what the Hub's API adds for the card of a repository: nothing, where it has none that can be read."""
    card = _card(commit)
    if not card:
        return {}
    tags = [str(tag) for tag in _listed(card.get("tags"))]
    tags += [f"license:{licence}" for licence in _listed(card.get("license"))]
    named = {key: card[key] for key in ("pipeline_tag", "library_name") if isinstance(card.get(key), str)}
    return {"cardData": card, "tags": tags} | named


def _card(commit: Commit) -> dict[str, Any]:
    file = commit.files.get("README.md")
    if file is None or file.place is None:
        return {}
    import yaml  # noqa: PLC0415 - most requests need none

    try:
        with file.place.open("rb") as opened:
            found = _FRONT.match(opened.read(_MOST_BYTES).decode(errors="replace"))
        card = yaml.safe_load(found[1]) if found else None
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    # Dates are texts in the Hub's JSON.
    return json.loads(json.dumps(card, default=str)) if isinstance(card, dict) else {}


def _listed(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
