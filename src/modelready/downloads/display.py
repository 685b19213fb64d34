"""Downloads as people like to watch them: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from modelready import sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from modelready.downloads.jobs import Job

#: Seconds between two looks at the rows, and between two plain lines about the same download.
_LOOK_S = 0.2
_LINE_S = 5.0
#: From here on, the time left says that nothing moves, and says it badly.
_LONGEST_LEFT_S = 100 * 3600
#: Cells of a bar, and how the columns of the table look: model, bar, percent, amount, pace, file or note.
_BAR = 16
_WIDE, _NARROW = 112, 88  # from so many cells on, the last column and the count of files have room
_COLUMNS: tuple[dict[str, Any], ...] = (
    {"style": "bold", "max_width": 30},
    {},
    {"justify": "right"},
    {},
    {"style": "cyan"},
    {"style": "dim", "ratio": 1},
)
_SIGNS = {"completed": ("✓", "green"), "failed": ("✗", "red")}


def told(job: Job) -> str:
    """Give *job* in one plain line."""
    if job.state == "failed":
        return f"{job.model}: failed: {job.error_what.removeprefix(f'{job.model}: ')}; {job.error_remedy}"
    if job.state == "completed":
        files = "1 file" if job.files_total == 1 else f"{job.files_total} files"
        came = f"{sizes.told(job.bytes_fetched)} fetched" if job.bytes_fetched else "nothing to fetch"
        return f"{job.model}: in place, {files}, {came}"
    if job.state == "downloading":
        return f"{job.model}: {', '.join(filter(None, (_amount(job), _pace(job), job.current_file)))}"
    return f"{job.model}: {job.state}{', ' + job.note if job.note else ''}"


class Display:
    """Shows the jobs that *rows* gives, until its ``with`` block ends; *interrupt* free, in a thread of its own."""

    def __init__(self, rows: Callable[[], Iterable[Job]], console: Console) -> None:
        self._rows, self._console = rows, console
        self._over = threading.Event()
        self._told: dict[str, tuple[str, float]] = {}
        self._thread = threading.Thread(target=self._show, name="display of downloads", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _show(self) -> None:
        if self._console.is_terminal:
            self._show_live()
        else:
            self._show_lines()

    def _show_live(self) -> None:
        from rich.live import Live  # noqa: PLC0415 - only for a terminal

        with Live(console=self._console, transient=True, refresh_per_second=8, redirect_stdout=False) as live:
            while not self._over.wait(_LOOK_S):
                live.update(table(self._rows(), self._console.width))

    def _show_lines(self) -> None:
        while not self._over.wait(_LOOK_S):
            self._tell_changes()
        self._tell_changes()

    def _tell_changes(self) -> None:
        for job in self._rows():
            state, when = self._told.get(job.model, ("queued", 0.0))
            key = f"{job.state} {job.note.partition(' (')[0]}"  # without the seconds waited: they change all the time
            is_due = job.state == "downloading" and time.monotonic() - when > _LINE_S
            if key.strip() != state.strip() or is_due:
                self._told[job.model] = (key, time.monotonic())
                self._console.print(told(job), markup=False, highlight=False, soft_wrap=True)


class Watch(Display):
    """Shows jobs of any process; on a terminal, what has ended leaves a line behind."""

    def _show_live(self) -> None:
        from rich.live import Live  # noqa: PLC0415 - only for a terminal

        with Live(console=self._console, transient=True, refresh_per_second=8, redirect_stdout=False) as live:
            while not self._over.wait(_LOOK_S):
                rows = tuple(self._rows())
                self._tell_ends(rows)
                live.update(_idle() if all(job.is_over for job in rows) else table(rows, self._console.width))

    def _tell_ends(self, rows: Iterable[Job]) -> None:
        from rich.text import Text  # noqa: PLC0415 - only for a terminal

        for job in rows:
            if job.is_over and self._told.get(job.model) != (job.state, job.finished_at):
                self._told[job.model] = (job.state, job.finished_at)
                sign, style = _SIGNS.get(job.state, ("·", "dim"))
                line = Text.assemble((sign, style), f" {told(job)}")
                self._console.print(line, soft_wrap=True)


def table(jobs: Iterable[Job], width: int = 120) -> Table:
    """Give those of *jobs* that have not ended as a table with bars that fits into *width* cells."""
    from rich.table import Table  # noqa: PLC0415 - only where it is shown

    rows = Table.grid(padding=(0, 1), expand=True)
    for column in _COLUMNS if width >= _WIDE else (*_COLUMNS[:-2], _COLUMNS[-1]):
        rows.add_column(no_wrap=True, overflow="ellipsis", **column)
    waiting = 0
    for job in jobs:
        if job.state == "queued" and not job.note:
            waiting += 1
        elif not job.is_over:
            rows.add_row(*_cells(job, width))
    if waiting:
        rows.add_row(f"+ {waiting} waiting")
    return rows


def _cells(job: Job, width: int) -> tuple[RenderableType, ...]:
    from rich.progress_bar import ProgressBar  # noqa: PLC0415 - only where it is shown
    from rich.text import Text  # noqa: PLC0415

    there = min(max(job.bytes_done, 0), job.bytes_total)
    bar = ProgressBar(total=max(job.bytes_total, 1), completed=there, width=_BAR)
    percent = f"{100 * there // job.bytes_total} %" if job.bytes_total else ""
    doing = job.note or (job.current_file if job.state == "downloading" else "") or job.state
    amount = _amount(job) if width >= _NARROW else _bytes(job)
    start = (Text(job.model), bar, percent, amount if job.files_total or job.bytes_total else "")
    return (*start, _pace(job), Text(doing)) if width >= _WIDE else (*start, Text(_pace(job) or doing))


def _idle() -> Text:
    from rich.text import Text  # noqa: PLC0415 - only where it is shown

    return Text("nothing is being downloaded now; Ctrl-C ends this", style="dim")


def _amount(job: Job) -> str:
    return f"{job.files_done}/{job.files_total} files, {_bytes(job)}"


def _bytes(job: Job) -> str:
    return f"{sizes.told(max(job.bytes_done, 0))} of {sizes.told(job.bytes_total)}"


def _pace(job: Job) -> str:
    if job.speed_bps < 1:
        return ""
    left_s = max(job.bytes_total - job.bytes_done, 0) / job.speed_bps
    speed = f"{sizes.told(int(job.speed_bps))}/s"
    return f"{speed}, {_duration(left_s)} left" if left_s < _LONGEST_LEFT_S else speed


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
