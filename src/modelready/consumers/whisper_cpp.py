"""
whisper.cpp opens one file of its own format, which begins with the number 0x67676d6c.

src/whisper.cpp, whisper_model_load (``GGML_FILE_MAGIC``); by name it is ``ggml-NAME.bin`` (models/README.md,
models/download-ggml-model.sh). GGUF it does not open.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelready.consumers import reading
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.consumers.setting import Setting

_MAGIC = b"lmgg"
_KNOWN = {
    b"GGUF": "is GGUF, which llama.cpp opens and whisper.cpp does not",
    b"PK\x03\x04": "is a checkpoint of PyTorch, from which models/convert-pt-to-ggml.py makes a model",
}


def faults(setting: Setting) -> tuple[Fault, ...]:
    """Tell what keeps whisper.cpp from opening the model."""
    models = [path for path in setting.files if _is_model(path)]
    if not models:
        return (Fault("ggml-*.bin", "no model of whisper.cpp is here; expected a file such as ggml-base.bin"),)
    return tuple(_wrong(setting, models))


def _is_model(path: str) -> bool:
    """Tell whether whisper.cpp is to open *path*: Core ML and OpenVINO bring files of other kinds beside it."""
    name = PurePosixPath(path).name.lower()
    is_other = any(part.endswith((".mlmodelc", ".mlpackage")) for part in PurePosixPath(path).parts)
    return not is_other and "-openvino" not in name and name.endswith((".bin", ".gguf", ".pt"))


def _wrong(setting: Setting, models: list[str]) -> Iterator[Fault]:
    for path in models:
        place = setting.files[path]
        if path in setting.told or not reading.is_file(place):
            continue
        found = reading.magic(place)
        if found != _MAGIC:
            why = _KNOWN.get(found, f"begins with {found.hex() or 'nothing'}, not with {_MAGIC.hex()} (ggml)")
            yield Fault(path, f"{why}: expected a model such as ggml-base.bin")
