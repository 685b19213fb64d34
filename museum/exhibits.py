"""What an exhibit is, and how those that share a way of being built are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from museum import contents

if TYPE_CHECKING:
    from collections.abc import Callable

    from museum.rooms import Room

Command = Literal["certify", "provision", "lock --check"]


def nothing(_room: Room) -> None:
    """Leave the room as it is."""


@dataclass(frozen=True)
class Exhibit:
    """
    One way in which a model was broken.

    Its ``files`` are published, ``spoil`` makes the Hub misbehave, ``fill`` brings the files onto the machine, and
    ``damage`` is done to them there. The healthy twin is the same with neither ``spoil`` nor ``damage``. ``row`` is a
    number of the stories, or ``hub`` and a number of the table of huggingface_hub's faults.
    """

    row: str
    name: str  # of the model, the repository and its folder
    title: str  # what is broken, as its user would have told it
    check: str  # the id that objects
    names: str  # what its message names, as a pattern: the file
    remedy: str = "modelready provision"  # what it says to do, as a pattern
    files: Callable[[], dict[str, bytes]] = contents.plain
    spoil: Callable[[Room], object] = nothing
    fill: Callable[[Room], object] = nothing
    damage: Callable[[Room], object] = nothing
    catalog: str = 'include = ["*.safetensors", "*.json"]'  # what the catalog says beside name, source and folder
    layout: Literal["hub-cache", "folder"] = "hub-cache"
    source: Literal["hf", "civitai"] = "hf"  # where its files are published
    locked: Callable[[Room], dict[str, object]] | None = None  # the model's row in models.lock.json
    command: Command = "certify"
    is_warning: bool = False  # the check passes, and says what is doubtful
    also: tuple[str, ...] = ()  # checks of the machine that have their own word on it

    @property
    def twin(self) -> str:
        """Give the name of the healthy twin."""
        return f"{self.name}-twin"


@dataclass(frozen=True)
class Awaited:
    """A story that cannot be shown yet."""

    row: str
    title: str
    why: str
