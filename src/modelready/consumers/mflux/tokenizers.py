"""
Where mflux looks for a tokenizer, a second time and by other rules than for weights.

``TokenizerLoader`` is given the repository's name again: it asks huggingface_hub for the pinned commit, or for what
``refs/main`` says, newline included. Source: mflux/models/common/tokenizer/tokenizer_loader.py.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.consumers.mflux import folders
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelready.consumers.mflux.models import Opening
    from modelready.consumers.mflux.versions import Target

_CONFIG = "tokenizer_config.json"
_WHOLE = ("tokenizer.json",)
_PAIR = ("vocab.json", "merges.txt")
#: What makes a tokenizer, by the class that mflux loads; each set suffices.
_SUFFICE: dict[str, tuple[tuple[str, ...], ...]] = {
    "Tokenizer": (_WHOLE,),
    "PreTrainedTokenizerFast": (_WHOLE,),
    "CLIPTokenizer": (_PAIR, _WHOLE),
    "Qwen2Tokenizer": (_PAIR, _WHOLE),
    "Qwen2TokenizerFast": (_PAIR, _WHOLE),
    "T5Tokenizer": (("spiece.model",), _WHOLE),
    "AutoTokenizer": (_WHOLE, _PAIR, ("tokenizer.model",), ("spiece.model",), ("vocab.txt",)),
}
#: By any of these mflux takes a folder for the place of a tokenizer, whole or not.
_MARKERS = (
    "added_tokens.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


def lacks(root: Path, opening: Opening, target: Target) -> Iterator[Fault]:
    """Tell what the tokenizer of *opening* lacks in *root*."""
    lost = _lost(root / opening.subdir, opening.tokenizer_class)
    if not lost or _falls_back(root, opening, target):
        return
    where = PurePosixPath(opening.subdir)
    for name in lost:
        path = where / name
        yield Fault(path.as_posix(), f"{folders.why_dead(root / path)}: {_consequence(name, opening)}")


def processor(root: Path, opening: Opening) -> Iterator[Fault]:
    """Tell where the image processor beside the tokenizer has no configuration."""
    if not any(folders.is_live(root / opening.subdir / name) for name in _PROCESSORS):
        yield Fault(f"{opening.subdir}/{_PROCESSORS[0]}", "is not there: mflux builds its image processor from it")


def _lost(folder: Path, kind: str) -> tuple[str, ...]:
    """Name what *folder* lacks for a tokenizer of the class *kind*; nothing where it suffices."""
    sets = _SUFFICE.get(kind, _SUFFICE["AutoTokenizer"])
    lacking = [[name for name in names if not folders.is_live(folder / name)] for names in sets]
    # Of a half that lies there, the other half is told; of nothing, the first set.
    started = [lost for names, lost in zip(sets, lacking, strict=True) if len(lost) < len(names)]
    files = [] if [] in lacking else min(started, key=len, default=lacking[0])
    config = [] if kind == "Tokenizer" or folders.is_live(folder / _CONFIG) else [_CONFIG]
    return (*files, *config)


def _falls_back(root: Path, opening: Opening, target: Target) -> bool:
    """Tell whether another folder has the tokenizer, and mflux looks there."""
    primary = root / opening.subdir
    if any((primary / name).exists() for name in _MARKERS) or (primary.exists() and not target.tries_fallbacks):
        return False
    return any(not _lost(root / one, opening.tokenizer_class) for one in opening.fallbacks)


def _consequence(name: str, opening: Opening) -> str:
    if name == _CONFIG:
        return "mflux loads the tokenizer without it, and fails when it is to apply the chat template"
    if opening.in_weights_root:
        return "mflux's tokenizer does not load"
    return "mflux's tokenizer does not load, so it asks the network; the weights alone look complete to it"
