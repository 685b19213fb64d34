"""
Load tokenizers with sockets closed: the program that ``tokenizers.encode_many`` runs.

Reads ``{"prompt": …, "folders": […]}`` and writes one line of JSON a folder. It imports nothing of ours: it is run by
its path, so that nothing but the libraries in question decides. With ``--early`` it imports them before it is asked;
with ``--polite`` it lets everything else on the machine go first.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

_OUTGOING = frozenset(
    f"socket.{event}"
    for event in ("connect", "getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo", "sendto", "sendmsg")
)
_POLITENESS = 10
_asked: list[str] = []


def main() -> None:
    """Answer for every folder asked about, on a line of its own, as soon as it is known."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        sys.addaudithook(_close_sockets)
        if "--polite" in sys.argv[1:]:
            getattr(os, "nice", int)(_POLITENESS)
        if "--early" in sys.argv[1:]:
            with contextlib.suppress(Exception):  # told of each folder that needs it
                importlib.import_module("transformers").AutoTokenizer  # noqa: B018 - its modules are loaded when named
        work = json.load(sys.stdin)
        for folder in work["folders"]:
            _asked.clear()
            answers.write(json.dumps(_tried(Path(folder), work["prompt"])) + "\n")
            answers.flush()


def _close_sockets(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _OUTGOING:
        _asked.append(str(arguments[-1] if event == "socket.connect" else arguments[0])[:80])
        raise PermissionError(f"{event}: sockets are closed")


def _tried(folder: Path, prompt: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"loaded_as": "", "ids": 0, "has_chat_template": False, "fault": ""}
    try:
        answer |= _alone(folder, prompt) if _needs_no_class(folder) else _with_transformers(folder, prompt)
    except Exception as error:  # noqa: BLE001 - whatever a library raises on a broken file is the answer
        answer["fault"] = f"{_lost_before_loading(folder)}{_in_one_line(error)}"
    if _asked:
        answer["fault"] = f"asked the network for {_asked[0]}"
    return answer


def _lost_before_loading(folder: Path) -> str:
    """Say what is plainly not there: libraries tell it in riddles."""
    present = {entry.name for entry in folder.iterdir() if entry.is_file()}
    if present & {"tokenizer.json"}:
        return ""
    if not present & {"tokenizer_config.json", "config.json"}:
        return "tokenizer_config.json is not there: "
    return "merges.txt is not there: " if "vocab.json" in present and "merges.txt" not in present else ""


def _needs_no_class(folder: Path) -> bool:
    """Tell whether tokenizer.json is all there is; or all that can be read without running the folder's own code."""
    if not (folder / "tokenizer.json").is_file():
        return False
    configs = [folder / name for name in ("tokenizer_config.json", "config.json")]
    return not any(config.is_file() for config in configs) or _brings_code(configs[0])


def _brings_code(config: Path) -> bool:
    if not config.is_file():
        return False
    found = json.loads(config.read_text(encoding="utf-8"))
    return isinstance(found, dict) and "AutoTokenizer" in (found.get("auto_map") or ())


def _alone(folder: Path, prompt: str) -> dict[str, Any]:
    from tokenizers import Tokenizer  # noqa: PLC0415 - only what is needed is loaded

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode(prompt).ids
    texts = [tokenizer.decode(ids, skip_special_tokens=skip) for skip in (True, False)]
    return {"loaded_as": "tokenizers.Tokenizer", "ids": len(ids), "fault": _fault(prompt, texts, tokenizer)}


def _with_transformers(folder: Path, prompt: str) -> dict[str, Any]:
    if not (folder / "tokenizer.json").is_file() and _brings_code(folder / "tokenizer_config.json"):
        return {"fault": "is read by code of its own, which is not run here"}
    from transformers import AutoTokenizer  # noqa: PLC0415 - costs 1.5 s

    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    kind = type(tokenizer)
    ids = tokenizer(prompt)["input_ids"]
    texts = [str(tokenizer.decode(ids, skip_special_tokens=skip)) for skip in (True, False)]
    fault = _files_lost(folder, kind, texts[0]) or _fault(prompt, texts, getattr(tokenizer, "backend_tokenizer", None))
    has_chat_template = bool(tokenizer.chat_template)
    if has_chat_template and not fault:
        fault = _chat_fault(tokenizer, prompt)
    return {"loaded_as": kind.__name__, "ids": len(ids), "has_chat_template": has_chat_template, "fault": fault}


def _files_lost(folder: Path, kind: Any, said: str) -> str:
    """Tell what the class reads and the folder lacks: transformers makes an empty tokenizer without a word."""
    if (folder / "tokenizer.json").is_file():
        return ""
    names = [name for role in ("vocab_file", "merges_file") if (name := kind.vocab_files_names.get(role))]
    lost = [name for name in names if not (folder / name).is_file()]
    # With none of them there it may have read others; then it knows some words.
    is_empty = len(lost) < len(names) or not said.strip()
    return f"{kind.__name__} reads {' and '.join(lost)}, not there" if lost and is_empty else ""


def _fault(prompt: str, texts: list[str], backend: Any) -> str:
    said, whole = texts
    if not whole.strip():
        return "encodes a prompt to nothing"
    # Only bytes must come back as they went in: others may drop accents, or know no letters at all.
    if type(getattr(backend, "decoder", None)).__name__ == "ByteLevel" and _letters(said) != _letters(prompt):
        return f"encodes {prompt!r} and decodes it to {said[:80]!r}"
    return ""


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()


def _chat_fault(tokenizer: Any, prompt: str) -> str:
    """Apply the chat template to a text, or to a text among other parts, as templates for images want it."""
    templates = tokenizer.chat_template
    chosen = {} if isinstance(templates, str) or "default" in templates else {"chat_template": next(iter(templates))}
    faults = []
    for content in (prompt, [{"type": "text", "text": prompt}]):
        messages = [{"role": "user", "content": content}]
        try:
            if tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **chosen).strip():
                return ""
            faults.append("gives nothing")
        except Exception as error:  # noqa: BLE001 - a template may raise anything
            faults.append(_in_one_line(error))
    return f"its chat template fails: {faults[0]}"


def _in_one_line(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:200]}" if words else type(error).__name__


if __name__ == "__main__":
    main()
    os._exit(0)  # all is told; tearing the libraries down takes as long as a small tokenizer
