"""Whether mflux finds a model: in the Hub cache or in a folder, with what it opens beside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelready import patterns
from modelready.consumers.mflux import asking, uses
from modelready.consumers.mflux.cached import Repository
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelready.consumers.mflux.uses import Use
    from modelready.consumers.mflux.versions import Target
    from modelready.consumers.setting import Setting


def faults(setting: Setting, target: Target) -> tuple[Fault, ...]:
    """Tell what is wrong by our statement of the rules; where that is nothing, what *target* itself says."""
    if not setting.root.is_dir() or (setting.is_cached and setting.revision is None):  # files.are_there tells that
        return ()
    look = _Look(setting, target)
    found = tuple(fault for fault in look.faults() if not _is_told(fault, setting))
    return found or tuple(asking.disagreements(setting, look.served, target))


def _is_told(fault: Fault, setting: Setting) -> bool:
    """Tell whether an earlier check told of *fault*: of the file, or of one that its pattern would match."""
    return any(path == fault.path or patterns.matches_one(path, fault.path) for path in setting.told)


@dataclass(frozen=True)
class _Look:
    """One model as *target* looks at it."""

    setting: Setting
    target: Target

    @cached_property
    def served(self) -> list[Use]:
        """Give the uses that find everything, once ``faults`` has looked."""
        return []

    @cached_property
    def _repository(self) -> Repository:
        return self._repository_of(self._name)

    @property
    def _name(self) -> str:
        source = self.setting.source
        return source.address if source.kind == "hf" else self.setting.root.name

    @cached_property
    def _known(self) -> tuple[Use, ...]:
        """Give the uses of the model; made up from its files where mflux knows nothing of its name."""
        found = uses.of_repository(self._name)
        is_original = any(self._name in one.model.others for one in found)
        if is_original or any(one.touched(self.setting.files) for one in found):
            return found
        return (uses.custom(self._name, self.setting.files),)

    def faults(self) -> Iterator[Fault]:
        """Tell what is wrong, the ground before the rest."""
        known = [one for one in self._known if one.model.since <= self.target.version]
        if not known:
            yield self._too_old()
            return
        if self.setting.is_cached:
            ground = [*self._shadow(), *self._nameless(known), *self._commit_faults()]
            yield from ground
            if ground:
                return
        for group in uses.meant(known, self.setting.files):
            yield from self._least(group)

    def _least(self, group: Sequence[Use]) -> list[Fault]:
        """Give what the nearest of some uses lacks; nothing, where one of them is served."""
        lacking = [(list(self._lacks(one)), one) for one in group]
        least, use = min(lacking, key=lambda found: len(found[0]))
        if not least:
            self.served.append(use)
        return least

    def _lacks(self, use: Use) -> Iterator[Fault]:
        root = self.setting.root
        if self.setting.is_cached:
            yield from self._repository.picked_faults(root.name, use)
            yield from self._repository.lacks(root, use)
        else:
            yield from uses.lacks(root, use, self.target)
        yield from self._elsewhere(use)

    def _elsewhere(self, use: Use) -> Iterator[Fault]:
        """Tell what *use* opens in other repositories and does not find, where no other model brings those."""
        here = {self._name, use.opens[0].repo}
        for name in use.model.others:
            if name not in here and name not in self.setting.beside and (why := self._why_unusable(name, use)):
                pin = f"@{pin}" if (pin := self.target.pins.get(name)) else ""
                message = (
                    f"{use.name} of mflux opens this repository as well, and no model of the catalog brings it: {why}"
                )
                yield Fault(name, message, f'add a [[model]] with source = "hf:{name}{pin}", and name it in `needs`')

    def _why_unusable(self, name: str, use: Use) -> str:
        repository = self._repository_of(name)
        if repository.root is None:
            return "it is not in the Hub cache"
        beside = uses.Use(use.model, use.model.of(name))
        lacking = next(repository.lacks(repository.root, beside), None)
        return f"{lacking.path} {lacking.message}" if lacking else ""

    def _repository_of(self, name: str) -> Repository:
        return Repository(self.setting.cache, name, self.target, self.setting.environ)

    # ---- the ground

    def _too_old(self) -> Fault:
        first = min(one.model.since for one in self._known)
        series = ".".join(map(str, first))
        message = f"mflux {self.target.text} does not know this model; {series} is the first that does"
        return Fault(self._name, message, f"install mflux {series} or newer")

    def _shadow(self) -> Iterator[Fault]:
        if (self.setting.cwd / self._name).exists():
            message = "lies in the working directory: mflux, started here, opens it instead of the Hub cache"
            yield Fault(f"./{self._name}", message, "start mflux elsewhere, or rename it")

    def _nameless(self, known: Sequence[Use]) -> Iterator[Fault]:
        """Tell of weights that belong to no model that mflux would look up here: a LoRA, a single file."""
        is_custom = all(one.model.name == self._name for one in known)
        if is_custom and not any("/" in path for path in self.setting.files if path.endswith(".safetensors")):
            message = (
                "is no model that mflux opens from the Hub cache: it looks for LoRAs in $MFLUX_CACHE_DIR/loras alone"
            )
            yield Fault(self._name, message, 'set layout = "folder" in the catalog, and give mflux the path')

    def _commit_faults(self) -> Iterator[Fault]:
        return self._repository.commit_faults(self.setting.root.name)
