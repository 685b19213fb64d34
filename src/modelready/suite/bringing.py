"""The background worker of a provisioning run, begun when collection ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelready.downloads.worker import Order, Worker
from modelready.inspection import tokenizers
from modelready.placing import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from modelready.downloads.jobs import Job
    from modelready.placing import Plan
    from modelready.suite.state import Suite


class Bringing:
    """Brings the selected models and what they need, one by one, while their checks wait."""

    def __init__(self, suite: Suite, ended: Callable[[Job], None]) -> None:
        self._suite, self._ended = suite, ended
        self._worker: Worker | None = None

    def begin(self, selected: Collection[str], *, loads_tokenizers: bool) -> None:
        """
        Begin with the models *selected* that are required, and their needs; a second call does nothing.

        Where the run *loads_tokenizers*, what that takes is imported while they come.

        Raises: NotWritable, when the state folder cannot be written.
        """
        if self._worker is None:
            suite, given = self._suite, self._suite.options
            models = suite.asked.with_needs([name for name in suite.required if name in selected])
            options = Options(
                connections=given.jobs,
                only=given.only,
                resume=given.resume,
                reread=given.reread,
                trust=given.trust_ledger,
            )
            begins = self._prepare if loads_tokenizers else lambda _: None
            worker = Worker(Order(models, suite.ground, suite.run, options, self._ended, begins))
            worker.start()
            self._worker = worker

    def _prepare(self, plan: Plan) -> None:
        """Let what will load the tokenizers that come be imported meanwhile: that takes seconds."""
        coming = {one.place.parent for one in plan.need.fetch}
        if any(one.folder in coming for one in tokenizers.folders(plan.placed, self._suite.placed)):
            self._suite.early.begin(polite=True)

    @property
    def notes(self) -> list[str]:
        """Give what is to be told of models that were brought well all the same."""
        jobs = self._suite.ground.jobs.all_of_run(self._suite.run)
        return [f"{job.model}: {job.note}" for job in jobs if job.state == "completed" and job.note]

    def stop(self) -> BaseException | None:
        """End the worker; what arrived is kept. Give the bug that ended it, if one did."""
        return self._worker.stop() if self._worker else None
