"""The mflux that is installed, asked in a process of its own: for its pins, and what it makes of a model."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelready.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelready.consumers.mflux.models import Opening
    from modelready.consumers.mflux.uses import Use
    from modelready.consumers.mflux.versions import Target
    from modelready.consumers.setting import Setting

#: Importing mflux and transformers takes seconds on a slow disk; large tokenizers take some more.
TIMEOUT_S = 120.0
_TELL = "report it to modelready: by the rules of mflux as they are known here, it should"
_SECRET = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "CIVITAI_TOKEN", "CIVITAI_API_KEY")
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUTF8": "1",
}


@dataclass(frozen=True)
class Said:
    """What an mflux says of itself: ``pins`` is None before 0.23, which had none; ``why`` if it says nothing."""

    version: str = ""
    pins: Mapping[str, str] | None = None
    why: str = ""


def about(python: str) -> Said:
    """Ask the mflux of *python* for its version and its pins."""
    answers, why = _asked(python, [], Path.cwd(), {})
    if not answers:
        return Said(why=why)
    return Said(answers[0]["version"], answers[0]["pins"], answers[0]["why"])


def disagreements(setting: Setting, served: Sequence[Use], target: Target) -> Iterator[Fault]:
    """Tell where the mflux that is installed does not find what, by our statement of its rules, it should."""
    questions = [_question(one, setting) for use in served for one in use.opens if _can_be_asked(one)]
    if not target.python or not questions:
        return
    answers, why = _asked(target.python, questions, setting.cwd, {"HF_HUB_CACHE": str(setting.cache)})
    if len(answers) <= len(questions):
        what = why or "it ended before it had answered"
        yield Fault(setting.source.text, f"mflux {target.text} could not be asked: {what}", _TELL)
    for question, answer in zip(questions, answers[1:], strict=False):
        if wrong := answer["fault"] or _elsewhere(question, answer["found"], setting):
            yield Fault(question["patterns"][0], f"mflux {target.text} itself does not find it here: {wrong}", _TELL)


def _can_be_asked(one: Opening) -> bool:
    return one.kind == "weights" or (one.kind == "tokenizer" and one.tokenizer_class != "Tokenizer")


def _question(one: Opening, setting: Setting) -> dict[str, Any]:
    by_name = setting.is_cached and not one.in_weights_root
    return asdict(one) | {"path": setting.source.address if by_name else str(setting.root)}


def _elsewhere(question: Mapping[str, Any], found: str, setting: Setting) -> str:
    is_here = question["kind"] != "weights" or not found or Path(found) == setting.root.resolve()
    return "" if is_here else f"it opens {found}"


def _asked(
    python: str, questions: Sequence[Mapping[str, Any]], cwd: Path, variables: Mapping[str, str]
) -> tuple[list[dict[str, Any]], str]:
    """Give what the mflux of *python* answers: a line about itself, then one a question; or why there is none."""
    command = [python, "-P", str(Path(__file__).with_name("trial.py"))]
    kept = {name: value for name, value in os.environ.items() if name not in _SECRET}
    try:
        ended = subprocess.run(  # noqa: S603 - a Python that the user names, or this one, with a file of ours
            command,
            env={**kept, **_OFFLINE, **variables},
            cwd=cwd,
            input=json.dumps(questions).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"it cannot be run: {getattr(error, 'strerror', None) or type(error).__name__}"
    if ended.returncode:
        return [], f"it ended with exit code {ended.returncode}"
    try:
        return [json.loads(line) for line in ended.stdout.splitlines()], ""
    except ValueError:
        return [], "what it answers is no Python's answer"
