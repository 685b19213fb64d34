"""Every case of every row, in order: the tests play them with this project, `python -m conformance` with three."""

from __future__ import annotations

from conformance import bodies, listings, places, processes

CASES = tuple(sorted((*bodies.CASES, *listings.CASES, *processes.CASES, *places.CASES), key=lambda case: case.row))
