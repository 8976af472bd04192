"""Files that cannot be read now: what they were goes on answering, and nobody waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from desk import Desk, attempts, codes, new_desk, states

from builders import analysis, visible
from timbred_indexer import pipeline
from timbred_indexer.db import Database
from timbred_indexer.errors import TransientInputError
from timbred_indexer.model import FileStat, Seconds, SoundId


@pytest.fixture
async def desk(db: Database, tmp_path: Path) -> Desk:
    return await new_desk(db, tmp_path)


async def test_files_whose_reading_hangs_hold_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.silence = Seconds(0.05)
    answers, read = threading.Event(), pipeline.fingerprint

    def hang(path: bytes, stopping: Callable[[], bool]) -> tuple[FileStat, bytes]:
        if b"dead" in path:
            answers.wait()
        return read(path, stopping)

    monkeypatch.setattr(pipeline, "fingerprint", hang)
    try:
        for number in range(pipeline.HASHED_AT_ONCE):
            await desk.put(f"dead-{number}.wav")
        await desk.put("well.wav", b"another sound")
        async with desk.running():
            await desk.until(lambda connection: states(connection)["well.wav"] == "indexed")
            await desk.until(lambda connection: codes(connection)["dead-0.wav"] == "unreadable")
    finally:
        answers.set()
    assert b"dead-0.wav" in desk.stale
    await desk.drain()
    assert set((await desk.states()).values()) == {"indexed"}


async def test_a_changed_file_that_cannot_be_read_answers_as_it_was_until_it_can(desk: Desk) -> None:
    path = await desk.put("a.wav")
    await desk.drain()
    desk.analyser.says = lambda _: TransientInputError("The file could not be read: Input/output error.")
    path.write_bytes(b"other and longer bytes")
    await desk.scan()
    async with desk.running():
        await desk.until(lambda connection: attempts(connection)["a.wav"] > 2 * pipeline.MAX_ATTEMPTS)
        assert await desk.db.read(lambda connection: visible(connection, [SoundId(1)])) == {1}
        desk.analyser.says = lambda _: analysis(2)
        await desk.until(lambda connection: states(connection)["a.wav"] == "indexed")
    assert await desk.db.read(lambda connection: visible(connection, [SoundId(1), SoundId(2)])) == {2}


async def test_what_another_extractor_knew_of_a_file_that_cannot_be_read_is_no_answer(desk: Desk) -> None:
    desk.analyser.says = lambda _: analysis(1, version="old")
    path = await desk.put("a.wav")
    await desk.drain()
    desk.analyser.says = lambda _: TransientInputError("The file could not be read: Input/output error.")
    path.write_bytes(b"other and longer bytes")
    await desk.scan()
    await desk.drain()
    assert await desk.codes() == {"a.wav": "unreadable"}
