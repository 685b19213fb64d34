"""A folder that ``hf download --local-dir`` filled: what was noted of each file, and what is unfinished."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modelready import sizes
from modelready.inspection import words
from modelready.layouts import Folder, looking
from modelready.layouts.folder import NOTES
from modelready.layouts.metadata import begins_partial
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelready.model import PlacedFile, PlacedModel


def has_notes(model: PlacedModel) -> bool:
    """Tell whether huggingface_hub ever downloaded something into the folder of *model*."""
    return model.model.layout == "folder" and looking.is_folder(model.root / NOTES)


def of_other_revisions(model: PlacedModel, files: Iterable[PlacedFile]) -> tuple[Fault, ...]:
    """
    Tell those of *files* that were brought at another commit than the catalog pins, or than most of the others.

    An update that broke off leaves such a folder. Where somebody else knows the digests, these say whether the bytes
    changed between the two; here nobody does.
    """
    if not has_notes(model):
        return ()
    layout = Folder(model.root, model.name)
    noted = {one: commit for one in files if _is_known_by_notes(one) and (commit := _commit(one, layout))}
    pin = model.model.source.revision if model.model.source.is_pinned else None
    usual, _ = Counter(noted.values()).most_common(1)[0] if noted else (None, 0)
    expected = pin or usual
    others = "the catalog pins" if pin else "the other files are of"
    return tuple(
        Fault(
            one.path, f"was brought at {commit[:8]}, {others} {str(expected)[:8]}: revisions are mixed", words.PROVISION
        )
        for one, commit in noted.items()
        if commit != expected
    )


def leftovers(model: PlacedModel) -> tuple[Fault, ...]:
    """Tell partial downloads of files that are complete: space lost, which ``hf cache prune`` does not win back."""
    return tuple(
        Fault(
            part.relative_to(model.root).as_posix(),
            f"a partial download of {_size(part)} was left behind; {one.path} is complete",
            "run `modelready cleanup`, or delete it while no download runs",
        )
        for one in model.files
        if looking.is_file(one.place)
        for part in _partials(one, model)
        if not Folder(model.root, model.name).is_being_written(one.place)
    )


def partials(model: PlacedModel) -> tuple[Fault, ...]:
    """Tell the unfinished downloads of nobody knows which file, where nobody listed what the model consists of."""
    if model.known_by != "folder":
        return ()
    known = {part for one in model.files for part in _partials(one, model)}
    lost = sorted(part for part in (model.root / NOTES).rglob("*.incomplete") if part not in known)
    message = "of a file that never arrived whole; nothing says which file of the repository it is"
    return tuple(
        Fault(part.relative_to(model.root).as_posix(), f"{_size(part)} {message}", words.PROVISION) for part in lost
    )


def _is_known_by_notes(one: PlacedFile) -> bool:
    return all(digest.told_by == "metadata" for digest in one.digests)


def _commit(one: PlacedFile, layout: Folder) -> str | None:
    note = layout.metadata(one.place.relative_to(layout.root).as_posix())
    return note.commit if note else None


def _partials(one: PlacedFile, model: PlacedModel) -> Iterator[Path]:
    """Give the partial downloads that would each have become *one*."""
    folder = model.root / NOTES / one.place.relative_to(model.root).parent
    yield from sorted(folder.glob(f"{begins_partial(one.place.name)}.*.incomplete"))


def _size(part: Path) -> str:
    return sizes.told(looking.size(part) or 0)
