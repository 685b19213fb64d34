"""From what is asked to which call of the Hub it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Every kind of call; "any" in a fault means all of them, "body" those that carry a file's bytes.
KINDS = (
    *("revision", "tree", "paths", "head", "get", "cdn", "whoami", "harnesses", "other"),
    *("xet-token", "reconstruction", "xorb", "telemetry"),  # Xet: the first of the Hub, the others of its own server
    *("version", "download"),  # CivitAI
)
#: Those that are about one file.
FILE_KINDS = frozenset({"head", "get", "cdn", "reconstruction", "xorb"})

_WORDS = {"revision": "revision", "tree": "tree", "paths-info": "paths", "xet-read-token": "xet-token"}
_LONGEST_NAME = 2  # org/name


@dataclass(frozen=True)
class Asked:
    """One HTTP request as it came; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def bearer(self) -> str | None:
        """Give the token that was sent."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Call:
    """What a request asks of the Hub: the kind of call, and about what."""

    kind: str
    repo: str = ""
    revision: str = "main"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


def call_of(asked: Asked) -> Call:
    """Tell which call of the Hub a request is; "other" is none that is served."""
    path, _, query = asked.target.partition("?")
    parts = [unquote(part) for part in path.split("/")[1:]]
    asks = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    if parts[:2] == ["api", "models"]:
        return _api(parts[2:], asks)
    if parts[0] == "api":
        return Call({"whoami-v2": "whoami", "agent-harnesses": "harnesses"}.get("/".join(parts[1:]), "other"))
    return _resolve(asked.method, parts, asks)


def _api(parts: list[str], query: Mapping[str, str]) -> Call:
    at = _position(parts, _WORDS)
    if at is None:
        is_name = 1 <= len(parts) <= _LONGEST_NAME and all(parts)
        return Call("revision", "/".join(parts), query=query) if is_name else Call("other")
    revision, path = parts[at + 1], "/".join(parts[at + 2 :])
    return Call(_WORDS[parts[at]], "/".join(parts[:at]), revision, path.strip("/"), query)


def _resolve(method: str, parts: list[str], query: Mapping[str, str]) -> Call:
    at = _position(parts, ("resolve",))
    if at is None:
        return Call("other")
    kind = "head" if method == "HEAD" else "get"
    return Call(kind, "/".join(parts[:at]), parts[at + 1], "/".join(parts[at + 2 :]), query)


def _position(parts: list[str], words: Mapping[str, str] | tuple[str, ...]) -> int | None:
    """Find the word that ends the repository's name, after org/name or after a name alone."""
    return next((at for at in (2, 1) if len(parts) > at + 1 and parts[at] in words), None)
