"""The suite over several processes of pytest-xdist: one model, one worker; the controller hears of everything."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from modelready.suite import naming

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xdist.scheduler import LoadScopeScheduling
    from xdist.workermanage import WorkerController

    from modelready.suite.gathering import Gathering


class Distribution:
    """The hooks that only matter under ``-n``; registered where xdist is there."""

    def __init__(self, gathering: Gathering, run: str, begin: Callable[[Sequence[str]], None]) -> None:
        self._gathering, self._run, self._begin = gathering, run, begin

    @pytest.hookimpl
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker which run it belongs to, so that it joins the downloads of this process."""
        node.workerinput["modelready_run"] = self._run

    @pytest.hookimpl
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> LoadScopeScheduling:
        """Give all checks of one model to one worker."""
        from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only under -n

        begin = self._begin

        class ModelScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
            """Splits the run by model."""

            def _split_scope(self, nodeid: str) -> str:
                return naming.model_in(nodeid) or nodeid

            def schedule(self) -> None:
                # Not before: a worker that still collects would see what is being brought, and collect other checks.
                begin(next(iter(self.registered_collections.values())))
                super().schedule()

        return ModelScheduling(config, log)

    @pytest.hookimpl
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Note what the workers left out; all of them leave out the same."""
        output = getattr(node, "workeroutput", {})
        self._gathering.left_out |= Counter(output.get("left_out", {}))


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


def is_distributed(config: pytest.Config) -> bool:
    """Tell whether this process is a controller whose workers run the checks."""
    return not is_worker(config) and bool(getattr(config.option, "tx", None)) and config.getoption("dist", "no") != "no"
