"""Which mflux is meant: the one that a variable names, the one installed here, or the newest known."""

from __future__ import annotations

import sys

import pytest

from modelready.consumers import mflux
from modelready.consumers.mflux import targets, versions


def test_without_a_word_it_is_the_newest_that_is_known():
    """This environment has no mflux, as most that certify have none."""
    found = targets.chosen({})

    assert (found.text, found.python) == ("0.24.0", "")
    assert found.pins["Tongyi-MAI/Z-Image-Turbo"] == "f332072aa78be7aecdf3ee76d5c247082da564a6"


@pytest.mark.parametrize(("named", "pins"), [("0.16.9", 0), ("0.22.0", 0), ("0.23.0", 45), ("0.24.0", 58), ("1.2", 58)])
def test_a_version_can_be_named(named, pins):
    """Where models are prepared for machines that have another mflux."""
    found = targets.chosen({"MODELREADY_MFLUX": named})

    assert found.text == named
    assert len(found.pins) == pins


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("0.12.1", "is older than 0.13"),
        ("/no/such/python", "it cannot be run: No such file or directory"),
        (sys.executable, "mflux is not installed there"),
    ],
)
def test_what_cannot_be_meant_is_told(place, z_image, named, told):
    """A request that makes no sense fails the check: nothing was looked at."""
    place.environ = {"MODELREADY_MFLUX": named}

    (found,) = mflux.faults(place.setting("Tongyi-MAI/Z-Image-Turbo"))

    assert found.path == "MODELREADY_MFLUX"
    assert told in found.message


def test_versions_are_compared_as_numbers():
    """0.9 is older than 0.13, and a release candidate is its release."""
    assert versions.numbers("0.17.0rc1") == (0, 17, 0)
    assert versions.of_version("0.17.0").asks_for_tokenizers is False
    with pytest.raises(mflux.UnknownTarget, match="expected something like"):
        versions.numbers("newest")


@pytest.mark.parametrize(("code", "told"), [(3, "it ended with exit code 3"), (0, "is no Python's answer")])
def test_a_program_that_is_no_python_is_told(place, z_image, tmp_path, code, told):
    """It ends badly, or it says something else."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho nonsense\nexit {code}\n")
    program.chmod(0o755)
    place.environ = {"MODELREADY_MFLUX": str(program)}

    (found,) = mflux.faults(place.setting("Tongyi-MAI/Z-Image-Turbo"))

    assert told in found.message
