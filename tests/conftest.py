"""What several areas of tests need: a Hub on loopback, a small model of real files, and a machine to put it on."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from modelready.mirror import Mirror

if TYPE_CHECKING:
    from pathlib import Path

REPO = "acme/tiny"


def pytest_configure():
    """Hear Ctrl-C, and let programs started here hear it, even where the tests run in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def safetensors(**tensors: list[float]) -> bytes:
    """Give the bytes of a safetensors file that holds *tensors* as F32 vectors."""
    header, body = {}, b""
    for name, values in tensors.items():
        chunk = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(body), len(body) + len(chunk)]}
        body += chunk
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def write_tokenizer(folder: Path) -> None:
    """Write a real, small tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 - few tests need it

    words = ["[UNK]", "a", "photo", "of", "one", "cat", "the", "hello", "world"]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"})
    )


@pytest.fixture
def tiny(tmp_path) -> Path:
    """Give the folder of a small repository: two shards and their index, a config, some words."""
    folder = tmp_path / "upstream" / "tiny"
    folder.mkdir(parents=True)
    (folder / "words.json").write_text(json.dumps(["cat", "dog"]))
    (folder / "read me.md").write_text("# a small model\n")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    shards = {
        "model-00001-of-00002.safetensors": safetensors(first=[float(one) for one in range(1, 5000)]),
        "model-00002-of-00002.safetensors": safetensors(second=[0.5, -0.5] * 3000),
    }
    for name, content in shards.items():
        (folder / name).write_bytes(content)
    index = {
        "metadata": {"total_size": (4999 + 6000) * 4},
        "weight_map": {"first": "model-00001-of-00002.safetensors", "second": "model-00002-of-00002.safetensors"},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def speaking(tiny) -> Path:
    """Give the same with a tokenizer: loading one takes seconds, so few tests do."""
    write_tokenizer(tiny)
    return tiny


@pytest.fixture
def hub():
    """Give a Hub on loopback, empty."""
    with Mirror() as mirror:
        yield mirror


@dataclass
class Machine:
    """A machine of its own: home, caches, state and catalog in one folder; commands run as a user runs them."""

    place: Path
    endpoint: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def cache(self) -> Path:
        """Give the Hub cache."""
        return self.place / "hf" / "hub"

    @property
    def state(self) -> Path:
        """Give the state folder."""
        return self.place / "state"

    @property
    def environment(self) -> dict[str, str]:
        """Give the environment of this machine's commands."""
        keep = {"PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR"}
        inherited = {
            name: value for name, value in os.environ.items() if name in keep or name.startswith(("COVERAGE_", "COV_"))
        }
        return inherited | {
            "HOME": str(self.place),
            "HF_HOME": str(self.place / "hf"),
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "MODELREADY_HOME": str(self.state),
            "MODELS_DIR": str(self.place / "models"),
            **self.variables,
        }

    def catalog(self, text: str, name: str = "catalog.toml") -> Path:
        """Write a catalog."""
        path = self.place / "catalogs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run ``modelready`` with *arguments*."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.place,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``modelready`` with *arguments*."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            cwd=self.place,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def command(self, *arguments: str) -> list[str]:
        """Give the command line of ``modelready`` with *arguments*."""
        return [sys.executable, "-P", "-m", "modelready", *arguments]

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run *code* on this machine, as another program that uses its cache would."""
        return subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            env=self.environment,
            cwd=self.place,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="session")
def machine_at():
    """Give the function that makes a machine at a place, for tests that share one."""
    return Machine


@pytest.fixture
def machine(tmp_path, hub) -> Machine:
    """Give a fresh machine whose Hub is *hub*."""
    place = tmp_path / "machine"
    place.mkdir()
    return Machine(place, hub.url)


@pytest.fixture
def tiny_machine(machine, hub, tiny) -> Machine:
    """Give a machine whose catalog requires the small model, served by its Hub."""
    hub.add_repo(REPO, tiny)
    machine.catalog(f'[[model]]\nname = "tiny"\nsource = "hf:{REPO}"\nconsumers = ["transformers"]\n')
    return machine
