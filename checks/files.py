"""Every file of a model is on disk, and is what its source says it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.inspection import code, files, local_dirs

if TYPE_CHECKING:
    from modelready.model import PlacedFile, PlacedModel
    from modelready.proving import Proven
    from modelready.suite.judging import Judge


def test_are_there(model: PlacedModel, judge: Judge) -> None:
    """
    Every required file is on disk.

    Mend: `modelready provision` brings what is missing.
    """
    judge.warn(files.unlisted(model))
    judge(files.absent(model))


def test_are_large_enough(present_files: tuple[PlacedFile, ...], judge: Judge) -> None:
    """
    Every file has its exact size, where one is known, and reaches its minimum.

    Mend: `modelready provision` replaces a file that was cut short.
    """
    judge(files.too_small(present_files))


def test_are_not_messages(present_files: tuple[PlacedFile, ...], judge: Judge) -> None:
    """
    No error page, LFS pointer or JSON error poses as a model.

    Mend: `modelready provision` replaces it; a page that comes back tells of a proxy, a login or a missing token.
    """
    judge(files.messages(present_files))


def test_have_the_right_bytes(
    model: PlacedModel, present_files: tuple[PlacedFile, ...], proven: dict[str, Proven], judge: Judge
) -> None:
    """
    Every file's digest equals what the catalog, the lock, the receipt or the cache says; no two revisions are mixed.

    Mend: `modelready provision` replaces exactly the files that differ.
    """
    judge.warn(files.without_digest(present_files))
    wrong = files.wrong_bytes(present_files, lambda placed, _: proven[placed.path].digests)
    judge((*wrong, *local_dirs.of_other_revisions(model, present_files)))


def test_cannot_run_code(present_files: tuple[PlacedFile, ...], judge: Judge) -> None:
    """
    No pickle imports what a weight file has no use for, wherever in a file it lies.

    Mend: take the safetensors version; or name what a trusted file needs in `allow_globals` of its [[model.file]].
    """
    found = code.look(present_files)
    judge.warn(found.carried)
    judge(found.imported)
