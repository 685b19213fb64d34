"""
vLLM opens a folder or finds a repository in the Hub cache by its name.

vllm/model_executor/model_loader/default_loader.py (``_prepare_weights``): every *.safetensors at the root, or else
*.bin, or else *.pt, or else what model.safetensors.index.json names; Mistral's own form is params.json with
consolidated*.safetensors; a .gguf is given by its path. RunPod's worker-vllm starts `vllm serve $MODEL_NAME` at
$MODEL_REVISION, "main" where that is empty (runpod-workers/worker-vllm, Dockerfile and src/model_preflight.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modelready.consumers import reading, transformers, weights
from modelready.consumers.setting import shown
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelready.consumers.setting import Setting

_WEIGHTS = (".safetensors", ".bin", ".pt")
_SAFETENSORS_INDEX = "model.safetensors.index.json"
_CONFIGS = (transformers.CONFIG, "params.json")


def faults(setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps vLLM from finding and opening the model."""
    return (*_folder(setting), *_name(setting))


def _folder(setting: Setting) -> Iterator[Fault]:
    names = setting.names()
    if any(name.endswith(".gguf") for name in names) and not setting.holds_any(_CONFIGS):
        return
    if not setting.holds_any(_CONFIGS):
        yield Fault(_CONFIGS[0], f"is not there; vLLM reads {' or '.join(_CONFIGS)} first")
        return
    if setting.holds(transformers.CONFIG):
        yield from transformers.config_faults(setting)
    yield from _weights(setting, names)
    if setting.holds(transformers.CONFIG):
        yield from transformers.code_and_words(setting)


def _weights(setting: Setting, names: Collection[str]) -> Iterator[Fault]:
    if _SAFETENSORS_INDEX in names:
        yield from weights.absent_shards(setting, ".", [_SAFETENSORS_INDEX])
    elif not any(name.endswith(_WEIGHTS) for name in names):
        expected = ", ".join(f"*{end}" for end in _WEIGHTS)
        yield Fault("model.safetensors", f"is not there: no weights at the root; expected {expected}")


def _name(setting: Setting) -> Iterator[Fault]:
    """Tell where MODEL_NAME asks for this repository and it is not found by that name."""
    asked = (setting.environ.get("MODEL_NAME") or "").strip()
    if setting.source.kind != "hf" or asked != setting.source.address or reading.is_folder(setting.cwd / asked):
        return
    if not setting.is_cached:
        message = f"is {asked}, which is looked for in the Hub cache; the files lie in a folder of their own"
        yield Fault("MODEL_NAME", message, f"set MODEL_NAME={shown(setting.root, setting.environ)}")
        return
    revision = (setting.environ.get("MODEL_REVISION") or "").strip() or "main"
    if revision != setting.revision and _commit(setting, revision) != setting.revision:
        message = f"is {asked} at {revision}, which this cache does not lead to {setting.revision}"
        yield Fault("MODEL_REVISION", message, f"set MODEL_REVISION={setting.revision}")


def _commit(setting: Setting, revision: str) -> str:
    """Give the commit that the cache knows for *revision*."""
    refs = setting.cache / f"models--{setting.source.address.replace('/', '--')}" / "refs"
    place = os.path.normpath(refs / revision)
    if not place.startswith(f"{refs}{os.sep}"):
        return ""
    try:
        with open(place, encoding="ascii") as stream:  # noqa: PTH123 - normalised as text
            return stream.read(100)
    except (OSError, ValueError):
        return ""
