"""Which boot of the machine this is: a part written before the last one is believed only where it was synced."""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path

LINUX = Path("/proc/sys/kernel/random/boot_id")


@functools.cache
def boot() -> str:
    """Name this boot; empty where the system does not tell, and then only synced bytes are believed."""
    try:
        return LINUX.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return _darwin_boot() if sys.platform == "darwin" else ""


def _darwin_boot() -> str:
    buffer = ctypes.create_string_buffer(64)
    length = ctypes.c_size_t(len(buffer))
    libc = ctypes.CDLL(None)
    if libc.sysctlbyname(b"kern.bootsessionuuid", buffer, ctypes.byref(length), None, 0):
        return ""
    return buffer.value.decode("ascii", "replace")
