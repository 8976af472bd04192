"""What timbred is doing, as Prometheus reads it. The only module that imports its client.

Nothing is counted twice: a scrape reads the same status that everybody sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from timbred_api.answers import Text
from timbred_api.engine import Engine
from timbred_api.latencies import BOUNDS, Latencies, Latency
from timbred_api.operation import Operation
from timbred_api.schemas import NoParameters, Result
from timbred_api.schemas_status import Status
from timbred_api.status import read_status

_FILE_STATES: Final = ("indexed", "pending", "failed", "missing", "offline")
_FOLDER_STATES: Final = ("online", "offline", "suspect")


class Exposition(Result):
    """Text in Prometheus' format."""


async def get_metrics(engine: Engine, parameters: NoParameters) -> Text:
    """Says what timbred is doing in Prometheus' text format: files, indexes, workers, latencies, memory."""
    status = await read_status(engine, parameters)
    # The process's own numbers are read from files of the system.
    body = await asyncio.to_thread(exposition, status, engine.latencies)
    return Text(body, CONTENT_TYPE_LATEST)


def exposition(status: Status, latencies: Latencies) -> bytes:
    """The text of one scrape."""
    registry = CollectorRegistry()
    registry.register(_Snapshot([*_library(status), *_spaces(status), *_work(status), *_requests(latencies)]))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Snapshot(Collector):
    """Metrics that were put together before."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _library(status: Status) -> Iterator[Metric]:
    files = GaugeMetricFamily("timbred_files", "Files by state.", labels=["state"])
    for state in _FILE_STATES:
        files.add_metric([state], getattr(status.files, state))
    yield files
    folders = GaugeMetricFamily("timbred_folders", "Watched folders by state.", labels=["state"])
    for state in _FOLDER_STATES:
        folders.add_metric([state], sum(folder.state == state for folder in status.folders))
    yield folders
    yield GaugeMetricFamily("timbred_sounds", "Sounds that a present file has.", value=status.sounds)
    yield GaugeMetricFamily("timbred_seq", "The state of the database.", value=status.seq)


def _spaces(status: Status) -> Iterator[Metric]:
    kinds = {
        "vectors": GaugeMetricFamily("timbred_space_vectors", "Segments that can be found.", labels=["space"]),
        "pending": GaugeMetricFamily("timbred_space_pending", "Segments still to be heard.", labels=["space"]),
        "buffer": GaugeMetricFamily("timbred_index_buffer", "Vectors beside the snapshot.", labels=["space"]),
        "tombstones": GaugeMetricFamily("timbred_index_tombstones", "Dead or hidden vectors.", labels=["space"]),
        "memory": GaugeMetricFamily("timbred_index_memory_bytes", "The mapped file included.", labels=["space"]),
        "recall": GaugeMetricFamily("timbred_index_recall", "As measured; 1 for an exact one.", labels=["space"]),
        "age": GaugeMetricFamily("timbred_index_age_seconds", "Since the snapshot was built.", labels=["space"]),
    }
    for name, space in status.spaces.items():
        kinds["vectors"].add_metric([name], space.vectors)
        kinds["pending"].add_metric([name], space.pending)
        if (index := space.index) is not None:
            kinds["buffer"].add_metric([name], index.buffer)
            kinds["tombstones"].add_metric([name], index.tombstones)
            kinds["memory"].add_metric([name], index.memory)
            kinds["recall"].add_metric([name], 1.0 if index.recall is None else index.recall)
            if index.age is not None:
                kinds["age"].add_metric([name], index.age)
    yield from kinds.values()


def _work(status: Status) -> Iterator[Metric]:
    workers = status.workers
    alive = GaugeMetricFamily("timbred_workers", "Worker processes.", labels=["state"])
    alive.add_metric(["busy"], workers.busy)
    alive.add_metric(["idle"], workers.alive - workers.busy)
    yield alive
    yield CounterMetricFamily("timbred_jobs", "Files handed to a worker.", value=workers.jobs)
    yield CounterMetricFamily("timbred_worker_crashes", "Workers that died on a file.", value=workers.crashes)
    yield CounterMetricFamily("timbred_worker_timeouts", "Workers ended for taking too long.", value=workers.timeouts)
    yield GaugeMetricFamily("timbred_files_per_second", "Finished, lately.", value=status.rate)
    yield GaugeMetricFamily("timbred_scan_owed", "1 while a scan runs or is due.", value=status.scan_owed)
    yield GaugeMetricFamily("timbred_resting", "1 while no work is begun.", value=status.rest is not None)
    yield GaugeMetricFamily("timbred_notes", "Things that are not as they should be.", value=len(status.notes))
    yield GaugeMetricFamily("timbred_uptime_seconds", "Since the start.", value=status.uptime)
    info = GaugeMetricFamily("timbred_info", "Always 1.", labels=["version", "state"])
    info.add_metric([status.version, status.state], 1)
    yield info


def _requests(latencies: Latencies) -> Iterator[Metric]:
    taken = HistogramMetricFamily("timbred_request_seconds", "Until an answer began.", labels=["operation"])
    for operation, latency in latencies.by_operation.items():
        if any(latency.counts):
            taken.add_metric([operation], _buckets(latency), latency.total)
    yield taken
    late = HistogramMetricFamily("timbred_loop_lag_seconds", "What requests wait before anybody looks at them.")
    late.add_metric([], _buckets(latencies.lag.lateness), latencies.lag.lateness.total)
    yield late
    longest = "The longest of these, since the start."
    yield GaugeMetricFamily("timbred_loop_lag_longest_seconds", longest, value=latencies.lag.longest)
    errors = CounterMetricFamily("timbred_request_errors", "Requests refused, by code.", labels=["code"])
    for code, count in latencies.errors.items():
        errors.add_metric([code], count)
    yield errors


def _buckets(latency: Latency) -> list[tuple[str, float]]:
    """Upper ends, and how many were below each."""
    return list(zip((*map(str, BOUNDS), "+Inf"), accumulate(latency.counts), strict=True))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "get_metrics", "GET", "/metrics", NoParameters, Exposition, get_metrics, media=("text/plain",), limit=10.0
    ),
)
