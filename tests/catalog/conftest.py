"""Catalogs written on the spot, and models without a catalog."""

from pathlib import Path

import pytest
from hypothesis import settings

from modelready import catalog, errors, filesystems, ledger
from modelready.model import Model, Source

# The machines that run this are slow at times; that is no fault of what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def read(tmp_path):
    """Give a function that writes TOML to one file or several and reads them as a catalog."""

    def read(*texts, environ=None, **options):
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / "abc"[number] / "models.toml")
            paths[-1].parent.mkdir(exist_ok=True)
            paths[-1].write_text(text, encoding="utf-8")
        return catalog.read(paths, environ=environ or {}, cwd=tmp_path, **options)

    return read


@pytest.fixture
def faults(read):
    """Give a function that reads catalogs and gives what is wrong with them, line by line."""

    def faults(*texts, **options):
        with pytest.raises(errors.CatalogFaults) as caught:
            read(*texts, **options)
        return list(caught.value.faults)

    return faults


@pytest.fixture
def a_model():
    """Give a function that makes a model of a folder, without a catalog."""

    def a_model(name="tiny", *, source="hf:org/tiny", **values):
        kind, _, address = source.partition(":")
        given = {"layout": "folder", "folder": Path("/models") / name, **values}
        return Model(name=name, source=Source(source, kind, address), **given)

    return a_model


@pytest.fixture
def place(tmp_path):
    """Give where a ledger may lie."""
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def file(tmp_path):
    """Give a file whose last change is some ticks ago."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    ledger.settled_fingerprint(path)
    return path


@pytest.fixture
def remember():
    """Give a function that tells a ledger about a file."""

    def remember(book, path, told=None):
        book.remember(path, told or {"sha256": "a" * 64}, fingerprint=ledger.fingerprint(path))

    return remember


@pytest.fixture
def far(monkeypatch):
    """Let every path lie on a network file system."""
    monkeypatch.setattr(filesystems, "kind", lambda path: "nfs4")
