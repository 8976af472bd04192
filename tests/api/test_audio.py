"""Sounds are handed out as they are, in pieces if asked for, or decoded; and nothing else is."""

from __future__ import annotations

import asyncio
import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as typed_soundfile
from face import Face

from builders import analysis
from timbred_api import audio, sending
from timbred_indexer.model import Seconds, SoundId

soundfile: Any = typed_soundfile
RATE = 8_000


def encoded(seconds: float = 1.0, kind: str = "WAV", seed: int = 0) -> bytes:
    file = io.BytesIO()
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE))
    soundfile.write(file, samples, RATE, format=kind, subtype="PCM_16")
    return file.getvalue()


async def add(face: Face, name: bytes = b"a.wav", content: bytes | None = None, seconds: float = 1.0) -> SoundId:
    made = replace(analysis(1), duration=Seconds(seconds), sample_rate=RATE, channels=1)
    return await face.indexed(name, made, encoded(seconds) if content is None else content)


async def fetch(face: Face, query: str = "1/audio", method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with face.client.request(method, f"/v1/sounds/{query}", headers=named) as response:
        return response.status, response.headers, await response.read()


async def test_the_bytes_are_those_of_the_file(face: Face) -> None:
    await add(face, 'dör "1"\n.wav'.encode())
    status, headers, body = await fetch(face)
    assert (status, body) == (200, encoded())
    assert headers["Content-Type"] == "audio/wav"
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''d%C3%B6r%20%221%22%0A.wav"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert (headers["Accept-Ranges"], "Last-Modified" in headers) == ("bytes", False)


async def test_a_range_is_a_piece_of_the_same(face: Face) -> None:
    await add(face)
    status, headers, body = await fetch(face, Range="bytes=100-199")
    assert (status, body) == (206, encoded()[100:200])
    assert headers["Content-Range"] == f"bytes 100-199/{len(encoded())}"
    _, _, tail = await fetch(face, Range="bytes=-7")
    assert tail == encoded()[-7:]


async def test_a_range_behind_the_end_is_not_satisfiable(face: Face) -> None:
    await add(face)
    status, headers, body = await fetch(face, Range="bytes=999999-")
    assert (status, headers["Content-Range"], body) == (416, f"bytes */{len(encoded())}", b"")


async def test_conditions_are_kept(face: Face) -> None:
    await add(face)
    _, headers, _ = await fetch(face)
    tag = headers["ETag"]
    assert not tag.startswith("W/")
    assert (await fetch(face, If_None_Match=tag))[::2] == (304, b"")
    assert (await fetch(face, Range="bytes=0-9", If_Range=tag))[0] == 206
    assert (await fetch(face, Range="bytes=0-9", If_Range='"old"'))[0] == 200


async def test_head_says_the_same_without_the_bytes(face: Face) -> None:
    await add(face)
    status, headers, body = await fetch(face, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(encoded())), b"")


async def test_many_pieces_at_once_are_each_right(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PIECE", 1000)
    await add(face)
    answers = await asyncio.gather(*(fetch(face, Range=f"bytes={n}-{n + 5000}") for n in range(0, 9000, 300)))
    assert [body for _, _, body in answers] == [encoded()[n : n + 5001] for n in range(0, 9000, 300)]


async def test_a_changed_file_is_not_handed_out_but_its_copy_is(face: Face) -> None:
    await add(face, b"a.wav")
    await asyncio.to_thread(Path(face.path("a.wav")).write_bytes, b"something else")
    status, answer = await face.ask("GET", "/v1/sounds/1/audio")
    assert (status, answer["code"]) == (409, "file_changed")
    await add(face, b"b.wav")
    assert (await fetch(face))[2] == encoded()


async def test_a_file_that_is_gone_is_said_to_be(face: Face) -> None:
    await add(face)
    await asyncio.to_thread(os.unlink, face.path("a.wav"))
    for what in ("audio", "waveform", "audio?format=wav"):
        status, answer = await face.ask("GET", f"/v1/sounds/1/{what}")
        assert (status, answer["code"]) == (404, "vanished")


async def test_a_link_that_leads_out_of_the_folder_is_not_followed(face: Face, tmp_path: Path) -> None:
    await add(face)

    def swap() -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        os.unlink(face.path("a.wav"))
        os.symlink(tmp_path / "secret", face.path("a.wav"))

    await asyncio.to_thread(swap)
    assert (await fetch(face))[0] == 404


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("9/audio", 404, "unknown_id"),
        ("1/audio?format=mp3", 400, "bad_parameter"),
        ("1/audio?start=1", 400, "bad_parameter"),
        ("1/audio?format=wav&start=2", 400, "bad_parameter"),
        ("1/audio?format=wav&start=0.5&end=0.4", 400, "bad_parameter"),
        ("1/audio?format=wav&start=nan", 400, "bad_parameter"),
        ("../../etc/passwd/audio", 404, "unknown_route"),
        ("1%2Faudio", 400, "bad_parameter"),
        ("9/waveform", 404, "unknown_id"),
        ("1/waveform?points=15", 400, "bad_parameter"),
        ("1/waveform?points=4001", 400, "bad_parameter"),
    ],
)
async def test_a_bad_question_about_a_sound_is_refused(face: Face, query: str, status: int, code: str) -> None:
    await add(face)
    answer = await face.ask("GET", f"/v1/sounds/{query}")
    assert (answer[0], answer[1]["code"]) == (status, code)


