"""Environment variables that lead programs to different caches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modelready import environment
from modelready.inspection import neighbours, words
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from modelready.model import PlacedModel

#: What older libraries read instead of HF_HUB_CACHE, the strongest first.
_OLDER = ("TRANSFORMERS_CACHE", "PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE")

#: What decides where the cache is, the strongest first.
_DECIDING = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")


def disagreeing_variables(environ: Mapping[str, str], models: Iterable[PlacedModel]) -> tuple[Fault, ...]:
    """
    Tell the variables that point at another cache than the one in force; *models* are those required here.

    HF_HUB_CACHE set beside HF_HOME is agreement: the first names the cache, the second its usual parent.
    """
    cache = environment.read(environ).hf_cache
    cached = [one for one in models if one.model.layout == "hub-cache"]
    unclear = _unclear(environ) if cached else ()
    return (*unclear, *_older_names(environ, cache), *_one_level_off(environ, cache, cached))


def _unclear(environ: Mapping[str, str]) -> Iterator[Fault]:
    """
    Tell where the cache depends on the folder that a program is started in.

    huggingface_hub takes a variable that is set and empty for its value (constants.py), as ``HF_HOME=${HF_HOME}`` in a
    compose file makes it where the right side is not set.
    """
    name = next((one for one in _DECIDING if one in environ), None)
    value = environ.get(name, "") if name else "/"
    if not value:
        message = "is set and empty: huggingface_hub then takes the folder it is started in for its cache"
        yield Fault(name or "", message, f"unset {name}, or give it a whole path")
    elif not value.startswith(("/", "~", "$")) and not os.path.isabs(value):  # noqa: PTH117 - a text
        message = f"is {value!r}, a relative path: each program looks below the folder it is started in"
        yield Fault(name or "", message, f"give {name} a whole path")


def _older_names(environ: Mapping[str, str], cache: Path) -> Iterator[Fault]:
    for name in ("HUGGINGFACE_HUB_CACHE", *_OLDER):
        given = environ.get(name)
        if given and not _is_same(other := _read_as_cache(environ, given), cache):
            message = (
                f"points at {words.folded(other)}, the cache in force is {words.folded(cache)} ({_namer(environ)})"
            )
            yield Fault(name, message, f"unset {name}: HF_HOME or HF_HUB_CACHE alone says where the cache is")


def _one_level_off(environ: Mapping[str, str], cache: Path, models: Iterable[PlacedModel]) -> Iterator[Fault]:
    for one in models:
        name = "models--" + one.model.source.address.replace("/", "--")
        if not neighbours.is_filled(cache / name) and (other := neighbours.one_level_off(cache, name)):
            message = f"{name} lies in {words.folded(other)}, programs look in {words.folded(cache)}: one level off"
            yield Fault(_namer(environ), message, f"set HF_HUB_CACHE={words.folded(other)}, or move {name}")


def _namer(environ: Mapping[str, str]) -> str:
    """Name the variable that decides where the cache is."""
    return next((name for name in _DECIDING if environ.get(name)), "HF_HOME")


def _read_as_cache(environ: Mapping[str, str], given: str) -> Path:
    return environment.read({**environ, "HF_HUB_CACHE": given}).hf_cache


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
