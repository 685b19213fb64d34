"""``models.lock.json``: what the sources of a catalog held when it was locked, file by file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelready import contents, patterns
from modelready.errors import RequestError, not_writable
from modelready.model import HEX_LENGTHS, Digest, Manifest, ManifestFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelready.model import About, Model

NAME = "models.lock.json"
FORMAT_VERSION = 1

_REMEDY = "take it back from version control, or delete it and write a new one with `modelready lock`"


@dataclass(frozen=True)
class LockEntry:
    """A model's source, what was wanted of it, and what that was at one revision."""

    source: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    revision: str
    files: tuple[ManifestFile, ...]
    licence: str = ""  # as the source named it, where it does
    gated: bool | None = None

    @property
    def manifest(self) -> Manifest:
        """Give the files as a manifest."""
        return Manifest(self.source, self.revision, self.files)


def default_path(catalog_paths: Sequence[Path]) -> Path:
    """Give the lock beside the first catalog: in its folder, or inside the folder that is the catalog."""
    first = catalog_paths[0]
    return (first if first.is_dir() else first.parent) / NAME


def entry(model: Model, manifest: Manifest, about: About | None = None) -> LockEntry:
    """Give what is to be locked of *model*: the files of *manifest* that it wants, and what is said *about* it."""
    files = tuple(replace(manifest.by_path[path], url=None, validator=None) for path in wanted_paths(model, manifest))
    row = LockEntry(model.source.text, model.include, model.exclude, manifest.revision, files)
    return replace(row, licence=about.licence, gated=about.gated) if about else row


def wanted_paths(model: Model, manifest: Manifest) -> list[str]:
    """Give the paths of *manifest* that *model* wants, sorted."""
    named = {rule.path for rule in model.files}
    by_pattern = set(patterns.select(sorted(manifest.by_path), model.include, model.exclude))
    return sorted(by_pattern | (named & manifest.by_path.keys()))


def carried(old: LockEntry | None, new: LockEntry) -> LockEntry:
    """Give *new* with the digests that *old* had learned of the same version, and that the source does not name."""
    if old is None or (old.source, old.revision) != (new.source, new.revision):
        return new
    before = old.manifest.by_path
    files = tuple(_carried(before.get(file.path), file) for file in new.files)
    return replace(new, files=files, licence=new.licence or old.licence)


def _carried(old: ManifestFile | None, new: ManifestFile) -> ManifestFile:
    if old is None or new.digests or new.size not in {None, old.size}:
        return new
    return replace(new, size=old.size, digests=old.digests)


def entry_for(model: Model, lock: Mapping[str, LockEntry]) -> tuple[LockEntry | None, str]:
    """Give the entry of *model* if it still says what the catalog asks; otherwise the reason why not."""
    found = lock.get(model.name)
    if found is None:
        return None, "the lock does not know this model"
    if found.source != model.source.text:
        return None, f"the lock is of {found.source}, the catalog says {model.source.text}"
    if (found.include, found.exclude) != (model.include, model.exclude):
        return None, "the catalog wants other files (include, exclude) than were locked"
    if model.source.is_pinned and found.revision != model.source.revision:
        return None, f"the lock is of revision {found.revision[:12]}, the catalog pins {model.source.revision[:12]}"
    return found, ""


# ---- the file


def read(path: Path) -> dict[str, LockEntry]:
    """
    Give the entries of the lock at *path* by name of model; none, if there is no such file.

    Raises: RequestError, for a lock that makes no sense.
    """
    try:
        content = contents.read_stream(path, most=contents.LISTING)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RequestError(
            f"{path}: cannot be read: {error.strerror}", remedy="mend it, or name --lock FILE"
        ) from error
    return _entries(path, _document(path, content))


def must_be_there(path: Path) -> None:
    """
    See that there is a lock at *path*.

    Raises: RequestError, where nothing is: without it other bytes would be taken for the right ones.
    """
    if not path.exists():
        raise RequestError(
            f"--lock {path}: there is no such file; expected a lock",
            remedy=f"correct it, or `modelready lock --lock {path}`",
        )


def _document(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        # A merge that was left half done looks like this.
        place = f"{path}:{error.lineno}"
        raise RequestError(f"{place}: column {error.colno}: no JSON: {error.msg.lower()}", remedy=_REMEDY) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"{path}: is no JSON text", remedy=_REMEDY) from error


def _entries(path: Path, document: Any) -> dict[str, LockEntry]:
    version = document.get("format_version") if isinstance(document, dict) else None
    if version != FORMAT_VERSION or isinstance(version, bool):
        told = f"{path}: format_version is {version!r}; expected {FORMAT_VERSION}"
        raise RequestError(told, remedy=f"use the modelready that wrote it, or {_REMEDY}")
    # Late: pydantic comes with it.
    from modelready import lock_rows  # noqa: PLC0415 - see above

    rows = lock_rows.read(document, path, remedy=_REMEDY)
    return {name: _entry(row) for name, row in rows.items()}


def _entry(row: Any) -> LockEntry:
    files = tuple(_file(path, file) for path, file in sorted(row.files.items()))
    about = (row.licence or "", row.gated)
    return LockEntry(row.source, tuple(row.include), tuple(row.exclude), row.revision, files, *about)


def _file(path: str, row: Any) -> ManifestFile:
    told = ((algorithm, getattr(row, algorithm)) for algorithm in HEX_LENGTHS)
    digests = tuple(Digest(algorithm, value, "lock") for algorithm, value in told if value)
    return ManifestFile(path, row.size, digests, row.xet_hash, blob_id=row.blob_id)


def write(path: Path, entries: Mapping[str, LockEntry]) -> None:
    """
    Write *entries* to *path*: the same entries always give the same bytes, and a reader never sees half of them.

    Raises: NotWritable.
    """
    document = {"format_version": FORMAT_VERSION, "models": {name: _row(one) for name, one in entries.items()}}
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    place = Path(os.path.realpath(path))
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        _replace(place, part, text.encode())
    except OSError as error:
        part.unlink(missing_ok=True)
        raise not_writable(path, error) from error


def _replace(place: Path, part: Path, content: bytes) -> None:
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(place)


def _row(one: LockEntry) -> dict[str, Any]:
    told = {"licence": one.licence or None, "gated": one.gated}
    return {key: value for key, value in told.items() if value is not None} | {
        "source": one.source,
        "include": list(one.include),
        "exclude": list(one.exclude),
        "revision": one.revision,
        "files": {file.path: _file_row(file) for file in one.files},
    }


def _file_row(file: ManifestFile) -> dict[str, Any]:
    known = {"size": file.size, "xet_hash": file.xet_hash, "blob_id": file.blob_id, **_hexes(file)}
    return {key: value for key, value in known.items() if value is not None}


def _hexes(file: ManifestFile) -> dict[str, str]:
    return {digest.algorithm: digest.hex for digest in file.digests}
