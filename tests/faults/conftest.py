"""Puts the top of the checkout where Python finds it: the faults are data of the package `conformance` there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
