"""What one run of the suite knows: the catalog, what is required, where it lies, and what was brought."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modelready import proving
from modelready.downloads.arrivals import Arrivals
from modelready.formats.tokenizers import Early
from modelready.grounds import Ground, requested
from modelready.inspection import applications, files, weights, workflows
from modelready.inspection.applications import Here
from modelready.layouts import looking
from modelready.model import Fault
from modelready.placing import locate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modelready.downloads.jobs import Job
    from modelready.grounds import Requested
    from modelready.model import Model, PlacedFile, PlacedModel
    from modelready.proving import Proven
    from modelready.suite.options import Options
    from modelready.switches import Decision


@dataclass(frozen=True)
class _Here:
    """What lies on disk of a model, and the paths of what does not."""

    model: PlacedModel
    files: tuple[PlacedFile, ...]
    absent: frozenset[str]


@dataclass
class Suite:
    """The facts of one run; models are located once."""

    options: Options
    asked: Requested
    run: str
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    early: Early = field(default_factory=Early)
    _placed: dict[str, PlacedModel] = field(default_factory=dict)
    _looked: _Here | None = None

    @property
    def ground(self) -> Ground:
        """Give what models are located on."""
        return self.asked.ground

    @property
    def models(self) -> dict[str, Model]:
        """Give the models that --model leaves, by name."""
        return self.asked.selected

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """Give for every model whether it is required here, and why."""
        return self.asked.decisions

    @cached_property
    def required(self) -> dict[str, Model]:
        """Give the models that are required here."""
        return self.asked.required

    @cached_property
    def here(self) -> Here:
        """Give what the applications on this machine meet."""
        models = tuple(one for one in self.asked.catalog.models if self.decisions[one.name].is_required)
        return Here(self.ground.settings.hf_cache, Path.cwd(), os.environ, models)

    @cached_property
    def _arrivals(self) -> Arrivals:
        return Arrivals(self.ground.jobs, self.run)

    def placed(self, name: str) -> PlacedModel:
        """Locate a model, once."""
        if name not in self._placed:
            self._placed[name] = locate(self.asked.catalog.by_name[name], self.ground, only=self.options.only)
        return self._placed[name]

    def ready(self, name: str) -> PlacedModel:
        """Locate a model; in a provisioning run, after it was brought."""
        if self.options.provision and name not in self.refused:
            job = self._arrivals.wait(name)
            self._placed.pop(name, None)
            if job.state != "completed":
                self._placed[name] = _with_failure(self.placed(name), job)
        self.refused.setdefault(name, {})
        return self.placed(name)

    def present(self, model: PlacedModel) -> tuple[PlacedFile, ...]:
        """Give the files of *model* that are on disk and that no earlier check refused."""
        refused = self.refused.get(model.name, {})
        return tuple(one for one in self._here(model).files if one.path not in refused)

    def is_something_untold(self, model: PlacedModel) -> bool:
        """Tell whether something of *model* is absent that no check told of."""
        refused = self.refused.get(model.name, {})
        return not self._here(model).absent.issubset(refused)

    def _here(self, model: PlacedModel) -> _Here:
        """Look which files of *model* are there; once for all of its checks, which run in a row."""
        if self._looked is None or self._looked.model is not model:
            present = tuple(one for one in model.files if looking.is_file(one.place))
            absent = frozenset(fault.path for fault in files.absent(model))
            self._looked = _Here(model, present, absent)
        return self._looked

    def prove(self, files: tuple[PlacedFile, ...]) -> dict[str, Proven]:
        """Give the digests of *files*."""
        options = self.options
        return proving.prove(files, self.ground.ledger, reread=options.reread, trust=options.trust_ledger)

    def application_faults(self, application: str, model: PlacedModel, refused: Collection[str]) -> tuple[Fault, ...]:
        """Tell what keeps *application* from opening *model*."""
        return applications.unopened(application, applications.setting(model, self.here, refused))

    @cached_property
    def workflows(self) -> tuple[Path, ...]:
        """Give the workflows of ComfyUI that are to find their models."""
        return workflows.named(self.options.workflows, self.here)

    @property
    def certificates(self) -> tuple[Path, ...]:
        """Give where certificates of earlier runs may lie."""
        given = (self.options.certificate,) if self.options.certificate else ()
        return (self.ground.settings.home / "last-certificate.json", *given)

    def configuration(self) -> dict[str, str]:
        """Give the digests of the catalogs and the lock, by file name."""
        found = {path.name: digest for path, digest in self.asked.catalog.digests.items()}
        if self.asked.lock_path.is_file():
            found[self.asked.lock_path.name] = hashlib.sha256(self.asked.lock_path.read_bytes()).hexdigest()
        return found

    def close(self) -> None:
        """Let go of the ledger, the rows and a process that nobody needed."""
        self.early.close()
        self.ground.close()


KEY = pytest.StashKey[Suite]()


def read(options: Options, *, run: str | None = None) -> Suite:
    """
    Read catalogs, lock and environment for a run.

    Raises: RequestError, for a mistake in any of them.
    """
    asked = requested(
        os.environ,
        Path.cwd(),
        catalogs=options.catalogs,
        lock=options.lock,
        require=options.require,
        models=options.models,
    )
    return Suite(options, asked, run or uuid.uuid4().hex)


def _with_failure(placed: PlacedModel, job: Job) -> PlacedModel:
    fault = Fault(placed.model.source.text, job.error_what, job.error_remedy, job.error_kind)
    return replace(placed, faults=(fault, *placed.faults))


def subjects(model: PlacedModel, files: Sequence[PlacedFile], proven: Mapping[str, Proven]) -> list[dict[str, object]]:
    """Give what the certificate says of *files*."""
    return [
        {
            "name": f"{model.name}/{one.path}",
            "sha256": proven[one.path].digests["sha256"],
            "how": proven[one.path].how,
            "expected_from": ", ".join(dict.fromkeys(digest.told_by for digest in one.digests)),
            "size": one.place.stat().st_size,
            "structure": weights.seen(one.place),
        }
        for one in files
        if one.path in proven
    ]
