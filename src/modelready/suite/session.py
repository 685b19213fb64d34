"""One run of the suite: what is collected, what is brought, what is judged, and with which exit status it ends."""

from __future__ import annotations

import gc
import signal
import traceback
from typing import TYPE_CHECKING, NoReturn

import pytest

from modelready.errors import ModelreadyError
from modelready.inspection import applicability
from modelready.notices import Notices
from modelready.placing.knowing import EXHAUSTIVE
from modelready.suite import distributing, ending, leaving, naming
from modelready.suite.bringing import Bringing
from modelready.suite.gathering import PROPERTY, Gathering, broken, now, run_of
from modelready.suite.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from modelready.suite.state import Suite


_LOADING = "tokenizers.encode_text"
_INTERRUPTED = "interrupted; what arrived is kept: run the same command again"


class Session:
    """The hooks of a run in which checks were asked for."""

    def __init__(self, config: pytest.Config, suite: Suite) -> None:
        self._config, self._suite = config, suite
        self._gathering = Gathering(started=now())
        self._is_worker = distributing.is_worker(config)
        self._is_distributed = distributing.is_distributed(config)
        self._notices = Notices(() if self._is_worker else suite.options.notify)
        self._bringing: Bringing | None = None
        if suite.options.provision and not self._is_worker:
            self._bringing = Bringing(suite, self._notices.job)
        self._showing: Showing | None = None
        self._refusal = ""
        if self._is_distributed:
            config.pluginmanager.register(
                distributing.Distribution(self._gathering, suite.run, self._begin), "modelready-distribution"
            )

    def pytest_sessionstart(self) -> None:
        """Take over what is printed, in the process that owns the terminal."""
        if not self._is_worker:
            signal.signal(signal.SIGTERM, _interrupt)
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and not self._is_worker:
            self._showing = Showing(self._suite, self._gathering, reporter)
            self._config.pluginmanager.register(self._showing, "modelready-showing")
            self._showing.take_over()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give every check the models that it applies to."""
        if naming.is_check(metafunc.definition.path) and "model" in metafunc.fixturenames:
            names = [name for name in self._suite.models if self._applies(name, metafunc)]
            metafunc.parametrize("model", names, ids=names, indirect=True, scope="session")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Name the checks, give them their models' tags, and order them model by model."""
        items[:] = [item for item in items if not naming.is_without_model(item)]
        for item in items:
            if naming.is_check(item.path):
                self._mark(item)
        yield
        places = {name: place for place, name in enumerate(self._suite.models)}
        if all(naming.is_check(item.path) for item in items):
            items.sort(key=lambda item: naming.position(item, places))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what -k and -m leave out."""
        self._gathering.left_out.update(naming.model_of(item) for item in items if naming.is_check(item.path))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember that a file could not be collected: a bug of ours."""
        if report.failed:
            self._gathering.has_collection_errors = True
            self._gathering.notes.append(report.longreprtext)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin to bring what the selected models lack."""
        gc.freeze()  # thousands of items live until the end: no need to look through them again and again
        if not self._is_distributed and not self._config.option.collectonly:
            self._begin([item.nodeid for item in session.items if naming.is_check(item.path)])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what an item says, in the process that ends the run."""
        if not self._is_worker:
            self._gathering.take(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End what was begun, write the certificate, and say how the run went."""
        if self._is_worker:
            self._config.workeroutput["left_out"] = dict(self._gathering.left_out)  # type: ignore[attr-defined]
            return
        bug = self._bringing.stop() if self._bringing else None
        self._gathering.notes += self._bringing.notes if self._bringing else []
        if self._showing:
            self._showing.give_back()
            self._showing.tell_end(self._refusal or _INTERRUPTED)
        if self._config.option.collectonly:
            return
        if bug is not None:
            self._gathering.notes.append("".join(traceback.format_exception(bug)))
        session.exitstatus = ending.exit_status(int(exitstatus), self._gathering, self._suite, bug=bug)
        if self._showing:
            self._showing.status = int(session.exitstatus)
        self._leave(session)

    def pytest_unconfigure(self) -> None:
        """Let go of files and rows."""
        self._suite.close()

    def _begin(self, nodeids: Sequence[str]) -> None:
        self._gathering.selected |= {naming.model_in(nodeid) for nodeid in nodeids} - {""}
        if self._showing:
            self._showing.expect(nodeids)
        # With several processes none knows which of them will load the tokenizers.
        is_alone = not (self._is_distributed or self._is_worker)
        loads = is_alone and any(naming.check_in(nodeid) == _LOADING for nodeid in nodeids)
        if loads and self._suite.options.reread and not self._bringing:
            self._suite.early.begin()
        if self._bringing:
            try:
                self._bringing.begin(self._gathering.selected, loads_tokenizers=loads)
            except ModelreadyError as error:
                self._refusal = str(error)
                pytest.exit(self._refusal, returncode=error.exit_code)

    def _applies(self, name: str, metafunc: pytest.Metafunc) -> bool:
        check = f"{metafunc.definition.path.stem}.{metafunc.function.__name__.removeprefix('test_')}"
        if name not in self._suite.required:
            return check == "files.are_there"  # one line says why the model is passed over
        if self._suite.options.only and applicability.is_about_the_whole(metafunc.fixturenames):
            return False
        placed = self._suite.placed(name)
        if self._suite.options.provision and placed.known_by not in EXHAUSTIVE:
            return applicability.may_apply(placed.model, metafunc.fixturenames)
        return applicability.applies(placed, metafunc.fixturenames, self._suite.placed)

    def _mark(self, item: pytest.Item) -> None:
        name = naming.model_of(item)
        item.user_properties.append((PROPERTY, {"check": naming.check_id(item), "model": name}))
        item.extra_keyword_matches.add(naming.check_id(item))
        if model := self._suite.models.get(name):
            for word in sorted(naming.words(model)):
                item.add_marker(word)

    def _leave(self, session: pytest.Session) -> None:
        """Write what the run leaves behind; what cannot be written is told, and fails the run."""
        status = int(session.exitstatus)
        suite, gathering = self._suite, self._gathering
        if status == ending.BUG:  # what failed once is not asked again
            run = broken(gathering)
        else:
            run = run_of(gathering, suite, passed=status == 0, configuration=suite.configuration())
        if ending.is_worth_a_certificate(status, gathering):
            status = max(status, leaving.certificates(run, suite, gathering))
        session.exitstatus = max(status, leaving.reported(run, suite, gathering, status))
        leaving.notified(run, self._notices, gathering, status)


def _interrupt(*_: object) -> NoReturn:
    """End the run as Ctrl-C would: what arrived is kept, and the exit status says that it was interrupted."""
    raise KeyboardInterrupt
