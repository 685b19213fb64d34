"""What the sessions install is what pyproject.toml asks for, with digests and without any address."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
#: Installed into an environment of its own, with another version of a library.
APART = {"mflux"}
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")


def asked():
    """Give each file of pins and the requirements it answers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {"commands": project["project"]["dependencies"], **project["dependency-groups"]}


def pins(name):
    """Give the versions that requirements/NAME.txt pins, by package: some have one for each range of Pythons."""
    found = defaultdict(list)
    for line in (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if match := PINNED.match(line):
            found[canonicalize_name(match[1])].append(match[2])
    return found


@pytest.mark.parametrize("name", asked())
def test_pins_answer_what_is_asked(name):
    """A requirement that was added or raised wants `nox -s pins`."""
    held = pins(name)

    unanswered = [
        text
        for text in asked()[name]
        if not (versions := held[canonicalize_name(Requirement(text).name)])
        or not all(Requirement(text).specifier.contains(version, prereleases=True) for version in versions)
    ]

    assert unanswered == [], "run `nox -s pins`"


@pytest.mark.parametrize("name", sorted(asked().keys() - APART))
def test_pins_agree_with_one_another(name):
    """Files that are installed together cannot want two versions of one package."""
    held, commands = pins(name), pins("commands")

    assert {package for package in held if package in commands and held[package] != commands[package]} == set()


@pytest.mark.parametrize("name", asked())
def test_pins_have_digests_and_no_address(name):
    """They install from wherever a machine gets its packages, and nothing else than these bytes."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()

    logical = "\n".join(lines).replace("\\\n", " ").splitlines()

    assert [line for line in logical if "--hash=sha256:" not in line] == []
    assert [line for line in lines if "://" in line] == []
