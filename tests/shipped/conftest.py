"""The catalogs that come with modelready, and the figures they are held against."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelready import catalog, grounds, packaged
from modelready.mirror import Mirror
from modelready.standing import standings

sys.path.append(str(Path(__file__).parent))
import stand_ins  # what these tests share

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


@dataclass(frozen=True)
class Kitchen:
    """Where a recipe is tried: a Hub that serves stand-ins, and a machine that knows the catalog with their figures."""

    hub: Mirror
    machine: object
    root: Path

    def serve(self, repo, paths, *, commit=None, name=""):
        """Serve stand-ins for *paths*; give the folder in which they lie."""
        folder = stand_ins.write(self.root / "upstream" / repo, paths, name)
        self.hub.add_repo(repo, folder, commit=commit)
        return folder

    def catalog(self, text, folder, name="catalog.toml"):
        """Write the catalog *text* with the figures of what lies in *folder*."""
        return self.machine.catalog(stand_ins.small(text, folder), name)

    def run(self, *arguments, **variables):
        """Run a command to its end, with *variables*; give it and its certificate, if it wrote one."""
        certificate = self.machine.place / "certificate.json"
        certificate.unlink(missing_ok=True)
        suite = ["--certificate", str(certificate)] if arguments[0] in {"provision", "certify"} else []
        before, self.machine.variables = self.machine.variables, {**self.machine.variables, **variables}
        done = self.machine.run(arguments[0], *suite, *arguments[1:])
        self.machine.variables = before
        return Ended(done, json.loads(certificate.read_text())["predicate"] if certificate.exists() else {})

    def standing(self, name):
        """Give how the model *name* stands on the machine, as ``modelready status --json`` tells it."""
        asked = grounds.requested(self.machine.environment, self.machine.place, models=[name])
        (found,) = standings(asked)
        asked.ground.close()
        return found

    def fetched(self):
        """Give the paths of the files that were asked for since the Hub forgot."""
        return {one.file for one in self.hub.requests if one.kind == "get"}

    def snapshot(self, repo):
        """Give the one snapshot of *repo* in the machine's Hub cache."""
        (found,) = (self.machine.cache / f"models--{repo.replace('/', '--')}" / "snapshots").iterdir()
        return found


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    done: object
    certificate: dict

    @property
    def status(self):
        """Give its exit status."""
        return self.done.returncode

    @property
    def text(self):
        """Give all that it printed."""
        return self.done.stdout + self.done.stderr

    @property
    def passed(self):
        """Give the checks that passed, without their model."""
        return {one.partition("[")[0] for one in self.certificate["passedTests"]}

    @property
    def failed(self):
        """Give those that failed."""
        return {one.partition("[")[0] for one in self.certificate["failedTests"]}


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory, machine_at):
    """Give a place to try a recipe; all tests of a file share it, and what was brought."""
    root = tmp_path_factory.mktemp("kitchen")
    (root / "machine").mkdir()
    with Mirror() as hub:
        yield Kitchen(hub, machine_at(root / "machine", hub.url), root)


def below(folder):
    """Give the paths of the files in *folder*, hidden ones left out."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if not path.parts[0].startswith(".")}


@pytest.fixture(scope="session")
def files_below():
    """Give the function that lists a folder."""
    return below


@pytest.fixture(scope="session")
def recipe():
    """Give a function that reads a recipe's first block of TOML."""

    def read(name):
        page = (Path(__file__).parents[2] / "docs" / "recipes" / name).read_text(encoding="utf-8")
        return re.search(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1]

    return read
