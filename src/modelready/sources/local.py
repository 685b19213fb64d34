"""Media carried by hand: a file or a folder of this machine, read and never touched."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.errors import NotFound, NotWritable, RequestError, UnsafePath
from modelready.model import HEX_LENGTHS, Algorithm, Digest, Manifest, ManifestFile
from modelready.network.access import Access
from modelready.rules import destination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.model import Model

#: What other programs and systems leave in folders; none of it is of a model.
_FOREIGN = re.compile(
    r"\.modelready|\.cache|\.git|\.DS_Store|\._.*|\.Trash.*|\.Spotlight-V100|\.fseventsd|lost\+found|"
    r"Thumbs\.db|desktop\.ini|System Volume Information|\$RECYCLE\.BIN|.*\.part|.*\.incomplete",
    re.IGNORECASE,
)
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class _Found:
    """What lies in the folder under a path; ``why`` it cannot be taken, if it cannot."""

    path: str
    place: Path
    why: str = ""


class LocalSource:
    """Resolves a path of this machine to the files that lie there."""

    def access(self) -> Access:
        """Give how its bytes are asked for: by nobody's leave but the system's."""
        return Access(endpoint="", token_name="")

    def resolve(self, model: Model, revision: str | None = None) -> Manifest:  # noqa: ARG002 - a folder has one version
        """
        Give the files of the folder that *model* wants, or the one file that the path leads to.

        Raises: NotFound, NotWritable, UnsafePath for a link that leaves the folder, RequestError.
        """
        root = Path(model.source.address)
        _check_is_there(model, root)
        _check_destination(model, root)
        found = list(_found(root) if root.is_dir() else [_Found(root.name, root, _why_no_file(root))])
        chosen = set(patterns.select([one.path for one in found], model.include, model.exclude))
        chosen |= {row.path for row in model.files}
        files = tuple(_file(model, one) for one in sorted(found, key=lambda one: one.path) if one.path in chosen)
        return Manifest(model.source.text, "", files)


def _found(root: Path) -> Iterator[_Found]:
    bounds = _bounds(root)
    for folder, folders, names in os.walk(root, onerror=_refuse):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not _FOREIGN.fullmatch(name))
        linked = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in linked]
        for name in (*names, *linked):
            if not _FOREIGN.fullmatch(name):
                place = here / name
                yield _Found(place.relative_to(root).as_posix(), place, _why_no_file(place, bounds))


def _bounds(root: Path) -> Path:
    """Give the folder that no link may leave: *root*, or the whole repository where it is a snapshot of a Hub cache."""
    is_snapshot = root.parent.name == "snapshots" and root.parent.parent.name.startswith("models--")
    return root.parents[1] if is_snapshot else root


def _why_no_file(place: Path, bounds: Path | None = None) -> str:
    """Say why what lies at *place* cannot be taken; nothing, where it can. A link that was named itself may lead on."""
    try:
        real = place.resolve(strict=True)
        mode = real.stat().st_mode
    except OSError:
        return "its link leads nowhere"
    if bounds and place.is_symlink() and not real.is_relative_to(bounds.resolve()):
        return f"its link leads to {real}, outside {bounds}"
    if stat.S_ISDIR(mode):
        return "is a link to a folder"
    return "" if stat.S_ISREG(mode) else "is no file"


def _why_no_name(path: str) -> str:
    """Say why *path* would be no path on another system; nothing, where it is one."""
    try:
        patterns.safe_relative(path)
    except ValueError as error:
        return str(error).partition(";")[0]
    return ""


def _file(model: Model, found: _Found) -> ManifestFile:
    if why := _why_no_name(found.path):
        raise UnsafePath(f"{model.name}: {why}", remedy="give it another name, or exclude it")
    if found.why:
        raise UnsafePath(
            f"{model.name}: {found.place}: {found.why}; expected a file", remedy="copy the file itself, or exclude it"
        )
    if model.folder is not None and _is_same(destination(model, found.path), found.place):
        raise RequestError(
            f"{model.name}: {found.place} would be copied onto itself", remedy="give the model another folder"
        )
    try:
        size = found.place.stat().st_size
    except OSError as error:
        raise _unreadable(found.place, error) from error
    return ManifestFile(found.path, size, _named(found.place), url=found.place.as_uri())


def _named(place: Path) -> tuple[Digest, ...]:
    """Give the digest that a Hub cache's link says its file has."""
    target = place.readlink() if place.is_symlink() else place
    if target.parent.name != "blobs" or not _BLOB.fullmatch(target.name):
        return ()
    algorithm: Algorithm = "sha256" if len(target.name) == HEX_LENGTHS["sha256"] else "git_sha1"
    return (Digest(algorithm, target.name, "blob name"),)


def _is_same(one: Path, two: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(two)


def _check_destination(model: Model, root: Path) -> None:
    if model.folder is not None and root.is_dir() and model.folder.resolve().is_relative_to(root.resolve()):
        raise RequestError(
            f"{model.name}: its folder {model.folder} lies in its source {root}, which is only read",
            remedy="give the model another folder",
        )


def _check_is_there(model: Model, root: Path) -> None:
    """
    See that there is something at *root*.

    Raises: NotFound, naming the medium that has to be mounted.
    """
    try:
        root.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        lost, above = _first_missing(root)
        is_empty = _is_empty(above)
        what = f"{above} is empty" if is_empty else f"there is no {lost.name} in {above}"
        where = above if is_empty else lost
        raise NotFound(
            f"{model.name}: {root} is not there: {what}",
            remedy=f"mount the medium that belongs at {where}, or correct the source in the catalog",
        ) from error
    except OSError as error:
        raise _unreadable(root, error) from error


def _first_missing(path: Path) -> tuple[Path, Path]:
    """Give the first part of *path* that is not there, and the folder above it, which is."""
    above = next(one for one in path.parents if os.path.lexists(one))
    return above / path.relative_to(above).parts[0], above


def _is_empty(folder: Path) -> bool:
    try:
        return not any(folder.iterdir())
    except OSError:  # it may not be looked into, or is no folder
        return False


def _refuse(error: OSError) -> None:
    raise _unreadable(Path(error.filename), error) from error


def _unreadable(place: Path, error: OSError) -> NotWritable:
    return NotWritable(f"{place}: cannot be read: {error.strerror or error}", remedy="mend its permissions")
