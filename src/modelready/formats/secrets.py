"""
Access tokens in a text: told by their kind and place, never by their letters.

The forms are those that the issuers document: huggingface.co, civitai.com, GitHub, AWS, OpenAI, PEM; what stands for a
token in a manual (``hf_xxx``, ``YOUR_TOKEN``) is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 4
_PEM = "a private key"
_LEAST_LETTERS = 8  # different ones: a token is random, an example is not


def _kind(name: str, hints: str, pattern: str) -> tuple[str, tuple[str, ...], re.Pattern[str]]:
    """Give a kind of token: *pattern* is tried only where one of *hints* stands in the text, in any case."""
    return name, tuple(hints.split()), re.compile(pattern)


_SAID = r"[\"'\s:=]{1,6}"
_KINDS = (
    _kind("a Hugging Face token", "hf_ api_org_", r"\b(?P<t>(?:hf|api_org)_[A-Za-z0-9]{30,})(?![A-Za-z0-9_])"),
    _kind(
        "a GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"\b(?P<t>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})",
    ),
    _kind("an AWS access key", "akia asia", r"\b(?P<t>(?:AKIA|ASIA)[0-9A-Z]{16})(?![0-9A-Za-z])"),
    _kind("an AWS secret key", "aws", rf"(?i:aws_?secret_?access_?key){_SAID}(?P<t>[A-Za-z0-9/+]{{40}})(?![\w/+])"),
    _kind("a CivitAI key", "civitai", rf"(?i:civitai\w{{0,20}}){_SAID}(?P<t>[0-9a-f]{{32}})(?![0-9A-Za-z])"),
    _kind("an OpenAI or Anthropic key", "sk-", r"\b(?P<t>sk-(?:[a-z0-9]{2,8}-){0,2}\w{20}[\w-]{20,})"),
    _kind("a token in an address", "token= key=", r"[?&](?i:token|access_token|api_?key)=(?P<t>[\w.~-]{20,})"),
    _kind("a bearer token", "bearer", rf"(?i:authorization){_SAID}(?i:bearer)\s{{1,4}}(?P<t>[\w.~+/-]{{20,}})"),
    _kind("a password in an address", "://", r"://[^/\s:@\"']{0,64}:(?P<t>[^/\s:@\"'{}$<>]{16,})@[\w.-]{1,64}"),
    _kind(_PEM, "-----begin", r"(?P<t>-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY-----)"),
)
_STANDS_FOR = re.compile(r"x{4}|X{4}|\*{3}|\.{3}|(?i:your|example|placeholder|changeme|token_?here|insert)")
_NETRC = re.compile(r"\bpassword\s+(?P<t>\S{16,})")


@dataclass(frozen=True, slots=True)
class Secret:
    """One token: of which kind, on which line, and how it begins."""

    kind: str
    line: int
    begins: str


def found(text: str, *, is_netrc: bool = False) -> Iterator[Secret]:
    """Give the tokens in *text*; in a ``.netrc`` every long password is one."""
    for kind, start, token in _places(text):
        yield Secret(kind, text.count("\n", 0, start) + 1, token[:_SHOWN])
    for match in _NETRC.finditer(text) if is_netrc else ():
        if _is_random(match["t"]):
            yield Secret("a password", text.count("\n", 0, match.start()) + 1, match["t"][:_SHOWN])


def hidden(text: str) -> str:
    """Give *text* with each token in it cut to its first letters."""
    for _, start, token in reversed(list(_places(text))):
        text = f"{text[: start + _SHOWN]}…{text[start + len(token) :]}"
    return text


def _places(text: str) -> Iterator[tuple[str, int, str]]:
    """Give kind, place and letters of each token, in order; what two kinds claim is the first one's."""
    folded = text.lower()
    asked = [(kind, pattern) for kind, hints, pattern in _KINDS if any(hint in folded for hint in hints)]
    claims = [(match.start("t"), kind, match["t"]) for kind, pattern in asked for match in pattern.finditer(text)]
    end = 0
    for start, kind, token in sorted(claims, key=lambda one: one[0]):
        if start >= end and (kind == _PEM or _is_random(token)):
            end = start + len(token)
            yield kind, start, token


def _is_random(token: str) -> bool:
    letters = token.partition("_")[2] or token
    is_mixed = any(one.isdigit() for one in letters) or any(one.isupper() for one in letters)
    return is_mixed and len(set(letters)) >= _LEAST_LETTERS and not _STANDS_FOR.search(token)
