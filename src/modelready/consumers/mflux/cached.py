"""A model in the Hub cache: which commit mflux opens, and what turns its looks there into requests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelready import environment, patterns
from modelready.consumers.mflux import folders, resolution, uses
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from modelready.consumers.mflux.models import Opening
    from modelready.consumers.mflux.uses import Use
    from modelready.consumers.mflux.versions import Target


@dataclass(frozen=True)
class Repository:
    """A repository in the cache, as the mflux *target* looks at it."""

    cache: Path
    name: str
    target: Target
    environ: Mapping[str, str]

    @cached_property
    def storage(self) -> Path:
        """Give its folder in the cache."""
        return self.cache / f"models--{self.name.replace('/', '--')}"

    @property
    def pin(self) -> str | None:
        """Give the commit that mflux asks for by itself; None where it takes what it finds."""
        return self.target.pins.get(self.name)

    @cached_property
    def reference(self) -> str | None:
        """Give what ``refs/main`` holds, as huggingface_hub reads it: without stripping a newline."""
        try:
            return (self.storage / "refs" / "main").read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    @property
    def root(self) -> Path | None:
        """Give the snapshot in which tokenizers are looked for; None where there is none."""
        commit = self.pin or self.reference
        if not commit or "/" in commit or "\0" in commit:
            return None
        snapshot = self.storage / "snapshots" / commit
        return snapshot if snapshot.is_dir() else None

    # ---- the commit

    def commit_faults(self, revision: str) -> Iterator[Fault]:
        """Tell why mflux would look for tokenizers at another commit than *revision*, or for all it opens."""
        yield from self._dangling()
        if self.pin is None:
            yield from self._reference_faults(revision)
        elif self.pin != revision:
            message = (
                f"mflux {self.target.text} opens only commit {self.pin} of {self.name}, what lies here is {revision}"
            )
            yield Fault(f"snapshots/{self.pin}", message, f"write the source as hf:{self.name}@{self.pin}")

    def _dangling(self) -> Iterator[Fault]:
        """Tell links among the snapshots that lead nowhere: mflux asks each for its time, and ends with an error."""
        for path in sorted((self.storage / "snapshots").glob("*")):
            if path.is_symlink() and folders.why_dead(path) == "its link leads nowhere":
                yield Fault(f"snapshots/{path.name}", "its link leads nowhere: mflux stumbles over it", "delete it")

    def _reference_faults(self, revision: str) -> Iterator[Fault]:
        held = self.reference
        if held == revision:
            return
        what = "is not there" if held is None else f"holds {held[:60]!r}, what lies here is {revision}"
        message = f"{what}: mflux {self.target.text} looks there for the tokenizer, then asks the network"
        yield Fault("refs/main", message, "run `modelready provision`, or write the commit there without a newline")

    def picked_faults(self, revision: str, use: Use) -> Iterator[Fault]:
        """Tell where mflux would take the weights of an unpinned repository from another snapshot."""
        for one in () if self.pin else use.weights:
            try:
                found = resolution.picked(self.storage / "snapshots", one.patterns, self.target)
            except OSError:  # told as dangling
                return
            if found is not None and found.name != revision:
                message = f"mflux takes the newest folder that looks complete: {found.name}, not {revision}"
                yield Fault(f"snapshots/{found.name}", message, "remove that snapshot, or make it the one wanted")
                return

    # ---- requests

    def lacks(self, root: Path, use: Use) -> Iterator[Fault]:
        """Tell what *use* finds lacking in the snapshot *root*, and what it would ask the network for."""
        listed = self._listed(root.name)
        for fault in uses.lacks(root, use if self.target.finds_saves_elsewhere else use.without_saves(), self.target):
            if not _is_published_so(fault, listed):
                yield fault
        for one in use.opens:
            yield from self._requests(root, one, listed)

    def _requests(self, root: Path, one: Opening, listed: tuple[str, ...] | None) -> Iterator[Fault]:
        is_second_look = one.kind == "tokenizer" and not one.in_weights_root
        if listed is None:
            if one.kind == "config" and not self._is_offline:
                message = "mflux asks the network for it at each start, as the cache holds no listing of the commit"
                yield Fault(one.patterns[0], message, "run `modelready provision`, or set HF_HUB_OFFLINE=1")
        elif is_second_look or one.kind == "config":
            for path in listed:
                if patterns.matches(path, one.patterns) and not (root / path).exists():
                    yield Fault(path, "is not there, though trees/ lists it: mflux asks the network for it")
        if is_second_look and self.target.asks_for_tokenizers and not self._is_offline:
            message = (
                f"mflux {self.target.text} asks the network for the tokenizer at each start, whatever the cache holds "
                '("Fetching 4 files")'
            )
            yield Fault(
                "HF_HUB_OFFLINE", message, "set HF_HUB_OFFLINE=1 where mflux runs, or install mflux 0.17 or newer"
            )

    @property
    def _is_offline(self) -> bool:
        return any(environment.is_true(self.environ.get(name)) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))

    def _listed(self, commit: str) -> tuple[str, ...] | None:
        """Give the paths that ``trees/COMMIT.json`` lists; None where there is none that huggingface_hub reads."""
        try:
            held = json.loads((self.storage / "trees" / f"{commit}.json").read_text(encoding="utf-8"))
            return tuple(held["files"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None


def _is_published_so(fault: Fault, listed: tuple[str, ...] | None) -> bool:
    """Tell whether *fault* is a configuration that the repository itself, by its listing, does not have."""
    is_known = listed is not None and fault.path.endswith("*.json")
    return is_known and not any(patterns.matches_one(path, fault.path) for path in listed or ())
