"""What tests of adopting need: a catalog that was written is read again by the reader of catalogs."""

from __future__ import annotations

import pytest

from modelready import adopting, catalog


@pytest.fixture
def adopted(tmp_path):
    """Give a function that adopts paths and reads the catalog that comes of it."""

    def run(*paths, **environ):
        found = adopting.adopt(paths, {"HOME": str(tmp_path / "home")} | environ)
        path = tmp_path / "adopted.toml"
        path.write_text(adopting.toml(found), encoding="utf-8")
        environ = {"HOME": str(tmp_path / "home"), "MODELS_DIR": str(tmp_path / "models")} | environ
        return found, catalog.read([path], environ=environ, cwd=tmp_path)

    return run
