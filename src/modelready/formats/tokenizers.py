"""
Tokenizers: which files make one, and whether it really loads and encodes a prompt.

They are loaded as the applications load them, by transformers (or by tokenizers alone, where that is all it takes), in
a process of its own whose sockets are closed; many folders share one process, for starting it costs the most.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

#: The file that is a whole tokenizer, and the one that says which class reads the others.
WHOLE = "tokenizer.json"
CONFIG = "tokenizer_config.json"
PROMPT = "A photo of a cat, 12 o'clock."
#: Starting and importing transformers takes seconds on a slow disk; the largest tokenizers take two more.
TIMEOUT_S = 120.0
_PATIENCE_S = 5.0

_PACKAGES = {"sentencepiece": "sentencepiece", "google.protobuf": "protobuf", "mistral_common": "mistral-common"}
_VOCABULARIES = ("tekken.json", "vocab.txt", "vocab.json")
_SECRET = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "CIVITAI_TOKEN", "CIVITAI_API_KEY")
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUTF8": "1",
    # Nothing of a cache that others filled may help, and nothing may be written.
    "HF_HOME": os.path.join(os.devnull, "none"),  # noqa: PTH118 - a text for the environment
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """What became of a prompt: ``ids`` and the class that made them, or what went wrong, in one line."""

    folder: Path
    loaded_as: str = ""
    ids: int = 0
    has_chat_template: bool = False
    fault: str = ""


def files_of(names: Iterable[str]) -> tuple[str, ...]:
    """Name those files among *names* (of one folder) that make a tokenizer; none, if they do not suffice for one."""
    present = set(names)
    found = [name for name in (WHOLE, *_VOCABULARIES) if name in present]
    found += sorted(name for name in present if _is_sentencepiece(name))
    found += ["merges.txt"] if found and "merges.txt" in present else []
    return tuple(found)


def files_in(folder: Path) -> tuple[str, ...]:
    """Name the files in *folder* that make a tokenizer; a dangling link is none."""
    try:
        return files_of(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return ()


def encode(folder: Path, prompt: str = PROMPT, *, timeout_s: float = TIMEOUT_S) -> Encoded:
    """Load the tokenizer in *folder* with sockets closed, and encode and decode *prompt*."""
    return encode_many([folder], prompt, timeout_s=timeout_s)[0]


def encode_many(
    folders: Sequence[Path], prompt: str = PROMPT, *, timeout_s: float = TIMEOUT_S, early: Early | None = None
) -> tuple[Encoded, ...]:
    """
    Do the same for many *folders*, in their order, for the price of one start: of *early*, if that was begun.

    *timeout_s* is what a single one may take. One that hangs or crashes costs the others nothing but a new start.
    """
    found = {folder: Encoded(folder, fault=why) for folder in folders if (why := _why_not(folder))}
    while waiting := [folder for folder in dict.fromkeys(folders) if folder not in found]:
        process = (early.take() if early else None) or _start()
        found |= _trial(process, waiting, prompt, timeout_s)
    return tuple(found[folder] for folder in folders)


class Early:
    """A process that imports what reads tokenizers while nobody waits for it, until somebody takes it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = Lock()

    def begin(self, *, polite: bool = False) -> None:
        """
        Start it, unless it runs; a *polite* one lets everything else go first.

        Where the system has no room for it now, whoever needs one starts his own.
        """
        with self._turn, contextlib.suppress(OSError):
            self._process = self._process or _start("--early", *(["--polite"] if polite else []))

    def take(self) -> subprocess.Popen[bytes] | None:
        """Give it away; None where it was not begun, or ended meanwhile (no tokenizer is to blame for that)."""
        with self._turn:
            process, self._process = self._process, None
        if process is None or process.poll() is None:
            return process
        _end(process)
        return None

    def close(self) -> None:
        """End it, if nobody took it."""
        if process := self.take():
            _end(process)


def _is_sentencepiece(name: str) -> bool:
    return name.endswith((".model", ".spm")) or (name.startswith("tokenizer.model.v") and name[17:].isdigit())


def _why_not(folder: Path) -> str:
    """Say why there is nothing to try: transformers would make an empty tokenizer of a configuration alone."""
    found = files_in(folder)
    if not found:
        return f"no tokenizer file lies here: expected {WHOLE}, vocab.json with merges.txt, vocab.txt or a *.model"
    lacking = [] if WHOLE in found else [name for name in _needed(found[0]) if not _is_installed(name)]
    packages = " and ".join(_PACKAGES[name] for name in lacking)
    return f"cannot be tried here: {found[0]} needs {packages}, not installed" if lacking else ""


def _needed(name: str) -> tuple[str, ...]:
    """Name the modules that reading the file *name* takes beside transformers."""
    if name == "tekken.json":
        return ("mistral_common",)
    return ("sentencepiece", "google.protobuf") if _is_sentencepiece(name) else ()


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


# ---- the process


def _end(process: subprocess.Popen[bytes]) -> None:
    with process:
        process.kill()


def _start(*options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", str(Path(__file__).with_name("tokenizer_trial.py")), *options]
    return subprocess.Popen(  # noqa: S603 - this Python, with a file of ours
        command, env=_environment(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _trial(
    process: subprocess.Popen[bytes], folders: Sequence[Path], prompt: str, timeout_s: float
) -> dict[Path, Encoded]:
    """Give what *process* says of the first of *folders*: of all, unless one hangs or crashes."""
    asked = json.dumps({"prompt": prompt, "folders": [str(folder) for folder in folders]}).encode()
    with process:
        answers: SimpleQueue[bytes] = SimpleQueue()
        pump = Thread(target=_pump, args=(process.stdout, answers), daemon=True)
        pump.start()
        try:
            _ask(process, asked)
            found = _collected(folders, _lines(process, answers, timeout_s), timeout_s)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)
        finally:
            process.kill()
            pump.join()
    return found or {folders[0]: _ended(folders[0], process.returncode)}


def _ask(process: subprocess.Popen[bytes], asked: bytes) -> None:
    pipe: IO[bytes] = process.stdin  # type: ignore[assignment] # asked for above
    try:
        pipe.write(asked)
        pipe.close()
    except BrokenPipeError:
        pass  # it ended before it read: told when its answers end


def _pump(pipe: IO[bytes], answers: SimpleQueue[bytes]) -> None:
    for line in pipe:
        answers.put(line)
    answers.put(b"")


def _lines(process: subprocess.Popen[bytes], answers: SimpleQueue[bytes], timeout_s: float) -> Iterator[bytes | None]:
    """Give the answers as they come; None, and the process ends, when one is late."""
    while True:
        try:
            line = answers.get(timeout=timeout_s)
        except Empty:
            process.kill()
            yield None
            return
        if not line.endswith(b"\n"):  # it ended, perhaps in the middle of a word
            return
        yield line


def _collected(folders: Sequence[Path], lines: Iterator[bytes | None], timeout_s: float) -> dict[Path, Encoded]:
    late = f"did not load within {timeout_s:g} s"
    return {
        folder: Encoded(folder, fault=late) if line is None else _told(folder, json.loads(line))
        for folder, line in zip(folders, lines, strict=False)
    }


def _ended(folder: Path, code: int) -> Encoded:
    """Tell of the folder that was tried when the process ended: only the first of a start can be it."""
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return Encoded(folder, fault=f"the process that loads it ended with {how}")


def _told(folder: Path, answer: Mapping[str, Any]) -> Encoded:
    return Encoded(folder, answer["loaded_as"], answer["ids"], answer["has_chat_template"], answer["fault"])


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in _SECRET} | _OFFLINE
