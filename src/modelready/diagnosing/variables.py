"""What the environment says that nobody reads: switches that no catalog names, variables that no program knows."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from modelready import environment, switches
from modelready.diagnosing.findings import Finding, fail, ok, warn
from modelready.inspection import machine, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modelready.model import Model, PlacedModel

_KNOWN = frozenset(
    {"MODELREADY_HOME", "MODELREADY_CATALOG", "MODELREADY_REQUIRE", "MODELREADY_ADMIN_TOKEN", "MODELREADY_MFLUX"}
    | {"MODELREADY_NOTIFY"}
)
_OURS = "MODELREADY_"
_SWITCH = "ENABLE_"
_ALIKE = 0.85


def examine(environ: Mapping[str, str], models: Sequence[Model], required: Iterable[PlacedModel]) -> Iterator[Finding]:
    """Tell of the variables that lead astray, and where the cache is that all agree on."""
    faults = machine.disagreeing_variables(environ, required)
    for one in faults:
        yield fail("variables", f"{one.path} {one.message}", one.remedy)
    if not faults:
        cache = words.folded(environment.read(environ).hf_cache)
        yield ok("variables", f"the Hub cache is {cache}, and no variable leads elsewhere")
    yield from _unread(environ, models)


def _unread(environ: Mapping[str, str], models: Iterable[Model]) -> Iterator[Finding]:
    known = {name for one in models for line in one.enabled_by for name in switches.parse(line).names}
    for name in sorted(environ):
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)
        if name in known or not environ[name]:
            continue
        if name.startswith(_OURS) and name not in _KNOWN:
            meant = difflib.get_close_matches(name, sorted(_KNOWN), n=1)
            yield warn("variables", f"{name}: modelready reads no such variable", _hint(name, meant))
        elif near or name.startswith(_SWITCH):
            yield warn("variables", f"{name} is set, and no catalog names such a switch", _hint(name, near))


def _hint(name: str, meant: Sequence[str]) -> str:
    return f"did you mean {meant[0]}?" if meant else f"unset {name}, unless another program reads it"
