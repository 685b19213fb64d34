"""Models as the applications meet them that are to open them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelready.consumers import Setting
from modelready.inspection import words
from modelready.inspection.files import is_required_and_absent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from modelready.model import Fault, Model, PlacedModel


@dataclass(frozen=True)
class Here:
    """Where applications run: the Hub cache, the variables, the folder they start in, and what else is brought."""

    cache: Path
    cwd: Path
    environ: Mapping[str, str]
    models: tuple[Model, ...] = ()


def mflux_faults(model: PlacedModel, here: Here, *, refused: Collection[str] = ()) -> tuple[Fault, ...]:
    """Tell why mflux would not find *model*; what was told of *refused* files, or of absent ones, is passed over."""
    from modelready.consumers import mflux  # noqa: PLC0415 - its data are read where they are needed

    return _mendable(mflux.faults(setting(model, here, refused)))


def setting(model: PlacedModel, here: Here, refused: Collection[str] = ()) -> Setting:
    """Give *model* as an application meets it."""
    told = {one.path for one in model.files if is_required_and_absent(one)} | set(refused)
    beside = {one.source.address for one in here.models if one.layout == "hub-cache" and one.name != model.name}
    return Setting(
        name=model.name,
        source=model.model.source,
        root=model.root,
        is_cached=model.model.layout == "hub-cache",
        cache=here.cache,
        cwd=here.cwd,
        revision=model.revision,
        files={one.path: one.place for one in model.files},
        told=frozenset(told),
        beside=frozenset(beside),
        environ=here.environ,
    )


def _mendable(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Give *faults*, each with something to do."""
    return tuple(one if one.remedy else replace(one, remedy=words.PROVISION) for one in faults)
