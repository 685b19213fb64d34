"""Repositories to bring: contents that look random, differ everywhere, and are quickly made."""

from __future__ import annotations

import json
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
_TENSORS = 16
_BF16_BYTES = 2


def write_sharded(folder: Path, shards: int, size_bytes: int) -> None:
    """Write a model of *shards* safetensors files of about *size_bytes* each, its index, config and tokenizer."""
    folder.mkdir(parents=True)
    names = [f"model-{number:05}-of-{shards:05}.safetensors" for number in range(1, shards + 1)]
    weight_map = {tensor: name for name in names for tensor in _write_weights(folder / name, size_bytes)}
    total = sum(_BF16_BYTES * _elements(size_bytes) for _ in weight_map)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    _write_tokenizer(folder)


def write_many(folder: Path, count: int, size_bytes: int) -> None:
    """Write *count* files of *size_bytes*, in folders of a hundred."""
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"{number:06}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size_bytes))


def write_small_model(folder: Path, count: int) -> None:
    """Write a model of *count* files, all of them small: four shards, their index, a config, and words."""
    folder.mkdir(parents=True)
    names = [f"model-{number:05}-of-00004.safetensors" for number in range(1, 5)]
    weight_map = {tensor: name for name in names for tensor in _write_weights(folder / name, 1000)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": folder.name}))
    for number in range(count - len(names) - 2):
        (folder / f"words-{number:02}.txt").write_text(f"{folder.name} {number} {os.urandom(200).hex()}\n")


def _write_weights(path: Path, size_bytes: int) -> list[str]:
    """Write one safetensors file, and name its tensors."""
    elements = _elements(size_bytes)
    length = elements * _BF16_BYTES
    tensors = [f"{path.name[:11]}.{number}" for number in range(_TENSORS)]
    header = {
        tensor: {"dtype": "BF16", "shape": [elements], "data_offsets": [place * length, (place + 1) * length]}
        for place, tensor in enumerate(tensors)
    }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(_blocks(length * _TENSORS))
    return tensors


def _elements(size_bytes: int) -> int:
    return max(size_bytes // _TENSORS // _BF16_BYTES, 1)


def _blocks(length: int) -> Iterator[memoryview]:
    # No exponent is all ones: random bits would be NaN here and there, and good weights hold none.
    block = memoryview(bytearray(os.urandom(_BLOCK_BYTES)))
    block[1::_BF16_BYTES] = bytes(block[1::_BF16_BYTES]).translate(bytes(one & 0xBF for one in range(256)))
    for start in range(0, length, _BLOCK_BYTES):
        struct.pack_into("<Q", block, 0, start)
        yield block[: min(_BLOCK_BYTES, length - start)]


def _write_tokenizer(folder: Path) -> None:
    """Write a tokenizer by hand: the library would make this process, whose size the others inherit, a large one."""
    words = ["[UNK]", "a", "photo", "of", "one", "cat"]
    model = {"type": "WordLevel", "vocab": {word: place for place, word in enumerate(words)}, "unk_token": "[UNK]"}
    parts: dict[str, object] = {
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
    }
    whole = {"version": "1.0", "truncation": None, "padding": None, "decoder": None, **parts, "model": model}
    (folder / "tokenizer.json").write_text(json.dumps(whole), encoding="utf-8")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
