"""The catalogs that come with modelready."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from modelready import catalog, switches

#: What a machine has that says nothing of models.
EMPTY = {"HOME": "/home/someone", "PATH": "/usr/bin"}


def shipped(cwd):
    """Read the shipped catalogs as an empty folder sees them."""
    return catalog.read(catalog.default_paths((), EMPTY, cwd), environ=EMPTY, cwd=cwd)


def test_an_empty_environment_requires_only_the_starter(tmp_path):
    """A bare `provision` takes a minute, not a terabyte."""
    found = shipped(tmp_path)

    required = [name for name, one in switches.decide(found.models, EMPTY).items() if one.is_required]

    assert required == ["all-minilm-l6-v2"]


def test_the_starter_alone_has_no_switch(tmp_path):
    """Every other model is asked for by a variable."""
    found = shipped(tmp_path)

    without = [(model.name, model.catalog.name) for model in found.models if not model.enabled_by]

    assert without == [("all-minilm-l6-v2", "starter.toml")]


def test_the_starter_is_pinned_and_small(tmp_path):
    """Everybody who tries it gets the same bytes, and soon."""
    starter = shipped(tmp_path).named("all-minilm-l6-v2")

    weights = starter.files[0]

    assert starter.source.is_pinned
    assert weights.size < 100_000_000
    assert {one.algorithm for one in weights.digests} == {"sha256"}


@pytest.mark.parametrize("key", ["title", "kind", "licence"])
def test_every_shipped_model_says_what_it_is(tmp_path, key):
    """Who reads a status or a certificate knows what the name stands for."""
    found = shipped(tmp_path)

    silent = [model.name for model in found.models if not getattr(model, key)]

    assert silent == []


def test_shipped_catalogs_hold_only_models():
    """They are data: what TOML reads is a list of models."""
    [folder] = catalog.default_paths((), {}, Path("/nonexistent"))

    keys = {key for path in folder.glob("*.toml") for key in tomllib.loads(path.read_text(encoding="utf-8"))}

    assert keys == {"model"}
