"""What of a located model is in place and right, and what has to be fetched: reading, no network."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelready import proving
from modelready.inspection import cache, local_dirs
from modelready.layouts import HubCache, looking
from modelready.model import ManifestFile
from modelready.placing import elsewhere
from modelready.placing.knowing import EXHAUSTIVE, outdated
from modelready.placing.locating import names_all_files

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from modelready.grounds import Ground
    from modelready.layouts import Folder
    from modelready.model import PlacedFile, PlacedModel
    from modelready.placing.elsewhere import Twin


@dataclass(frozen=True)
class Need:
    """What a model lacks: files to fetch, names to link to bytes that are here, and what is right already."""

    fetch: tuple[PlacedFile, ...] = ()
    link: tuple[PlacedFile, ...] = ()
    right: tuple[PlacedFile, ...] = ()
    twins: tuple[Twin, ...] = ()  # their bytes lie at another place, or will once the rest was fetched
    is_unsure: bool = False  # what the model consists of can only be told by its source
    is_untidy: bool = False  # refs, listing or receipt want to be written

    @property
    def lacks(self) -> bool:
        """Tell whether bytes or names of files are lacking."""
        return bool(self.fetch or self.link or self.twins)

    @property
    def is_nothing(self) -> bool:
        """Tell whether everything is in place and right."""
        return not (self.lacks or self.is_unsure or self.is_untidy)


@dataclass(frozen=True)
class Examiner:
    """Examines models on a ground."""

    ground: Ground
    reread: bool = False
    trust: bool = False
    stop: threading.Event | None = field(default=None, repr=False)

    def at_a_glance(self, placed: PlacedModel, layout: HubCache | Folder) -> Need:
        """Tell what *placed* lacks by presence, size and what is remembered of digests; no byte is read."""
        here = [one for one in placed.files if _has_its_size(one)]
        return self._need(placed, layout, self._not_wrong(here), self._not_wrong)

    def closely(self, placed: PlacedModel, layout: HubCache | Folder) -> Need:
        """Tell what *placed* lacks by presence, size and every digest that is known of it."""
        right = self._right([one for one in placed.files if _has_its_size(one)])
        return self._need(placed, layout, right, self._right)

    def _need(
        self,
        placed: PlacedModel,
        layout: HubCache | Folder,
        right: set[str],
        chosen: Callable[[Sequence[PlacedFile]], set[str]],
    ) -> Need:
        right = right - outdated(placed, layout)[0].keys()
        lacking = [one for one in placed.files if one.path not in right and not _may_be_absent(one)]
        link = self._linkable(layout, lacking)
        linked = {one.path for one in link}
        rest = [one for one in lacking if one.path not in linked]
        twins = self._twins(layout, rest, chosen)
        doubled = {twin.file.path for twin in twins}
        fetch = tuple(one for one in rest if one.path not in doubled)
        return Need(
            fetch=fetch,
            link=link,
            twins=twins,
            right=tuple(one for one in placed.files if one.path in right),
            is_unsure=bool(fetch or placed.faults) or not (placed.known_by in EXHAUSTIVE or _is_told_whole(placed)),
            is_untidy=_is_untidy(placed, layout),
        )

    def _twins(
        self,
        layout: HubCache | Folder,
        lacking: Sequence[PlacedFile],
        chosen: Callable[[Sequence[PlacedFile]], set[str]],
    ) -> tuple[Twin, ...]:
        """Give those whose bytes lie elsewhere; in a folder also those that are the same as another one lacking."""
        found = list(elsewhere.candidates(lacking, self.ground))
        right = chosen([replace(twin.file, place=twin.source) for twin in found])
        twins = [twin for twin in found if twin.file.path in right]
        if isinstance(layout, HubCache):  # files of the same digest are one blob there
            return tuple(twins)
        doubled = {twin.file.path for twin in twins}
        rest = [one for one in lacking if one.path not in doubled]
        return (*twins, *elsewhere.repeats(rest))

    def _right(self, files: Sequence[PlacedFile]) -> set[str]:
        found = self._proven(files)
        return {one.path for one in files if proving.is_as_expected(one, found.get(one.path))}

    def _not_wrong(self, files: Sequence[PlacedFile]) -> set[str]:
        known = proving.remembered(files, self.ground.ledger, trust=self.trust)
        return {one.path for one in files if one.path not in known or proving.is_as_expected(one, known[one.path])}

    def _linkable(self, layout: HubCache | Folder, lacking: Sequence[PlacedFile]) -> tuple[PlacedFile, ...]:
        """Give those whose bytes lie in the cache under the right name, and are right, but are not linked."""
        if not isinstance(layout, HubCache):
            return ()
        nameless = [one for one in lacking if looking.look(one.place) is None]
        named = {one.path: (one, file) for one in nameless if (file := manifest_file(one)).digests}  # md5 names no blob
        blobs = {path: replace(one, place=layout.blob(file, one.place)) for path, (one, file) in named.items()}
        here = [one for one in blobs.values() if _has_its_size(one)]
        found = self._proven(here)
        return tuple(one for one in nameless if one.path in found and proving.is_as_expected(one, found[one.path]))

    def _proven(self, files: Sequence[PlacedFile]) -> dict[str, proving.Proven]:
        return proving.prove(files, self.ground.ledger, reread=self.reread, trust=self.trust, stop=self.stop)


def manifest_file(placed: PlacedFile) -> ManifestFile:
    """Give *placed* as its source would name it: the digest that its source names files by."""
    own = tuple(one for one in placed.digests if one.algorithm in {"sha256", "git_sha1"})
    return ManifestFile(placed.path, placed.size, own)


def _has_its_size(placed: PlacedFile) -> bool:
    seen = looking.look(placed.place)
    if seen is None or not stat.S_ISREG(seen.st_mode):
        return False
    return seen.st_size == placed.size if placed.size is not None else seen.st_size >= (placed.min_size or 0)


def _may_be_absent(placed: PlacedFile) -> bool:
    return placed.optional and not placed.digests and placed.size is None and looking.look(placed.place) is None


def _is_told_whole(placed: PlacedModel) -> bool:
    """Tell whether the catalog alone says which files there are, and what their bytes are."""
    return names_all_files(placed.model) and all(one.digests for one in placed.files)


def _is_untidy(placed: PlacedModel, layout: HubCache | Folder) -> bool:
    if isinstance(layout, HubCache):
        return bool(cache.unwritten(placed, layout.cache) or cache.leftovers(placed, layout.cache))
    return (layout.receipt() is None and placed.known_by in {"lock", "source"}) or bool(local_dirs.leftovers(placed))
