"""Small files in the place of large ones: a repository as its publisher fills it, but for the weights."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from pathlib import Path, PurePosixPath

SHARD = re.compile(r"-\d{5}-of-\d{5}\.safetensors")
#: The class that a pipeline names for a part of it, by the folder of the part.
PARTS = {
    "processor": ["transformers", "Qwen2VLProcessor"],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
    "text_encoder_2": ["transformers", "T5EncoderModel"],
    "tokenizer": ["transformers", "Qwen2Tokenizer"],
    "tokenizer_2": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "QwenImageTransformer2DModel"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKLQwenImage"],
}
#: What the configurations say of whose code or parts an application asks for.
CONFIGS = {
    "florence-2-base": {
        "model_type": "florence2",
        "auto_map": {
            "AutoConfig": "configuration_florence2.Florence2LanguageConfig",
            "AutoModelForCausalLM": "modeling_florence2.Florence2ForConditionalGeneration",
        },
    },
    "joycaption-beta-one": {"model_type": "llava", "vision_config": {}},
    "llama-3.2-1b": {"model_type": "llama"},
    "qwen3-0.6b": {"model_type": "qwen3"},
    "qwen3-4b": {"model_type": "qwen3"},
    "qwen3-tts-tokenizer-12hz": {"model_type": "qwen3_tts_tokenizer_12hz"},
    "whisper-large-v3-turbo-hf": {"model_type": "whisper", "num_mel_bins": 128},
}


def write(root, paths, name=""):
    """Write the repository of the model *name* into *root*: whatever of *paths* ends as a known kind is one."""
    for path in paths:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content(path, sorted(paths), name))
    for folder in {PurePosixPath(path).parent for path in paths if path.endswith(("vocab.json", "tokenizer.json"))}:
        _write_tokenizer(root / folder, [Path(path).name for path in paths if PurePosixPath(path).parent == folder])
    return root


def content(path, paths, name=""):
    """Give the bytes of the stand-in for *path*, one of the *paths* of its repository."""
    if path.endswith(".safetensors"):
        return _safetensors(path)
    if path.endswith(".safetensors.index.json"):
        stem = path.removesuffix(".safetensors.index.json")
        shards = [one for one in paths if one.startswith(stem) and SHARD.search(one)]
        shards = shards or [
            one for one in paths if one.endswith(".safetensors") and Path(one).parent == Path(path).parent
        ]
        return json.dumps({"metadata": {}, "weight_map": {_tensor(one): Path(one).name for one in shards}}).encode()
    if path.endswith("model_index.json"):
        parts = {one.split("/")[0] for one in paths if "/" in one}
        return json.dumps(
            {"_class_name": "Pipeline", **{part: PARTS[part] for part in sorted(parts & {*PARTS})}}
        ).encode()
    if path == "config.json":
        return json.dumps(CONFIGS.get(name) or {"model_type": "qwen3_tts" if "qwen3-tts" in name else "bert"}).encode()
    if path.endswith(".json"):
        return json.dumps({"of": path}).encode()
    magic = {".gguf": b"GGUF", ".bin": b"lmgg" if "ggml" in path else b"\x01"}.get(Path(path).suffix, b"")
    return magic + f"# {path}\n".encode()


def small(text, root):
    """Give the catalog *text* with the sizes and digests of the files that lie in *root*, and all else as it is."""
    lines, path = [], ""
    for line in text.splitlines():
        key, _, value = line.partition(" = ")
        path = json.loads(value) if key == "path" else path
        place = root / path
        if key in {"size", "min_size", "sha256", "git_sha1", "md5"} and not place.is_file():
            continue
        lines.append(f"{key} = {json.dumps(_figure(key, place))}" if key in _FIGURES else line)
    return "\n".join(lines) + "\n"


_FIGURES = {
    "size": len,
    "min_size": len,
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
    "git_sha1": lambda data: hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest(),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


def _figure(key, place):
    return _FIGURES[key](place.read_bytes())


def _tensor(path):
    return f"{Path(path).stem}.weight"


def _safetensors(path):
    """Give a real file of one tensor, whose numbers are its own; one called by a number is as mflux-save writes it."""
    seed = hashlib.sha256(path.encode()).digest()
    numbers = [int.from_bytes(hashlib.sha256(seed + bytes([one])).digest()[:4], "big") / 2**32 for one in range(256)]
    header = {_tensor(path): {"dtype": "F32", "shape": [256], "data_offsets": [0, 1024]}}
    if Path(path).stem.isdecimal():
        header["__metadata__"] = {"quantization_level": "4", "mflux_version": "0.24.0"}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + struct.pack("<256f", *numbers)


def _write_tokenizer(folder, names):
    """Write those files of a real tokenizer that *names* has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415 - few tests need it

    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "ca", "<|endoftext|>"]
    vocabulary, merges = {word: place for place, word in enumerate(words)}, [("c", "a")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    config = {"tokenizer_class": "Qwen2Tokenizer", "pad_token": "<|endoftext|>", "chat_template": "{{ messages }}"}
    contents = {
        "tokenizer.json": tokenizer.to_str(),
        "vocab.json": json.dumps(vocabulary),
        "merges.txt": "#version: 0.2\nc a\n",
        "tokenizer_config.json": json.dumps(config),
        "special_tokens_map.json": json.dumps({"pad_token": "<|endoftext|>"}),
        "added_tokens.json": json.dumps({"<|endoftext|>": vocabulary["<|endoftext|>"]}),
    }
    for name in names:
        if name in contents:
            (folder / name).write_text(contents[name], encoding="utf-8")
