"""
The built-in models of mflux: which repositories each opens, by which patterns, at which commit.

``models.json`` was recorded from the released mflux 0.24.0 by constructing its own classes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["weights", "tokenizer", "config", "processor"]

#: Below this length an alias ("dev", "qwen") is a word in many names, and says little about a model.
_TELLING_ALIAS = 5


@dataclass(frozen=True, slots=True)
class Opening:
    """One look into a repository: ``patterns`` are what mflux would download of it."""

    kind: Kind
    repo: str
    patterns: tuple[str, ...]
    subdir: str = ""
    fallbacks: tuple[str, ...] = ()
    tokenizer_class: str = ""
    in_weights_root: bool = False  # not looked up a second time: it lies where the weights were found
    loads: tuple[str, ...] = ()  # files that the loader cannot do without
    saves: tuple[str, ...] = ()  # where mflux-save puts the components, if not where the patterns look


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A model that mflux knows by name; ``since`` is the first series of releases that does."""

    name: str
    repo: str
    since: tuple[int, ...]
    aliases: tuple[str, ...]
    opens: tuple[Opening, ...]

    def of(self, repo: str) -> tuple[Opening, ...]:
        """Give what it opens in *repo*."""
        return tuple(one for one in self.opens if one.repo == repo)

    @property
    def others(self) -> tuple[str, ...]:
        """Name the repositories that it opens, each once."""
        return tuple(dict.fromkeys(one.repo for one in self.opens))


@dataclass(frozen=True, slots=True)
class Table:
    """All that is known of one release."""

    version: str
    pins: Mapping[str, str]
    pinned_later: frozenset[str]  # not yet pinned by 0.23
    models: tuple[BuiltIn, ...]


@cache
def table() -> Table:
    """Read the data that ships with modelready."""
    read = json.loads(resources.files(__package__).joinpath("models.json").read_text(encoding="utf-8"))
    models = tuple(_built_in(name, entry) for name, entry in read["models"].items())
    return Table(read["mflux_version"], read["pinned_revisions"], frozenset(read["pinned_since_0_24"]), models)


def opening(repo: str) -> tuple[BuiltIn, ...]:
    """Give the built-in models that open *repo*; those whose own it is come first, and of them the plainest."""
    found = [one for one in table().models if repo in one.others]
    return tuple(sorted(found, key=lambda one: (one.repo != repo, len(one.others))))


def named(name: str) -> BuiltIn | None:
    """Give the built-in model that mflux takes *name* for: the one with the longest alias in it."""
    matches = [(len(alias), one) for one in table().models for alias in one.aliases if alias.lower() in name.lower()]
    length, found = max(matches, key=lambda match: match[0], default=(0, None))
    return found if length >= _TELLING_ALIAS else None


def _built_in(name: str, entry: Mapping[str, Any]) -> BuiltIn:
    saves = tuple(entry.get("saves", ()))
    opens = tuple(_opening(one, saves if one["repo"] == entry["repo"] else ()) for one in entry["opens"])
    since = tuple(int(part) for part in entry["since"].split("."))
    return BuiltIn(name, entry["repo"], since, tuple(entry["aliases"]), opens)


def _opening(entry: Mapping[str, Any], saves: tuple[str, ...]) -> Opening:
    return Opening(
        kind=entry["kind"],
        repo=entry["repo"],
        patterns=tuple(entry["patterns"]),
        subdir=entry.get("subdir", ""),
        fallbacks=tuple(entry.get("fallbacks", ())),
        tokenizer_class=entry.get("class", ""),
        in_weights_root=entry.get("in_weights_root", False),
        loads=tuple(entry.get("loads", ())),
        saves=saves if entry["kind"] == "weights" else (),
    )
