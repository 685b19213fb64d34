"""The suite's own options, beside all of pytest's."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from modelready import durations, notices, reports

if TYPE_CHECKING:
    from collections.abc import Callable


class Wish(NamedTuple):
    """A report that was asked for; without a file it goes to standard output."""

    kind: str
    file: Path | None


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    provision: bool = False
    catalogs: tuple[Path, ...] = ()
    lock: Path | None = None
    require: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    resume: bool = True
    reread: bool = False
    trust_ledger: bool = False
    strict: bool = False
    workflows: tuple[Path, ...] = ()
    jobs: int = 4
    budget_s: float | None = None
    certificate: Path | None = None
    reports: tuple[Wish, ...] = ()
    notify: tuple[str, ...] = field(default=(), repr=False)


def add(parser: pytest.Parser) -> None:
    """Add the options to *parser*."""
    group = parser.getgroup("modelready", "modelready: are the models of this machine ready to load?")
    add = group.addoption
    add("--provision", action="store_true", help="bring what required models lack, then certify them")
    add("--catalog", action="append", type=Path, default=[], metavar="PATH", help="a catalog, or a folder of them")
    add("--lock", type=Path, metavar="FILE", dest="lockfile", help="models.lock.json (default: beside the catalog)")
    add("--require", action="append", default=[], metavar="GLOB", help="turn models on by name")
    add("--model", action="append", default=[], metavar="GLOB", help="only these models")
    add("--only", action="append", default=[], metavar="GLOB", help="only these files of the models")
    add("--no-resume", action="store_true", help="throw away what earlier downloads left behind")
    add("--jobs", type=_count, default=4, metavar="N", help="connections at once (default: 4)")
    add("--reread", action="store_true", help="read every byte again, whatever was remembered")
    add("--budget", type=_duration, metavar="TIME", help="to look for blank weights, a model: 30s, 2m (default: 10s)")
    add("--trust-ledger", action="store_true", help="trust size and time on file systems that keep them badly")
    add("--workflow", action="append", type=Path, default=[], metavar="FILE", help="a workflow of ComfyUI")
    add("--certificate", type=Path, metavar="FILE", help="write what was checked, and the verdict")
    add("--report", action="append", type=_wish, default=[], metavar="KIND=FILE", help=f"{', '.join(reports.KINDS)}")
    add("--notify", action="append", default=[], metavar="URL", help="post a small JSON there when all is done")


def given(config: pytest.Config) -> Options:
    """Give the options that *config* holds."""
    get: Callable[[str], object] = config.getoption
    return Options(
        provision=bool(get("provision")),
        catalogs=tuple(config.getoption("catalog")),
        lock=config.getoption("lockfile"),
        require=tuple(config.getoption("require")),
        models=tuple(config.getoption("model")),
        only=tuple(config.getoption("only")),
        resume=not get("no_resume"),
        reread=bool(get("reread")),
        trust_ledger=bool(get("trust_ledger")),
        strict=bool(config.getini("strict")),
        workflows=tuple(config.getoption("workflow")),
        jobs=config.getoption("jobs"),
        budget_s=config.getoption("budget"),
        certificate=config.getoption("certificate"),
        reports=tuple(config.getoption("report")),
        notify=notices.urls(config.getoption("notify"), os.environ),
    )


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= 64:  # noqa: PLR2004 - more connections than this only annoy a server
        raise pytest.UsageError(f"--jobs {text}: expected a number of connections from 1 to 64; give one, like 4")
    return count


def _duration(text: str) -> float:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise pytest.UsageError(f"--budget {text}: {error}; give one, like 30s") from error


def _wish(text: str) -> Wish:
    kind, _, file = text.partition("=")
    if kind not in reports.KINDS:
        known = ", ".join(reports.KINDS)
        raise pytest.UsageError(f"--report {text}: {kind!r} is no kind of report; expected {known}, like junit=FILE")
    if not file:
        raise pytest.UsageError(f"--report {text}: names no file; expected KIND=FILE, like {kind}=FILE")
    if file != "-":
        return Wish(kind, Path(file))
    if kind not in reports.SPOKEN:
        spoken = ", ".join(sorted(reports.SPOKEN))
        raise pytest.UsageError(
            f"--report {text}: standard output holds what the run prints, and only {spoken} may stand below it; "
            f"name a file, like {kind}=FILE"
        )
    return Wish(kind, None)
