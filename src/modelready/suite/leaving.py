"""What a run leaves behind: its certificate and its reports, written by the process that ends it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from modelready import __version__, certificate, promises, reports
from modelready.errors import ModelreadyError, not_writable
from modelready.layouts import atomically
from modelready.suite import ending
from modelready.suite.gathering import is_partial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelready.certificate import Run
    from modelready.notices import Notices
    from modelready.reports import Report
    from modelready.suite.gathering import Gathering
    from modelready.suite.options import Wish
    from modelready.suite.state import Suite

#: How long a run waits at its end until its notices are taken; who pressed Ctrl-C waits less.
_PATIENT_S, _HASTY_S = 40.0, 5.0


def certificates(run: Run, suite: Suite, gathering: Gathering) -> int:
    """Write the certificate where it was asked for, and for the next run; give the exit status that this alone has."""
    status = 0
    if given := suite.options.certificate:
        try:
            certificate.write(run, given)
        except ModelreadyError as error:
            status = error.exit_code
            gathering.notes.append(f"no certificate: {error}")
        else:
            gathering.notes.append(f"certificate: {given}")
    if not is_partial(gathering, suite):
        with contextlib.suppress(ModelreadyError):  # certifying works where the state folder cannot be written
            certificate.write(run, suite.ground.settings.home / "last-certificate.json")
    return status


def reported(run: Run, suite: Suite, gathering: Gathering, status: int) -> int:
    """Write the reports that were asked for of a run that ends with *status*; give the status that this alone has."""
    wishes = suite.options.reports
    if not wishes:
        return 0
    report = reports.Report(
        run=run,
        version=__version__,
        places=_places(suite),
        promises=promises.of_checks(),
        note=_why_not_proved(suite, gathering, status),
    )
    return max(_written(report, wish, gathering) for wish in wishes)


def _why_not_proved(suite: Suite, gathering: Gathering, status: int) -> str:
    """Say why a run proved nothing, where neither check nor model can say it."""
    if status == ending.NOTHING:
        return ending.why_nothing(suite, gathering)
    return {
        ending.BUG: "a bug of modelready ended the run: see what it printed",
        ending.INTERRUPTED: "the run was interrupted",
    }.get(status, "")


def notified(run: Run, notices: Notices, gathering: Gathering, status: int) -> None:
    """Give notice of how the run ended; who cannot be told is a warning, and changes nothing."""
    notices.run(run, reports.Report(run=run, version=__version__).headline)
    notices.close(_HASTY_S if status == ending.INTERRUPTED else _PATIENT_S)
    gathering.notes += [f"warning: no notice was given: {failure}" for failure in notices.failures]


def _written(report: Report, wish: Wish, gathering: Gathering) -> int:
    text = reports.KINDS[wish.kind](report)
    if wish.file is None:
        gathering.spoken.append(text)
        return 0
    try:
        _write(wish.file, text, is_added=wish.kind == "markdown" and _is_step_summary(wish.file))
    except ModelreadyError as error:
        gathering.notes.append(f"no {wish.kind} report: {error}")
        return error.exit_code
    gathering.notes.append(f"{wish.kind} report: {wish.file}")
    return 0


def _write(path: Path, text: str, *, is_added: bool) -> None:
    """Write *text* to *path* whole or not at all; to a pipe, or to what others write to as well, at once."""
    try:
        if is_added or (path.exists() and not path.is_file()):
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(path, error) from error
    atomically.write_text(path, text, scratch=path.parent)


def _is_step_summary(path: Path) -> bool:
    """Tell whether *path* is the summary of a workflow's step, to which every command of it adds."""
    return os.environ.get("GITHUB_STEP_SUMMARY", "") == str(path)


def _places(suite: Suite) -> Mapping[str, reports.Place]:
    """Give where the catalogs name the models, as the repository names its files."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    return {
        name: reports.Place(
            _in_repository(one.catalog, root), one.line, {rule.path: rule.line for rule in one.files if rule.line}
        )
        for name, one in suite.models.items()
        if one.catalog
    }


def _in_repository(path: Path, root: Path) -> str:
    """Give *path* below *root*; what lies elsewhere has only a name there."""
    found = path.resolve()
    return found.relative_to(root).as_posix() if found.is_relative_to(root) else found.name
