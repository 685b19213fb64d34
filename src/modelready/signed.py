"""Addresses that carry secrets: what of their query may be shown and written down."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import unquote_plus

#: Parameters that sign an address or open it: they change with every signing, and name no other file.
_SECRET = re.compile(
    r"x-(amz|goog|oss|obs|cos|bce|ms)-.*|q-(sign|ak|key|header|url).*|hdn(ea|ts|tl)|hmac|jwt|policy|expires?|exp|"
    r"(aws|oss|google)?_?access_?(key_?)?id|key-pair-id|verify|"
    r"s(v|e|t|r|p|s|rt|ip|pr|ig|ign|koid|ktid|kt|ke|ks|kv|dd|aoid|uoid|cid)|"
    r"(.*[-_])?(token|signature|sig|auth|authorization|secret|password|passwd|pwd|credentials?)|"
    r"(access|api|auth|secret)[-_]?(token|key)",
    re.IGNORECASE,
)
#: Parameters that may open an address as well, or say which file is meant: their values are never shown.
_VEILED = re.compile(r"key|code|pass|pw|session|sid|ticket|user|login", re.IGNORECASE)
_SHORT = re.compile(r"[\w.,~/ %+-]{0,16}", re.ASCII)


def without_secrets(url: str) -> str:
    """
    Give *url* without user, fragment and what signs it.

    A short value (``?download=true``) stays; of any other stays a print, so that two addresses do not become one.
    """
    before, mark, query = url.partition("#")[0].partition("?")
    scheme, slashes, rest = before.partition("//")
    host, slash, path = rest.partition("/")
    shown = f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"
    kept = [_shown(part) for part in re.split("[&;]", query) if part and not _is_secret(part)]
    return f"{shown}?{'&'.join(kept)}" if mark and kept else shown


def _is_secret(part: str) -> bool:
    return _SECRET.fullmatch(_name(part)) is not None


def _name(part: str) -> str:
    return unquote_plus(part.partition("=")[0]).strip()


def _shown(part: str) -> str:
    name, equals, value = part.partition("=")
    is_veiled = _VEILED.fullmatch(_name(part)) is not None and value != ""
    return f"{_short(name)}{equals}{_print(value) if is_veiled else _short(value)}"


def _short(text: str) -> str:
    return text if _SHORT.fullmatch(text) else _print(text)


def _print(text: str) -> str:
    return f"…{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:8]}"
