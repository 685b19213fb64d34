"""Which versions work together here."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from modelready import __version__
from modelready.diagnosing.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What decides how models are brought and opened; the last two may be missing.
_TOLD = ("huggingface_hub", "hf_xet", "requests", "safetensors", "tokenizers", "transformers", "pytest", "pytest-xdist")
_OTHERS = ("mflux", "diffusers")


def examine(consumers: frozenset[str]) -> Iterator[Finding]:
    """Tell the versions, and those that are not what this version needs; *consumers* open the models here."""
    system = f"{platform.system()} {platform.machine()}"
    yield ok("versions", f"modelready {__version__}, Python {platform.python_version()}, {system}")
    needs = _needs()
    found = {name: _version(name) for name in _TOLD}
    wrong = {name for name, version in found.items() if version is None or not _fits(name, version, needs)}
    yield ok("versions", ", ".join(f"{name} {found[name]}" for name in _TOLD if name not in wrong))
    for name in sorted(wrong):
        wish = f"{name}{needs[_plain(name)].specifier}" if _plain(name) in needs else name
        yield fail("versions", f"{name} {found[name] or 'is not installed'}", f'install it: pip install "{wish}"')
    for name in _OTHERS:
        version = _version(name)
        if version:
            yield ok("versions", f"{name} {version}")
        elif name in consumers:
            remedy = "nothing has to be done: the rules of released versions judge"
            yield warn("versions", f"{name} is not installed in this environment", remedy)


def _needs() -> dict[str, Requirement]:
    """Give what modelready needs, by name."""
    try:
        lines = metadata.requires("modelready") or []
    except metadata.PackageNotFoundError:
        return {}
    found = {}
    for line in lines:
        try:
            one = Requirement(line)
        except InvalidRequirement:
            continue
        if one.marker is None:
            found[_plain(one.name)] = one
    return found


def _fits(name: str, version: str, needs: dict[str, Requirement]) -> bool:
    need = needs.get(_plain(name))
    return need is None or need.specifier.contains(version, prereleases=True)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
