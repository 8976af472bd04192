"""Answers are cut to what an assistant can hold, and say so."""

from __future__ import annotations

from collections.abc import Iterator

from timbred_api.duplicates import GROUPS
from timbred_api.mcp import shaping
from timbred_api.mcp.answers import FoundSounds, Groups, SoundDetail
from timbred_api.mcp.waiting import Step, until_done
from timbred_api.schemas import QueryEcho, Scores, Segment, SimilarResult, SimilarRow, SoundRow
from timbred_api.schemas_duplicates import DuplicateGroup, DuplicateList, DuplicateRow, Pending


def sound(number: int, places: int = 1, long: int = 0) -> SoundRow:
    paths = [f"/s/{'x' * long}{number}-{place}.wav" for place in range(places)]
    uris = [f"file://{path}" for path in paths]
    return SoundRow(
        sound_id=number,
        path=paths[0],
        paths=paths,
        uri=uris[0],
        uris=uris,
        label="a",
        duration=1.0,
        sample_rate=44100,
        channels=1,
        format="wav",
    )


def found(count: int, long: int = 0) -> SimilarResult:
    rows = [
        SimilarRow(
            **sound(number, long=long).__dict__,
            similarity=0.9,
            scores=Scores(clap=None, librosa=0.9),
            aspects={"mfcc": 0.9},
            reasons=[],
            segment=Segment(start=0.0, end=1.0),
        )
        for number in range(1, count + 1)
    ]
    query = QueryEcho(sound_id=1, path=None, duration=1.0, text=None)
    return SimilarResult(query=query, results=rows, notes=["A note."], seq=1)


def groups(count: int, members: int, following: str | None, long: int = 0) -> DuplicateList:
    made = [
        DuplicateGroup(
            id=100 * group,
            members=[DuplicateRow(**sound(100 * group + n, long=long).__dict__, evidence=None) for n in range(members)],
        )
        for group in range(1, count + 1)
    ]
    pending = Pending(sounds=0, pairs=0)
    return DuplicateList(results=made, next=following, complete=True, pending=pending, notes=[])


def grouped(result: DuplicateList) -> Groups:
    structure = shaping.duplicates(result).structure
    assert isinstance(structure, Groups)
    return structure


def test_fewer_than_asked_for_is_all_there_is() -> None:
    answer = shaping.similar(found(3), 10)
    assert isinstance(answer.structure, FoundSounds)
    assert (len(answer.structure.results), answer.structure.truncated) == (3, False)
    assert answer.text.endswith("A note.")


def test_long_rows_are_fewer_rows() -> None:
    structure = shaping.similar(found(50, long=4000), 50).structure
    assert isinstance(structure, FoundSounds)
    assert 1 < len(structure.results) < 10
    assert structure.truncated
    assert len(structure.model_dump_json()) < 2 * shaping.MOST_CHARACTERS


def test_only_the_first_sounds_are_linked() -> None:
    assert len(shaping.similar(found(50), 50).links) == 2 * shaping.MOST_LINKED


def test_a_sound_in_very_many_places_shows_some_of_them() -> None:
    structure = shaping.sound(sound(1, places=100)).structure
    assert isinstance(structure, SoundDetail)
    assert (structure.files, len(structure.paths), structure.truncated) == (100, shaping.MOST_PLACES, True)


def test_groups_that_were_cut_are_gone_on_with_where_they_were_cut() -> None:
    cut = grouped(groups(10, 5, following="of-the-whole-page", long=1000))
    assert GROUPS.after(cut.next) == cut.results[-1].id
    assert cut.truncated


def test_a_page_of_groups_leads_to_the_next_one() -> None:
    page, last = grouped(groups(2, 2, following="on")), grouped(groups(2, 2, following=None))
    assert (page.next, page.truncated, last.next, last.truncated) == ("on", True, None, False)


def test_a_large_group_says_how_large_it_is() -> None:
    whole = grouped(groups(1, 30, following=None))
    assert (whole.results[0].size, len(whole.results[0].members)) == (30, shaping.MOST_MEMBERS)
    assert whole.truncated


async def test_waiting_reports_what_has_changed_and_nothing_twice() -> None:
    left = iter([4, 4, 1, 0])
    told: list[tuple[float, float | None, str]] = []

    async def ask() -> int:
        return next(left)

    async def report(progress: float, total: float | None, message: str) -> None:
        told.append((progress, total, message))

    assert await until_done(ask, lambda number: Step(number == 0, number, f"{number} left"), report) == 0
    assert told == [(0.0, 4.0, "4 left"), (3.0, 4.0, "1 left")]


async def test_waiting_has_an_end() -> None:
    asked: Iterator[int] = iter(range(1000))

    async def ask() -> int:
        return next(asked)

    async def report(*_: object) -> None:
        pass

    assert await until_done(ask, lambda _: Step(False, 1, "still"), report, longest=0.01) == 1
