"""
llama.cpp opens one GGUF file, or the first of its parts.

Parts are found beside the first by their numbers (src/llama-model-loader.cpp, llama_split_path); a projector for
images or sound is a file of its own (tools/mtmd, ``--mmproj``); ``-hf`` looks into LLAMA_CACHE before the Hub cache
(common/hf-cache.cpp, get_cache_directory).
"""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.consumers import reading
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelready.consumers.setting import Setting

_MAGIC = b"GGUF"
_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_MOST_PARTS = 1000


def faults(setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps llama.cpp from opening the model."""
    return (*_models(setting), *_parts(setting), *_cache(setting))


def _models(setting: Setting) -> Iterator[Fault]:
    held = [path for path, place in setting.files.items() if path in setting.told or _is_gguf(path, place)]
    models = [path for path in held if "mmproj" not in PurePosixPath(path).name.lower()]
    if held and not models:
        yield Fault(held[0], "is only the projector of a model; the model itself, another GGUF, is not here")
    elif not held:
        yield Fault("*.gguf", "no GGUF file is here, and llama.cpp opens nothing else")


def _is_gguf(path: str, place: Path) -> bool:
    return reading.is_file(place) and (path.lower().endswith(".gguf") or reading.magic(place) == _MAGIC)


def _parts(setting: Setting) -> Iterator[Fault]:
    """Tell the parts that lie not beside the others, under the name that their number gives."""
    by_place = {place: path for path, place in setting.files.items()}
    expected: dict[Path, str] = {}
    for path, place in setting.files.items():
        match = _PART.fullmatch(place.name)
        if match and 0 < int(match["count"]) <= _MOST_PARTS:
            for number in range(1, int(match["count"]) + 1):
                expected.setdefault(place.with_name(f"{match['stem']}-{number:05}-of-{match['count']}.gguf"), path)
    for place, because in expected.items():
        path = by_place.get(place) or str(PurePosixPath(because).with_name(place.name))
        if path not in setting.told and not reading.is_file(place):
            yield Fault(path, f"is not there; {because} is one of its parts, and all are opened together")


def _cache(setting: Setting) -> Iterator[Fault]:
    given = setting.environ.get("LLAMA_CACHE")
    if given and setting.is_cached and os.path.realpath(setting.cwd / given) != os.path.realpath(setting.cache):
        message = f"leads `llama-server -hf {setting.source.address}` away from the Hub cache, where the model lies"
        yield Fault("LLAMA_CACHE", message, "unset LLAMA_CACHE, or give llama.cpp the file with -m")
