"""Released versions of mflux, each asked about every case in one process."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelready.consumers import mflux
from modelready.consumers.mflux import asking, cached, resolution, uses, versions

VERSIONS = ("0.13.3", "0.16.9", "0.18.1", "0.24.0")
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


@pytest.fixture(scope="session")
def ask_all(ask):
    """Ask every released version, two at a time."""

    def ask_all(cases):
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(VERSIONS, pool.map(lambda version: ask(version, cases), VERSIONS), strict=True))

    return ask_all


@dataclass(frozen=True)
class Scene:
    """A case as it lies on disk, and both verdicts on it."""

    place: object
    setting: object
    uses: tuple

    @property
    def questions(self):
        looks = [one for use in self.uses for one in use.opens if one.kind in {"weights", "tokenizer"}]
        return [asking._question(one, self.setting) for one in looks]

    def asked(self, pins=None):
        """Give what a release is asked; *pins* are commits that it shall ask for beside its own."""
        where = {"cache": str(self.place.cache), "cwd": str(self.place.cwd), "repo": self.setting.source.address}
        return {**where, "questions": self.questions, "pins": pins or {}}

    def objections(self, answer):
        """Give why mflux is not content: an error, or another place than the model's."""
        told = list(zip(self.questions, answer["told"], strict=True))
        root = str(self.setting.root.resolve())
        elsewhere = [
            one["found"]
            for question, one in told
            if question["kind"] == "weights" and one.get("found") not in {None, root}
        ]
        return [one["fault"] for _, one in told if "fault" in one] + elsewhere

    def ours(self, version):
        """Give why we are not."""
        return [f"{one.path}: {one.message}" for one in mflux.faults(self.setting, versions.of_version(version))]

    def picked(self, version):
        """Give the snapshot that by our statement of mflux's own rule it opens, for each look at weights."""
        target = versions.of_version(version)
        repository = cached.Repository(self.place.cache, self.setting.source.address, target, {})
        looks = [one for use in self.uses for one in use.weights]
        try:
            found = [_picked(repository, one.patterns) for one in looks]
        except OSError as error:
            return type(error).__name__
        return [one and one.name for one in found]


def _picked(repository, patterns):
    snapshots = repository.storage / "snapshots"
    newest = resolution.picked(snapshots, patterns, repository.target)  # mflux, too, sorts them all before it chooses
    if repository.pin is None:
        return newest
    pinned = snapshots / repository.pin
    return pinned if pinned.is_dir() and resolution.is_complete(pinned, patterns, repository.target) else None


@pytest.fixture(scope="session")
def scene():
    """Look at a place as modelready and mflux do."""

    def scene(place, repo, *, commit=None, folder=None):
        parts = [f"{name}/x.safetensors" for name in ("vae", "transformer", "text_encoder")]
        setting = place.setting(repo, commit=commit, folder=folder, wanted=[*parts, "tokenizer/tokenizer.json"])
        known = uses.of_repository(repo)
        return Scene(place, setting, tuple(use for use in known if len(use.model.others) == 1))

    return scene
