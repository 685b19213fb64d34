"""The benchmarks are no part of the package: they are imported from the top of the checkout."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent


@pytest.fixture
def figures(monkeypatch):
    """Give the module with the arithmetic."""
    monkeypatch.syspath_prepend(str(TOP))
    return importlib.import_module("benchmarks.figures")


@pytest.fixture
def report(figures):
    """Give the module that writes the table."""
    return importlib.import_module("benchmarks.report")


@pytest.fixture
def timing(figures):
    """Give the module that measures."""
    return importlib.import_module("benchmarks.timing")


@pytest.fixture
def contents(figures):
    """Give the module that writes repositories."""
    return importlib.import_module("benchmarks.contents")


@pytest.fixture
def programs(figures):
    """Give the module that knows the programs."""
    return importlib.import_module("benchmarks.programs")


@pytest.fixture
def result(figures, timing):
    """Give a function that makes a result of wall times: ours, then those of others."""

    def make(ours, *others, at_most=None, most_bytes=None, peak_bytes=80_000_000):
        costs = [
            figures.Cost.of(f"program {place}", [timing.Run(wall_s, wall_s / 2, peak_bytes) for wall_s in walls])
            for place, walls in enumerate((ours, *others))
        ]
        return figures.Result("some work", costs[0], tuple(costs[1:]), at_most, most_bytes)

    return make
