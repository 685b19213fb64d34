"""The tokenizers of a model, and those that do not load or encode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.formats import tokenizers
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from modelready.model import PlacedFile, PlacedModel

#: Applications that read whatever tokenizer lies in a model's folders.
READERS = frozenset({"transformers", "diffusers", "mflux"})


@dataclass(frozen=True)
class TokenizerFolder:
    """A folder that should hold a tokenizer: ``path`` is its path in the source of ``model``."""

    path: str
    folder: Path
    model: PlacedModel

    @property
    def files(self) -> tuple[PlacedFile, ...]:
        """Give the model's files in this very folder."""
        return tuple(one for one in self.model.files if one.place.parent == self.folder)


def folders(model: PlacedModel, lookup: Callable[[str], PlacedModel]) -> tuple[TokenizerFolder, ...]:
    """Give the tokenizers of *model*: those that its catalog names, or else those among its own files."""
    if model.model.tokenizer:
        return tuple(_named(text, model, lookup) for text in model.model.tokenizer)
    return tuple(_found(model))


def unloadable(
    model: PlacedModel,
    lookup: Callable[[str], PlacedModel],
    *,
    refused: Collection[str] = (),
    early: tokenizers.Early | None = None,
) -> tuple[Fault, ...]:
    """
    Tell the tokenizers of *model* that do not load with sockets closed, or do not encode a prompt.

    One with a required file that is absent, or one of *refused*, was told of already: it is passed over. They are
    loaded in the process *early*, if that was begun.
    """
    asked = [one for one in folders(model, lookup) if not _is_told(one, refused if one.model is model else ())]
    answers = tokenizers.encode_many([one.folder for one in asked], early=early)
    return tuple(_fault(one, answer, model) for one, answer in zip(asked, answers, strict=True) if answer.fault)


def _named(text: str, model: PlacedModel, lookup: Callable[[str], PlacedModel]) -> TokenizerFolder:
    name, colon, path = text.partition(":")
    owner = lookup(name) if colon else model
    plain = PurePosixPath(path if colon else text).as_posix()
    inside = [one.place for one in owner.files if PurePosixPath(one.path).parent.as_posix() == plain]
    return TokenizerFolder(plain, inside[0].parent if inside else owner.root / plain, owner)


def _found(model: PlacedModel) -> Iterator[TokenizerFolder]:
    by_folder: dict[Path, list[PlacedFile]] = {}
    for one in model.files:
        by_folder.setdefault(one.place.parent, []).append(one)
    is_read = bool(READERS & set(model.model.consumers))
    for folder, files in by_folder.items():
        names = {one.place.name for one in files}
        if names & {tokenizers.WHOLE, tokenizers.CONFIG} or (is_read and tokenizers.files_of(names)):
            yield TokenizerFolder(PurePosixPath(files[0].path).parent.as_posix(), folder, model)


def _is_told(one: TokenizerFolder, refused: Collection[str]) -> bool:
    names = {placed.place.name for placed in one.files}
    speaking = {*tokenizers.files_of(names), tokenizers.CONFIG, "config.json"}
    return any(
        placed.place.name in speaking and (placed.path in refused or is_required_and_absent(placed))
        for placed in one.files
    )


def _fault(one: TokenizerFolder, answer: tokenizers.Encoded, model: PlacedModel) -> Fault:
    name = next(iter(tokenizers.files_in(one.folder)), tokenizers.WHOLE)
    path = name if one.path == "." else f"{one.path}/{name}"
    whose = "" if one.model is model else f" of {one.model.name}"
    remedy = f"{words.PROVISION}; where tokenizer files are left out, widen the catalog's `include`"
    return Fault(path, f"the tokenizer{whose} does not work: {answer.fault}", remedy)
