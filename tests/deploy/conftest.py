"""What tests of the recipes need: small models under the names of the shipped catalogs, and a container of Modal."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "deploy"
CATALOG = """\
[[model]]
name = "qwen3-tts-tokenizer-12hz"
source = "hf:Qwen/Qwen3-TTS-Tokenizer-12Hz"
layout = "folder"
folder = "${MODELS_DIR}/Qwen3-TTS-Tokenizer-12Hz"
enabled_by = ["ENABLE_QWEN_TTS"]

[[model]]
name = "qwen3-tts-1.7b-base"
source = "hf:Qwen/Qwen3-TTS-12Hz-1.7B-Base"
layout = "folder"
folder = "${MODELS_DIR}/Qwen3-TTS-12Hz-1.7B-Base"
include = ["*.json", "*.safetensors", "speech_tokenizer/*"]
enabled_by = ["ENABLE_QWEN_TTS", "QWEN_TTS_SIZE:-both=1.7B|both"]
needs = ["qwen3-tts-tokenizer-12hz"]

[[model]]
name = "qwen3-tts-0.6b-base"
source = "hf:Qwen/Qwen3-TTS-12Hz-0.6B-Base"
layout = "folder"
folder = "${MODELS_DIR}/Qwen3-TTS-12Hz-0.6B-Base"
include = ["*.json", "*.safetensors", "speech_tokenizer/*"]
enabled_by = ["ENABLE_QWEN_TTS", "QWEN_TTS_SIZE:-both=0.6B|both"]
needs = ["qwen3-tts-tokenizer-12hz"]
"""
REPOS = ("Qwen/Qwen3-TTS-Tokenizer-12Hz", "Qwen/Qwen3-TTS-12Hz-1.7B-Base", "Qwen/Qwen3-TTS-12Hz-0.6B-Base")


def make_upstream(folder: Path, seed: int = 1) -> Path:
    """Write a small model with a speech tokenizer in it: two shards and their index each; each *seed* has its bytes."""
    for part, place in enumerate((folder, folder / "speech_tokenizer")):
        place.mkdir(parents=True)
        (place / "config.json").write_text(json.dumps({"model_type": "qwen3_tts"}))
        weight_map = {}
        for number, value in ((1, 0.5), (2, -0.25)):
            name = f"model-0000{number}-of-00002.safetensors"
            (place / name).write_bytes(weights(f"tensor{number}", (value * seed, 1.0 + part)))
            weight_map[f"tensor{number}"] = name
        index = {"metadata": {"total_size": 2 * _FLOATS * 4}, "weight_map": weight_map}
        (place / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


_FLOATS = 300_000


def weights(name: str, values: tuple[float, float]) -> bytes:
    """Give the bytes of a safetensors file that holds one vector, *values* over and over."""
    body = struct.pack("<2f", *values) * (_FLOATS // 2)
    header = json.dumps({name: {"dtype": "F32", "shape": [_FLOATS], "data_offsets": [0, len(body)]}}).encode()
    return struct.pack("<Q", len(header)) + header + body


@pytest.fixture
def upstream(hub, tmp_path):
    """Let the Hub serve the three repositories; give the folder of the last."""
    folders = [make_upstream(tmp_path / "upstream" / str(seed), seed) for seed in range(1, len(REPOS) + 1)]
    for repo, folder in zip(REPOS, folders, strict=True):
        hub.add_repo(repo, folder)
    return folders[-1]


@dataclass
class Container:
    """A container of Modal: its own mount of the Volume, its own state; functions run as Modal runs them."""

    place: Path
    server: object
    endpoint: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def mount(self) -> Path:
        return self.place / "vol" / "models"

    @property
    def environment(self) -> dict[str, str]:
        keep = ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR", "COVERAGE_", "COV_")
        inherited = {name: value for name, value in os.environ.items() if name.startswith(keep)}
        return inherited | {
            "HOME": str(self.place),
            "HF_HOME": str(self.place / "hf"),
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "MODELREADY_HOME": str(self.place / "state"),
            "MODELREADY_CATALOG": str(self.place / "qwen-tts.toml"),
            "MODELS_DIR": str(self.mount),
            "CHECKER": str(Path(sys.executable).parent),
            **self.server.environment,
            **self.variables,
        }

    def run(self, recipe: str, code: str, **options) -> subprocess.CompletedProcess[str]:
        """Run *code* with the module *recipe* as ``recipe``, on this container's mount."""
        how = self._how() | {"capture_output": True, "timeout": 600, "check": False} | options
        return subprocess.run(self._command(recipe, code), **how)  # noqa: PLW1510 - check is False

    def start(self, recipe: str, code: str) -> subprocess.Popen[str]:
        """Start the same."""
        return subprocess.Popen(self._command(recipe, code), **self._how(), stdout=subprocess.PIPE)

    def _command(self, recipe: str, code: str) -> list[str]:
        return [sys.executable, "-c", f"import {recipe} as recipe\n{code}"]

    def _how(self) -> dict[str, object]:
        self.mount.mkdir(parents=True, exist_ok=True)
        (self.place / "qwen-tts.toml").write_text(CATALOG)
        self.server.mount = self.mount
        return {"env": self.environment | {"PYTHONPATH": str(RECIPES / "modal")}, "cwd": self.place, "text": True}


@pytest.fixture
def catalog() -> str:
    """Give the text of a catalog with the models of document 4."""
    return CATALOG
