"""What is missing: a folder relocated, files forgotten."""

from __future__ import annotations

import os
import time

import pytest
from face import Face

from builders import analysis
from timbred_indexer.db import next_seq
from timbred_indexer.model import FolderState
from timbred_indexer.plan import GRACE_SECONDS
from timbred_indexer.store import files, folders, sounds

ROUTE = "/v1/folders/purge"


async def lose(face: Face, name: bytes, label: str | None = None, *, seed: int = 1) -> None:
    """A file that went missing an hour ago; its sound is tombstoned and the index knows."""
    sound = await face.indexed(name, analysis(seed))
    since = time.time() - 3600
    (row,) = await face.db.read(lambda c: files.below(c, face.folder, name))
    await face.db.write(lambda c: files.set_label(c, sound, label, next_seq(c)))
    await face.db.write(lambda c: files.mark_missing(c, row.id, since, next_seq(c)))
    await face.db.write(lambda c: sounds.bury_unheard(c, [sound], since, next_seq(c)))
    await face.index.catch_up()


async def purge(face: Face, **body: object) -> dict[str, object]:
    status, answer = await face.ask("POST", ROUTE, json=body)
    assert status == 200, answer
    return answer


async def test_a_purge_says_what_it_would_remove_before_it_does(face: Face) -> None:
    await lose(face, b"a.wav", "mine")
    await lose(face, b"b.wav", seed=2)
    said = {"files": 2, "labels": 1, "sounds": 2, "removed": False}
    assert await purge(face) == await purge(face) == said
    assert await purge(face, confirm=True) == said | {"removed": True}
    assert await purge(face, confirm=True) == {"files": 0, "labels": 0, "sounds": 0, "removed": True}


async def test_only_what_has_been_missing_for_so_many_days_is_purged(face: Face) -> None:
    await lose(face, b"a.wav")
    assert (await purge(face, older_than=0.05))["files"] == 0
    assert (await purge(face, older_than=0.03))["files"] == 1


async def test_a_present_file_and_one_that_has_just_gone_are_left_alone(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    await face.indexed(b"b.wav", analysis(2))
    (row,) = await face.db.read(lambda c: files.below(c, face.folder, b"b.wav"))
    just_now = time.time() - GRACE_SECONDS / 2
    await face.db.write(lambda c: files.mark_missing(c, row.id, just_now, next_seq(c)))
    assert (await purge(face, confirm=True))["files"] == 0


async def test_a_suspect_folder_is_not_purged_even_when_named(face: Face) -> None:
    await lose(face, b"a.wav")
    await face.db.write(lambda c: folders.set_state(c, face.folder, FolderState.SUSPECT, "much", next_seq(c)))
    assert (await purge(face, confirm=True))["files"] == 0
    problem = await face.problem(409, "POST", ROUTE, path=str(face.root))
    assert problem["code"] == "folder_not_online"


async def test_a_folder_that_is_not_watched_cannot_be_purged(face: Face) -> None:
    assert (await face.problem(404, "POST", ROUTE, path="/elsewhere"))["code"] == "unknown_folder"


async def test_relocation_needs_both_places_and_tells_the_daemon(face: Face) -> None:
    where = {"path": "/old", "new_uri": "file:///ne%FF"}
    assert (await face.ask("POST", "/v1/folders/relocate", json=where | {"force": True}))[0] == 200
    assert face.control.told == [("relocate", b"/old"), ("forced", os.fsencode("/ne\udcff"))]


@pytest.mark.parametrize("given", ["path", "new_path"])
async def test_one_place_alone_is_no_relocation(face: Face, given: str) -> None:
    problem = await face.problem(400, "POST", "/v1/folders/relocate", **{given: "/old"})
    assert problem["code"] == "missing_parameter"


async def test_what_an_unplugged_drive_holds_is_shown_when_asked_for_and_only_then(face: Face) -> None:
    first, second = [await face.indexed(name, analysis(seed)) for seed, name in enumerate((b"a.wav", b"b.wav"))]
    assert (await face.get("/v1/offline"))["results"] == []
    await face.db.write(lambda c: folders.set_state(c, face.folder, FolderState.OFFLINE, "away", next_seq(c)))
    page = await face.get("/v1/offline", limit=1)
    assert [row["sound_id"] for row in page["results"]] == [first]
    page = await face.get("/v1/offline", limit=1, cursor=page["next"])
    assert [(row["sound_id"], row["paths"]) for row in page["results"]] == [(second, [face.path("b.wav")])]
    assert (await face.get("/v1/sounds"))["results"] == []
