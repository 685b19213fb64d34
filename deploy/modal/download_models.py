"""
Bring the Qwen3-TTS models to a Modal Volume, and prove that they are ready to load.

    modal run download_models.py                      # both sizes, and their tokenizer
    modal run download_models.py --model-size 1.7B    # or 0.6B
    modal run download_models.py --list-only          # what lies on the Volume, and whether its certificate is true
    modal run download_models.py --clear              # delete all of it, after a question

modelready does the work; this file says where and when to commit. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import modal

VOLUME, SECRET = "qwen3-tts-models", "huggingface-secret"
MODELS_DIR = os.environ.get("MODELS_DIR", "/vol/models")
CERTIFICATE = "certificate.json"
SIZES = ("1.7B", "0.6B", "both")
TIMEOUT_S = 3600
# Modal kills without asking: before that, the download is stopped and what arrived is committed.
TIME_S = float(os.environ.get("DOWNLOAD_TIME_S") or TIMEOUT_S - 300)
PATIENCE_S = 20

CHECKOUT = Path(__file__).parents[2] if modal.is_local() else Path("/opt/modelready")
NOT_NEEDED = [".git", ".nox", "tests", "**/__pycache__", "models"]

image = (
    modal.Image.debian_slim(python_version="3.12")
    .add_local_dir(CHECKOUT, "/opt/modelready", copy=True, ignore=NOT_NEEDED)
    .run_commands("pip install --no-cache-dir /opt/modelready")
    # SQLite and caches stay off the Volume: only models, their receipts and the certificate lie there.
    .env({"MODELS_DIR": MODELS_DIR, "MODELREADY_HOME": "/tmp/modelready", "HF_HOME": "/tmp/huggingface"})  # noqa: S108 - a container's own
)
app = modal.App("qwen3-tts-download", image=image)
models_volume = modal.Volume.from_name(VOLUME, create_if_missing=True)


@app.function(
    volumes={MODELS_DIR: models_volume},
    secrets=[modal.Secret.from_name(SECRET)],
    timeout=TIMEOUT_S,
    max_containers=1,  # two would write the same files
)
def download_all_models(model_size: str = "both") -> None:
    """Bring the models of *model_size* one by one, commit after each, certify all, and commit the certificate."""
    end = time.monotonic() + TIME_S
    models_volume.reload()
    for name in _required(model_size):
        _run(["provision", "--model", name], model_size, end)
        print(f"{name}: committed")
    _run(["certify", "--trust-ledger", "--certificate", f"{MODELS_DIR}/{CERTIFICATE}"], model_size, end)
    print(f"{MODELS_DIR}/{CERTIFICATE}: committed; serve.py verifies it before it loads")


@app.function(volumes={MODELS_DIR: models_volume})
def list_volume_contents() -> None:
    """Print every file with its size, and whether the certificate is true of them."""
    models_volume.reload()
    total = 0
    for place in sorted(Path(MODELS_DIR).rglob("*")):
        if place.is_file():
            size = place.stat().st_size
            total += size
            print(f"{size / 1e6:12,.1f} MB  {place.relative_to(MODELS_DIR)}")
    print(f"{total / 1e6:12,.1f} MB  in all")
    certificate = Path(MODELS_DIR, CERTIFICATE)
    if certificate.is_file():
        sys.stdout.flush()
        subprocess.run(_command(["certificate", "verify", str(certificate)]), env=_certified_sizes(), check=False)
    else:
        print("no certificate: nothing here is proved; run `modal run download_models.py`")


@app.function(volumes={MODELS_DIR: models_volume})
def clear_volume() -> None:
    """Delete everything on the Volume, and commit."""
    models_volume.reload()
    for place in sorted(Path(MODELS_DIR).iterdir()):
        print(f"deleting {place}")
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    models_volume.commit()
    print("the Volume is empty")


@app.local_entrypoint()
def main(model_size: str = "both", list_only: bool = False, clear: bool = False) -> None:  # noqa: FBT001, FBT002 - modal makes options of them
    """Bring the models; or list, or clear, what lies on the Volume."""
    if model_size not in SIZES:
        sys.exit(f"--model-size {model_size}: expected one of {', '.join(SIZES)}")
    if clear:
        if input("Are you sure you want to clear the volume? (yes/no): ").strip().lower() == "yes":
            clear_volume.remote()
        else:
            print("Cancelled")
    elif list_only:
        list_volume_contents.remote()
    else:
        download_all_models.remote(model_size)


# ---- how modelready is called


def _command(words: list[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "modelready", *words, "--catalog", _catalog()]


def _catalog() -> str:
    """Give the catalog of these models: the one that comes with modelready, or one of your own."""
    from modelready import packaged  # noqa: PLC0415 - where this file is only sent away, modelready is not needed

    return os.environ.get("MODELREADY_CATALOG") or str(packaged.folder("catalogs") / "qwen-tts.toml")


def _environment(model_size: str) -> dict[str, str]:
    return {**os.environ, "MODELS_DIR": MODELS_DIR, "ENABLE_QWEN_TTS": "true", "QWEN_TTS_SIZE": model_size}


def _certified_sizes() -> dict[str, str]:
    """Give the environment that requires what the certificate proves: nothing more is asked of it here."""
    return {**os.environ, "MODELS_DIR": MODELS_DIR, "ENABLE_QWEN_TTS": "false"}


def _required(model_size: str) -> list[str]:
    """Give the names of the models that *model_size* asks for, their tokenizer among them."""
    asked = _command(["status", "--json"])
    done = subprocess.run(asked, env=_environment(model_size), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"model size {model_size}: modelready ended with {done.returncode}; it says why above")
    return [one["name"] for one in json.loads(done.stdout)["models"] if one["required"]]


def _run(words: list[str], model_size: str, end: float) -> None:
    """
    Run modelready until *end* at the latest, and commit what it left on the Volume, however it ended.

    Raises: RuntimeError, when it did not end well; TimeoutError, when time was up.
    """
    sys.stdout.flush()
    process = subprocess.Popen(_command(words), env=_environment(model_size))
    try:
        status = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        _stop(process)
        raise TimeoutError(
            f"{words[0]} was stopped {TIMEOUT_S - TIME_S:.0f} s before Modal would; what arrived is committed: "
            "run the same command again, it goes on there"
        ) from None
    except BaseException:  # Modal takes containers back: it interrupts them, and waits for half a minute
        _stop(process)
        raise
    finally:
        models_volume.commit()
    if status:
        raise RuntimeError(
            f"modelready {words[0]} ended with {status}; it says why above; what arrived is committed. "
            f"Where a token is refused: the secret {SECRET} must hold HF_TOKEN"
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop *process* as Ctrl-C would, so that it keeps what arrived."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
