"""docs/requirements.md: every behaviour of the five documents names where it lives and a test that is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "requirements.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows():
    """Give each row of each section: the section, what is asked for, where it lives, its tests."""
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        for line in re.findall(r"^\| (?!behaviour|---)(.*) ?\|$", body, re.MULTILINE):
            behaviour, where, tests = (cell.strip() for cell in line.split("|"))
            yield pytest.param(heading, where, tests, id=f"{heading[:10]}-{behaviour[:50]}")


@cache
def functions(path):
    """Give the names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}


@pytest.mark.parametrize(("where", "tests"), [pytest.param(*one.values[1:], id=one.id) for one in rows()])
def test_every_behaviour_has_a_place_and_a_test(where, tests):
    """What it names exists: files, functions, nothing between."""
    named = TEST.findall(tests)
    places = re.findall(r"`((?:src|catalogs|checks|deploy)\b[\w./-]*)`", where)

    assert named
    assert re.sub(rf"{TEST.pattern}|,| ", "", tests) == ""
    assert [f"{path}::{name}" for path, name in named if name not in functions(path)] == []
    assert [place for place in places if not (ROOT / place).exists()] == []
    assert where


def test_every_document_has_its_section():
    """All five, and what they ask for is not empty."""
    headings = [one.values[0] for one in rows()]

    assert {heading[:10] for heading in headings} == {f"Document {one}" for one in range(1, 6)}
    assert len(headings) > 60


@pytest.mark.parametrize("name", ["z-image.md", "qwen-image-edit.md", "taggers.md"])
def test_every_recipe_is_named_where_people_look(name):
    """In README and in the table."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert f"docs/recipes/{name}" in readme
    assert f"recipes/{name}" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "word", ["`low_cpu_mem_usage=False`", '`device_map="auto"`', "enable_model_cpu_offload", "merges.txt"]
)
def test_the_advice_on_loading_is_given(word):
    """With what is so, beside what document 3 says."""
    page = (ROOT / "docs" / "recipes" / "qwen-image-edit.md").read_text(encoding="utf-8")

    assert word in page.split("## Loading it")[1]
