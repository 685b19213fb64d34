"""Puts the top of the checkout where Python finds it: the exhibits are data of the package `museum` there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
