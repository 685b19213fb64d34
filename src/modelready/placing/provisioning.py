"""Bringing what one model lacks: under its locks, file by file, each proved before it gets its name."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from modelready.errors import RequestError
from modelready.layouts import Delivery, HubCache
from modelready.layouts.locking import hold
from modelready.ledger import fingerprint, settled_fingerprint
from modelready.model import LEARNED, Digest, ManifestFile
from modelready.placing import doubling, growing
from modelready.placing.examining import manifest_file
from modelready.placing.knowing import Known
from modelready.placing.locating import locate, placed_by
from modelready.placing.planning import Planner
from modelready.proving import is_as_expected, prove
from modelready.sources import Sources

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from modelready.downloads.progress import Progress
    from modelready.grounds import Ground
    from modelready.layouts.locking import Holder
    from modelready.ledger import Fingerprint
    from modelready.model import Algorithm, PlacedFile
    from modelready.network.access import Access
    from modelready.placing.elsewhere import Twin
    from modelready.placing.planning import Options, Plan
    from modelready.transfer import Proof, Wanted


def provision(plan: Plan, ground: Ground, options: Options, *, progress: Progress, stop: threading.Event) -> str:
    """
    Bring what the model of *plan* lacks; do nothing, and write nothing, where it lacks nothing.

    Gives what is to be told of it although it went well, or nothing.

    Raises: ModelreadyError, for whatever kept a file from being brought; what arrived is kept for the next run.
    """
    sources = Sources(ground.settings, stop)
    planner = Planner(ground, options, sources, stop)
    progress.tell(state="verifying", files_total=len(plan.placed.files), bytes_total=_size(plan.placed.files))
    if not plan.need.lacks and (found := planner.closely(plan.model, plan)).need.is_nothing:
        _tell_what_is_here(progress, found)
        return ""
    with _held(plan, ground, progress, stop):
        # Another process may have brought it, or a part of it, while this one waited.
        now = planner.closely(plan.model, plan)
        _tell_what_is_here(progress, now)
        if now.need.is_nothing:
            return ""
        bringing = _Bringing(now, ground, options, progress, stop)
        bringing.bring(sources)
        return growing.grow_lock(ground, plan.model, bringing.learned)


@contextlib.contextmanager
def _held(plan: Plan, ground: Ground, progress: Progress, stop: threading.Event) -> Iterator[None]:
    """Hold the machine's one place for a download, and the destination."""

    def waiting(holder: Holder, seconds: float) -> None:
        progress.tell(state="queued", note=f"waits for {holder} ({seconds:.0f} s)")

    with (
        hold(ground.settings.home / "locks" / "active.lock", waiting=waiting, stop=stop),
        plan.layout.lock(waiting=waiting, stop=stop),
    ):
        progress.tell(state="verifying", note="")
        yield