async def test_what_browsers_cannot_play_comes_as_wav(face: Face) -> None:
    await add(face, b"a.aiff", encoded(kind="AIFF"))
    status, headers, body = await fetch(face, "1/audio?format=wav")
    assert (status, headers["Content-Type"]) == (200, "audio/wav")
    assert headers["Content-Disposition"].endswith("a.wav")
    assert np.array_equal(soundfile.read(io.BytesIO(body))[0], soundfile.read(io.BytesIO(encoded()))[0])


async def test_a_seeking_player_has_the_sound_decoded_once(face: Face) -> None:
    await add(face)
    _, headers, whole = await fetch(face, "1/audio?format=wav")
    answers = await asyncio.gather(*(fetch(face, "1/audio?format=wav", Range=f"bytes={n}-") for n in range(5)))
    assert [body for _, _, body in answers] == [whole[n:] for n in range(5)]
    assert face.workers.previews == 1
    assert (await fetch(face, "1/audio?format=wav", If_None_Match=headers["ETag"]))[0] == 304
    assert await asyncio.to_thread(os.listdir, face.uploads) == []


async def test_a_stretch_is_as_long_as_asked_for(face: Face) -> None:
    await add(face)
    _, _, body = await fetch(face, "1/audio?format=wav&start=0.25&end=0.75")
    assert len(soundfile.read(io.BytesIO(body))[0]) == RATE // 2


async def test_what_is_kept_of_decoded_sounds_is_bounded(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face.engine.media.decoded, "_most", 40_000)
    await add(face)
    for start in ("0", "0.1", "0.2", "0.3"):
        assert (await fetch(face, f"1/audio?format=wav&start={start}"))[0] == 200
    assert face.engine.media.decoded.weight <= 40_000


async def test_an_hour_is_not_decoded_and_the_answer_says_what_to_do(face: Face) -> None:
    made = replace(analysis(1), duration=Seconds(3600.0), sample_rate=RATE, channels=1)
    await face.indexed(b"a.wav", made, encoded())
    status, answer = await face.ask("GET", "/v1/sounds/1/audio?format=wav")
    assert (status, answer["code"], face.workers.previews) == (422, "too_long", 0)
    assert "60 minutes" in answer["detail"]
    assert "at most 600 seconds" in answer["detail"]
    assert (await fetch(face, "1/audio?format=wav&start=0&end=1"))[0] == 200


async def test_what_is_no_sound_any_more_is_said_to_be_none(face: Face) -> None:
    await add(face, content=b"This is not audio. " * 10)
    status, answer = await face.ask("GET", "/v1/sounds/1/audio?format=wav")
    assert (status, answer["code"]) == (422, "not_audio")
    assert await asyncio.to_thread(os.listdir, face.uploads) == []


async def test_a_waveform_has_as_many_points_as_asked_for(face: Face) -> None:
    await add(face)
    answer = await face.get("/v1/sounds/1/waveform", points=16)
    assert (answer["sound_id"], answer["duration"], answer["points"]) == (1, 1.0, 16)
    assert [len(answer[name]) for name in ("min", "max", "rms")] == [16] * 3
    assert all(-0.5 <= low < 0 < high <= 0.5 for low, high in zip(answer["min"], answer["max"], strict=True))
    assert (await face.get("/v1/sounds/1/waveform"))["points"] == 400


async def test_a_very_short_sound_has_fewer_points(face: Face) -> None:
    await add(face, seconds=10 / RATE)
    assert (await face.get("/v1/sounds/1/waveform", points=4000))["points"] == 10


async def test_a_waveform_is_made_once_and_kept_by_browsers(face: Face) -> None:
    await add(face)
    await asyncio.gather(*(face.get("/v1/sounds/1/waveform", points=50) for _ in range(10)))
    assert face.workers.previews == 1
    _, headers, _ = await fetch(face, "1/waveform?points=50")
    assert "immutable" in headers["Cache-Control"]
    assert (await fetch(face, "1/waveform?points=50", If_None_Match=headers["ETag"]))[::2] == (304, b"")
    assert face.engine.media.waveforms.weight > 0


async def test_copies_share_a_waveform(face: Face) -> None:
    await add(face, b"a.wav")
    await add(face, b"b.wav")
    await asyncio.to_thread(os.unlink, face.path("a.wav"))
    assert (await face.get("/v1/sounds/1/waveform"))["points"] == 400


def test_the_longest_decoding_fits_the_bound_at_common_rates() -> None:
    assert audio.LONGEST * 96_000 * 2 * 2 <= audio.MOST_BYTES


async def test_sounds_are_found_by_words_in_their_names(face: Face) -> None:
    await add(face, b"Kick 808.wav")
    await add(face, b"kick.wav", encoded(seed=2))
    assert [row["sound_id"] for row in (await face.get("/v1/sounds", name="808 KICK"))["results"]] == [1]
    assert len((await face.get("/v1/sounds", name="kick", folder=str(face.root)))["results"]) == 2
    assert (await face.get("/v1/sounds", name="kick", folder="/elsewhere"))["results"] == []
    answer = await face.problem(400, "GET", "/v1/sounds", name="kick", path=face.path("kick.wav"))
    assert answer["code"] == "bad_parameter"
