"""What Prometheus asks for, in the form of OpenMetrics: counted when it is asked, from the rows that all share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from modelready.downloads.jobs import STATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from modelready.downloads.manager import UnifiedModelDownloadManager
    from modelready.web.board import Board

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Counts(Collector):
    def __init__(self, manager: UnifiedModelDownloadManager, board: Board) -> None:
        self._manager, self._board = manager, board

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._of_jobs()
        yield from self._of_models()

    def _of_jobs(self) -> Iterator[Metric]:
        jobs = self._manager.queue.jobs.select("WHERE lasting = 1")
        told = self._manager.queue.told_jobs()
        count = GaugeMetricFamily("modelready_jobs", "Jobs of the queue by state.", labels=["state"])
        for state in STATES:
            count.add_metric([state], sum(job.state == state for job in jobs))
        yield count
        yield CounterMetricFamily(
            "modelready_fetched_bytes", "Bytes that travelled for jobs.", value=sum(job.bytes_fetched for job in jobs)
        )
        speed = sum(job.speed_bps for job in told)
        yield GaugeMetricFamily("modelready_download_speed_bytes_per_second", "Speed of what is brought.", value=speed)

    def _of_models(self) -> Iterator[Metric]:
        rows = self._board.models()
        states = GaugeMetricFamily(
            "modelready_models", "Models by state and whether required.", labels=["state", "required"]
        )
        for state in sorted({row["state"] for row in rows}):
            for is_required in (True, False):
                found = sum(row["state"] == state and row["required"] == is_required for row in rows)
                states.add_metric([state, str(is_required).lower()], found)
        yield states
        yield GaugeMetricFamily(
            "modelready_model_bytes", "Bytes of models on disk.", value=sum(row["bytes_on_disk"] for row in rows)
        )
        yield GaugeMetricFamily("modelready_ready", "1 while /readyz says so.", value=int(not self._board.doubts()))


def text(manager: UnifiedModelDownloadManager, board: Board) -> bytes:
    """Give the metrics as they are now."""
    registry = CollectorRegistry()
    registry.register(_Counts(manager, board))
    found: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # of prometheus_client
    return found
