"""What changed from mflux 0.13 to 0.24 in where it looks, read from the released sources."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelready.consumers.mflux import models

if TYPE_CHECKING:
    from collections.abc import Mapping

_OLDEST = (0, 13)


class UnknownTarget(ValueError):
    """There is no mflux as asked for, or none whose rules are known; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """
    The mflux that is to find the model.

    ``pins`` are the commits it asks for, by repository; ``python`` is the interpreter that has it, where one does.
    """

    text: str
    pins: Mapping[str, str] = field(default_factory=dict)
    python: str = ""

    @property
    def version(self) -> tuple[int, ...]:
        """Give the version as numbers."""
        return numbers(self.text)

    @property
    def checks_patterns(self) -> bool:
        """Tell whether files at a repository's root are looked for one by one."""
        return self.version >= (0, 14)

    @property
    def checks_indexes(self) -> bool:
        """Tell whether a snapshot that lacks an indexed shard is passed over."""
        return self.version >= (0, 19)

    @property
    def asks_for_tokenizers(self) -> bool:
        """Tell whether each load asks the network for the tokenizer ("Fetching 4 files")."""
        return self.version < (0, 17)

    @property
    def tries_fallbacks(self) -> bool:
        """Tell whether another folder is tried where the tokenizer's own does not load."""
        return self.version >= (0, 17, 2)

    @property
    def finds_saves_elsewhere(self) -> bool:
        """Tell whether a saved model is found in the cache where its folders are not those of the original."""
        return self.version >= (0, 24)


def newest() -> Target:
    """Give the newest mflux that is known."""
    return of_version(models.table().version)


def of_version(text: str) -> Target:
    """
    Give the mflux of a version that is not installed.

    Raises: UnknownTarget, for one that is too old.
    """
    version = numbers(text)
    if version < _OLDEST:
        raise UnknownTarget(
            f"mflux {text} is older than 0.13, whose rules are the first known here; install a newer one"
        )
    table = models.table()
    if version < (0, 23):
        return Target(text)
    pinned = table.pins.items()
    return Target(text, {repo: sha for repo, sha in pinned if version >= (0, 24) or repo not in table.pinned_later})


def numbers(text: str) -> tuple[int, ...]:
    """
    Give a version as numbers: 0.16.9 is (0, 16, 9).

    Raises: UnknownTarget, for what is no version.
    """
    found = re.match(r"\d+(\.\d+)*", text)
    if not found:
        raise UnknownTarget(f"{text!r} is no version of mflux; expected something like {models.table().version}")
    return tuple(int(part) for part in found[0].split("."))
