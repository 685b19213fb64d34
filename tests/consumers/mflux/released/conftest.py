"""Released versions of mflux, each asked about every case in one process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

VARIABLE = "MODELREADY_RELEASED_MFLUX"
PROGRAM = Path(__file__).with_name("asked.py")


def environment() -> Path:
    """Give the environment that `nox -s mflux` makes; without it these tests prove nothing, so they fail."""
    if VARIABLE not in os.environ:
        pytest.fail(f"{VARIABLE} names no environment: run these tests by `nox -s mflux`")
    return Path(os.environ[VARIABLE])


@pytest.fixture(scope="session")
def python() -> Path:
    """Give the Python that has what mflux imports."""
    folder = environment()
    return next(path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists())


@pytest.fixture(scope="session")
def release():
    """Give the folder of a released version."""
    return lambda version: environment() / "released" / version


@pytest.fixture(scope="session")
def ask(python, release):
    """Ask a released version about many cases: for each, what it finds and what it does not."""

    def ask(version, cases):
        variables = {
            "PYTHONPATH": str(release(version)),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        ended = subprocess.run(
            [python, "-P", PROGRAM],
            input=json.dumps(cases).encode(),
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            timeout=240,
            check=True,
        )
        return [json.loads(line) for line in ended.stdout.splitlines()]

    return ask
