"""What was checked, about which bytes, with what verdict: an in-toto statement."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from modelready import __version__
from modelready.errors import RequestError, not_writable
from modelready.formats import secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelready.model import Fault

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"

Outcome = Literal["passed", "warned", "failed", "skipped"]


@dataclass(frozen=True)
class Subject:
    """
    One file's bytes. ``name`` is MODEL/PATH-IN-SOURCE; ``how`` its digest was had: read or remembered.

    ``structure`` says of weights how much of it was looked at: inspected, signature only, not inspected.
    """

    name: str
    sha256: str
    how: str
    expected_from: str = ""
    size: int | None = None
    structure: str = ""


@dataclass(frozen=True)
class Verdict:
    """What one check said of one model: in words, and fault by fault; and how many seconds it took."""

    check: str
    model: str
    outcome: Outcome
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    seconds: float = 0.0

    @property
    def id(self) -> str:
        """Give the id that readers of certificates know: ``file.check[model]``."""
        return f"{self.check}[{self.model}]" if self.model else self.check


@dataclass(frozen=True)
class Judged:
    """A model and what the run says of it."""

    name: str
    is_required: bool
    source: str = ""
    revision: str = ""
    verdict: str = ""  # proved, failed, unproved, not required, not selected
    reason: str = ""


@dataclass(frozen=True)
class Run:
    """Everything a run of the suite found out. Times are ISO 8601, UTC."""

    started: str
    finished: str
    verdicts: tuple[Verdict, ...]
    models: tuple[Judged, ...]
    subjects: tuple[Subject, ...]
    configuration: Mapping[str, str] = field(default_factory=dict)  # file name -> sha256
    deselected: int = 0
    is_partial: bool = False
    passed: bool = False


def statement(run: Run) -> dict[str, object]:
    """Give the in-toto Statement of *run*."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(one) for one in run.subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": "PASSED" if run.passed else "FAILED",
            "configuration": [
                {"name": name, "digest": {"sha256": digest}} for name, digest in sorted(run.configuration.items())
            ],
            "passedTests": _ids(run.verdicts, "passed"),
            "warnedTests": _ids(run.verdicts, "warned"),
            "failedTests": _ids(run.verdicts, "failed"),
            "modelready": _ours(run),
        },
    }


def text(run: Run) -> str:
    """Give the certificate of *run* as it is written: a line a file, for there may be thousands."""
    told = statement(run)
    subjects = ",\n    ".join(json.dumps(_subject(one), ensure_ascii=False) for one in run.subjects)
    around = json.dumps(told | {"subject": []}, indent=2, ensure_ascii=False)
    before, _, after = around.partition('"subject": []')
    return f'{before}"subject": [\n    {subjects}\n  ]{after}\n' if subjects else f"{around}\n"


def write(run: Run, path: Path) -> None:
    """
    Write the certificate of *run* to *path*, whole or not at all.

    Raises: NotWritable, when the place cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(secrets.hidden(text(run)), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # where nothing can be written, nothing lies
            part.unlink()
        raise not_writable(path, error) from error


def read(path: Path) -> dict[str, object]:
    """
    Read a certificate.

    Raises: RequestError, when *path* holds none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror})", remedy="name a certificate") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{path}: is no JSON ({error})", remedy="name a certificate") from error
    if not isinstance(found, dict) or found.get("predicateType") != PREDICATE_TYPE:
        raise RequestError(f"{path}: is no certificate; expected an in-toto test-result", remedy="name a certificate")
    return found


def _ids(verdicts: Iterable[Verdict], outcome: Outcome) -> list[str]:
    return [one.id for one in verdicts if one.outcome == outcome]


def _ours(run: Run) -> dict[str, object]:
    return {
        "version": __version__,
        "machine": {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()},
        "started": run.started,
        "finished": run.finished,
        "partial": run.is_partial,
        "deselected": run.deselected,
        "models": [_judged(one) for one in run.models],
        "skipped": _reasons(run.verdicts, "skipped"),
        "warnings": _reasons(run.verdicts, "warned"),
        "failures": _reasons(run.verdicts, "failed"),
    }


def _reasons(verdicts: Iterable[Verdict], outcome: Outcome) -> list[dict[str, object]]:
    return [_reason(one) for one in verdicts if one.outcome == outcome]


def _reason(one: Verdict) -> dict[str, object]:
    """Give the reason of a verdict; where files could not be brought, the kinds of errors that kept them away."""
    kinds = sorted({fault.kind for fault in one.faults} - {""})
    told: dict[str, object] = {"check": one.id, "reason": one.reason}
    return told | {"kinds": kinds} if kinds else told


def _judged(one: Judged) -> dict[str, object]:
    return {
        "name": one.name,
        "required": one.is_required,
        "source": one.source,
        "revision": one.revision,
        "verdict": one.verdict,
        "reason": one.reason,
    }


def _subject(one: Subject) -> dict[str, object]:
    about = {"digest": one.how, "expected_from": one.expected_from, "size": one.size}
    if one.structure:
        about["structure"] = one.structure
    return {"name": one.name, "digest": {"sha256": one.sha256}, "annotations": about}
