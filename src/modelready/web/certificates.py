"""The last certificate as the API tells it: in words, by model, and whether it is still true of the files."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelready import certificate
from modelready.errors import ModelreadyError
from modelready.layouts import looking
from modelready.placing import locate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelready.grounds import Requested

_ID = re.compile(r"(?P<check>[^\[\]]+)(?:\[(?P<model>.*)\])?")
_LISTS = {"passedTests": "passed", "warnedTests": "warned", "failedTests": "failed"}
_REASONS = ("failures", "warnings", "skipped")


@dataclass(frozen=True)
class LastCertificate:
    """What the last whole run of the suite found out; empty where there was none, or it cannot be read."""

    passed: bool | None = None
    finished: str = ""
    is_partial: bool = False
    models: Mapping[str, Mapping[str, Any]] = ()  # type: ignore[assignment]  # replaced by read()
    checks: tuple[tuple[str, str, str, str], ...] = ()  # id, model, outcome, message
    subjects: Mapping[str, str] = ()  # type: ignore[assignment]  # MODEL/PATH: sha256

    @property
    def when(self) -> dt.datetime | None:
        """Give when the run ended."""
        try:
            return dt.datetime.fromisoformat(self.finished)
        except ValueError:
            return None


def read(home: Path) -> LastCertificate:
    """Read the last certificate in the state folder *home*."""
    try:
        found = certificate.read(home / "last-certificate.json")
        return _read(found)
    except (ModelreadyError, AttributeError, KeyError, TypeError):  # none, or of a version that nobody knows
        return LastCertificate(models={}, subjects={})


def _read(found: Any) -> LastCertificate:
    predicate = found["predicate"]
    ours = predicate["modelready"]
    reasons = {one["check"]: one["reason"] for name in _REASONS for one in ours[name]}
    told = [(one, outcome) for name, outcome in _LISTS.items() for one in predicate[name]]
    told += [(one["check"], "skipped") for one in ours["skipped"]]
    return LastCertificate(
        passed=predicate["result"] == "PASSED",
        finished=ours["finished"],
        is_partial=bool(ours["partial"]),
        models={one["name"]: one for one in ours["models"]},
        checks=tuple((one, _model_in(one), outcome, reasons.get(one, "")) for one, outcome in told),
        subjects={one["name"]: one["digest"]["sha256"] for one in found["subject"]},
    )


def verdict_fields(last: LastCertificate, name: str) -> dict[str, Any] | None:
    """Give what *last* says of the model *name*; None where it says nothing."""
    judged = last.models.get(name)
    if judged is None:
        return None
    checks = [one for one in last.checks if one[1] == name]
    return {
        "result": judged["verdict"],
        "when": last.when,
        "reason": judged["reason"],
        "checks": [check_fields(one) for one in sorted(checks)],
    }


def fields(last: LastCertificate) -> dict[str, Any]:
    """Give the certificate in words."""
    return {
        "result": None if last.passed is None else "PASSED" if last.passed else "FAILED",
        "words": words(last),
        "when": last.when,
        "partial": last.is_partial,
        "models": [
            {key: one[key] for key in ("name", "required", "verdict", "reason", "revision")}
            for one in last.models.values()
        ],
        "failures": [check_fields(one) for one in last.checks if one[2] == "failed"],
        "warnings": [check_fields(one) for one in last.checks if one[2] == "warned"],
    }


def words(last: LastCertificate) -> str:
    """Say in one sentence what *last* says."""
    if last.passed is None:
        return "no certificate yet: run `modelready certify`, or `modelready provision`"
    required = [one for one in last.models.values() if one["required"]]
    proved = sum(one["verdict"] == "proved" for one in required)
    when = f" on {last.when:%Y-%m-%d at %H:%M} UTC" if last.when else ""
    count = "1 required model is" if len(required) == 1 else f"{len(required)} required models are"
    return f"{'PASSED' if last.passed else 'FAILED'}{when}: {proved} of {count} proved"


def check_fields(one: tuple[str, str, str, str]) -> dict[str, str]:
    """Give a check's verdict by the names that the API has."""
    return {"id": one[0], "outcome": one[2], "message": one[3]}


def doubts(asked: Requested) -> str:
    """Say why the models of this machine are not ready; nothing, while the last certificate PASSED and is true."""
    last = read(asked.ground.settings.home)
    if last.passed is not True:
        return words(last)
    if not asked.required:
        return "no model is required here"
    for name, model in asked.required.items():
        if last.models.get(name, {}).get("verdict") != "proved":
            return f"the last certificate does not prove {name}: run `modelready certify`"
        if why := _untrue(asked, last, name):
            return f"{name}: {why}: run `modelready certify`"
        if model.source.text != last.models[name]["source"]:
            return f"{name}: its source was changed since the last certificate: run `modelready certify`"
    return ""


def _untrue(asked: Requested, last: LastCertificate, name: str) -> str:
    """Say what is no longer so of the files that *last* names; a look at each, no byte is read."""
    placed = locate(asked.catalog.by_name[name], asked.ground)
    places = {f"{name}/{one.path}": one.place for one in placed.files}
    named = {subject: digest for subject, digest in last.subjects.items() if subject in places}
    gone = next((one for one in placed.files if not one.optional and not looking.is_file(one.place)), None)
    if gone is not None:
        return f"{gone.path} is gone since the last certificate"
    known = asked.ground.ledger.recall_many(((places[one], ("sha256",)) for one in named), trust=True)
    changed = next((one for one, digest in named.items() if known[places[one]].get("sha256") != digest), None)
    if changed is not None:
        path = changed.removeprefix(f"{name}/")
        return f"{path} was changed since the last certificate, or what was proved of it is forgotten"
    return "" if named else "the last certificate names none of its files"


def _model_in(check: str) -> str:
    found = _ID.fullmatch(check)
    return (found["model"] or "") if found else ""
