"""What the names in a folder tell: who opens it, where its tokenizers are, which files are no part of the model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelready import contents
from modelready.consumers import reading
from modelready.consumers.comfyui_folders import GGUF, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

ENDINGS = frozenset({*WEIGHTS, GGUF, ".onnx", ".h5", ".keras", ".npz", ".tflite", ".msgpack", ".ggml"})
MARKERS = frozenset({"config.json", "model_index.json", "modules.json", "tokenizer_config.json"})
SIDE_FILES = (".civitai.info", ".metadata.json", ".cm-info.json")
_APART = re.compile(r"(?i)(readme|license|licence|notice|usage_policy)(\..*)?|.*\.(md|png|jpe?g|webp|gif|mp4|pdf|part)")
_SHARD = re.compile(r"[-_.]\d{4,5}-of-\d{4,5}(?=\.)")
_LICENCE = re.compile(r"^license:\s*[\"']?([\w.+-]+)", re.MULTILINE)
_VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)


def is_weight(path: str) -> bool:
    """Tell whether *path* is named as weights are."""
    return _ending(path) in ENDINGS


def is_of_a_model(path: str) -> bool:
    """Tell whether *path* belongs to a model: no document, picture, note of a program, or hidden file."""
    parts = path.split("/")
    is_hidden = any(part.startswith(".") for part in parts)
    return not (is_hidden or path.endswith(SIDE_FILES) or _APART.fullmatch(parts[-1]))


def family(path: str) -> str:
    """Give what the shards of one model have in common."""
    return _SHARD.sub("", path)


def consumers(folder: Path, paths: Collection[str]) -> tuple[str, ...]:
    """Guess who opens the files *paths* in *folder*."""
    return tuple(dict.fromkeys(_consumers(folder, frozenset(paths))))


def tokenizers(paths: Collection[str]) -> tuple[str, ...]:
    """Give the folders that hold a tokenizer."""
    known = frozenset(paths)
    at = sorted(path.removesuffix("tokenizer_config.json") for path in known if _name(path) == "tokenizer_config.json")
    whole = [folder for folder in at if any(f"{folder}{one}" in known for one in _VOCABULARIES)]
    return tuple(folder.rstrip("/") or "." for folder in whole)


def licence(folder: Path) -> str:
    """Give the licence that the model card in *folder* names; nothing where there is none."""
    try:
        card = contents.text(folder / "README.md", most=4 << 20)
    except (OSError, ValueError):
        return ""
    found = _LICENCE.search(card.partition("\n---")[0]) if card.startswith("---") else None
    return found[1] if found else ""


def _consumers(folder: Path, paths: frozenset[str]) -> Iterator[str]:
    endings = {_ending(path) for path in paths}
    if "model_index.json" in paths:
        yield "diffusers"
    if "modules.json" in paths:
        yield "sentence-transformers"
    if any(re.fullmatch(r"transformer/\d+\.safetensors", path) for path in paths):
        yield "mflux"
    if "model.bin" in paths and any(path.startswith("vocabulary.") for path in paths):
        yield "faster-whisper"
    elif "config.json" in paths:
        yield from _of_config(_config(folder / "config.json"), endings)
    if GGUF in endings:
        yield "llama.cpp"
    if any(re.fullmatch(r"ggml-.*\.bin", path) for path in paths):
        yield "whisper.cpp"
    if ".onnx" in endings:
        yield "onnxruntime"


def _of_config(config: dict[str, Any], endings: set[str]) -> Iterator[str]:
    if config.get("model_type") == "qwen3_tts":
        yield "qwen-tts"
    elif config.get("architectures") and endings & {".safetensors", ".bin"}:
        yield "transformers"


def _config(place: Path) -> dict[str, Any]:
    try:
        return reading.table(place)
    except reading.Unreadable:
        return {}


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _ending(path: str) -> str:
    name = _name(path)
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""
