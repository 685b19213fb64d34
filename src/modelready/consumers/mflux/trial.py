"""
Ask the mflux of this Python where it finds things, with sockets closed: the program that ``asking`` runs.

Reads a list of questions and writes a line of JSON about mflux, then one for each question. It imports nothing of
ours: it is run by its path, by whatever Python has mflux.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_OUTGOING = frozenset(
    f"socket.{event}"
    for event in ("connect", "getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo", "sendto", "sendmsg")
)
#: The rest of a TokenizerDefinition, as mflux has it where a model says nothing else.
_DEFAULTS: dict[str, Any] = {
    "encoder_class": None,
    "max_length": 512,
    "padding": "max_length",
    "template": None,
    "use_chat_template": False,
    "chat_template_kwargs": {},
    "add_special_tokens": True,
    "processor_class": None,
    "image_token": "<|image_pad|>",
    "chat_template": None,
}


def main() -> None:
    """Say which mflux this is, then answer each question, as soon as the answer is known."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        sys.addaudithook(_close_sockets)
        for answer in _answers(json.load(sys.stdin)):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _close_sockets(event: str, _: tuple[Any, ...]) -> None:
    if event in _OUTGOING:
        raise PermissionError(f"{event}: sockets are closed")


def _answers(questions: list[dict[str, Any]]) -> Any:
    yield _about()
    for question in questions:
        yield {"found": "", "fault": ""} | _answer(question)


def _about() -> dict[str, Any]:
    try:
        version = metadata.version("mflux")
    except metadata.PackageNotFoundError:
        return {"version": "", "pins": None, "why": "mflux is not installed there"}
    try:
        from mflux.models.common.resolution.model_revisions import ModelRevisions  # noqa: PLC0415 - from 0.23 on
    except Exception as error:  # noqa: BLE001 - an import may fail in many ways, a missing driver among them
        return {"version": version, "pins": None, "why": _in_one_line(error)}
    return {"version": version, "pins": dict(ModelRevisions.PINNED), "why": ""}


def _answer(question: dict[str, Any]) -> dict[str, str]:
    """Say where mflux finds what is asked for, or why it does not; nothing where mflux cannot be imported here."""
    try:
        ask = _prepared(question)
    except Exception:  # noqa: BLE001 - an import may fail in many ways, a missing driver among them
        return {}
    try:
        return {"found": str(ask())}
    except Exception as error:  # noqa: BLE001 - whatever mflux raises is the answer
        return {"fault": _in_one_line(error)}


def _prepared(question: dict[str, Any]) -> Any:
    """Give what asks *question*; imports come first, for on a machine without a driver they may fail."""
    if question["kind"] == "weights":
        from mflux.models.common.resolution.path_resolution import PathResolution  # noqa: PLC0415 - only what is asked

        return lambda: _resolved(PathResolution, question)
    from mflux.models.common.tokenizer.tokenizer_loader import TokenizerLoader  # noqa: PLC0415 - costs seconds

    # Not mflux's own TokenizerDefinition: the module around it imports all that loads weights, torch among it.
    asked = SimpleNamespace(
        name="asked",
        hf_subdir=question["subdir"],
        tokenizer_class=question["tokenizer_class"],
        fallback_subdirs=question["fallbacks"] or None,
        download_patterns=question["patterns"],
        **_DEFAULTS,
    )
    return lambda: type(TokenizerLoader.load(asked, question["path"])).__name__


def _resolved(resolution: Any, question: dict[str, Any]) -> Path:
    takes = resolution.resolve.__code__.co_varnames
    saves = {"saved_subdirs": question["saves"]} if question["saves"] and "saved_subdirs" in takes else {}
    return Path(resolution.resolve(question["path"], question["patterns"], **saves)).resolve()


def _in_one_line(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:300]}" if words else type(error).__name__


if __name__ == "__main__":
    main()
