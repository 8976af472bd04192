"""``GET /v1/duplicates`` over a real database; the search itself is stood in for."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from face import Face, Json

from builders import analysis
from timbred_indexer.model import Seconds, SoundId
from timbred_indexer.store import duplicates


async def verdict(face: Face, first: SoundId, second: SoundId, *, coherence: float = 0.99, **changes: Any) -> None:
    """Two sounds were compared; ``changes``: columns of ``pair``."""
    numbers = {
        "coherence": coherence,
        "closeness": coherence,
        "offset": 0.0,
        "gain": 0.0,
        "gain_range": 0.0,
        "inverted": 0,
        "covered_first": 1.0,
        "covered_second": 1.0,
        **changes,
    }

    def write(connection: sqlite3.Connection) -> None:
        duplicates.save_pairs(connection, 1, [(first, second, Seconds(0), Seconds(0))], 0)
        duplicates.save_verdicts(connection, [(first, second, tuple(numbers.values()))])

    await face.db.write(write)


async def groups(face: Face, **parameters: Any) -> list[Json]:
    return (await face.get("/v1/duplicates", **parameters))["results"]


def ids(found: list[Json]) -> list[list[int]]:
    return [[row["sound_id"] for row in group["members"]] for group in found]


async def test_the_first_question_starts_the_search_and_says_that_it_is_not_through(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    answer = await face.get("/v1/duplicates")
    assert (answer["results"], answer["next"], answer["complete"]) == ([], None, False)
    assert answer["pending"] == {"sounds": 1, "pairs": 0}
    assert "still being compared" in answer["notes"][0]
    assert face.duplicates.asked == 1


async def test_a_group_names_its_best_first_and_what_the_others_are_to_it(face: Face) -> None:
    short = await face.indexed(b"short.wav", analysis(1, duration=0.5))
    whole = await face.indexed(b"whole.wav", analysis(2, duration=1.0))
    await verdict(face, short, whole, gain=6.2, offset=-0.3, covered_second=0.5)
    (group,) = await groups(face)
    best, part = group["members"]
    assert (best["sound_id"], best["evidence"], group["id"]) == (whole, None, short)
    assert part["path"] == face.path("short.wav")
    assert part["evidence"] == {
        "kind": "trimmed",
        "of": whole,
        "similarity": 0.99,
        "gain_db": -6.2,
        "offset": 0.3,
        "inverted": False,
        "sentence": "A part of the same audio, from 0.30 s on, 6 dB quieter.",
    }


async def test_the_same_audio_is_told_by_what_differs(face: Face) -> None:
    one, two = await face.indexed(b"a.wav", analysis(1)), await face.indexed(b"b.wav", analysis(2))
    await verdict(face, one, two, gain=-6.0, inverted=1)
    await face.db.write(
        lambda c: c.execute("UPDATE sound SET format = 'mp3', sample_rate = 22050 WHERE id = 2") and None
    )
    (group,) = await groups(face)
    assert group["members"][1]["evidence"]["sentence"] == (
        "The same audio, 6 dB quieter, in another format (mp3), at 22.05 kHz, with its polarity reversed."
    )


async def test_files_with_the_same_bytes_are_one_row_with_all_their_paths(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1), content=b"same")
    await face.indexed(b"b.wav", analysis(1), content=b"same")
    (group,) = await groups(face, kind="same_bytes")
    (row,) = group["members"]
    assert row["paths"] == [face.path("a.wav"), face.path("b.wav")]
    assert (row["evidence"]["kind"], row["evidence"]["sentence"]) == ("same_bytes", "2 files hold the same bytes.")
    assert await groups(face, kind="trimmed") == []


async def test_what_was_compared_and_found_different_is_no_group(face: Face) -> None:
    one, two = await face.indexed(b"a.wav", analysis(1)), await face.indexed(b"b.wav", analysis(2))
    await verdict(face, one, two, coherence=0.6)
    assert await groups(face) == []


async def test_pages_miss_no_group_and_repeat_none(face: Face) -> None:
    made = [await face.indexed(b"%d.wav" % number, analysis(number)) for number in range(8)]
    for first, second in zip(made[::2], made[1::2], strict=True):
        await verdict(face, first, second)
    seen: list[list[int]] = []
    async for page in face.pages("/v1/duplicates", limit=3):
        seen += ids(page)
    assert seen == [made[i : i + 2] for i in range(0, 8, 2)]


async def test_a_folder_keeps_the_groups_that_reach_into_it(face: Face) -> None:
    one, two = await face.indexed(b"a.wav", analysis(1)), await face.indexed(b"b.wav", analysis(2))
    await verdict(face, one, two)
    assert len(await groups(face, folder=str(face.root))) == 1
    assert await groups(face, folder=str(face.root / "none")) == []


@pytest.mark.parametrize("parameters", [{"kind": "similar"}, {"folder": "relative"}, {"limit": 0}, {"kin": "trimmed"}])
async def test_what_cannot_be_asked_is_refused(face: Face, parameters: Json) -> None:
    status, answer = await face.ask("GET", "/v1/duplicates", params=parameters)
    assert (status, "code" in answer) == (400, True)


async def test_what_could_not_be_read_is_said(face: Face) -> None:
    face.duplicates.passed_over = 2
    answer = await face.get("/v1/duplicates")
    assert (answer["complete"], answer["notes"]) == (
        True,
        ["2 sounds or pairs could not be read, and were not compared."],
    )
