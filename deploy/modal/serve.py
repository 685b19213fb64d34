"""
Serve Qwen3-TTS from the Volume that download_models.py filled; it loads only where the certificate is still true.

    modal deploy serve.py
"""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import Any

import modal

VOLUME = "qwen3-tts-models"
MODELS_DIR = os.environ.get("MODELS_DIR", "/vol/models")
CERTIFICATE = "certificate.json"
SIZE = os.environ.get("QWEN_TTS_SIZE", "1.7B")  # or 0.6B
# In an environment of its own: qwen-tts wants an older transformers than modelready does.
CHECKER = os.environ.get("CHECKER", "/opt/checker/bin")

CHECKOUT = Path(__file__).parents[2] if modal.is_local() else Path("/opt/modelready")
NOT_NEEDED = [".git", ".nox", "tests", "**/__pycache__", "models"]

image = (
    modal.Image.debian_slim(python_version="3.12")
    .apt_install("sox")
    .pip_install("qwen-tts", "soundfile")
    .add_local_dir(CHECKOUT, "/opt/modelready", copy=True, ignore=NOT_NEEDED)
    .run_commands(
        "python -m venv /opt/checker",
        "/opt/checker/bin/pip install --no-cache-dir /opt/modelready",
    )
    # HF_HUB_OFFLINE: what is missing fails loudly, instead of downloading for ten minutes at the first request.
    .env({"MODELS_DIR": MODELS_DIR, "QWEN_TTS_SIZE": SIZE, "HF_HUB_OFFLINE": "1"})
)
app = modal.App("qwen3-tts", image=image)
models_volume = modal.Volume.from_name(VOLUME)


def certified_folder(size: str = SIZE) -> str:
    """
    Give the folder of the model, once the certificate on the Volume was found to be true of what lies there.

    Raises: RuntimeError, where it is not; modelready says why.
    """
    models_volume.reload()  # what was committed after this container began
    words = ["certificate", "verify", f"{MODELS_DIR}/{CERTIFICATE}", "--catalog", _catalog()]
    switches = {"MODELS_DIR": MODELS_DIR, "ENABLE_QWEN_TTS": "true", "QWEN_TTS_SIZE": size}
    done = subprocess.run([f"{CHECKER}/modelready", *words], env={**os.environ, **switches}, check=False)
    if done.returncode:
        raise RuntimeError(f"the models on the Volume {VOLUME} are not proved: `modal run download_models.py`")
    return f"{MODELS_DIR}/Qwen3-TTS-12Hz-{size}-Base"


def _catalog() -> str:
    """Give the catalog of these models: the one that comes with modelready, or one of your own."""
    if given := os.environ.get("MODELREADY_CATALOG"):
        return given
    where = "from modelready import packaged; print(packaged.folder('catalogs') / 'qwen-tts.toml')"
    return subprocess.check_output([f"{CHECKER}/python", "-P", "-c", where], text=True).strip()


@app.cls(gpu="L4", volumes={MODELS_DIR: models_volume}, scaledown_window=300)
class Speech:
    """The model, loaded once for each container."""

    @modal.enter()
    def load(self) -> None:
        """Verify, then load."""
        folder = certified_folder()
        import torch  # noqa: PLC0415 - only in the container
        from qwen_tts import Qwen3TTSModel  # noqa: PLC0415 - only in the container

        self.model: Any = Qwen3TTSModel.from_pretrained(folder, device_map="cuda:0", dtype=torch.bfloat16)

    @modal.method()
    def say(self, text: str, language: str, voice: bytes, voice_text: str) -> bytes:
        """Give *text* as WAV, in the voice of the recording *voice*, in which *voice_text* is said."""
        import soundfile  # noqa: PLC0415 - only in the container

        recording = soundfile.read(io.BytesIO(voice))
        spoken, rate = self.model.generate_voice_clone(
            text=text, language=language, ref_audio=recording, ref_text=voice_text
        )
        written = io.BytesIO()
        soundfile.write(written, spoken[0], rate, format="WAV")
        return written.getvalue()
