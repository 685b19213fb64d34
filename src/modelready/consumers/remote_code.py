"""
Code that a model brings: the modules that ``auto_map`` names, and what they import beside them.

The rules are those of transformers 5.23, dynamic_module_utils.py: ``REPO--module.Class`` is looked for in the Hub
cache whatever folder is opened, ``module.Class`` in the folder; imports that begin with a dot are followed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelready.consumers import known_models, reading
from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelready.consumers.setting import Setting

#: The files that may name code.
_NAMING = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
_IMPORTS = re.compile(r"^\s*(?:from\s+\.(\w+)\s+import|import\s+\.(\w+)\s*$)", re.MULTILINE)
_REFERENCE = re.compile(r"(?:(?P<repo>[\w.-]+/[\w.-]+)--)?(?P<module>\w+)\.\w+")
_LARGEST_MODULE_BYTES = 4 * 2**20


def faults(setting: Setting, config: dict[str, Any]) -> tuple[Fault, ...]:
    """Tell the modules that are named and not there; a model that transformers opens without them needs none."""
    found = {fault.path: fault for fault in _faults(setting)}
    return () if not found or known_models.is_known(config) else tuple(found.values())


def _faults(setting: Setting) -> Iterator[Fault]:
    for name in _NAMING:
        for repo, module in _references(setting, name):
            if repo and not (setting.is_cached and repo == setting.source.address):
                yield from _elsewhere(setting, name, repo, module)
            elif not setting.is_left_out(f"{module}.py"):
                yield from _here(setting, name, module, set())


def _references(setting: Setting, name: str) -> Iterator[tuple[str, str]]:
    """Give the repository and the module of each reference in *name*."""
    if setting.is_told(name) or not setting.holds(name):
        return
    try:
        auto_map = reading.table(setting.root / name).get("auto_map")
    except reading.Unreadable:  # config.json is told; the others are read by those who need them
        return
    values = list(auto_map.values()) if isinstance(auto_map, dict) else [auto_map]
    for value in values:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and (match := _REFERENCE.fullmatch(one)):
                yield match["repo"] or "", match["module"]


def _here(setting: Setting, name: str, module: str, seen: set[str]) -> Iterator[Fault]:
    path = f"{module}.py"
    if path in seen:
        return
    seen.add(path)
    if not setting.holds(path):
        yield Fault(setting.path_of(path), f"is not there; {name} needs it: the model is opened by code of its own")
    elif not setting.is_told(path):
        try:
            text = reading.text(setting.root / path, _LARGEST_MODULE_BYTES)
        except reading.Unreadable as error:
            yield Fault(setting.path_of(path), str(error))
            return
        for match in _IMPORTS.finditer(text):
            yield from _here(setting, path, match[1] or match[2], seen)


def _elsewhere(setting: Setting, name: str, repo: str, module: str) -> Iterator[Fault]:
    if repo in setting.beside:  # another model of the catalog brings it, and is judged itself
        return
    snapshots = setting.cache / f"models--{repo.replace('/', '--')}" / "snapshots"
    if not any(snapshots.glob(f"*/{module}.py")):
        message = f"names {module}.py of {repo}, which is not in the Hub cache: opening the model asks the network"
        yield Fault(setting.path_of(name), message, f"add hf:{repo} to the catalog, with include = ['*.py']")
