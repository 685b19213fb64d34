"""Where one exhibit stands: its repository on a Hub, its place on the machine, and ways to fill that place."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelready.mirror import Civitai, Mirror


@dataclass
class Room:
    """One model on the machine, broken or its healthy twin. The machine and the Hub are shared by all rooms."""

    name: str
    hub: Mirror
    machine: Path
    civitai: Civitai
    version: int  # of the model, where CivitAI offers it
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)

    @property
    def repo(self) -> str:
        """Give the repository's name on the Hub."""
        return f"acme/{self.name}"

    @property
    def cache(self) -> Path:
        """Give the machine's Hub cache."""
        return self.machine / "hf" / "hub"

    @property
    def storage(self) -> Path:
        """Give the repository's folder in that cache."""
        return self.cache / f"models--acme--{self.name}"

    @property
    def snapshot(self) -> Path:
        """Give the snapshot of the newest commit."""
        return self.storage / "snapshots" / self.commits[-1]

    @property
    def folder(self) -> Path:
        """Give the model's folder, where its layout is one."""
        return self.machine / "models" / self.name

    @property
    def listing(self) -> Path:
        """Give the listing that huggingface_hub keeps of the newest commit."""
        return self.storage / "trees" / f"{self.commits[-1]}.json"

    def place(self, path: str) -> Path:
        """Give the file *path* of the model, wherever it lies; in the cache what its links lead to."""
        return self.folder / path if self.folder.is_dir() else (self.snapshot / path).resolve()

    # ---- the Hub

    def publish(self, files: Mapping[str, bytes], **access: str | bool) -> str:
        """Put *files* on the Hub as the repository's newest commit."""
        upstream = self.machine.parent / "upstream" / f"{self.name}-{len(self.commits)}"
        write(upstream, files)
        self.files = dict(files)
        self.commits.append(self.hub.add_repo(self.repo, upstream, **access))  # type: ignore[arg-type]
        return self.commits[-1]

    # ---- CivitAI

    def offer(self, files: Mapping[str, bytes], **facts: str) -> None:
        """Offer *files* as more files of the room's version, to those who bring the token; *facts* are said of each."""
        upstream = self.machine.parent / "upstream" / f"{self.name}-offered"
        write(upstream, files)
        self.files |= files
        for path in files:
            self.civitai.offer(self.version, upstream / path, **facts)
        self.civitai.set_terms(self.version, "token")

    # ---- ways to fill the machine

    def download(self, *, revision: str = "main", wanted: str | None = None, into_folder: bool = False) -> None:
        """Let huggingface_hub bring the model."""
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy
        from huggingface_hub.utils import disable_progress_bars  # noqa: PLC0415 - as above

        disable_progress_bars()
        there = {"local_dir": str(self.folder)} if into_folder else {"cache_dir": str(self.cache)}
        snapshot_download(
            self.repo, revision=revision, allow_patterns=wanted, endpoint=self.hub.url, token=False, **there
        )

    def download_one(self, path: str) -> None:
        """Let huggingface_hub bring one file."""
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - heavy

        hf_hub_download(self.repo, path, cache_dir=str(self.cache), endpoint=self.hub.url, token=False)

    def copy(self) -> None:
        """Put the files into the folder, as curl, wget or git would."""
        write(self.folder, self.files)

    def forget_listing(self) -> None:
        """Leave the cache as huggingface_hub before 1.29 would have: without a list of what belongs to the revision."""
        shutil.rmtree(self.storage / "trees")


def locked(room: Room) -> dict[str, object]:
    """Give the row that a lock has of the room's newest commit."""
    files = {
        path: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in room.files.items()
    }
    row = {"source": f"hf:{room.repo}", "include": ["*.safetensors", "*.json"], "exclude": []}
    return {**row, "revision": room.commits[-1], "files": files}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write *files* below *folder*."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
