"""What the exhibits' models consist of: small files that are as the real ones are."""

from __future__ import annotations

import json
import random
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WEIGHTS, CONFIG = "model.safetensors", "config.json"
SIZE = 300_000
PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in.</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 9876543210\n" % (b"4d" * 32)
REFUSED = b"Invalid username or password."


def plain(size: int = SIZE, seed: int = 0) -> dict[str, bytes]:
    """Give a model of one weight file and its configuration."""
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32}
    return {WEIGHTS: weights(size, seed), CONFIG: json.dumps(config).encode()}


def weights(size: int = SIZE, seed: int = 0, dtype: str = "U8") -> bytes:
    """Give a safetensors file with one tensor of *size* bytes."""
    return packed({"weights": (dtype, random.Random(seed).randbytes(size))})  # noqa: S311 - to be the same each time


def packed(tensors: Mapping[str, tuple[str, bytes]]) -> bytes:
    """Give a safetensors file of *tensors*: of each the dtype, and the bytes."""
    header, body = {}, b""
    for name, (dtype, data) in tensors.items():
        count = len(data) // {"U8": 1, "BF16": 2, "F16": 2, "F32": 4, "F8_E4M3": 1}[dtype]
        header[name] = {"dtype": dtype, "shape": [count], "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def sharded(folder: str = "transformer", names: str = "{nth}.safetensors") -> dict[str, bytes]:
    """Give a component in three shards, under the names that mflux saves, and its index."""
    shards = {names.format(nth=nth, number=nth + 1): f"blocks.{nth}.weight" for nth in range(3)}
    files = {f"{folder}/{name}": weights_of(tensor) for name, tensor in shards.items()}
    index = {"metadata": {}, "weight_map": {tensor: name for name, tensor in shards.items()}}
    return files | {f"{folder}/model.safetensors.index.json": json.dumps(index).encode()}


def weights_of(*names: str, size: int = 60_000) -> bytes:
    """Give a safetensors file that holds the tensors *names*."""
    return packed({name: ("F32", _numbers(name, size)) for name in names})


def _numbers(seed: str, size: int) -> bytes:
    """Give *size* bytes that are small numbers as F32: any bytes would be NaN here and there."""
    found = bytearray(random.Random(seed).randbytes(size))  # noqa: S311 - as above
    found[3::4] = bytes(one & 0x80 | 0x3D for one in found[3::4])
    return bytes(found)


def tokenizer(folder: str = "") -> dict[str, bytes]:
    """Give a real, small tokenizer as two files."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - few exhibits need it

    words = ["[UNK]", "a", "photo", "of", "one", "cat", "the", "hello", "world"]
    made = Tokenizer(models.WordLevel({word: nth for nth, word in enumerate(words)}, unk_token="[UNK]"))  # noqa: S106 - a word
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}
    return {
        f"{folder}tokenizer.json": made.to_str().encode(),
        f"{folder}tokenizer_config.json": json.dumps(config).encode(),
    }
