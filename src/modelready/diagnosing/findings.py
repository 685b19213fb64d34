"""One line of what a doctor found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """What was found about *topic*; what fails, or may, has a remedy."""

    topic: str
    level: Level
    text: str
    remedy: str = ""


def ok(topic: str, text: str) -> Finding:
    """Tell that something is as it should be."""
    return Finding(topic, "ok", text)


def warn(topic: str, text: str, remedy: str) -> Finding:
    """Tell that something may be in the way."""
    return Finding(topic, "warn", text, remedy)


def fail(topic: str, text: str, remedy: str) -> Finding:
    """Tell that something is in the way."""
    return Finding(topic, "fail", text, remedy)
