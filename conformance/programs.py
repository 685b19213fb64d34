"""The programs that are tried: how each is told to bring the model, and to bring it without the network."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

REPO = "acme/model"
_NAME = "model"
_FILES = '["*.safetensors", "*.json", "notes/*"]'  # all of them, as a catalog would say it


@dataclass(frozen=True)
class Order:
    """What a program is asked for: the files of which revision, in its cache or in a folder."""

    place: Path  # the program's own home
    revision: str = "main"
    folder: Path | None = None


class Program(Protocol):
    """A program that brings models."""

    @property
    def name(self) -> str:
        """Give its name, as the table has it."""

    @property
    def uses_xet(self) -> bool:
        """Tell whether the Hub is to offer large files by Xet."""

    def bring(self, order: Order) -> Sequence[str]:
        """Give the command line that brings the model."""

    def use_offline(self, order: Order) -> Sequence[str]:
        """Give the command line that tells, with HF_HUB_OFFLINE set, whether the model is there."""


@dataclass(frozen=True)
class HfDownload:
    """huggingface_hub's own command."""

    name: str
    uses_xet: bool

    def bring(self, order: Order) -> Sequence[str]:
        """Give the command line that brings the model."""
        hf = str(Path(sys.executable).with_name("hf"))
        there = () if order.folder is None else ("--local-dir", str(order.folder))
        return [hf, "download", REPO, "--revision", order.revision, *there]

    def use_offline(self, order: Order) -> Sequence[str]:
        """Give the same: it looks at HF_HUB_OFFLINE."""
        return self.bring(order)


@dataclass(frozen=True)
class Modelready:
    """This project."""

    name: str = "modelready"
    uses_xet: bool = False

    def bring(self, order: Order) -> Sequence[str]:
        """Give the command line that brings the model and certifies it."""
        return self._command("provision", order)

    def use_offline(self, order: Order) -> Sequence[str]:
        """Give the command line that certifies it."""
        return self._command("certify", order)

    def _command(self, command: str, order: Order) -> Sequence[str]:
        catalog = order.place / "catalogs" / "catalog.toml"
        catalog.parent.mkdir(parents=True, exist_ok=True)
        catalog.write_text(_catalog(order), encoding="utf-8")
        return [sys.executable, "-P", "-m", "modelready", command]


def _catalog(order: Order) -> str:
    there = "" if order.folder is None else f'layout = "folder"\nfolder = "{order.folder}"\n'
    revision = "" if order.revision == "main" else f"@{order.revision}"
    return f'[[model]]\nname = "{_NAME}"\nsource = "hf:{REPO}{revision}"\ninclude = {_FILES}\n{there}'


PROGRAMS: tuple[Program, ...] = (
    HfDownload("hf download", uses_xet=False),
    HfDownload("hf download, Xet", uses_xet=True),
    Modelready(),
)
