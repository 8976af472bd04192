"""Backups, comparisons, pauses and lists of labels, asked for over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from face import Face, Json

from builders import analysis
from timbred_indexer.db import connect
from timbred_indexer.errors import StorageError

RAW = {"Content-Type": "application/octet-stream"}


async def post(face: Face, route: str, **body: object) -> Json:
    status, answer = await face.ask("POST", route, json=body)
    assert status == 200, answer
    return answer


async def send_labels(face: Face, text: str, status: int = 200, **parameters: str) -> Json:
    how = {"data": text.encode(), "headers": RAW, "params": parameters}
    got, answer = await face.ask("POST", "/v1/labels", **how)
    assert got == status, answer
    return answer


def tear_a_page(database: str) -> None:
    """The last one: nothing that the test asks for lies there."""
    with closing(connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(database, "r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"\xff" * 4096)


async def test_a_backup_is_made_at_once(face: Face) -> None:
    made = await post(face, "/v1/backup")
    assert (Path(made["path"]).stat().st_size, made["made"][:2]) == (made["size"], "20")


async def test_a_pause_says_how_long_and_the_status_says_it_too(face: Face) -> None:
    await face.pending(b"new.wav")
    assert (await face.get("/v1/status"))["rest"] is None
    assert (await post(face, "/v1/pause", seconds=60))["until"] == "1970-01-01T00:01:00+00:00"
    status = await face.get("/v1/status")
    assert (status["state"], status["rest"]["reason"]) == ("paused", "Paused.")
    assert (await post(face, "/v1/resume"))["resting"] is False


async def test_nothing_pending_is_done_even_while_work_rests(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    await post(face, "/v1/pause")
    assert (await face.get("/v1/status"))["state"] == "idle"


@pytest.mark.parametrize("seconds", [0, -1, 1e12, "soon"])
async def test_a_pause_of_no_length_is_refused(face: Face, seconds: object) -> None:
    status, problem = await face.ask("POST", "/v1/pause", json={"seconds": seconds})
    assert (status, problem["code"]) == (400, "bad_parameter")


async def test_all_is_well_with_a_library_that_is(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1, 2))
    assert await post(face, "/v1/verify", deep=True) == {
        "problems": [],
        "vectors": 2,
        "sampled": 2,
        "repaired": False,
    }


async def test_a_damaged_index_is_named_and_repaired_when_asked(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    await face.index.compact()
    path = Path(face.engine.data_dir) / "librosa.index"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    found = await post(face, "/v1/verify")
    repaired = await post(face, "/v1/verify", repair=True)
    assert (len(found["problems"]), found["repaired"], repaired["repaired"]) == (1, False, True)
    assert (await post(face, "/v1/verify"))["problems"] == []


async def test_a_damaged_database_is_reported_only_when_repair_is_asked(face: Face) -> None:
    await asyncio.to_thread(tear_a_page, face.engine.upkeep.database)
    told: list[StorageError] = []
    face.db.on_damage = told.append
    found = await post(face, "/v1/verify")
    assert ("damaged" in found["problems"][0], told) == (True, [])
    assert (await post(face, "/v1/verify", repair=True))["repaired"] is True
    assert [error.code for error in told] == ["database_corrupt"]


async def test_files_with_other_bytes_are_listed_and_analysed_anew(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1), b"one")
    path = face.path("a.wav")
    stat = os.stat(path)
    Path(path).write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    answer = await post(face, "/v1/verify/files", repair=True)
    assert [(row["path"], row["rotten"]) for row in answer["results"]] == [(path, True)]
    assert (answer["checked"], answer["next"]) == (1, None)
    assert (await face.get("/v1/status"))["files"]["pending"] == 1


async def test_labels_go_out_and_come_in_again(face: Face) -> None:
    sound = await face.indexed(b"a,\xff.wav", analysis(1))
    await face.indexed(b"b.wav", analysis(2))
    await face.ask("PATCH", f"/v1/sounds/{sound}", json={"label": "Kick"})
    (row,) = (await face.get("/v1/labels"))["results"]
    await face.ask("PATCH", f"/v1/sounds/{sound}", json={"label": None})
    assert await send_labels(face, json.dumps([row])) == {"matched": 1, "unmatched": 0, "results": [], "next": None}
    assert (await face.get("/v1/labels"))["results"] == [row]
    assert (await face.get(f"/v1/sounds/{sound}"))["label"] == "Kick"


async def test_a_path_comes_before_a_hash_and_what_matches_nothing_is_listed(face: Face) -> None:
    first = await face.indexed(b"a.wav", analysis(1), b"one")
    await face.indexed(b"b.wav", analysis(2), b"two")
    rows = {row["path"]: row for row in (await face.get("/v1/sounds"))["results"]}
    await send_labels(face, f"path,label\n{face.path('b.wav')},x\n")
    digest = (await face.get("/v1/labels"))["results"][0]["hash"]
    text = f"path,hash,label\n{face.path('a.wav')},{digest},by path\n/gone.wav,{digest},by hash\nC:\\k.wav,,lost\n"
    answer = await send_labels(face, text)
    assert len(rows) == 2
    assert (answer["matched"], answer["results"]) == (2, [{"line": 4, "name": "C:\\k.wav", "label": "lost"}])
    assert {row["label"] for row in (await face.get("/v1/labels"))["results"]} == {"by path", "by hash"}
    assert (await face.get(f"/v1/sounds/{first}"))["label"] == "by path"


async def test_a_dry_run_changes_nothing(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    answer = await send_labels(face, f"path,label\n{face.path('a.wav')},x\n", dry_run="true")
    assert answer["matched"] == 1
    assert (await face.get("/v1/labels"))["results"] == []


async def test_one_bad_line_and_no_label_is_set(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    problem = await send_labels(face, f"path,label\n{face.path('a.wav')},x\n,y\n", 400)
    assert (problem["code"], "Line 3" in problem["detail"]) == ("bad_labels", True)
    assert (await face.get("/v1/labels"))["results"] == []


async def test_labels_come_page_by_page(face: Face) -> None:
    for name in (b"a.wav", b"b.wav", b"c.wav"):
        await face.indexed(name, analysis(len(name)), name)
    paths = [face.path(name) for name in ("a.wav", "b.wav", "c.wav")]
    await send_labels(face, json.dumps(dict.fromkeys(paths, "x")))
    first = await face.get("/v1/labels", limit=2)
    rest = await face.get("/v1/labels", cursor=first["next"])
    assert [row["path"] for row in first["results"] + rest["results"]] == paths
