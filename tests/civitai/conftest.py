"""What tests of the CivitAI source need: a CivitAI on loopback, files to offer, and an engine that asks it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modelready.environment import read
from modelready.mirror import Civitai
from modelready.model import FileRule, Model, Source
from modelready.sources import Sources

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def token() -> str:
    """Give the token that opens what asks for one."""
    return TOKEN


@pytest.fixture
def civitai():
    """Give a CivitAI on loopback, empty, that knows one token."""
    with Civitai(token=TOKEN) as served:
        yield served


@pytest.fixture
def weights(tmp_path) -> Path:
    """Give a file to offer."""
    path = tmp_path / "upstream" / "real.safetensors"
    path.parent.mkdir()
    path.write_bytes(random.Random(1).randbytes(200_000))
    return path


@pytest.fixture
def ask(civitai):
    """Give a function that resolves a source text as a catalog would name it."""

    def resolve(text, *, files=(), variables=(), **facts):
        address, _, file_id = text.removeprefix("civitai:").partition("?fileId=")
        source = Source(text, "civitai", address, "", file_id or None)
        rules = tuple(FileRule(**one) for one in files)
        model = Model(name="real", source=source, layout="folder", folder=Path("models"), files=rules, **facts)
        environ = {"CIVITAI_ENDPOINT": civitai.url, "HF_DOWNLOAD_MAX_RETRIES": "0", "HF_HUB_ETAG_TIMEOUT": "30"}
        return Sources(read(environ | dict(variables))).of(model).resolve(model)

    return resolve
