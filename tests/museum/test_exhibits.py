"""Each story, for real: the check that should object does, alone, by name, with what to do; the healthy twin passes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from museum import report
from museum.collection import AWAITED, EXHIBITS
from museum.hall import Hall

STORIES = range(1, 28)
SILENT = (5, 6, 16, 21, 23, 29, 30, 44, 46, 48, 49, 50)  # rows of the table of huggingface_hub's faults


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    """Give the hall with every exhibit in it, judged."""
    with Hall(tmp_path_factory.mktemp("museum"), EXHIBITS) as hall:
        hall.judge()
        yield hall


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda one: one.name)
def test_exactly_the_check_that_should_object_does(hall, exhibit):
    """Its message names the file, and ends with what to do."""
    told, message = hall.told[exhibit.name], hall.message(exhibit)

    expected = set() if exhibit.is_warning or exhibit.check.startswith("machine.") else {exhibit.check}
    assert set(told.failed) == expected, told.failed
    assert re.search(exhibit.names, message, re.DOTALL), message or told
    assert re.search(exhibit.remedy, message), message
    assert all(exhibit.name in hall.machine_said[check] for check in exhibit.also)


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda one: one.name)
def test_the_healthy_twin_is_not_accused(hall, exhibit):
    """A check that objects to everything proves nothing."""
    told = hall.told[exhibit.twin]

    assert (told.failed, told.verdict) == ({}, "proved")
    assert exhibit.twin not in "\n".join(hall.machine_said.values())
    assert not exhibit.is_warning or exhibit.check not in told.warned


def test_every_story_is_shown_or_awaited():
    """One that nobody shows is a missing check."""
    shown = {one.row for one in (*EXHIBITS, *AWAITED)}

    assert {str(number) for number in STORIES} - shown == set()
    assert {f"hub {number}" for number in SILENT} - shown == set()


def test_exhibits_have_names_of_their_own():
    """They share a machine."""
    names = [name for one in EXHIBITS for name in (one.name, one.twin)]

    assert len(set(names)) == len(names)


def test_the_page_shows_every_exhibit_and_what_is_awaited():
    """`nox -s museum` after one was added; what others say of it is run, not remembered."""
    page = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")
    rows = [tuple(cell.strip() for cell in row.split(" | "))[:3] for row in page.splitlines() if row.startswith("| ")]
    shown = {(row[0].removeprefix("| "), *row[1:]) for row in rows}

    assert {report.cells(one) for one in EXHIBITS} <= shown
    assert {(one.row, one.title) for one in AWAITED} <= {row[:2] for row in shown}
