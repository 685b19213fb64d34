"""The script that starts a pod: the server starts when every model is proved, and only then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import RECIPES, REPOS

SERVER = ["sh", "-c", "echo served"]
ON = {"ENABLE_QWEN_TTS": "true", "QWEN_TTS_SIZE": "0.6B"}


@pytest.fixture
def pod(tmp_path, hub, upstream, catalog):
    """Give a function that starts the script as a pod does, with these variables."""
    (tmp_path / "catalogs").mkdir()
    (tmp_path / "catalogs" / "pod.toml").write_text(catalog)

    def start(**variables):
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "HF_HOME": str(tmp_path / "hf"),
            "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "MODELREADY_HOME": str(tmp_path / "state"),
            "MODELREADY_CATALOG": str(tmp_path / "catalogs"),
            "MODELS_DIR": str(tmp_path / "models"),
            **variables,
        }
        script = RECIPES / "runpod" / "start.sh"
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": tmp_path}
        return subprocess.Popen(["bash", str(script), *SERVER], env=environment, **how)

    return start


def ended(process):
    said = process.communicate(timeout=240)[0].decode()
    return process.returncode, said


def test_the_server_starts_when_every_model_is_proved(pod, tmp_path):
    """What the switches turn on is brought first; the certificate lies with it."""
    status, said = ended(pod(**ON))

    assert (status, said.splitlines()[-1]) == (0, "served"), said
    assert (tmp_path / "models" / "certificate.json").is_file()
    assert (tmp_path / "models" / "Qwen3-TTS-12Hz-0.6B-Base" / "config.json").is_file()


@pytest.mark.parametrize(
    ("variables", "status", "told"),
    [
        pytest.param({}, 5, "set ENABLE_QWEN_TTS=true", id="no switch is on"),
        pytest.param({"ALLOW_NO_MODELS": "true"}, 0, "as ALLOW_NO_MODELS allows", id="none is on, and that is allowed"),
        pytest.param({**ON, "QWEN_TTS_SIZE": "2B"}, 4, "no catalog names, 0.6B, 1.7B", id="another size"),
        pytest.param({**ON, "DISABLE_MODEL_DOWNLOADS": "true"}, 1, "DISABLE_MODEL_DOWNLOADS", id="downloads disabled"),
    ],
)
def test_the_exit_status_says_why_it_does_not(pod, variables, status, told):
    ended_with, said = ended(pod(**variables))

    assert ended_with == status, said
    assert all(word in said for word in told.split(", "))
    assert ("served" in said.splitlines()) == (status == 0)


def test_a_pod_that_is_stopped_keeps_what_arrived(pod, tmp_path, hub):
    """SIGTERM reaches modelready through the script; the server never starts, the next start goes on."""
    shard = "model-00001-of-00002.safetensors"
    hub.stall(f"{REPOS[2]}/{shard}", after=300_000)
    process = pod(**ON)
    part = tmp_path / "models" / "Qwen3-TTS-12Hz-0.6B-Base" / f"{shard}.part"
    until = time.monotonic() + 120
    while not part.exists() and time.monotonic() < until:
        time.sleep(0.05)

    process.send_signal(signal.SIGTERM)
    status, said = ended(process)

    assert (status, part.exists()) == (2, True), said
    assert "served" not in said.splitlines()
