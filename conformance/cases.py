"""What a case is: a row of the table of faults, how it is played, and how it has to end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from conformance import contents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.scene import Ended, Scene
    from modelready.mirror import Mirror
    from modelready.mirror.cdn import Cdn

RIGHT, ERROR, KEPT = "right", "error", "kept"


def _mended(scene: Scene) -> None:
    scene.hub.heal()


def _no_flaw(_scene: Scene) -> str:
    return ""


@dataclass(frozen=True)
class Case:
    """One fault."""

    row: int
    words: str
    play: Callable[[Scene], Ended]
    ends: str = RIGHT  # with the right bytes, or in one clear error; or what was there is kept
    names: str = ""  # what an error has to speak of, as a pattern
    mend: Callable[[Scene], None] = _mended
    flaw: Callable[[Scene], str] = _no_flaw  # what else must not be, beside the bytes
    keeps: bool = False  # what arrived before the error has to be there for the next run
    size: int = contents.SMALL
    cdn: bool | Cdn = False
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Give the row and the words."""
        return f"{self.row:02} {self.words}"


def passing(row: int, words: str, spoil: Callable[[Mirror], None], **more: Any) -> Case:
    """Give the case of a Hub that misbehaves for a while, or in a way that does not matter: all has to end well."""
    return Case(row, words, _played(spoil), **more)


def lasting(row: int, words: str, spoil: Callable[[Mirror], None], names: str, **more: Any) -> Case:
    """Give the case of a Hub that goes on to misbehave: that is an error, and nothing worse."""
    return Case(row, words, _played(spoil), ends=ERROR, names=names, **more)


def both(row: int, words: str, spoil: Callable[..., None], names: str, **more: Any) -> tuple[Case, Case]:
    """Give both: *spoil* takes the Hub, and how often it is to misbehave."""
    return (
        passing(row, f"{words}, once", lambda hub: spoil(hub, times=1), **more),
        lasting(row, f"{words}, each time", lambda hub: spoil(hub, times=None), names, **more),
    )


def sized(size: int, *cases: Case) -> tuple[Case, ...]:
    """Give *cases* with weights of that size."""
    return tuple(replace(case, size=size) for case in cases)


def _played(spoil: Callable[[Mirror], None]) -> Callable[[Scene], Ended]:
    def play(scene: Scene) -> Ended:
        spoil(scene.hub)
        return scene.run()

    return play
