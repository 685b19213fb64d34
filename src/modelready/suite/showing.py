"""What a run prints: a line a model, live progress, and at the end what is not ready and what to do."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from modelready import __version__, sizes
from modelready.suite import ending, naming
from modelready.suite import gathering as gatherings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from modelready.downloads.display import Display
    from modelready.suite.gathering import Gathering
    from modelready.suite.state import Suite
    from modelready.suite.terminal import Terminal


#: So many files are named where nobody looked into them; the certificate names all.
_MOST_UNSEEN = 3
#: So many models that are not required here get a line each, and so many files of a catalog are named.
_MOST_OFF = 5
_MOST_CATALOGS = 3


class _Words(NamedTuple):
    message: str


class _Ended(NamedTuple):
    """As much of pytest's ExceptionRepr as its last line needs."""

    reprcrash: _Words


class Showing:
    """The hooks that print; registered in the process that owns the terminal."""

    def __init__(self, suite: Suite, gathering: Gathering, reporter: pytest.TerminalReporter) -> None:
        self._suite, self._gathering, self._reporter = suite, gathering, reporter
        self._is_short = reporter.verbosity <= 0
        if self._is_short:  # a line a model is enough; -v gives pytest's own lines
            reporter.showfspath = False
            reporter.reportchars = ""
            reporter.config.option.tbstyle = "no"
            reporter.config.option.no_header = True
        self._expected: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self.status = 0
        self._display: Display | None = None
        self._terminal: Terminal | None = None

    def take_over(self) -> None:
        """Show downloads as they move, below what pytest prints; nothing where nothing is brought."""
        if not self._suite.options.provision:
            return
        from modelready.downloads.display import Display  # noqa: PLC0415 - only for provisioning
        from modelready.suite.terminal import Terminal  # noqa: PLC0415

        jobs, run = self._suite.ground.jobs, self._suite.run
        self._terminal = Terminal(self._reporter)
        self._display = Display(lambda: jobs.all_of_run(run), self._terminal.console)
        self._display.__enter__()

    def give_back(self) -> None:
        """Stop showing downloads."""
        if self._display is not None and self._terminal is not None:
            self._display.__exit__(None, None, None)
            self._terminal.give_back()

    def tell_end(self, why: str) -> None:
        """Say *why* a run ended before its time, where pytest would name its own exception and a line of ours."""
        if self._is_short and self._reporter._keyboardinterrupt_memo is not None:  # noqa: SLF001 - no public way
            self._reporter._keyboardinterrupt_memo = _Ended(_Words(why))  # type: ignore[assignment]  # noqa: SLF001

    def expect(self, nodeids: Iterable[str]) -> None:
        """Note the items that will run, to know when a model's last one has."""
        self._expected = Counter(naming.model_in(nodeid) for nodeid in nodeids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Say what is judged, without what pytest would say of itself."""
        if self._is_short and self._reporter.verbosity == 0:
            for line in self.pytest_report_header():
                self._reporter.write_line(line)

    def pytest_report_header(self) -> list[str]:
        """Say what is judged: catalogs, lock, cache, Hub, version."""
        suite, settings = self._suite, self._suite.ground.settings
        lock = shown(suite.asked.lock_path)
        lock = lock if suite.asked.lock_path.exists() else f"none ({lock})"
        is_asked = " (provisioning)" if suite.options.provision else " (not asked)"
        civitai = [f"CivitAI: {settings.civitai_endpoint}{is_asked}"] if _wants(suite, "civitai") else []
        return [
            f"modelready: {__version__}",
            f"catalog: {_catalogs(suite.asked.catalog.paths)}",
            f"lock: {lock}",
            f"cache: {shown(settings.hf_cache)}",
            f"Hub: {settings.hf_endpoint}{is_asked}",
            *civitai,
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Give checks no letters: a model gets a line when its last check is done."""
        if self._reporter.verbosity > 0 or not _is_check(report):
            return None
        if hasattr(report, "context") or _does_not_apply(report):
            return "", "", ""
        if report.failed:
            return "failed", "", ""
        if report.skipped or report.when == "call":
            return report.outcome, "", ""
        return "", "", ""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print a model's line after its last check."""
        if report.when != "teardown" or not _is_check(report):
            return
        name = naming.model_in(report.nodeid)
        self._done[name] += 1
        if self._done[name] == self._expected[name] and self._reporter.verbosity <= 0:
            self._print_model(name)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what is not ready, file by file, and what to do."""
        bad = [one for one in self._gathering.verdicts if one.outcome == "failed"]
        for model in dict.fromkeys(one.model for one in bad):
            terminalreporter.section(f"not ready: {model or 'this machine'}", sep="-", red=True)
            for one in bad:
                if one.model == model:
                    terminalreporter.write_line(one.check)
                    terminalreporter.write_line(_indented(one.reason))
        warned = [one for one in self._gathering.verdicts if one.outcome == "warned"]
        if warned:
            terminalreporter.section("warnings", sep="-", yellow=True)
        for one in warned:
            terminalreporter.write_line(one.id)
            terminalreporter.write_line(_indented(one.reason))
        self._print_left_out(terminalreporter)
        self._print_unproved(terminalreporter)
        self._print_unseen(terminalreporter)
        if self._is_short and len(self._off) > _MOST_OFF and self.status != ending.NOTHING:
            count = f"{len(self._off)} models are not required here"
            terminalreporter.write_line(f"{count}; `modelready status` says which variable turns each of them on")
        if self.status == ending.NOTHING:
            terminalreporter.write_line(ending.why_nothing(self._suite, self._gathering), yellow=True)
        for note in self._gathering.notes:
            terminalreporter.write_line(note)
        for text in self._gathering.spoken:
            terminalreporter.write(text)

    def _print_model(self, name: str) -> None:
        verdicts = self._gathering.of(name)
        counts = Counter(one.outcome for one in verdicts)
        if not verdicts:
            return
        if counts["failed"]:
            self._line("✗", name, f"not ready: {counts['failed']} of {_checks(len(verdicts))} failed", red=True)
        elif counts["skipped"]:
            reason = next(one.reason for one in verdicts if one.outcome == "skipped")
            if name not in self._off or len(self._off) <= _MOST_OFF:
                self._line("-", name, reason, yellow=True)
        else:
            said = "passed" if self._is_partly_seen(name) else "ready"
            self._line("✓", name, f"{said}: {_checks(len(verdicts))}{self._bytes(name)}", green=True)

    def _is_partly_seen(self, name: str) -> bool:
        """Tell whether not every check or file of a model was asked for: nobody knows whether it is ready."""
        return bool(name and (self._suite.options.only or self._gathering.left_out[name]))

    @property
    def _off(self) -> set[str]:
        """Give the selected models that are not required here."""
        return self._gathering.selected - set(self._suite.required)

    def _bytes(self, name: str) -> str:
        mine = self._gathering.subjects.get(name, {}).values()
        if not mine:
            return ""
        files = "1 file" if len(mine) == 1 else f"{len(mine)} files"
        return f", {files}, {sizes.told(sum(one.size or 0 for one in mine))}"

    def _line(self, mark: str, name: str, text: str, **colour: bool) -> None:
        self._reporter.ensure_newline()
        self._reporter.write_line(f"{mark} {name or 'machine'}  {text}", **colour)

    def _print_unproved(self, reporter: pytest.TerminalReporter) -> None:
        for one in gatherings.judged(self._gathering, self._suite):
            if one.verdict == "unproved":
                reporter.write_line(f"{one.name}: unproved: {one.reason}", yellow=True)

    def _print_left_out(self, reporter: pytest.TerminalReporter) -> None:
        """Say what nobody looked at of the models that passed: they are not proved."""
        if self._suite.options.only:
            reporter.write_line("only the files of --only were looked at: no model is proved by this run", yellow=True)
        for name in [one for one in self._gathering.items if one and self._gathering.left_out[one]]:
            count = _checks(self._gathering.left_out[name])
            reporter.write_line(f"{name}: not proved by this run: -k or -m left out {count}", yellow=True)

    def _print_unseen(self, reporter: pytest.TerminalReporter) -> None:
        """Say into which weights no check looks: for them only their digests speak."""
        for name, subjects in self._gathering.subjects.items():
            unseen = [one for one in subjects.values() if one.structure not in {"", "inspected"}]
            if unseen:
                told = [f"{one.name.removeprefix(f'{name}/')} ({one.structure})" for one in unseen[:_MOST_UNSEEN]]
                more = f" and {len(unseen) - _MOST_UNSEEN} more" if unseen[_MOST_UNSEEN:] else ""
                reporter.write_line(f"{name}: no check looks into {', '.join(told)}{more}")


def _catalogs(paths: Sequence[Path]) -> str:
    """Name the files of the catalogs; only their folder where they are many."""
    folders = {path.parent for path in paths}
    if len(paths) > _MOST_CATALOGS and len(folders) == 1:
        return f"{shown(folders.pop())} ({len(paths)} files)"
    return ", ".join(map(shown, paths))


def shown(path: os.PathLike[str]) -> str:
    """Give *path* as people write it: relative to here, or from their home."""
    text = os.fspath(path)
    here, home = f"{os.getcwd()}{os.sep}", f"{os.path.expanduser('~')}{os.sep}"  # noqa: PTH109, PTH111 - text only
    if text.startswith(here):
        return text.removeprefix(here)
    return f"~{os.sep}{text.removeprefix(home)}" if text.startswith(home) and home != os.sep * 2 else text


def _wants(suite: Suite, kind: str) -> bool:
    """Tell whether a model that is required comes from a source of that kind."""
    return any(model.source.kind == kind for model in suite.required.values())


def _is_check(report: pytest.TestReport) -> bool:
    return any(name == gatherings.PROPERTY for name, _ in report.user_properties)


def _does_not_apply(report: pytest.TestReport) -> bool:
    return isinstance(report.longrepr, tuple) and gatherings.DOES_NOT_APPLY in report.longrepr[2]


def _checks(count: int) -> str:
    return "1 check" if count == 1 else f"{count} checks"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
