"""Which tokens this machine would send: where they come from and whether they look like some, never what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import contents
from modelready.diagnosing.findings import Finding, fail, ok, warn
from modelready.environment import is_true
from modelready.inspection import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelready.environment import Settings

_HUB = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_CIVITAI = ("CIVITAI_TOKEN", "CIVITAI_API_KEY")
_IMPLICIT = "HF_HUB_DISABLE_IMPLICIT_TOKEN"
_OIDC = "HF_OIDC_RESOURCE"
_HUB_FORM = re.compile(r"(?:hf_(?:jwt_|oauth_)?|api_org_)[\w.~-]{20,}")
_CIVITAI_FORM = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class Token:
    """A token, who holds it, and what is odd about its form."""

    held_by: str
    letters: str = field(repr=False)
    oddity: str = ""


def of_hub(environ: Mapping[str, str], settings: Settings) -> Token | None:
    """Give the token that huggingface_hub would send, without asking anybody for one."""
    if is_true(environ.get(_IMPLICIT)):
        return None
    for name in _HUB:
        if given := environ.get(name, "").strip():
            return Token(name, given, _oddity(given, _HUB_FORM, "hf_…"))
    path = Path(environ.get("HF_TOKEN_PATH") or settings.hf_home / "token")
    try:
        given = contents.text(path, most=contents.NOTE).strip()
    except (OSError, ValueError):
        return None
    return Token(words.folded(path), given, _oddity(given, _HUB_FORM, "hf_…")) if given else None


def of_civitai(environ: Mapping[str, str]) -> Token | None:
    """Give the token that CivitAI would be sent."""
    for name in _CIVITAI:
        if given := environ.get(name, "").strip():
            return Token(name, given, _oddity(given, _CIVITAI_FORM, "32 hexadecimal digits"))
    return None


def whence(environ: Mapping[str, str], settings: Settings) -> str:
    """Say which token the Hub is sent from here, or why none."""
    if environ.get(_OIDC):
        return f"a short-lived token is asked for: {_OIDC} is set"
    if is_true(environ.get(_IMPLICIT)):
        return f"{_IMPLICIT} is set: no token is sent"
    token = of_hub(environ, settings)
    if token is None:
        return f"neither HF_TOKEN nor {words.folded(settings.hf_home / 'token')} holds a token"
    return f"the token in {token.held_by} is sent{f', which {token.oddity}' if token.oddity else ''}"


def examine(
    environ: Mapping[str, str], settings: Settings, kinds: frozenset[str], gated: list[str]
) -> Iterator[Finding]:
    """Tell of the tokens for sources of *kinds*; the models in *gated* need one."""
    if "hf" in kinds:
        yield _of_hub(environ, settings, gated)
    if "civitai" in kinds:
        yield _told("CivitAI", of_civitai(environ), "most of its files want one", "set CIVITAI_TOKEN")


def _of_hub(environ: Mapping[str, str], settings: Settings, gated: list[str]) -> Finding:
    token = of_hub(environ, settings)
    if token is None and not environ.get(_OIDC) and gated:
        remedy = "set HF_TOKEN to a token of an account that accepted the licences"
        return fail("tokens", f"{whence(environ, settings)}, and {', '.join(gated)} cannot be had without", remedy)
    if token is None:
        return ok("tokens", f"the Hub: {whence(environ, settings)}; what is public needs none")
    return _told("the Hub", token, "", "")


def _told(whose: str, token: Token | None, why: str, remedy: str) -> Finding:
    if token is None:
        return warn("tokens", f"{whose}: no token is set, and {why}", remedy)
    if token.oddity:
        return warn("tokens", f"{whose}: the token in {token.held_by} {token.oddity}", f"set {token.held_by} anew")
    return ok("tokens", f"{whose}: a token in {token.held_by}, {len(token.letters)} letters, of the usual form")


def _oddity(token: str, form: re.Pattern[str], usual: str) -> str:
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "holds characters that no token has"
    if token[0] in "\"'" or token[-1] in "\"'":
        return "stands in quotes, which are sent with it"
    return "" if form.fullmatch(token) else f"does not have the usual form ({usual})"
