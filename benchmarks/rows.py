"""The rows of the table: what is prepared, what is called, and what it may cost at most (DESIGN, section 5)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from benchmarks import contents
from benchmarks.figures import OURS, Cost, Result
from benchmarks.hub import Hub, serving
from benchmarks.page import Looked
from benchmarks.programs import Home, has_curl
from benchmarks.served import Served
from benchmarks.timing import Call, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.timing import Run

DOWNLOAD, VERIFY, CURL = "hf download", "hf cache verify", "curl --parallel"
_MODELS_MEMORY_BYTES = 500_000_000
_FILES_A_MODEL = 20
_ANSWER_S = 0.020
_PAINT_S = 0.200  # what web.dev calls a good Interaction to Next Paint
_MANY = 100


@dataclass(frozen=True)
class Sizes:
    """How much is brought and proved, and how often."""

    large_bytes: int = 1_000_000_000
    small_files: int = 2000
    small_bytes: int = 10_000
    models: int = 1000
    listed: int = 500
    runs: int = 3


@dataclass(frozen=True)
class Stage:
    """Where the rows are measured, with which sizes, and who is told of each run."""

    place: Path
    sizes: Sizes
    tell: Callable[[str], None]


class Doing(Protocol):
    """Work that measures itself."""

    def run(self) -> Run:
        """Do it once."""


@dataclass(frozen=True)
class Contest:
    """One piece of work: the calls that do it, this project's first, and what is done before each, unmeasured."""

    work: str
    calls: dict[str, Call | Doing]
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    at_most: float | None = None
    most_bytes: int | None = None
    most_s: float | None = None
    warms_up: bool = True

    def held(self, stage: Stage) -> Result:
        """Let the programs run in turns, and sum up."""
        runs: dict[str, list[Run]] = {program: [] for program in self.calls}
        for number in range(-self.warms_up, stage.sizes.runs):
            for program, call in self.calls.items():
                self.before.get(program, _nothing)()
                os.sync()
                run = measured(call) if isinstance(call, Call) else call.run()
                if number >= 0:
                    runs[program].append(run)
                    stage.tell(f"{self.work}: {program} {run.wall_s:.3g} s, {run.cpu_s:.2f} s of work")
        ours, *others = (Cost.of(program, found) for program, found in runs.items())
        return Result(self.work, ours, tuple(others), self.at_most, self.most_bytes, self.most_s)


def helped(stage: Stage) -> Iterator[Result]:
    """Measure what a command costs that does nothing."""
    home = Home(stage.place / "help")
    calls = {OURS: home.modelready("--help"), "hf --help": home.hf_command("--help")}
    yield Contest("--help", calls).held(stage)


def many_small(stage: Stage) -> Iterator[Result]:
    """Bring and prove many small files."""
    count, size_bytes = stage.sizes.small_files, stage.sizes.small_bytes
    contents.write_many(stage.place / "hub" / "bench" / "many", count, size_bytes)
    what = f"{count:,} files of {size_bytes / 1000:g} kB"
    with _served(stage) as hub:
        yield _cold(stage, hub, "bench/many", Contest(f"provision {what}", {}, at_most=0.5))
        yield _unchanged(stage, hub, "bench/many", Contest(f"certify, nothing changed, {what}", {}, at_most=4.0))


def four_large(stage: Stage) -> Iterator[Result]:
    """Bring and prove four large files, then prove them again by memory and by reading."""
    what = f"4 x {_size(stage.sizes.large_bytes)}"
    contents.write_sharded(stage.place / "hub" / "bench" / "four", 4, stage.sizes.large_bytes)
    with _served(stage) as hub:
        yield _cold(stage, hub, "bench/four", Contest(f"provision {what}", {}, at_most=0.55, warms_up=False))
        yield _unchanged(stage, hub, "bench/four", Contest(f"certify, nothing changed, {what}", {}, at_most=0.5))
        again = Contest(f"certify --reread {what}, every check but the search for blanks", {}, at_most=1.0)
        yield _unchanged(stage, hub, "bench/four", again, "--reread", "-k", "not are_not_blank")
        yield _unchanged(stage, hub, "bench/four", Contest(f"certify --reread {what}", {}), "--reread")


def one_huge(stage: Stage) -> Iterator[Result]:
    """Bring and prove one file four times as large."""
    what = f"1 x {_size(4 * stage.sizes.large_bytes)}"
    contents.write_sharded(stage.place / "hub" / "bench" / "one", 1, 4 * stage.sizes.large_bytes)
    with _served(stage) as hub:
        yield _cold(stage, hub, "bench/one", Contest(f"provision {what}", {}, at_most=0.6, warms_up=False))


