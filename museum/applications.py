"""Files that are whole, and applications that do not find them: they ask the network, or a repository of its own."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from museum import contents, damages
from museum.contents import CONFIG
from museum.exhibits import Exhibit
from museum.rooms import Room

if TYPE_CHECKING:
    from typing import Any

_ELSEWHERE = "acme/gated-code--modeling_boogle.BoogleModel"


def _in_parts() -> dict[str, bytes]:
    """Give a model in its parts, each in shards as its publisher names them."""
    names = "model-{number:05}-of-00003.safetensors"
    parts = (contents.sharded(folder, names) for folder in ("transformer", "text_encoder", "vae"))
    files = {path: content for part in parts for path, content in part.items()}
    configs = {f"{folder}/config.json": b'{"model_type": "part"}' for folder in ("transformer", "text_encoder", "vae")}
    return files | configs | contents.tokenizer("tokenizer/")


def _warmed(room: Room) -> None:
    """Fill the cache as huggingface_hub before 1.29 did: no listing says what belongs to the commit."""
    room.download()
    room.forget_listing()


def _boogle(**more: Any) -> bytes:
    told = {"model_type": "boogle", "architectures": ["BoogleModel"], "hidden_size": 32}
    return json.dumps(told | more).encode()


def _with_code() -> dict[str, bytes]:
    code = {"modeling_boogle.py": b"class BoogleModel:\n    pass\n"}
    return {**contents.plain(), **code, CONFIG: _boogle(auto_map={"AutoModel": "modeling_boogle.BoogleModel"})}


EXHIBITS = (
    Exhibit(
        "7",
        "z-image-turbo-4bit",
        '"Fetching 4 files" at each start, and offline none at all: the weights were warmed, the tokenizer was not',
        "layouts.mflux_finds_it",
        "tokenizer",
        files=_in_parts,
        fill=_warmed,
        damage=lambda room: shutil.rmtree(room.snapshot / "tokenizer"),
        catalog='consumers = ["mflux"]',
    ),
    Exhibit(
        "16",
        "code-elsewhere",
        "every file is on disk, and the code is still asked of a gated repository, by its name",
        "layouts.transformers_opens_it",
        "acme/gated-code",
        remedy="",
        files=_with_code,
        fill=Room.copy,
        damage=lambda room: damages.rewrite(room.place(CONFIG), _boogle(auto_map={"AutoModel": _ELSEWHERE})),
        layout="folder",
        catalog='include = ["*.safetensors", "*.json", "*.py"]\nconsumers = ["transformers"]',
    ),
)
