"""Folders as rows: a model folder, a ComfyUI models folder, or a folder of such."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelready import contents
from modelready.adopting import side_files, structure
from modelready.adopting.bytes_here import digested
from modelready.adopting.rows import (
    UNKNOWN_SOURCE,
    Adopted,
    File,
    Row,
    folder_text,
    is_folder,
    is_path,
    shown,
    slug,
    unsayable,
)
from modelready.consumers.comfyui_folders import CATEGORY_FOLDERS, GGUF
from modelready.layouts import Folder, looking, receipts
from modelready.layouts.refs import is_commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelready.adopting.origins import Origin, Origins
    from modelready.layouts import Receipt

_DEEPEST = 4
_REMOTE = re.compile(
    r"url\s*=\s*https://(?:[^@/\s]*@)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+?)(?:\.git)?\s*$", re.MULTILINE
)


@dataclass(frozen=True)
class Adopter:
    """Adopts folders with what is known of origins, and of this environment."""

    origins: Origins
    environ: Mapping[str, str]

    def folder(self, root: Path, depth: int = 0) -> Adopted:
        """Give the rows of everything in *root*."""
        if not is_folder(root, self.environ):
            return Adopted((), (unsayable(root),))
        entries = sorted(one for one in root.iterdir() if not one.name.startswith(".")) if _may_list(root) else []
        folders = [one for one in entries if looking.is_folder(one) and not one.is_symlink()]
        files = [one for one in entries if looking.is_file(one)]
        received = self._received(root)
        is_model = any(one.name in structure.MARKERS for one in files)
        if not is_model and any(one.name in CATEGORY_FOLDERS for one in folders):
            return received + self._comfyui(root, folders, _saved(received))
        if is_model or any(structure.is_weight(one.name) for one in files):
            return received if received.rows else self._model(root)
        if received.rows or depth >= _DEEPEST:
            return received
        return sum((self.folder(one, depth + 1) for one in folders), received)

    def file(self, place: Path) -> Adopted:
        """Give the row of the one file at *place*."""
        if not (is_folder(place.parent, self.environ) and is_path(place.name)):
            return Adopted((), (unsayable(place),))
        return Adopted((self._single(place.parent, [place.name], ()),))

    # ---- what a provision of ours brought

    def _received(self, root: Path) -> Adopted:
        found = sorted((root / ".modelready").glob("*.json")) if looking.is_folder(root / ".modelready") else []
        read = [(one.stem, receipt) for one in found if (receipt := receipts.read(one)) is not None]
        return Adopted(tuple(self._of_receipt(root, name, receipt) for name, receipt in read))

    def _of_receipt(self, root: Path, name: str, receipt: Receipt) -> Row:
        is_moving = receipt.source.startswith("hf:") and is_commit(receipt.commit) and "@" not in receipt.source
        paths = [file.save_as for file in receipt.files]
        return Row(
            name=slug(name),
            source=f"{receipt.source}@{receipt.commit}" if is_moving else receipt.source,
            layout="folder",
            folder=folder_text(root, self.environ),
            consumers=structure.consumers(root, paths),
            tokenizer=structure.tokenizers(paths),
            files=tuple(
                File(
                    file.path,
                    file.size,
                    digests={one.algorithm: one.hex for one in file.digests},
                    save_as=file.save_as if file.save_as != file.path else "",
                )
                for file in receipt.files
            ),
        )

    # ---- folders that others filled

    def _model(self, root: Path) -> Adopted:
        """Give the row of a model folder; without a configuration each weight file is a model."""
        here = [path for path in Folder(root, "adopted").paths() if structure.is_of_a_model(path)]
        paths, unsaid = self._sayable(root, here)
        families: dict[str, list[str]] = {}
        for path in paths:
            if structure.is_weight(path):
                families.setdefault(structure.family(path), []).append(path)
        is_one = len(families) <= 1 or any(path in structure.MARKERS for path in paths)
        if not is_one:
            others = [path for path in paths if not structure.is_weight(path)]
            left_out = (f"{root}: left out beside the weights: {shown(others)}",) if others else ()
            singles = tuple(self._single(root, shards, ()) for shards in families.values())
            return Adopted(singles, (*unsaid, *left_out))
        if not paths:
            return Adopted((), unsaid)
        row = self._single(root, paths, ()) if len(paths) == 1 else self._whole(root, paths)
        return Adopted((row,), unsaid)

    def _sayable(self, root: Path, paths: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
        """Give those of *paths* that are files and that a catalog can name, and a line for each that it cannot."""
        if not is_folder(root, self.environ):
            return [], (unsayable(root),)
        files = [path for path in paths if looking.is_file(root / path)]  # to open a pipe would be to wait for ever
        left_out = tuple(f"{root.name}: {unsayable(one)}" for one in files if not is_path(one))
        return [one for one in files if is_path(one)], left_out

    def _whole(self, root: Path, paths: Sequence[str]) -> Row:
        folder = Folder(root, "adopted")
        files = self._files(root, paths)
        commits = dict.fromkeys(noted.commit for path in paths if (noted := folder.metadata(path)) is not None)
        source, unknown = self._source(root, files, list(commits))
        return Row(
            name=slug(root.resolve().name),
            source=source,
            layout="folder",
            folder=folder_text(root, self.environ),
            consumers=structure.consumers(root, paths),
            tokenizer=structure.tokenizers(paths),
            licence=structure.licence(root),
            files=files,
            unknown=unknown,
        )

    def _source(self, root: Path, files: Sequence[File], commits: list[str]) -> tuple[str, tuple[str, ...]]:
        """Guess where the folder's files come from; say what that leaves open."""
        mixed = (f"files of {len(commits)} commits are mixed here: {', '.join(commits)}",) if len(commits) > 1 else ()
        if commits and (source := self.origins.of_commit(commits[0])):
            return source, mixed
        sources = {found.source for file in files if (found := self._origin(file)) and found.path == file.path}
        if len(sources) == 1:
            return sources.pop(), mixed
        if cloned := _cloned_from(root):
            return (f"hf:{cloned}@{commits[0]}" if commits else f"hf:{cloned}"), mixed
        came = (f"it came from the Hub at {commits[0]}: write hf:OWNER/NAME@{commits[0]}",) if commits else ()
        return f"file:{root.absolute()}", (UNKNOWN_SOURCE, *came, *mixed)

    def _origin(self, file: File) -> Origin | None:
        return self.origins.of_digest(file.digests.get("sha256", ""))

    def _files(self, root: Path, paths: Sequence[str]) -> tuple[File, ...]:
        folder = Folder(root, "adopted")
        told = [(path, folder.metadata(path)) for path in paths]
        noted: dict[str, dict[str, str]] = {
            path: {one.digest.algorithm: one.digest.hex} if one else {} for path, one in told
        }
        return digested([(File(one, looking.size(root / one), digests=noted[one]), root / one) for one in paths])

    # ---- single files, and ComfyUI

    def _comfyui(self, root: Path, folders: Sequence[Path], known: frozenset[str]) -> Adopted:
        """Give a row for each weight file in the categories, and each model folder."""
        rows: list[Row] = []
        unknown: list[str] = []
        for place, folder, names in _walk(folders):
            if any(name in structure.MARKERS for name in names):
                found = self._model(place)
                rows += found.rows
                unknown += found.unknown
                folder.clear()
                continue
            families: dict[str, list[str]] = {}
            weights = [place / name for name in sorted(names) if structure.is_weight(name)]
            paths, unsaid = self._sayable(root, [one.relative_to(root).as_posix() for one in weights])
            unknown += unsaid
            for path in paths:
                if path not in known:
                    families.setdefault(structure.family(path), []).append(path)
            rows += [self._single(root, shards, of_comfyui(shards[0])) for shards in families.values()]
        return Adopted(tuple(rows), tuple(unknown))

    def _single(self, root: Path, paths: Sequence[str], consumers: tuple[str, ...]) -> Row:
        """Give the row of one weight file, or of the shards of one, at *paths* below *root*."""
        files = self._files(root, paths)
        told = side_files.read(root / paths[0])
        origin = self._origin(files[0])
        row = Row(
            name=slug(structure.family(paths[0]).rpartition("/")[2].rpartition(".")[0]),
            source=f"file:{(root / paths[0]).absolute()}",
            layout="folder",
            folder=folder_text(root, self.environ),
            consumers=consumers or structure.consumers(root, [path.rpartition("/")[2] for path in paths]),
            files=tuple(_renamed(file, file.path.rpartition("/")[2]) for file in files),
            unknown=(UNKNOWN_SOURCE,),
        )
        if origin is not None and len(files) == 1:
            return replace(row, source=origin.source, files=(_renamed(files[0], origin.path),), unknown=())
        if told is not None and len(files) == 1:
            file = _renamed(files[0], told.path)
            named = replace(row, source=told.source, title=told.title, unknown=())
            return replace(named, files=(replace(file, digests=told.digests or file.digests),))
        return row if len(files) == 1 else replace(row, source=f"file:{root.absolute()}", files=files)


