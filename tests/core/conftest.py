"""What tests of the engine need: a workshop in which catalogs are read and models brought, in this process."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modelready import grounds
from modelready.downloads.worker import Order, Worker
from modelready.placing import Options

if TYPE_CHECKING:
    from modelready.downloads.jobs import Job

sys.path.append(str(Path(__file__).parent))  # depots.py

CATALOG = '[[model]]\nname = "tiny"\nsource = "hf:acme/tiny"\n'
IN_A_FOLDER = CATALOG + 'layout = "folder"\n'


@dataclass
class Workshop:
    """A machine's folders, and a Hub; everything happens in this process."""

    place: Path
    endpoint: str
    variables: dict[str, str] = field(default_factory=dict)
    catalog: str = CATALOG
    runs: int = 0
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def repo(self) -> Path:
        """Give the folder of the small model in the cache."""
        return self.place / "hf" / "hub" / "models--acme--tiny"

    @property
    def snapshot(self) -> Path:
        """Give its only snapshot."""
        (found,) = self.snapshot_folders
        return found

    @property
    def snapshot_folders(self) -> list[Path]:
        """Give all of them."""
        return list((self.repo / "snapshots").iterdir())

    @property
    def folder(self) -> Path:
        """Give the folder of the small model where its layout is one."""
        return self.place / "models" / "tiny"

    def asked(self, **options) -> grounds.Requested:
        """Read the catalog as a new command would."""
        path = self.place / "catalogs" / "catalog.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.catalog, encoding="utf-8")
        environ = {
            "HOME": str(self.place),
            "HF_HOME": str(self.place / "hf"),
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_ETAG_TIMEOUT": "2",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
            "HF_DOWNLOAD_MAX_RETRIES": "0",
            "MODELREADY_HOME": str(self.place / "state"),
            "MODELS_DIR": str(self.place / "models"),
        }
        found = grounds.requested(environ | self.variables, self.place, catalogs=[path.parent], **options)
        self.opened.callback(found.ground.close)
        return found

    def worker(self, asked=None, **options) -> tuple[Worker, str]:
        """Give a worker for everything that *asked* requires, and the run it belongs to."""
        asked = asked or self.asked()
        self.runs += 1
        run = f"run-{self.runs}"
        models = asked.with_needs(list(asked.required))
        return Worker(Order(models, asked.ground, run, Options(**options))), run

    def bring(self, **options) -> dict[str, Job]:
        """Bring everything that the catalog requires; give the jobs by model. A bug is raised."""
        asked = self.asked()
        worker, run = self.worker(asked, **options)
        worker.start()
        if bug := worker.join():
            raise bug
        return {job.model: job for job in asked.ground.jobs.all_of_run(run)}

    def lock(self, files: dict[str, dict], *, revision: str, **model) -> None:
        """Write a lock that names *files* of the small model."""
        row = {"source": "hf:acme/tiny", "include": [], "exclude": [], "revision": revision, "files": files} | model
        path = self.place / "catalogs" / "models.lock.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"format_version": 1, "models": {"tiny": row}}))


@pytest.fixture
def workshop(tmp_path, hub, tiny, monkeypatch):
    """Give a workshop whose Hub serves the small model."""
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    hub.add_repo("acme/tiny", tiny)
    shop = Workshop(tmp_path / "workshop", hub.url)
    with shop.opened:
        yield shop


@pytest.fixture
def depot():
    """Give a plain file server on loopback."""
    from depots import Depot  # noqa: PLC0415 - found by the path added above

    server = Depot()
    yield server
    server.close()
