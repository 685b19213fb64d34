"""The catalogs that come with modelready, and the figures they are held against."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from modelready import catalog, packaged

sys.path.append(str(Path(__file__).parent))  # these tests share stand_ins.py

#: What a machine has that says nothing of models.
EMPTY = {"HOME": "/home/someone", "PATH": "/usr/bin"}


@pytest.fixture(scope="session")
def shipped():
    """Give the shipped catalogs as a machine in /work reads them, its models below /models."""
    environ = EMPTY | {"MODELS_DIR": "/models"}
    return catalog.read([packaged.folder("catalogs")], environ=environ, cwd=Path("/work"))


@pytest.fixture(scope="session")
def texts():
    """Give the shipped catalogs as they are written, by file name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(packaged.folder("catalogs").glob("*.toml"))}


@pytest.fixture(scope="session")
def figures():
    """Give what is known of the models upstream, by its id: gathered once, from manifests that others published."""
    path = Path(__file__).parents[1] / "data" / "models.json"
    return {one["id"]: one for one in json.loads(path.read_text(encoding="utf-8"))}
