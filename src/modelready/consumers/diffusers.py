"""
diffusers opens a pipeline's folder: model_index.json, and every component it names.

The rules are those of diffusers 0.42: pipelines/pipeline_utils.py (``DiffusionPipeline.from_pretrained``),
pipelines/pipeline_loading_utils.py (``load_sub_model``, ``_identify_model_variants``), models/modeling_utils.py and
schedulers/scheduling_utils.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from modelready.consumers import reading, weights
from modelready.consumers.weights import DIFFUSERS, TRANSFORMERS, joined
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from modelready.consumers.setting import Setting

INDEX = "model_index.json"
MODULAR = "modular_model_index.json"  # its components lie where it says, in other repositories perhaps
CONFIG = "config.json"
SCHEDULER = "scheduler_config.json"
_TOKENIZER = ("tokenizer_config.json", "tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
_PROCESSOR = ("preprocessor_config.json", "processor_config.json")
_PROCESSORS = ("Processor", "ProcessorFast", "FeatureExtractor")
#: What from_single_file and load_lora_weights take.
_SINGLE = (".safetensors", ".sft", ".ckpt", ".bin", ".pt", ".pth", ".gguf")


@dataclass(frozen=True)
class _Component:
    """A part of a pipeline: its folder, and the class that model_index.json names for it."""

    name: str
    library: str
    cls: str

    @property
    def family(self) -> weights.Family:
        """Give the names of its weights; a library of a pipeline's own may follow either."""
        return {"transformers": TRANSFORMERS, "diffusers": DIFFUSERS}.get(self.library, (*DIFFUSERS, *TRANSFORMERS))

    @property
    def configs(self) -> tuple[str, ...]:
        """Give the files of which it needs one."""
        if self.cls.endswith("Scheduler"):
            return (SCHEDULER,)
        if "Tokenizer" in self.cls:
            return _TOKENIZER
        if self.cls.endswith(_PROCESSORS):
            return (CONFIG,) if self.library == "diffusers" else _PROCESSOR
        if self.cls == "OnnxRuntimeModel":
            return ("model.onnx",)
        return () if self.cls.endswith(("Pipeline", "Guidance")) else (CONFIG,)

    @property
    def has_weights(self) -> bool:
        """Tell whether it is a model, which has weights."""
        return self.configs == (CONFIG,) and not self.cls.endswith(_PROCESSORS)