@dataclass
class _Bringing:
    """One model being brought."""

    plan: Plan
    ground: Ground
    options: Options
    progress: Progress
    stop: threading.Event
    proofs: dict[str, tuple[Mapping[Algorithm, str], Fingerprint]] = field(default_factory=dict)
    remembered: set[str] = field(default_factory=set)

    def bring(self, sources: Sources) -> None:
        """Fetch, link, and write refs, listing or receipt."""
        layout = self.plan.layout
        gone = [one for one in self.plan.need.link if not layout.link_existing(self._file(one), one.place)]
        self._fetch_all([*self.plan.need.fetch, *gone], sources)
        if self.plan.need.twins:
            layout.begin(self._delivery())
        if left := [twin.file for twin in self.plan.need.twins if not self._double(twin)]:
            self._ask(sources)
            self._fetch_all(left, sources)
        self._remember()
        self.progress.tell(state="verifying", current_file="")
        layout.finish(self._delivery())
        if isinstance(layout, HubCache):
            files = [self._file(placed) for placed in self.plan.placed.files]
            # An optional file that the source does not have has no digest to name it by.
            layout.drop_partials(file for file in files if file.digests)
        else:
            layout.drop_partials(placed.place for placed in self.plan.placed.files)

    def _fetch_all(self, files: list[PlacedFile], sources: Sources) -> None:
        """Fetch *files*, each part once, and remember what arrived even where something did not."""
        first, twins = self._by_part(files)
        try:
            if first:
                self._fetch(first, sources)
        finally:
            self._remember()
        for placed in twins:
            self.plan.layout.link_existing(self._file(placed), placed.place)

    def _double(self, twin: Twin) -> bool:
        """Put bytes that lie at another place where they are wanted, too; False where they changed meanwhile."""
        placed, layout, ledger = twin.file, self.plan.layout, self.ground.ledger
        found = prove([replace(placed, place=twin.source)], ledger, stop=self.stop)  # remembered, as a rule
        if not is_as_expected(placed, found.get(placed.path)):
            return False
        self.progress.tell(current_file=placed.path)
        may_link = doubling.may_link(twin.source, layout)
        if not doubling.double(twin, layout, self._file(placed), may_link=may_link, stop=self.stop):
            return False
        self.proofs[placed.path] = (found[placed.path].digests, fingerprint(placed.place))
        done = self.progress.job
        self.progress.tell(files_done=done.files_done + 1, bytes_done=done.bytes_done + (placed.size or 0))
        return True

    def _ask(self, sources: Sources) -> None:
        """Ask the source after all, where everything seemed to lie here."""
        if self.plan.manifest is None:
            manifest = Planner(self.ground, self.options, sources, self.stop).resolve(self.plan.model)
            self.plan = replace(self.plan, manifest=manifest)

    def _fetch(self, files: list[PlacedFile], sources: Sources) -> None:
        by_part = {}
        for placed in files:
            wanted = self._wanted(placed)
            by_part[wanted.part] = (wanted, placed)
        self.plan.layout.begin(self._delivery())
        self.progress.tell(state="downloading")
        access = sources.of(self.plan.model).access()

        def settle(proof: Proof) -> None:
            placed = by_part[proof.wanted.part][1]
            self.plan.layout.settle(self._file(placed), placed.place, proof.wanted.part)
            digests: dict[Algorithm, str] = {one.algorithm: one.hex for one in proof.digests}
            self.proofs[placed.path] = (digests | {"sha256": proof.sha256}, fingerprint(placed.place))

        rest = self._by_xet([wanted for wanted, _ in by_part.values()], access, settle)
        self._bring(rest, access, settle)

    def _bring(self, files: list[Wanted], access: Access, settle: Callable[[Proof], None]) -> None:
        from modelready import transfer  # noqa: PLC0415 - brings the network's libraries with it

        # By the kind the catalog names: whatever address a server gives, no file of this machine answers it.
        if self.plan.model.source.kind == "file":
            transfer.copy(files, settle=settle, watcher=self.progress, stop=self.stop, resume=self.options.resume)
            return
        transfer.bring(
            files,
            access=access,
            connections=self.options.connections,
            settle=settle,
            watcher=self.progress,
            stop=self.stop,
            resume=self.options.resume,
        )

    def _by_xet(self, files: list[Wanted], access: Access, settle: Callable[[Proof], None]) -> list[Wanted]:
        """Bring by Xet what the source offers by it and is worth it; give what is left for HTTP."""
        from modelready.transfer.xet_choice import XetSettings, XetSource, is_worth_xet  # noqa: PLC0415 - as above

        settings = XetSettings(is_available=_has_xet(), is_disabled=self.ground.settings.is_xet_disabled)
        hashes = {one.path: one.xet_hash for one in self.plan.manifest.files} if self.plan.manifest else {}
        chosen = [one for one in files if is_worth_xet(one, hashes.get(one.path), settings)]
        if not chosen:
            return files
        from modelready.transfer.xet_many import bring_by_xet  # noqa: PLC0415 - as above

        source, revision = self.plan.model.source, self.plan.placed.revision or ""
        left = bring_by_xet(
            [
                (
                    one,
                    XetSource.of(
                        hashes[one.path] or "", endpoint=access.endpoint, repo=source.address, revision=revision
                    ),
                )
                for one in chosen
            ],
            access=access,
            settle=settle,
            watcher=self.progress,
            stop=self.stop,
            resume=self.options.resume,
        )
        if left:
            self.progress.tell(note=f"Xet failed ({left[0].reason}), HTTP took over")
        parts = {one.part for one in chosen}
        return [one for one in files if one.part not in parts] + [one.wanted for one in left]

    def _by_part(self, files: Iterable[PlacedFile]) -> tuple[list[PlacedFile], list[PlacedFile]]:
        """Split *files*: one for each part, and those whose bytes another one brings."""
        first: dict[object, PlacedFile] = {}
        twins = []
        for placed in files:
            part = self.plan.layout.part(self._file(placed), placed.place)
            if first.setdefault(part, placed) is not placed:
                twins.append(placed)
        return list(first.values()), twins

    def _file(self, placed: PlacedFile) -> ManifestFile:
        manifest = self.plan.manifest
        return (manifest.by_path.get(placed.path) if manifest else None) or manifest_file(placed)

    def _wanted(self, placed: PlacedFile) -> Wanted:
        wanted = self.plan.wanted(placed)
        if wanted is None:
            raise RequestError(
                f"{self.plan.model.name}: {placed.path} is named by the catalog, and its source has no such file",
                remedy="correct the path in the catalog",
            )
        self.plan.layout.prepare(self._file(placed), placed.place)
        if self.options.resume:
            self._begin(wanted, placed)
        return wanted

    def _begin(self, wanted: Wanted, placed: PlacedFile) -> None:
        """Let the part begin with what lies here of the file, so that only the rest has to travel."""
        from modelready import transfer  # noqa: PLC0415 - brings the network's libraries with it

        here = self.plan.layout.beginnings(self._file(placed), placed.place, least=transfer.LEAST)
        transfer.begin(wanted, here, self.stop)

    def _delivery(self) -> Delivery:
        model, manifest = self.plan.model, self.plan.manifest
        what = Known("source", manifest.revision, manifest.files) if manifest else None
        whole = placed_by(model, self.plan.layout, what) if what else locate(model, self.ground)
        learned = self.learned
        return Delivery(
            source=model.source.text,
            revision=model.source.revision,
            commit=whole.revision or "",
            # With --only too: those of the whole model.
            files=tuple(_with_learned(one, learned.get(one.path)) for one in whole.files),
            include=model.include,
            exclude=model.exclude,
            listing=manifest.files if manifest else None,
        )

    @property
    def learned(self) -> dict[str, ManifestFile]:
        """Give the size and sha256 of what was brought, by path in the source."""
        return {
            path: ManifestFile(path, seen.size, (Digest("sha256", digests["sha256"], LEARNED),))
            for path, (digests, seen) in self.proofs.items()
        }

    def _remember(self) -> None:
        """Remember the digests of what arrived, so that certifying reads nothing again."""
        entries = []
        for placed in self.plan.placed.files:
            if placed.path in self.proofs and placed.path not in self.remembered:
                self.remembered.add(placed.path)
                digests, then = self.proofs[placed.path]
                with contextlib.suppress(OSError):  # gone again: there is nothing to remember
                    if (now := settled_fingerprint(placed.place)) == then:
                        entries.append((placed.place, digests, now))
        self.ground.ledger.remember_many(entries)


def _with_learned(placed: PlacedFile, known: ManifestFile | None) -> PlacedFile:
    """Give *placed* with the digest of what arrived, where nobody named one."""
    return placed if placed.digests or known is None else replace(placed, digests=known.digests)


def _has_xet() -> bool:
    return find_spec("hf_xet") is not None


def _tell_what_is_here(progress: Progress, plan: Plan) -> None:
    right = plan.need.right
    progress.tell(
        files_total=len(plan.placed.files),
        bytes_total=_size(plan.placed.files),
        files_done=len(right) + len(plan.need.link),
        bytes_done=_size((*right, *plan.need.link)),
    )


def _size(files: Iterable[PlacedFile]) -> int:
    return sum(one.size or 0 for one in files)
