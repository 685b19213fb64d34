"""A released mflux, asked as one that is installed would be."""

from __future__ import annotations

import importlib.metadata

import pytest

from modelready.consumers import mflux
from modelready.consumers.mflux import asking, targets, versions

Z_IMAGE = "Tongyi-MAI/Z-Image-Turbo"


@pytest.fixture
def place(new_place, tmp_path):
    """Give a machine that has Z-Image-Turbo, with a tokenizer that loads."""
    place = new_place(tmp_path)
    place.fill("z-image-turbo")
    return place


@pytest.fixture
def newest(python, release, monkeypatch):
    """Give the target that the newest release is, in the Python that has it."""
    monkeypatch.setenv("PYTHONPATH", str(release("0.24.0")))
    targets._installed.cache_clear()
    return targets.chosen({"MODELREADY_MFLUX": str(python)})


def test_this_environment_has_no_mflux_of_its_own():
    """It would be asked instead of the releases."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("mflux")


@pytest.mark.parametrize("version", ["0.13.3", "0.16.9", "0.18.1", "0.24.0"])
def test_it_tells_its_own_pins(python, release, monkeypatch, version):
    """The data that ship with modelready are those of the releases themselves."""
    monkeypatch.setenv("PYTHONPATH", str(release(version)))

    said = asking.about(str(python))

    assert said.version == version
    assert dict(said.pins or {}) == dict(versions.of_version(version).pins)


def test_the_python_that_has_it_can_be_named(python, newest):
    """As for who has mflux as a tool of its own, out of reach of this Python."""
    assert (newest.text, newest.python) == ("0.24.0", str(python))
    assert newest.pins == versions.newest().pins


def test_where_it_agrees_nothing_is_told(place, newest):
    """Its own code has the last word: weights, then the tokenizer, loaded."""
    assert mflux.faults(place.setting(Z_IMAGE), newest) == ()


def test_where_it_disagrees_it_is_told(place, newest):
    """A tokenizer whose files are there and that does not load is more than names can tell."""
    (place.snapshot(Z_IMAGE) / "tokenizer" / "tokenizer.json").write_text("not a tokenizer")

    (found,) = mflux.faults(place.setting(Z_IMAGE), newest)

    assert found.path == "tokenizer/*"
    assert "mflux 0.24.0 itself does not find it here" in found.message