def faults(setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps diffusers from opening the model."""
    if setting.holds(INDEX):
        return tuple(_pipeline(setting))
    if setting.holds(MODULAR):
        return tuple(_unreadable(setting, MODULAR))
    return tuple(_without_index(setting))


# ---- a pipeline


def _pipeline(setting: Setting) -> Iterator[Fault]:
    if setting.is_told(INDEX):
        return
    try:
        index = reading.table(setting.root / INDEX)
    except reading.Unreadable as error:
        yield Fault(setting.path_of(INDEX), str(error))
        return
    if not isinstance(index.get("_class_name"), str):
        yield Fault(setting.path_of(INDEX), "names no _class_name; expected the class of the pipeline")
    components = [one for one in _components(index) if not _is_left_out(setting, one)]
    for one in components:
        yield from _component(setting, one)
    yield from _variants(setting, [one for one in components if one.has_weights])


def _components(index: dict[str, Any]) -> Iterator[_Component]:
    for name, value in index.items():
        is_pair = isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)  # noqa: PLR2004 - library and class
        if is_pair and not name.startswith("_") and PurePosixPath(name).name == name and "\0" not in name:
            yield _Component(name, *value)


def _is_left_out(setting: Setting, one: _Component) -> bool:
    """Tell whether the catalog excludes the component: then the application is given another, or none."""
    configs = [f"{one.name}/{name}" for name in one.configs]
    models = [f"{one.name}/{name}" for name in weights.example(one.family)] if one.has_weights else []
    return setting.is_left_out(*configs) or setting.is_left_out(*models)


def _component(setting: Setting, one: _Component) -> Iterator[Fault]:
    """Tell what a component lacks but its weights; without a folder of its own it is opened from the root."""
    if not one.configs:
        return
    folder = _folder(setting, one)
    if folder == "." and not setting.holds_any(one.configs):
        message = f"is not there; {INDEX} names the component {one.name} ({one.library} {one.cls})"
        yield Fault(f"{one.name}/{one.configs[0]}", message)
    elif not setting.holds_any(joined(folder, name) for name in one.configs):
        expected = " or ".join(one.configs)
        message = f"is not there; {one.cls} of {INDEX} is opened from {one.name}/ by {expected}"
        yield Fault(joined(folder, one.configs[0]), message)
    elif one.configs is not _TOKENIZER:  # what is in those, tokenizers.encode_text tells
        for name in (name for name in one.configs if name.endswith(".json")):
            yield from _unreadable(setting, joined(folder, name))


def _folder(setting: Setting, one: _Component) -> str:
    return one.name if setting.holds_folder(one.name) else "."


def _unreadable(setting: Setting, path: str) -> Iterator[Fault]:
    """Tell of a JSON file that is there and cannot be read."""
    if setting.is_told(path) or not setting.holds(path):
        return
    try:
        reading.table(setting.root / path)
    except reading.Unreadable as error:
        yield Fault(setting.path_of(path), str(error))


def _variants(setting: Setting, models: Collection[_Component]) -> Iterator[Fault]:
    """
    Tell the models whose weights are not found.

    With ``variant=X`` a component that has no X falls back to its weights without variant; without one, every
    component needs those. Where only a variant opens the whole pipeline, that is enough.
    """
    found = {one: weights.entries(setting.names(_folder(setting, one)), one.family) for one in models}
    everywhere = _best(found.values())
    for one, starts in found.items():
        folder = _folder(setting, one)
        if folder == "." and not starts:
            continue  # the whole component is not there: told
        chosen = starts.get(everywhere) or starts.get("")
        if chosen is None:
            yield _no_weights(setting, folder, one.family, starts)
        else:
            yield from weights.absent_shards(setting, folder, chosen)


def _best(found: Collection[dict[str, list[str]]]) -> str:
    """Give the variant that opens the most components; none, where that is as good."""
    candidates = ["", *sorted({variant for starts in found for variant in starts} - {""})]
    return max(candidates, key=lambda variant: sum(variant in starts or "" in starts for starts in found))


def _no_weights(setting: Setting, folder: str, family: weights.Family, starts: Collection[str]) -> Fault:
    path = joined(folder, f"{family[0][0]}.{family[0][1]}")
    expected = weights.expected(family)
    if starts:
        others = ", ".join(sorted(starts))
        return Fault(path, f"is not there: its weights have only the variant {others}, other components lack that")
    if shards := weights.shards_without_index(setting.names(folder), family):
        return Fault(
            joined(folder, f"{family[0][0]}.{family[0][1]}.index.json"), f"is not there, so {shards[0]} is never opened"
        )
    return Fault(path, f"is not there: no weights under a name that is opened; expected {expected}")


# ---- what is no pipeline


def _without_index(setting: Setting) -> Iterator[Fault]:
    """Tell what a single model lacks: a VAE, a ControlNet, a LoRA, a checkpoint in one file."""
    names = setting.names()
    starts = weights.entries(names, DIFFUSERS)
    if CONFIG in names:
        yield from _unreadable(setting, CONFIG)
        chosen = starts.get("") or next(iter(starts.values()), None)
        if chosen:
            yield from weights.absent_shards(setting, ".", chosen)
        elif weights.shards_without_index(names, DIFFUSERS) or not _has_single(names):
            yield _no_weights(setting, ".", DIFFUSERS, ())
    elif starts:
        weight = next(iter(starts.values()))[0]
        yield Fault(CONFIG, f"is not there; a model is opened by it, and its weights are here ({weight})")
    elif _parts(setting):
        folders = ", ".join(_parts(setting))
        yield Fault(INDEX, f"is not there; a pipeline is opened by it, and only its folders are here: {folders}")
    elif not _has_single(PurePosixPath(path).name for path in setting.files):
        yield Fault(INDEX, "is not there, and nothing else here is a model: no config.json, no weights in one file")


def _has_single(names: Iterable[str]) -> bool:
    return any(name.lower().endswith(_SINGLE) for name in names)


def _parts(setting: Setting) -> list[str]:
    """Give the folders that only a pipeline has: weights of a model, or a scheduler, in folders of their own."""
    telling = {SCHEDULER, *weights.example(DIFFUSERS)}
    found = {PurePosixPath(path).parts[0] for path in setting.files if "/" in path and _is_telling(path, telling)}
    return sorted(found)


def _is_telling(path: str, telling: Collection[str]) -> bool:
    name = PurePosixPath(path).name
    return name in telling or name.startswith("diffusion_pytorch_model")