def _renamed(file: File, path: str) -> File:
    """Give *file* with *path* as its name in the source, saved where it lies."""
    return file if file.path == path else replace(file, path=path, save_as=file.path)


def of_comfyui(path: str) -> tuple[str, ...]:
    """Say which of ComfyUI's consumers opens the file at *path* below its models folder."""
    if path.partition("/")[0] not in CATEGORY_FOLDERS:
        return ("comfyui-custom-nodes",)
    return ("comfyui-gguf",) if path.lower().endswith(GGUF) else ("comfyui",)


def _saved(received: Adopted) -> frozenset[str]:
    return frozenset(file.save_as or file.path for row in received.rows for file in row.files)


def _walk(folders: Sequence[Path]) -> Iterator[tuple[Path, list[str], list[str]]]:
    from pathlib import Path  # noqa: PLC0415 - annotations alone need it elsewhere

    for top in folders:
        for place, inner, names in os.walk(top):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            yield Path(place), inner, names


def _may_list(root: Path) -> bool:
    return os.access(root, os.R_OK | os.X_OK)


def _cloned_from(root: Path) -> str:
    """Give the repository of the Hub that *root* is a clone of; nothing where it is none."""
    try:
        found = _REMOTE.search(contents.text(root / ".git" / "config", most=contents.NOTE))
    except (OSError, ValueError):
        return ""
    return found[1] if found else ""
