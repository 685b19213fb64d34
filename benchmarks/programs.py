"""The programs that are compared, each with a home of its own under one folder."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmarks.timing import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.hub import Hub

_KEPT = frozenset({"PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR"})
_CURL_CONNECTIONS = 8


@dataclass(frozen=True)
class Home:
    """A folder that is all a program sees of this machine: its caches, its state, its catalogs."""

    folder: Path
    endpoint: str = ""

    @property
    def hf(self) -> Path:
        """Give the folder of huggingface_hub's cache."""
        return self.folder / "hf"

    def empty(self) -> None:
        """Leave the catalogs and nothing else."""
        self.set_aside()
        shutil.rmtree(self._spent, ignore_errors=True)

    def set_aside(self) -> None:
        """
        Move all but the catalogs out of sight.

        A file system that has just deleted thousands of files is slow to make new ones.
        """
        spent = self._spent / uuid.uuid4().hex
        for name in ("hf", "state", "out"):
            if (self.folder / name).exists():
                spent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).rename(spent / name)
        (self.folder / "out").mkdir(parents=True)

    @property
    def _spent(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-spent")

    def catalog(self, *models: tuple[str, str]) -> None:
        """Require *models*: name and repository of each."""
        place = self.folder / "catalogs"
        place.mkdir(parents=True, exist_ok=True)
        rows = (f'[[model]]\nname = "{name}"\nsource = "hf:{repo}"\n' for name, repo in models)
        (place / "catalog.toml").write_text("\n".join(rows), encoding="utf-8")

    def modelready(self, *arguments: str) -> Call:
        """Give the call of this project's command."""
        return self._call([sys.executable, "-P", "-m", "modelready", *arguments])

    def hf_command(self, *arguments: str) -> Call:
        """Give the call of huggingface_hub's command."""
        return self._call([str(Path(sys.executable).with_name("hf")), *arguments])

    def curl(self, hub: Hub, repo: str, paths: Sequence[str]) -> Call:
        """Give the call of curl that fetches the *paths* of *repo*, which it has to be told."""
        asked = (
            f'url = "{hub.url}/{repo}/resolve/main/{quote(path)}"\noutput = "{self.folder}/out/{path}"\n'
            for path in paths
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "asked.txt").write_text("".join(asked), encoding="utf-8")
        how = ["--silent", "--show-error", "--fail", "--location", "--create-dirs"]
        parallel = ["--parallel", "--parallel-max", str(_CURL_CONNECTIONS)]
        return self._call(["curl", *how, *parallel, "--config", str(self.folder / "asked.txt")])

    def pytest(self, path: Path) -> Call:
        """Give the call of a bare pytest on the tests in *path*."""
        return self._call([sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)])

    def _call(self, words: Sequence[str]) -> Call:
        self.folder.mkdir(parents=True, exist_ok=True)
        return Call(words, self._environment(), self.folder)

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name in _KEPT} | {
            "HOME": str(self.folder),
            "HF_HOME": str(self.hf),
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "MODELREADY_HOME": str(self.folder / "state"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }


def has_curl() -> bool:
    """Tell whether curl is there to be compared with."""
    return shutil.which("curl") is not None
