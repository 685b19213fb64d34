"""The values everything else speaks of: models, files, digests, manifests, places."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Algorithm = Literal["sha256", "git_sha1", "sha1", "md5"]

#: Who tells of a digest that no source ever named: it was computed when the file came first.
LEARNED = "first fetch"
#: Hexadecimal digits of each algorithm; git_sha1 is git's blob hash, sha1(b"blob SIZE\0" + bytes).
HEX_LENGTHS: dict[Algorithm, int] = {"sha256": 64, "git_sha1": 40, "sha1": 40, "md5": 32}


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file's bytes hash to, and who says so."""

    algorithm: Algorithm
    hex: str
    told_by: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where a model's bytes come from.

    ``text`` is as the catalog has it, without what signs a URL: it may be shown and written down; ``address`` may not.
    """

    text: str
    kind: str
    address: str = field(repr=False)
    revision: str = "main"
    file_id: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Tell whether the revision is a full commit, which can never move."""
        return len(self.revision) == HEX_LENGTHS["git_sha1"] and set(self.revision) <= set("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class FileRule:
    """What a catalog says of single files: a ``[[model.file]]`` row."""

    path: str
    min_size: int | None = None
    size: int | None = None
    digests: tuple[Digest, ...] = ()
    save_as: str | None = None
    dtype: str | None = None
    optional: bool = False
    name_from: str | None = None
    allow_globals: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Model:
    """One requirement of a catalog."""

    name: str
    source: Source
    layout: str
    title: str = ""
    folder: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    tokenizer: tuple[str, ...] = ()
    enabled_by: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    kind: str = ""
    tags: tuple[str, ...] = ()
    licence: str = ""
    gated: bool = False
    files: tuple[FileRule, ...] = ()
    catalog: Path | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of a model at one revision. ``size`` is in bytes."""

    path: str
    size: int | None = None
    digests: tuple[Digest, ...] = ()
    xet_hash: str | None = None
    url: str | None = field(default=None, repr=False)  # it may be signed
    validator: str | None = None  # what If-Range may carry: the version that the source has now
    blob_id: str | None = None  # git's id of what the repository holds: of the pointer, for an LFS file

    def digest(self, algorithm: Algorithm) -> Digest | None:
        """Give the digest by *algorithm*, if it is known."""
        for digest in self.digests:
            if digest.algorithm == algorithm:
                return digest
        return None


@dataclass(frozen=True)
class Manifest:
    """The exact files of a source at one revision."""

    source: str
    revision: str
    files: tuple[ManifestFile, ...]
    warnings: tuple[str, ...] = field(default=())

    @cached_property
    def by_path(self) -> dict[str, ManifestFile]:
        """Give the files by their path in the source."""
        return {file.path: file for file in self.files}


@dataclass(frozen=True)
class About:
    """What a source says of a repository as it is now: its licence in its own words, and where its branch stands."""

    licence: str = ""
    gated: bool | None = None
    head: str = ""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file of a model, what is known of it, and where it lies, or should."""

    path: str
    place: Path
    size: int | None = None
    min_size: int | None = None
    digests: tuple[Digest, ...] = ()
    optional: bool = False
    dtype: str | None = None
    allow_globals: tuple[str, ...] = ()  # what its pickles may import beside the harmless
    is_named: bool = False  # the catalog names it exactly: required and judged even if nothing else is known


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One thing wrong with one file, and what to do about it. ``path`` is the path in the source.

    ``kind`` is that of the error because of which the file was not brought, if that is what is wrong.
    """

    path: str
    message: str
    remedy: str = ""
    kind: str = ""


@dataclass(frozen=True)
class PlacedModel:
    """A model and where each of its files lies, or should."""

    model: Model
    root: Path
    revision: str | None = None
    files: tuple[PlacedFile, ...] = ()
    known_by: str = ""  # lock, receipt, trees, snapshot, catalog; empty: nothing is known of its files
    faults: tuple[Fault, ...] = ()  # found while locating: patterns without a match, unreadable refs

    @property
    def name(self) -> str:
        """Give the model's name."""
        return self.model.name
