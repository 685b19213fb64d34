"""Lock files whose holders are dead: a kernel lock dies with its holder, a marker does not."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from modelready.layouts import locking

if TYPE_CHECKING:
    from pathlib import Path


def why_dead(lock: Path) -> str:
    """Say why nobody holds *lock*, though it names a holder; nothing where it names none, or one elsewhere."""
    holder = locking.holder_of(lock)
    if holder is None or holder.pid is None or holder.host != socket.gethostname() or is_running(holder.pid):
        return ""
    return f"process {holder.pid}, which held it, is gone"


def is_running(pid: int) -> bool:
    """Tell whether a process of this machine has the number *pid*."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True
