"""The machine of a measurement, told without names or paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from modelready import digests, filesystems

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGES = ("huggingface_hub", "pytest", "requests", "transformers")


def facts(place: Path) -> dict[str, str]:
    """Give what a reader has to know of this machine and of the disk under *place*."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(digests.cores()),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "file system": filesystems.kind(place),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        **_curl(),
    }


def _curl() -> dict[str, str]:
    program = shutil.which("curl")
    if program is None:
        return {"curl": "not there"}
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.match(r"curl (\S+)", told)
    return {"curl": found[1] if found else "unknown"}
