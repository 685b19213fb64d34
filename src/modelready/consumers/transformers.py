"""
transformers opens a folder: config.json, weights, code that the configuration names, tokenizer, processor.

The rules are those of transformers 5.23: modeling_utils.py (``_get_resolved_checkpoint_files``),
models/auto/configuration_auto.py (``AutoConfig.from_pretrained``), models/auto/processing_auto.py,
dynamic_module_utils.py. Folders below the root are opened by nobody unless a model is known to: Qwen3-TTS opens
speech_tokenizer/ (qwen_tts 0.1, Qwen3TTSModel.from_pretrained).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelready.consumers import known_models, reading, remote_code, weights
from modelready.consumers.weights import TRANSFORMERS
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelready.consumers.setting import Setting

CONFIG = "config.json"
_ADAPTER = "adapter_config.json"
_ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_TOKENIZER = frozenset(
    {"tokenizer.json", "tokenizer_config.json", "vocab.json", "vocab.txt", "merges.txt", "tekken.json", "source.spm"}
)
_TOKENIZER_ENDS = (".model", ".tiktoken", ".spm")
_PROCESSOR = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
#: What the configuration of a model that sees or hears holds, and that of one that only reads does not.
_SENSES = frozenset(
    {"vision_config", "audio_config", "image_size", "num_mel_bins", "patch_size", "conv_dim", "num_channels"}
)
#: Folders that a model of this type opens beside its own, and what each needs.
_PARTS = {"qwen3_tts": ("speech_tokenizer", (CONFIG, "preprocessor_config.json", "model.safetensors"))}


def faults(setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps transformers from opening the model."""
    if not setting.holds(CONFIG):
        return tuple(_without_config(setting))
    return (*config_faults(setting), *_weights(setting), *code_and_words(setting))


def config(setting: Setting) -> dict[str, Any]:
    """Give the model's configuration; empty where it is not there or no table, which others tell."""
    if setting.is_told(CONFIG):
        return {}
    try:
        return reading.table(setting.root / CONFIG)
    except reading.Unreadable:
        return {}


def config_faults(setting: Setting) -> Iterator[Fault]:
    """Tell what is wrong with the configuration itself."""
    if setting.is_told(CONFIG):
        return
    try:
        found = reading.table(setting.root / CONFIG)
    except reading.Unreadable as error:
        yield Fault(setting.path_of(CONFIG), str(error))
        return
    # "architecture" is how timm says it: transformers opens those as timm_wrapper.
    if not any(found.get(key) for key in ("model_type", "architectures", "auto_map", "architecture")):
        message = "names no model_type, no architectures and no auto_map: nothing says which class opens the model"
        yield Fault(setting.path_of(CONFIG), message)


def code_and_words(setting: Setting) -> Iterator[Fault]:
    """Tell what is missing beside configuration and weights: code, tokenizer, processor, parts."""
    found = config(setting)
    yield from remote_code.faults(setting, found)
    yield from _tokenizer(setting, found)
    yield from _processor(setting, found)
    yield from _parts(setting, found)


# ---- weights


def _weights(setting: Setting) -> Iterator[Fault]:
    names, named = setting.names(), config(setting).get("transformers_weights")
    starts = weights.entries(names, TRANSFORMERS)
    if isinstance(named, str):
        if not setting.holds(named):
            yield Fault(setting.path_of(named), "is not there; config.json names it as transformers_weights")
    elif starts:
        chosen = starts.get("") or next(iter(starts.values()))
        yield from weights.absent_shards(setting, ".", chosen)
    elif shards := weights.shards_without_index(names, TRANSFORMERS):
        yield Fault("model.safetensors.index.json", f"is not there, so {shards[0]} is never opened")
    elif _wants_weights(setting) and not _opens_otherwise(setting, names):
        expected = weights.expected(TRANSFORMERS)
        yield Fault("model.safetensors", f"is not there: no weights under a name that is opened; expected {expected}")


def _wants_weights(setting: Setting) -> bool:
    """Tell whether the catalog wants weights: ``include = ["tokenizer*", "config.json"]`` wants a tokenizer only."""
    return setting.is_wanted(*weights.example(TRANSFORMERS))


def _opens_otherwise(setting: Setting, names: Collection[str]) -> bool:
    """Tell whether weights are opened under other names: GGUF by ``gguf_file``, adapters, code of the model's own."""
    is_own = bool(config(setting).get("auto_map")) and any(name.endswith((".safetensors", ".bin")) for name in names)
    return is_own or _ADAPTER in names or any(name.endswith(".gguf") for name in names)


def _without_config(setting: Setting) -> Iterator[Fault]:
    """Tell what a folder without config.json lacks; a tokenizer, a processor, an adapter or a GGUF needs none."""
    names = setting.names()
    if _ADAPTER in names:
        if not setting.holds_any(_ADAPTER_WEIGHTS):
            yield Fault(_ADAPTER_WEIGHTS[0], f"is not there; {_ADAPTER} speaks of it")
    elif starts := weights.entries(names, TRANSFORMERS):
        weight = next(iter(starts.values()))[0]
        yield Fault(CONFIG, f"is not there; a model is opened by it, and its weights are here ({weight})")
    elif not (_has_tokenizer(setting) or setting.holds_any(_PROCESSOR) or _is_below_or_gguf(setting, names)):
        yield Fault(CONFIG, "is not there, and nothing else here is opened: no tokenizer, no processor, no GGUF")


def _is_below_or_gguf(setting: Setting, names: Collection[str]) -> bool:
    """Tell whether there is a GGUF, or only folders that are opened on their own."""
    is_below = any(path.endswith((f"/{CONFIG}", "/tokenizer.json", "/tokenizer_config.json")) for path in setting.files)
    return is_below or any(name.endswith(".gguf") for name in names)


# ---- tokenizer, processor, parts


def _has_tokenizer(setting: Setting) -> bool:
    names = setting.names() | setting.names("tokenizer")
    return bool(names & _TOKENIZER) or any(name.endswith(_TOKENIZER_ENDS) for name in names)


def _tokenizer(setting: Setting, found: dict[str, Any]) -> Iterator[Fault]:
    """Tell a model of words that has no tokenizer at all; one that does not work, ``tokenizers.encode_text`` tells."""
    if _has_tokenizer(setting) or setting.has_tokenizer_named or setting.is_left_out("tokenizer.json"):
        return
    if known_models.works_on_text(found):
        message = (
            f"no tokenizer is here, and a {found['model_type']} model needs one; where another model brings it, "
            'the catalog says so: tokenizer = "MODEL:FOLDER"'
        )
        yield Fault("tokenizer.json", message)


def _processor(setting: Setting, found: dict[str, Any]) -> Iterator[Fault]:
    """Tell a model that sees or hears and says nowhere how its input is prepared."""
    if not _SENSES & found.keys() or setting.holds_any(_PROCESSOR) or setting.is_left_out(_PROCESSOR[0]):
        return
    if known_models.works_on_images_or_sound(found):
        yield Fault(_PROCESSOR[0], f"is not there; a {found['model_type']} model prepares its input by it")


def _parts(setting: Setting, found: dict[str, Any]) -> Iterator[Fault]:
    """Tell what the folders lack that a model of this type opens beside its own."""
    kind = found.get("model_type")
    if not isinstance(kind, str) or kind not in _PARTS:
        return
    folder, needed = _PARTS[kind]
    for path in (f"{folder}/{name}" for name in needed):
        if not setting.holds(path) and not setting.is_left_out(path):
            yield Fault(path, f"is not there; a {kind} model opens {folder}/ beside its own files")