def many_models(stage: Stage) -> Iterator[Result]:
    """Prove many models again, against as many items of pytest that do nothing."""
    count = stage.sizes.models
    names = [f"model-{number:04}" for number in range(count)]
    for name in names:
        contents.write_small_model(stage.place / "hub" / "bench" / name, _FILES_A_MODEL)
    with _served(stage) as hub:
        home = Home(stage.place / OURS, hub.url)
        home.empty()
        home.catalog(*((name, f"bench/{name}") for name in names))
        measured(home.modelready("provision", "--certificate", "certificate.json"))
    calls = {OURS: home.modelready("certify")}
    for items in (_items(home.folder / "certificate.json"), count * _FILES_A_MODEL):
        tests = stage.place / f"test_{items}.py"
        tests.write_text(_EMPTY_ITEMS.format(items), encoding="utf-8")
        calls[f"{items:,} empty pytest items"] = home.pytest(tests)
    work = f"certify, nothing changed, {count:,} models of {_FILES_A_MODEL} files"
    yield Contest(work, calls, at_most=2.0, most_bytes=_MODELS_MEMORY_BYTES).held(stage)


def watched(stage: Stage) -> Iterator[Result]:
    """Let a server bring one file, and see how fast it answers meanwhile, and what those who watch cost it."""
    size_bytes = 4 * stage.sizes.large_bytes
    contents.write_sharded(stage.place / "hub" / "bench" / "one", 1, size_bytes)
    with _served(stage) as hub:
        home = Home(stage.place / OURS, hub.url)
        home.catalog(("model", "bench/one"))
        hub.paths("bench/one")
        answers = {"answers": Served(home, listeners=1, asks=True)}
        work = f"an answer of the API while {_size(size_bytes)} are brought, median"
        yield Contest(work, answers, {"answers": home.empty}, most_s=_ANSWER_S, warms_up=False).held(stage)
        calls = {OURS: Served(home, listeners=1), "nobody listening": Served(home)}
        before = dict.fromkeys(calls, home.empty)
        work = f"serve brings 1 x {_size(size_bytes)}, one listening to the events"
        yield Contest(work, calls, before, at_most=1.02, warms_up=False).held(stage)


def looked_at(stage: Stage) -> Iterator[Result]:
    """Let somebody use the page while events come."""
    names = tuple(f"model-{number:04}" for number in range(stage.sizes.listed))
    home = Home(stage.place / "page")
    home.catalog(*((name, f"bench/{name}") for name in names))
    work = f"the page with {len(names)} models and 10 events a second: a key to the next paint, the longest"
    yield Contest(work, {"keys": Looked(home, names)}, {"keys": home.empty}, most_s=_PAINT_S, warms_up=False).held(
        stage
    )


ROWS: dict[str, Callable[[Stage], Iterator[Result]]] = {
    "help": helped,
    "small": many_small,
    "four": four_large,
    "one": one_huge,
    "models": many_models,
    "watched": watched,
    "page": looked_at,
}

_EMPTY_ITEMS = """\
import pytest


@pytest.mark.parametrize("number", range({}))
def test_nothing(number):
    pass
"""


@contextlib.contextmanager
def _served(stage: Stage) -> Iterator[Hub]:
    """Serve what was written; at the end it is gone, and so is what was brought of it by others."""
    folder = stage.place / "hub"
    with serving(folder, dict(os.environ)) as hub:
        yield hub
    shutil.rmtree(folder)
    for program in ("hf", "curl"):
        shutil.rmtree(stage.place / program, ignore_errors=True)


def _cold(stage: Stage, hub: Hub, repo: str, contest: Contest) -> Result:
    """Let each program bring *repo* to a place where nothing is."""
    paths = hub.paths(repo)
    homes = {OURS: Home(stage.place / OURS, hub.url), DOWNLOAD: Home(stage.place / "hf", hub.url)}
    homes[OURS].catalog(("model", repo))
    calls = {OURS: homes[OURS].modelready("provision"), DOWNLOAD: homes[DOWNLOAD].hf_command("download", repo)}
    if has_curl():
        homes[CURL] = Home(stage.place / "curl", hub.url)
        calls[CURL] = homes[CURL].curl(hub, repo, paths)
    before = {program: home.set_aside if len(paths) > _MANY else home.empty for program, home in homes.items()}
    result = Contest(contest.work, calls, before, contest.at_most, warms_up=contest.warms_up).held(stage)
    for program in (DOWNLOAD, CURL):
        if program in homes:
            homes[program].empty()
    return result


def _unchanged(stage: Stage, hub: Hub, repo: str, contest: Contest, *options: str) -> Result:
    """Let each program prove *repo* where it was brought."""
    home = Home(stage.place / OURS, hub.url)
    calls = {OURS: home.modelready("certify", *options), VERIFY: home.hf_command("cache", "verify", repo)}
    return Contest(contest.work, calls, at_most=contest.at_most).held(stage)


def _items(certificate: Path) -> int:
    """Give how many checks ran, of a certificate."""
    predicate = json.loads(certificate.read_text(encoding="utf-8"))["predicate"]
    return sum(len(predicate.get(name, ())) for name in ("passedTests", "warnedTests", "failedTests"))


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 10**9:g} GB" if size_bytes >= 10**9 else f"{size_bytes / 10**6:g} MB"


def _nothing() -> None:
    pass
