"""A plain folder: files under their own names, and a receipt of what was brought."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modelready.errors import UnsafePath
from modelready.layouts import atomically, containment, locking, looking, metadata, receipts, refs, trees
from modelready.layouts.atomically import Unsynced, told
from modelready.layouts.receipts import Receipt, ReceiptFile
from modelready.model import LEARNED, Digest, ManifestFile

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from modelready.layouts.delivery import Delivery
    from modelready.layouts.metadata import Metadata
    from modelready.model import PlacedFile

_OURS = ".modelready"
_THEIRS = ".cache/huggingface"
#: Where huggingface_hub keeps its notes, locks and partial downloads, below a folder that it fills.
NOTES = Path(_THEIRS, "download")
_PART = ".part"


@dataclass(frozen=True)
class Folder:
    """One model in a folder, which other models may share."""

    root: Path
    model_name: str
    _unsynced: Unsynced = field(default_factory=Unsynced, repr=False, compare=False)
    _inside: set[Path] = field(default_factory=set, repr=False, compare=False)

    # ---- reading

    def place(self, path: str) -> Path:
        """
        Give the place of *path* (``save_as``, or the path in the source).

        Raises: UnsafePath, when it would lie outside the folder, or under a name kept for something else.
        """
        place = self.root / containment.relative(path)
        if place.parent not in self._inside:
            containment.check_inside(self.root, place.parent)
            self._inside.add(place.parent)  # once for all files of a folder: there may be thousands
        if os.path.islink(place):  # noqa: PTH114 - Path's own raises where a path is too long
            containment.check_inside(self.root, place)
        if _is_bookkeeping(path) or containment.is_device(path):
            raise UnsafePath(
                f"{path!r}: this name is kept for part files and receipts, or for a device of Windows",
                remedy="give the file another name with save_as",
            )
        return place

    def receipt(self) -> Receipt | None:
        """Read what was brought here last; None when nothing was, or when the receipt is damaged."""
        return receipts.read(self._ours("json"))

    def metadata(self, path: str) -> Metadata | None:
        """Read what huggingface_hub noted of *path*; None when it noted nothing that can be used."""
        return metadata.read(self.root / NOTES / f"{containment.relative(path)}.metadata")

    def noted(self) -> dict[str, Metadata]:
        """Give what huggingface_hub noted of every file that it brought here, by path, there or not."""
        found = {}
        for folder, _, names in os.walk(self.root / NOTES):
            here = Path(folder).relative_to(self.root / NOTES)
            for name in sorted(names):
                if name.endswith(".metadata") and (note := metadata.read(Path(folder, name))):
                    found[(here / name.removesuffix(".metadata")).as_posix()] = note
        return found

    def listing(self, commit: str) -> tuple[ManifestFile, ...] | None:
        """Give the whole repository at *commit* as huggingface_hub listed it here; None when it did not."""
        return trees.read(self.root / _THEIRS / "trees" / f"{commit}.json") if refs.is_commit(commit) else None

    def is_being_written(self, place: Path) -> bool:
        """Tell whether huggingface_hub, in another process, is downloading the file at *place* now."""
        note = self.root / NOTES / place.relative_to(self.root)
        return locking.is_held(note.with_name(f"{note.name}.lock"))

    def found(self) -> tuple[ManifestFile, ...]:
        """Give the files that lie here, with the digests that huggingface_hub noted of them."""
        return tuple(self._file(path) for path in self.paths())

    def paths(self) -> list[str]:
        """Give the paths of everything that lies here and is no folder, bookkeeping left out; names as they are."""
        return sorted(self._paths())

    # ---- writing

    def blob(self, file: ManifestFile, place: Path) -> Path:  # noqa: ARG002 - the Hub cache names bytes by digest
        """Give the place of the bytes of *file*."""
        return place

    def part(self, file: ManifestFile, place: Path) -> Path:  # noqa: ARG002 - the Hub cache names parts by digest
        """Give the part file, beside the place."""
        name = f"{place.name}{_PART}"
        if len(os.fsencode(name)) <= atomically.name_limit(place.parent):
            return place.with_name(name)
        return place.with_name(f".{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:16]}{_PART}")

    def beginnings(self, file: ManifestFile, place: Path, *, least: int) -> Iterator[Path]:
        """
        Give what lies here and may be how *file* begins: itself, cut short.

        A whole file of another version begins otherwise, so what is noted of another digest is none.
        """
        size = looking.size(place) or 0
        if size >= least and size != file.size and not self._is_other(file, place):
            yield place

    def prepare(self, file: ManifestFile, place: Path) -> Path:
        """
        Make the folders that *file* needs, and give its part file.

        Raises: NotWritable or DiskFull.
        """
        self._unsynced.make(place.parent)
        atomically.check_length(place.name, place.parent)
        return self.part(file, place)

    def settle(self, file: ManifestFile, place: Path, part: Path) -> None:  # noqa: ARG002 - the Hub cache needs it
        """
        Give the verified *part* its name; until now the old file lay there.

        Raises: NotWritable or DiskFull.
        """
        with told(place):
            part.replace(place)
        self._unsynced.add(place.parent)

    def link_existing(self, file: ManifestFile, place: Path) -> bool:  # noqa: ARG002 - the Hub cache needs it
        """Tell whether the file is there: in a folder there is nothing to link."""
        return looking.is_file(place)

    def begin(self, delivery: Delivery) -> None:
        """
        Write a receipt of what is to come, so that a folder that is filled only half is never taken for a whole one.

        Where an earlier delivery of the model has one, that speaks until the new one is here.
        Raises: NotWritable or DiskFull.
        """
        known, receipt = self.receipt(), self._receipt(delivery)
        if known is None or _subject(known) != _subject(receipt):
            files = tuple(replace(file, mtime_ns=None) for file in receipt.files)  # none of them is proved
            self._write(replace(receipt, files=files))

    def finish(self, delivery: Delivery) -> None:
        """
        Write the receipt.

        Raises: NotWritable or DiskFull.
        """
        receipt = self._receipt(delivery)
        self._unsynced.sync()
        if receipt != self.receipt():
            self._write(receipt)

    def _write(self, receipt: Receipt) -> None:
        path = self._ours("json")
        containment.check_inside(self.root, path.parent)
        self._unsynced.make(path.parent)
        atomically.write_text(path, receipts.text(receipt), scratch=path.parent)
        self._unsynced.add(path.parent)
        self._unsynced.sync()

    def drop_partials(self, places: Iterable[Path]) -> None:
        """
        Delete huggingface_hub's partial downloads of the files at *places* that are complete.

        Those that it keeps locked stay: somebody is writing them.
        Raises: NotWritable.
        """
        if not looking.is_folder(self.root / NOTES):
            return
        for place in places:
            note = self.root / NOTES / place.relative_to(self.root)
            found = sorted(note.parent.glob(f"{metadata.begins_partial(place.name)}.*.incomplete"))
            if found and looking.is_file(place):
                with locking.hold_if_free(note.with_name(f"{note.name}.lock")) as is_held, told(place):
                    for one in found if is_held else ():
                        one.unlink(missing_ok=True)

    def lock(
        self,
        *,
        waiting: locking.Waiting | None = None,
        patience_s: float = 60.0,
        stop: threading.Event | None = None,
    ) -> AbstractContextManager[None]:
        """
        Hold this model's place in the folder.

        Raises: UnsafePath, where a link leads the lock out of it; Held, or Interrupted.
        """
        containment.check_inside(self.root, self.lock_path.parent)
        return locking.hold(self.lock_path, waiting=waiting, patience_s=patience_s, stop=stop)

    @property
    def lock_path(self) -> Path:
        """Give the file that is locked while this model is brought."""
        return self._ours("lock")

    # ---- parts of it

    def _ours(self, ending: str) -> Path:
        return self.root / _OURS / containment.relative(f"{self.model_name}.{ending}")

    def _is_other(self, file: ManifestFile, place: Path) -> bool:
        """Tell whether what lies at *place* was brought as another version of *file*."""
        where = place.relative_to(self.root).as_posix()
        receipt, noted = self.receipt(), self.metadata(where)
        told = [digest for one in (receipt.files if receipt else ()) if one.save_as == where for digest in one.digests]
        told += [noted.digest] if noted else []
        wanted = {one.algorithm: one.hex for one in file.digests}
        return any(one.algorithm in wanted and wanted[one.algorithm] != one.hex for one in told)

    def _paths(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.root):
            here = Path(folder).relative_to(self.root)
            folders[:] = [name for name in folders if not _is_bookkeeping((here / name).as_posix())]
            paths = [(here / name).as_posix() for name in names]
            yield from (path for path in paths if not _is_bookkeeping(path))

    def _file(self, path: str) -> ManifestFile:
        noted = self.metadata(path)
        return ManifestFile(path, looking.size(self.root / path), (noted.digest,) if noted else ())

    def _receipt(self, delivery: Delivery) -> Receipt:
        """Give the receipt of *delivery*: the one that lies here, when it says the same."""
        known = self.receipt()
        receipt = Receipt(
            source=delivery.source,
            revision=delivery.revision,
            commit=delivery.commit,
            include=delivery.include,
            exclude=delivery.exclude,
            files=tuple(self._entry(file) for file in delivery.files),
            written=known.written if known else "",
        )
        return receipt if receipt == known else replace(receipt, written=_now())

    def _entry(self, file: PlacedFile) -> ReceiptFile:
        seen = looking.look(file.place)
        return ReceiptFile(
            path=file.path,
            save_as=file.place.relative_to(self.root).as_posix(),
            size=seen.st_size if seen and file.size is None else file.size,
            mtime_ns=seen.st_mtime_ns if seen else None,
            digests=tuple(_noted(digest) for digest in file.digests),
        )


def _noted(digest: Digest) -> Digest:
    return digest if digest.told_by == LEARNED else Digest(digest.algorithm, digest.hex, "receipt")


def _subject(receipt: Receipt) -> tuple[object, ...]:
    """Give what *receipt* is about, whatever version of it."""
    return receipt.source, receipt.include, receipt.exclude


def _is_bookkeeping(path: str) -> bool:
    """Tell whether *path* is ours or huggingface_hub's own, on file systems that do not know case too."""
    folded = f"{path.casefold()}/"
    return folded.startswith((f"{_OURS}/", f"{_THEIRS}/")) or folded.endswith(f"{_PART}/")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
