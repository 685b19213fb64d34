"""What a run found out, in the forms that other programs read: one function a kind, from values to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.reports import ctrf, github, junit, markdown, page, sarif
from modelready.reports.entries import Entry, Place, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KINDS", "SPOKEN", "Entry", "Place", "Report"]

#: How each kind of report is written.
KINDS: Mapping[str, Callable[[Report], str]] = {
    "junit": junit.text,
    "ctrf": ctrf.text,
    "html": page.text,
    "markdown": markdown.text,
    "github": github.text,
    "sarif": sarif.text,
}
#: The kinds that may stand on standard output, below what the run prints.
SPOKEN = frozenset({"github", "markdown"})
