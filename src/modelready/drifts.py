"""What a source says now, held against the lock: each difference with its kind, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelready import sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.lock import LockEntry
    from modelready.model import ManifestFile, Model

#: Every kind of drift, and what it says; the list is closed: programs may rely on it.
KINDS = {
    "unlocked": "the lock does not know the model",
    "catalog": "the catalog asks for something else than was locked: another source, include or exclude",
    "moved": "the source has another revision",
    "changed": "a file has the same path and other bytes",
    "requantised": "a weight file has the same path and another dtype",
    "added": "a file is new at the source",
    "deleted": "a file, a revision or the whole repository is gone",
    "renamed": "the repository has another name now",
    "relicensed": "the licence is another one than the lock or the catalog says",
    "gated": "the licence has to be accepted now, and a token given",
    "unreachable": "the source could not be asked",
}


@dataclass(frozen=True)
class Drift:
    """One difference; ``path`` is a file's path in the source where it is about one."""

    model: str
    kind: str
    message: str
    path: str = ""

    def __str__(self) -> str:
        about = f"{self.path}: " if self.path else ""
        return f"{self.model}: {self.kind}: {about}{self.message}"


def between(model: Model, old: LockEntry | None, new: LockEntry) -> tuple[Drift, ...]:
    """Give what changed of *model* from the lock's *old* entry to what its source gives now."""
    if old is None:
        return (Drift(model.name, "unlocked", "is not locked yet"),)
    asked = tuple(_catalog(model, old, new))
    return asked or (*_moved(model, old, new), *_files(model, old, new), *_terms(model, old, new))


def _catalog(model: Model, old: LockEntry, new: LockEntry) -> Iterator[Drift]:
    for key in ("source", "include", "exclude"):
        if (was := getattr(old, key)) != (now := getattr(new, key)):
            yield Drift(model.name, "catalog", f"{key} was {_told(was)}, is {_told(now)}")


def _told(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "empty"


def _moved(model: Model, old: LockEntry, new: LockEntry) -> Iterator[Drift]:
    if old.revision != new.revision:
        was, now = old.revision or "no revision", new.revision or "no revision"
        yield Drift(model.name, "moved", f"from {was} to {now}{_content(old, new)}")


def _content(old: LockEntry, new: LockEntry) -> str:
    """Say whether the content moved with the revision; nothing, where the files tell themselves."""
    before, after = old.manifest.by_path, new.manifest.by_path
    if before.keys() != after.keys() or any(_difference(before[path], after[path]) for path in before):
        return ""
    if all(_shared(before[path], after[path]) for path in before):
        return ", with the same content"
    return "; whether the content is the same cannot be told: the source names no digests"


def _files(model: Model, old: LockEntry, new: LockEntry) -> Iterator[Drift]:
    before, after = old.manifest.by_path, new.manifest.by_path
    for path in sorted({*before, *after}):
        if path not in before:
            yield Drift(model.name, "added", "is new", path)
        elif path not in after:
            yield Drift(model.name, "deleted", "is gone", path)
        elif words := _difference(before[path], after[path]):
            yield Drift(model.name, "changed", words, path)


def _difference(old: ManifestFile, new: ManifestFile) -> str:
    if old.size is not None and new.size is not None and old.size != new.size:
        return f"{old.size} bytes ({sizes.told(old.size)}) before, {new.size} ({sizes.told(new.size)}) now"
    differing = (f"{name} {was[:12]} before, {now[:12]} now" for name, was, now in _shared(old, new) if was != now)
    return next(differing, "")


def _shared(old: ManifestFile, new: ManifestFile) -> list[tuple[str, str, str]]:
    """Give the digests that both have: algorithm, before, now."""
    now = {digest.algorithm: digest.hex for digest in new.digests}
    return [(one.algorithm, one.hex, now[one.algorithm]) for one in old.digests if one.algorithm in now]


def _terms(model: Model, old: LockEntry, new: LockEntry) -> Iterator[Drift]:
    if old.licence and new.licence and not is_same_licence(old.licence, new.licence):
        yield Drift(model.name, "relicensed", f"its licence was {old.licence}, is {new.licence}")
    elif model.licence and new.licence and not is_same_licence(model.licence, new.licence):
        yield Drift(model.name, "relicensed", f"its licence is {new.licence}, the catalog says {model.licence}")
    if new.gated and not model.gated:
        yield Drift(model.name, "gated", "it is gated now: accept its licence, set HF_TOKEN, and gated = true")


def is_same_licence(one: str, other: str) -> bool:
    """Tell whether two names mean one licence, however they are spelt."""
    return _plain(one) == _plain(other)


def _plain(licence: str) -> str:
    return "".join(letter for letter in licence.casefold() if letter.isalnum() or letter == ".")
