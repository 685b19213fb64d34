"""The Hub cache, written as huggingface_hub writes it and read without believing it."""

from __future__ import annotations

import contextlib
import re
import stat
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from modelready.errors import MalformedRef, RequestError, UnsafePath
from modelready.layouts import atomically, blobs, containment, links, locking, looking, refs, trees
from modelready.layouts.atomically import Unsynced, told

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from modelready.layouts.delivery import Delivery
    from modelready.model import ManifestFile

_REPO = re.compile(r"[\w.-]+(/[\w.-]+)?")
_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag created by huggingface_hub.\n"
    "# For information about cache directory tags, see:\n"
    "#\thttps://bford.info/cachedir/\n"
)


@dataclass(frozen=True)
class HubCache:
    """One repository in a Hub cache. ``has_symlinks`` is False where the user turned links off."""

    cache: Path
    repo: str
    has_symlinks: bool = True
    _unsynced: Unsynced = field(default_factory=Unsynced, repr=False, compare=False)
    _moved: dict[str, Path] = field(default_factory=dict, repr=False, compare=False)
    _folders: dict[tuple[str, str], Path] = field(default_factory=dict, repr=False, compare=False)
    _limits: dict[Path, int] = field(default_factory=dict, repr=False, compare=False)  # of names, by folder prepared

    def __post_init__(self) -> None:
        if not _REPO.fullmatch(self.repo):
            raise RequestError(f"{self.repo!r} is no repository; expected OWNER/NAME", remedy="correct the source")

    @cached_property
    def storage(self) -> Path:
        """Give the repository's folder in the cache."""
        return self.cache / self._name

    # ---- reading

    def revision_commit(self, revision: str) -> str | None:
        """
        Give the commit that *revision* stands for here; None when the cache does not know.

        Raises: MalformedRef, when the cache holds something else than a commit; UnsafePath, for no name of a revision.
        """
        if refs.is_commit(revision):
            return revision
        place = self.storage / "refs" / containment.relative(revision)
        try:
            return refs.read(self._ref(revision))
        except UnsafePath as error:
            raise MalformedRef(place, "a link that leads out of refs") from error

    def snapshot(self, commit: str) -> Path:
        """Give the folder that applications open."""
        return self.storage / "snapshots" / refs.commit(commit)

    def place(self, commit: str, path: str) -> Path:
        """
        Give the place of *path* in the snapshot of *commit*; the last link may lead away, to the blob.

        Raises: UnsafePath, when it would lie elsewhere.
        """
        folder, _, name = containment.relative(path).rpartition("/")
        return (self._folders.get((commit, folder)) or self._folder(commit, folder)) / name

    def listing(self, commit: str) -> tuple[ManifestFile, ...] | None:
        """Give the whole repository at *commit* as the cache remembers it; None when it does not."""
        return trees.read(self._tree(commit))

    def found(self, commit: str) -> tuple[ManifestFile, ...]:
        """Give what lies in the snapshot, with the digests that the blobs' names tell; dangling links have no size."""
        return blobs.found(self.snapshot(commit))

    def is_being_written(self, name: str) -> bool:
        """Tell whether huggingface_hub, in another process, is downloading the blob *name* now."""
        return locking.is_held(self._locks / f"{name}.lock")

    # ---- writing

    def blob(self, file: ManifestFile, place: Path) -> Path:  # noqa: ARG002 - in a folder it is the place
        """Give the place of the bytes of *file*, which may be there without a name in the snapshot."""
        return self._blobs / blobs.etag(file)

    def part(self, file: ManifestFile, place: Path) -> Path:  # noqa: ARG002 - in a folder it depends on the place
        """Give the part file; files with the same bytes share it."""
        return self._blobs / blobs.part_name(file)

    def beginnings(self, file: ManifestFile, place: Path, *, least: int) -> Iterator[Path]:
        """
        Give what lies here and may be how *file* begins: its blob, cut short, and what a killed download left.

        Nobody else goes on from those: huggingface_hub gives each attempt a name of its own.
        """
        if file.size is None or file.size < least:  # thousands of small files are not looked for one by one
            return
        blob = self.blob(file, place)
        if looking.size(blob) not in {None, file.size}:
            yield blob
        yield from (one for one in blobs.partials_of(blob) if one.name != blobs.part_name(file))

    def prepare(self, file: ManifestFile, place: Path) -> Path:
        """
        Make the folders that *file* needs, and give its part file.

        Raises: NotWritable or DiskFull.
        """
        part = self.part(file, place)
        folder = place.parent
        if folder not in self._limits:  # there may be thousands of files in it
            containment.check_inside(self.storage / "snapshots", folder)
            self._tag()
            self._unsynced.make(part.parent)
            self._unsynced.make(folder)
            self._limits[folder] = atomically.name_limit(folder)
        atomically.check_length(place.name, folder, self._limits[folder])
        return part

    def settle(self, file: ManifestFile, place: Path, part: Path) -> None:
        """
        Give the verified *part* its name among the blobs, and the snapshot its link.

        Raises: NotWritable or DiskFull.
        """
        blob = self.blob(file, place)
        with self._locked_if_free(blob):
            self._give_name(part, blob)
            if not self._link(place, blob):
                with told(place):
                    blob.replace(place)
                self._moved[blob.name] = place
        self._unsynced.add(blob.parent, place.parent)

    def link_existing(self, file: ManifestFile, place: Path) -> bool:
        """
        Make *place* lead to the blob that lies here already; False when none does.

        Raises: NotWritable or DiskFull.
        """
        blob = self.blob(file, place)
        source = blob if looking.is_file(blob) else self._moved.get(blob.name, blob)
        if not looking.is_file(source):
            return False
        if not links.leads(place, blob):
            self._unsynced.make(place.parent)
            with self._locked_if_free(blob):
                if source != blob or not self._link(place, blob):
                    atomically.copy(source, place, scratch=self.storage)
            self._unsynced.add(place.parent)
        return True

    def drop_partials(self, files: Iterable[ManifestFile]) -> None:
        """
        Delete the partial downloads of those *files* that are complete, whoever left them.

        Those that huggingface_hub keeps locked stay: somebody is writing them.
        Raises: NotWritable.
        """
        names = {blobs.etag(file) for file in files}
        for blob, found in blobs.partials(self._blobs).items():
            if blob.name in names and looking.is_file(blob):
                with self._locked_if_free(blob) as is_held, told(blob):
                    for one in found if is_held else ():
                        one.unlink(missing_ok=True)

    def begin(self, delivery: Delivery) -> None:
        """
        Write the listing, so that a snapshot that is brought only half is never taken for a whole one.

        Raises: NotWritable or DiskFull.
        """
        if delivery.listing is not None and (tree := trees.text(delivery.listing)) is not None:
            self._write(self._tree(delivery.commit), tree)

    def finish(self, delivery: Delivery) -> None:
        """
        Write the listing, and last the reference by which applications find the snapshot.

        Raises: NotWritable or DiskFull.
        """
        self._unsynced.make(self.snapshot(delivery.commit))
        self.begin(delivery)
        self._unsynced.sync()
        if delivery.revision != delivery.commit:
            self._write(self._ref(delivery.revision), delivery.commit)
        elif not looking.is_file(main := self._ref("main")):
            # Applications that ask by name find a pinned commit only through a reference.
            self._write(main, delivery.commit)
        self._unsynced.sync()

    def lock(
        self,
        *,
        waiting: locking.Waiting | None = None,
        patience_s: float = 60.0,
        stop: threading.Event | None = None,
    ) -> AbstractContextManager[None]:
        """Hold this repository's place in the cache: all revisions, for they share blobs and part files."""
        return locking.hold(self.lock_path, waiting=waiting, patience_s=patience_s, stop=stop)

    @property
    def lock_path(self) -> Path:
        """Give the file that is locked while a model of this repository is brought."""
        return self._locks / "modelready.lock"

    # ---- names

    @cached_property
    def _name(self) -> str:
        return "models--" + self.repo.replace("/", "--")

    @cached_property
    def _locks(self) -> Path:
        return self.cache / ".locks" / self._name

    @cached_property
    def _blobs(self) -> Path:
        return self.storage / "blobs"

    def _folder(self, commit: str, path: str) -> Path:
        """Give a folder of a snapshot, looked at once for all of its files: there may be thousands."""
        snapshot = self.snapshot(commit)
        if path:
            containment.check_inside(snapshot, snapshot / path)
        return self._folders.setdefault((commit, path), snapshot / path)

    def _ref(self, revision: str) -> Path:
        return containment.inside(self.storage / "refs", revision)

    def _tree(self, commit: str) -> Path:
        return self.storage / "trees" / f"{refs.commit(commit)}.json"

    # ---- acts

    def _locked_if_free(self, blob: Path) -> AbstractContextManager[bool]:
        """
        Hold huggingface_hub's own lock on *blob* while it is written, where nobody else does.

        Each step is atomic, so proved bytes need not wait for a download of the same that it may have under way.
        """
        return locking.hold_if_free(self._locks / f"{blob.name}.lock")

    def _give_name(self, part: Path, blob: Path) -> None:
        with told(blob):
            if stat.S_IMODE(part.stat().st_mode) != self._mode:
                # Some mounts have no modes; huggingface_hub goes on there too.
                with contextlib.suppress(OSError):
                    part.chmod(self._mode)
            # Replaces a link to a shared blob, which other repositories may use, rather than what it leads to.
            part.replace(blob)

    @cached_property
    def _mode(self) -> int:
        """Find out the mode of a new file here: umask cannot be read without a race, and folders have ACLs."""
        probe = self._blobs / f"tmp_{uuid.uuid4()}"
        try:
            probe.touch()
            return stat.S_IMODE(probe.stat().st_mode)
        finally:
            probe.unlink(missing_ok=True)

    def _link(self, place: Path, blob: Path) -> bool:
        return self.has_symlinks and links.link(place, blob)

    def _write(self, path: Path, text: str) -> None:
        """Write *text*, unless it is there already: a warm cache may be read-only."""
        if atomically.holds(path, text):
            return
        self._unsynced.make(path.parent)
        atomically.write_text(path, text, scratch=self.storage)
        self._unsynced.add(path.parent)

    def _tag(self) -> None:
        tag = self.cache / "CACHEDIR.TAG"
        if not looking.is_file(tag):
            # Only a hint to backup programs: worth no failure, as huggingface_hub has it.
            with contextlib.suppress(OSError):
                tag.write_text(_TAG, encoding="utf-8")
