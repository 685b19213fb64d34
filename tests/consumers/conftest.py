"""What the tests of applications are given: small folders as publishers fill them, and a machine's setting."""

import json
from pathlib import Path

import pytest

from modelready.consumers import Setting
from modelready.model import Source


@pytest.fixture
def fill(tmp_path):
    """Write files into a folder: bytes, a text, or what JSON can hold; give the folder."""

    def fill(files, folder="model"):
        for path, content in files.items():
            place = tmp_path / folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, (bytes, str)) else json.dumps(content)
            place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / folder

    return fill


@pytest.fixture
def met(tmp_path):
    """Give a model as an application meets it: all files in *root*, and *lost* ones, told of by an earlier check."""

    def met(root=None, *, lost=(), places=None, repo="acme/tiny", **about):
        root = root or tmp_path / "model"
        found = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
        files = places if places is not None else {path: root / path for path in [*found, *lost]}
        about = {"is_cached": False, "cache": tmp_path / "hub", "cwd": tmp_path, **about}
        told = frozenset({*lost, *about.pop("told", ())})
        return Setting("tiny", Source(f"hf:{repo}", "hf", repo), root, files=files, told=told, **about)

    return met


@pytest.fixture
def told():
    """Give the paths that faults name."""
    return lambda faults: [one.path for one in faults]


def _without(files, *lost):
    return {path: content for path, content in files.items() if not any(Path(path).match(one) for one in lost)}


@pytest.fixture
def without():
    """Give *files* without those that match."""
    return _without
