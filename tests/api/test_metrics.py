"""What Prometheus reads, as its own parser understands it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from face import Face
from prometheus_client.parser import text_string_to_metric_families

from builders import analysis
from timbred_api.latencies import BOUNDS, TICK, Latencies, LoopLag
from timbred_indexer.errors import NotFoundError

Samples = dict[tuple[str, str], float]


async def scrape(face: Face) -> Samples:
    """(name, its labels' values) → value."""
    async with face.client.get("/metrics", headers={"Accept": "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}) as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        families = text_string_to_metric_families(await response.text())
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}


async def test_files_indexes_and_workers_are_those_of_the_status(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1, 2))
    await face.failed(b"b.wav")
    found = await scrape(face)
    assert [found["timbred_files", state] for state in ("indexed", "failed", "pending")] == [1, 1, 0]
    assert (found["timbred_space_vectors", "librosa"], found["timbred_index_recall", "librosa"]) == (2, 1)
    assert (found["timbred_workers", "idle"], found["timbred_folders", "online"]) == (1, 1)
    assert found["process_resident_memory_bytes", ""] > 2**20


async def test_every_answer_and_every_refusal_is_counted(face: Face) -> None:
    sound = await face.indexed(b"a.wav", analysis(1))
    for _ in range(3):
        await face.get("/v1/similar", id=sound)
    await face.problem(404, "GET", "/v1/similar", id=99)
    found = await scrape(face)
    assert found["timbred_request_seconds_count", "find_similar_sounds"] == 4
    assert found["timbred_request_seconds_bucket", "+Inf,find_similar_sounds"] == 4
    assert sum(value for (name, _), value in found.items() if name == "timbred_request_errors_total") == 1
    assert ("timbred_request_seconds_count", "get_sound") not in found


async def test_a_latency_falls_into_its_bucket_and_an_error_is_passed_on() -> None:
    latencies = Latencies()

    async def refuse(_: str) -> str:
        raise NotFoundError("No.", code="unknown_id")

    try:
        await latencies.timed("ask", refuse)("x")
    except NotFoundError:
        latencies.by_operation["ask"].note(BOUNDS[3])
        latencies.by_operation["ask"].note(99.0)
    counts = latencies.by_operation["ask"].counts
    assert (sum(counts), counts[-1], latencies.errors["unknown_id"]) == (3, 1, 1)
    assert counts[3] >= 1


class FakeLoop:
    """Timers that go off when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> object:
        return self.timers.append(lambda: callback(*args))

    def go_on(self, seconds: float) -> None:
        """The loop was busy for so long, and looks at its timers."""
        self.now += seconds
        self.timers.pop()()


def test_a_loop_that_was_held_up_is_seen_to_be_late() -> None:
    loop, lag = FakeLoop(), LoopLag()
    lag.asked(loop)
    loop.go_on(TICK)
    lag.asked(loop)
    loop.go_on(TICK + 0.2)
    assert (round(lag.longest, 6), round(lag.lateness.total, 6), sum(lag.lateness.counts)) == (0.2, 0.2, 2)


def test_while_nobody_asks_no_timer_is_set() -> None:
    loop, lag = FakeLoop(), LoopLag()
    assert loop.timers == []
    for _ in range(3):
        lag.asked(loop)
    assert len(loop.timers) == 1
    loop.go_on(TICK)
    loop.go_on(TICK)  # somebody had asked since the first was set
    assert loop.timers == []


async def test_how_late_the_loop_is_can_be_scraped(face: Face) -> None:
    found: Samples = {}
    while not found.get(("timbred_loop_lag_seconds_count", "")):  # the timer of the scrape before goes off
        found = await scrape(face)
    assert found["timbred_loop_lag_longest_seconds", ""] >= 0
