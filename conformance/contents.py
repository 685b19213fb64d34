"""The model that is brought: weights of a size to choose, and small files beside them, each version another one."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SMALL, MEDIUM, LARGE = 300_000, 24_000_000, 40_000_000
WEIGHTS, CONFIG = "model.safetensors", "config.json"


def write(folder: Path, size: int, version: int) -> dict[str, bytes]:
    """Write the files of a *version* into *folder*, and give them."""
    files = {
        WEIGHTS: weights(size, version),
        CONFIG: json.dumps({"model_type": "bert", "architectures": ["BertModel"], "version": version}).encode(),
        "words.json": json.dumps(["cat", "dog", version]).encode(),
        "notes/read me.md": f"# A small model, {version}\n".encode(),
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return files


def weights(size: int, version: int) -> bytes:
    """Give a safetensors file of about *size* bytes that no other version shares a block with."""
    block = random.Random(version).randbytes(1 << 16)  # noqa: S311 - to be the same each time
    # Each block begins with its number: shifted bytes are other bytes.
    body = b"".join(struct.pack("<Q", place) + block[8:] for place in range(max(size >> 16, 4)))
    tensor = {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}
    header = json.dumps({"weights": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + body


def page(size: int) -> bytes:
    """Give a web page of exactly *size* bytes."""
    return b"<html><body>Please log in to this network.</body></html>".ljust(size)[:size]


def names(content: bytes) -> set[str]:
    """Give the names under which a Hub cache may keep *content*."""
    blob = b"blob %d\0%s" % (len(content), content)
    return {hashlib.sha256(content).hexdigest(), hashlib.sha1(blob).hexdigest()}  # noqa: S324 - as git names it
