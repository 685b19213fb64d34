"""Which files are brought by Xet: as much as can be told without it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelready.transfer.wanted import Wanted

FROM_SIZE = 16 << 20
_ON = frozenset({"1", "on", "yes", "true"})


@dataclass(frozen=True)
class XetSource:
    """By what hash Xet knows a file, and where the token that opens it is to be had."""

    hash: str
    token_url: str

    @classmethod
    def of(cls, xet_hash: str, *, endpoint: str, repo: str, revision: str) -> Self:
        """Name a file of a model repository on the Hub at *endpoint*."""
        route = f"/api/models/{quote(repo)}/xet-read-token/{quote(revision, safe='')}"
        return cls(xet_hash, endpoint.rstrip("/") + route)


@dataclass(frozen=True)
class XetSettings:
    """Whether Xet may be used here, and from which size on it is worth a process."""

    is_available: bool = True
    is_disabled: bool = False
    from_size: int = FROM_SIZE

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Tell from the environment, and from what is installed, whether Xet may be used."""
        is_disabled = environ.get("HF_HUB_DISABLE_XET", "").lower() in _ON
        return cls(is_available=find_spec("hf_xet") is not None, is_disabled=is_disabled)


def is_worth_xet(wanted: Wanted, xet_hash: str | None, settings: XetSettings) -> bool:
    """
    Tell whether *wanted* is better brought by Xet.

    Only with a sha256 to prove it by: hf_xet itself compares nothing but lengths.
    """
    is_allowed = settings.is_available and not settings.is_disabled
    is_large = wanted.size is not None and wanted.size >= settings.from_size
    is_provable = any(digest.algorithm == "sha256" for digest in wanted.digests)
    return bool(xet_hash) and is_allowed and is_large and is_provable
