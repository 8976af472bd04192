"""Every operation over HTTP, on a real library."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import struct

import pytest
from face import Face, Json

from builders import analysis, analysis_of, clap_vector, files_at, vector
from timbred_api.operation import Operation
from timbred_api.operations import OPERATIONS
from timbred_indexer.db import next_seq
from timbred_indexer.errors import InputError, TimbredError, UnavailableError
from timbred_indexer.model import FileStat, FolderState, SoundId
from timbred_indexer.store import files, folders

CALLS: dict[str, tuple[str, Json | None]] = {
    "find_similar_sounds": ("/v1/similar?id=1", None),
    "find_similar_to_upload": ("/v1/similar?k=3", None),
    "search_sounds": ("/v1/search?text=rain", None),
    "find_similar_batch": ("/v1/similar:batch", {"ids": [1, 99]}),
    "list_neighbours": ("/v1/neighbours", None),
    "find_duplicates": ("/v1/duplicates", None),
    "get_status": ("/v1/status", None),
    "list_folders": ("/v1/folders", None),
    "add_folder": ("/v1/folders", {"path": "/new", "watch": "poll"}),
    "remove_folder": ("/v1/folders", {"path": "/new"}),
    "confirm_folder": ("/v1/folders/confirm", {"path": "/new"}),
    "rescan": ("/v1/rescan", {}),
    "list_sounds": ("/v1/sounds", None),
    "get_sound": ("/v1/sounds/1", None),
    "label_sound": ("/v1/sounds/1", {"label": "boom"}),
    "list_failures": ("/v1/failures", None),
    "retry_failures": ("/v1/failures/retry", {}),
    "check_health": ("/healthz", None),
    "list_labels": ("/v1/labels", None),
    "import_labels": ("/v1/labels", None),
    "verify": ("/v1/verify", {}),
    "verify_files": ("/v1/verify/files", {}),
    "back_up": ("/v1/backup", {}),
    "get_waveform": ("/v1/sounds/1/waveform", None),
    "reveal_sound": ("/v1/sounds/1/reveal", None),
    "get_map": ("/v1/map", None),
    "list_offline": ("/v1/offline", None),
    "relocate_folder": ("/v1/folders/relocate", {"path": "/old", "new_path": "/new"}),
    "purge_missing": ("/v1/folders/purge", {}),
    "pause": ("/v1/pause", {}),
    "resume": ("/v1/resume", {}),
}
SOUND = b"RIFF%bWAVEfmt %bdata%b" % (  # a millisecond of silence
    (48).to_bytes(4, "little"),
    struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16_000, 2, 16),
    struct.pack("<I8h", 16, *[0] * 8),
)
UPLOADS = {"import_labels": b"path,label\n"}  # what is no sound


def labels(rows: list[Json]) -> list[str]:
    return [row["label"] for row in rows]


@pytest.mark.usefixtures("desktop_calls")
@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if not operation.media],
    ids=lambda operation: operation.name,
)
async def test_every_operation_answers_in_its_own_shape(face: Face, operation: Operation) -> None:
    await face.indexed(b"a.wav", analysis(1), SOUND)
    await face.with_clap({"rain": clap_vector(1)})
    path, body = CALLS[operation.name]
    how = (
        {"data": UPLOADS.get(operation.name, b"RIFF"), "headers": {"Content-Type": "audio/wav"}}
        if operation.upload
        else {"json": body}
    )
    status, answer = await face.ask(operation.method, path, **(how if operation.upload or body is not None else {}))
    assert status == 200, answer
    assert set(answer) == set(operation.result.model_fields)
    operation.result.model_validate(answer)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_says_what_it_does(operation: Operation) -> None:
    assert operation.description.endswith(".")
    asks = operation.method == "GET" or (operation.upload and operation.body is None)
    assert operation.reads_only == asks


async def test_what_is_similar_comes_best_first_with_its_row(face: Face) -> None:
    await face.indexed(b"own.wav", analysis(1))
    near = await face.indexed(b"near.wav", analysis_of([vector(1), vector(2)], duration=2.0))
    far = await face.indexed(b"far.wav", analysis(3))
    answer = await face.get("/v1/similar", id=1)
    assert answer["query"] == {"sound_id": 1, "path": face.path("own.wav"), "duration": 1.0, "text": None}
    assert [row["sound_id"] for row in answer["results"]] == [near, far]
    first = answer["results"][0]
    assert (first["path"], first["label"], first["similarity"]) == (face.path("near.wav"), "near", 1.0)
    assert first["segment"] == {"start": 0.0, "end": 1.0}
    assert (first["scores"], answer["next"]) == ({"clap": None, "librosa": 1.0}, None)


async def test_path_uri_and_id_ask_the_same(face: Face) -> None:
    await face.indexed(b"\xff.wav", analysis(1))
    await face.indexed(b"a.wav", analysis(1))
    await face.indexed(b"b.wav", analysis(2))
    by_id = await face.get("/v1/similar", id=2)
    assert await face.get("/v1/similar", path=face.path("a.wav")) == by_id
    assert await face.get("/v1/similar", uri=face.uri(b"a.wav")) == by_id
    assert await face.get("/v1/similar", path=face.uri(b"a.wav")) == by_id
    odd = await face.get("/v1/similar", uri=face.uri(b"\xff.wav"))
    assert (odd["query"]["sound_id"], odd["query"]["path"]) == (1, face.path("\ufffd.wav"))


async def test_an_unknown_file_is_analysed_and_a_copy_of_a_known_one_is_not(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1), content=b"same")
    await face.indexed(b"b.wav", analysis(2))
    copy, stranger = face.root.parent / "copy.wav", face.root.parent / "stranger.wav"
    await asyncio.to_thread(copy.write_bytes, b"same")
    await asyncio.to_thread(stranger.write_bytes, b"other")
    answer = await face.get("/v1/similar", path=str(copy))
    assert ([row["sound_id"] for row in answer["results"]], face.workers.jobs) == ([2], [])
    answer = await face.get("/v1/similar", path=str(stranger))
    assert [job.path for job in face.workers.jobs] == [os.fsencode(stranger)]
    assert answer["results"][0]["sound_id"] == 1


async def test_a_region_is_analysed_and_the_sound_itself_left_out(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    other = await face.indexed(b"b.wav", analysis(2))
    answer = await face.get("/v1/similar", id=1, start=0.5, end=0.75)
    assert [(job.start, job.end) for job in face.workers.jobs] == [(0.5, 0.75)]
    assert [row["sound_id"] for row in answer["results"]] == [other]


async def test_a_sound_that_is_outdated_or_tombstoned_is_analysed_rather_than_called_silent(face: Face) -> None:
    await face.indexed(b"old.wav", analysis(1, version="old"))
    await face.indexed(b"b.wav", analysis(1))
    answer = await face.get("/v1/similar", id=1)
    assert (len(face.workers.jobs), answer["notes"], len(answer["results"])) == (1, [], 1)


async def test_a_silent_sound_is_similar_to_nothing(face: Face) -> None:
    await face.indexed(b"silent.wav", analysis())
    await face.indexed(b"a.wav", analysis(1))
    answer = await face.get("/v1/similar", id=1)
    assert (answer["results"], "silent" in answer["notes"][0], face.workers.jobs) == ([], True, [])


async def test_an_upload_is_analysed_from_a_private_file_that_goes_away(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    status, answer = await face.ask("POST", "/v1/similar", data=b"RIFF", headers={"Content-Type": "audio/wav"})
    assert (status, answer["query"]["path"], answer["results"][0]["sound_id"]) == (200, None, 1)
    (job,) = face.workers.jobs
    assert job.path.startswith(os.fsencode(face.uploads))
    assert await asyncio.to_thread(os.listdir, face.uploads) == []


@pytest.mark.parametrize(
    ("error", "status"), [(InputError("It is no sound.", code="not_audio"), 422), (UnavailableError("Stopping."), 503)]
)
async def test_a_query_that_cannot_be_analysed_says_why(face: Face, error: TimbredError, status: int) -> None:
    face.workers.says = error
    answer = await face.ask("POST", "/v1/similar", data=b"text", headers={"Content-Type": "audio/wav"})
    assert (answer[0], answer[1]["code"]) == (status, error.code)
    assert await asyncio.to_thread(os.listdir, face.uploads) == []


async def test_weights_change_the_ranking_and_filters_the_field(face: Face) -> None:
    for seed in range(8):
        await face.indexed(b"%d.wav" % seed, analysis(seed, duration=1.0 + seed))
    plain = await face.get("/v1/similar", id=1)
    weighed = await face.get("/v1/similar", id=1, weights="mfcc:0, rhythm:3")
    assert plain["results"] != weighed["results"]
    filtered = await face.get("/v1/similar", id=1, min_duration=4, max_duration=5, folder=str(face.root))
    assert {row["duration"] for row in filtered["results"]} == {4.0, 5.0}
    assert labels((await face.get("/v1/similar", id=1, name="3.WAV"))["results"]) == ["3"]
    for wanted in ({"format": "flac"}, {"since": "2999-01-01"}, {"since": "2999-01-01T00:00:00Z"}):
        assert (await face.get("/v1/similar", id=1, **wanted))["results"] == []
    assert (await face.get("/v1/similar", id=1, since="2020-02-29", format="WAV"))["results"] == plain["results"]
    assert (await face.get("/v1/similar", id=1, k=2))["results"] == plain["results"][:2]
    bound = plain["results"][2]["similarity"]
    above = await face.get("/v1/similar", id=1, min_similarity=bound)
    assert all(row["similarity"] >= bound for row in above["results"])


async def test_a_label_is_on_every_file_until_it_is_taken_away(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1), content=b"same")
    await face.indexed(b"b.wav", analysis(1), content=b"same")
    status, row = await face.ask("PATCH", "/v1/sounds/1", json={"label": "  boom "})
    assert (status, row["label"], len(row["paths"])) == (200, "boom", 2)
    set_labels = await face.db.read(lambda c: [row[0] for row in c.execute("SELECT label FROM file")])
    assert set_labels == ["boom", "boom"]
    await face.indexed(b"c.wav", analysis(1), content=b"same")
    assert labels((await face.get("/v1/sounds"))["results"]) == ["boom"]
    for nothing in (None, "  "):
        assert (await face.ask("PATCH", "/v1/sounds/1", json={"label": nothing}))[1]["label"] == "a"


async def test_sounds_are_listed_in_pages_that_miss_none(face: Face) -> None:
    for number in range(5):
        await face.indexed(b"%d.wav" % number, analysis(number))
    seen = [row["sound_id"] async for page in face.pages("/v1/sounds", limit=2) for row in page]
    assert seen == [1, 2, 3, 4, 5]


async def test_a_sound_is_found_by_its_path(face: Face) -> None:
    await face.indexed(b"\xff.wav", analysis(1))
    page = await face.get("/v1/sounds", uri=face.uri(b"\xff.wav"))
    (row,) = page["results"]
    assert (row["sound_id"], row["uri"], row["path"]) == (1, face.uri(b"\xff.wav"), face.path("\ufffd.wav"))
    assert await face.get("/v1/sounds/1") == row


async def test_failures_are_named_and_can_be_retried(face: Face) -> None:
    await face.failed(b"a.wav")
    await face.failed(b"b.wav")
    page = await face.get("/v1/failures", limit=1)
    (row,) = page["results"]
    assert (row["path"], row["code"], row["retry_at"]) == (face.path("a.wav"), "empty", None)
    assert len((await face.get("/v1/failures", cursor=page["next"]))["results"]) == 1
    one = await face.ask("POST", "/v1/failures/retry", json={"path": face.path("a.wav")})
    rest = await face.ask("POST", "/v1/failures/retry")
    assert (one, rest) == ((200, {"retried": 1}), (200, {"retried": 1}))
    assert face.control.told == [("work", None), ("work", None)]


async def test_the_status_adds_up(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1, 2))
    await face.pending(b"b.wav")
    await face.failed(b"c.wav")
    status = await face.get("/v1/status")
    assert status["files"] == {"found": 3, "indexed": 1, "failed": 1, "pending": 1, "missing": 0, "offline": 0}
    assert (status["sounds"], status["segments"], status["spaces"]["librosa"]["coverage"]) == (1, 2, 0.5)
    assert (status["notes"], status["folders"][0]["files"]) == (["A note."], status["files"])


@pytest.mark.parametrize("state", [FolderState.OFFLINE, FolderState.SUSPECT])
async def test_the_status_says_what_is_the_matter_with_a_folder(face: Face, state: FolderState) -> None:
    await face.indexed(b"a.wav", analysis(1))

    def doubt(connection: sqlite3.Connection) -> None:
        folders.set_state(connection, face.folder, state, "Something happened.", next_seq(connection))

    await face.db.write(doubt)
    status = await face.get("/v1/status")
    assert "Something happened." in status["notes"][1]
    assert str(face.root) in status["notes"][1]
    assert status["files"]["offline"] == (1 if state is FolderState.OFFLINE else 0)


async def test_the_status_says_that_changed_files_cannot_be_read(face: Face) -> None:
    for name in (b"a.wav", b"b.wav"):
        sound = await face.indexed(name, analysis(1))

        def change(connection: sqlite3.Connection, sound: SoundId = sound) -> None:
            (file,) = files_at(connection, sound)
            files.mark_changed(connection, [(file, FileStat(9, 9, 9, 9))], next_seq(connection))
            files.postpone(connection, file, 2e9, "unreadable", "It cannot be read.", 1, next_seq(connection))

        await face.db.write(change)
    note = (await face.get("/v1/status"))["notes"][1]
    assert note.startswith("2 changed files cannot be read now and answer as they were")


async def test_a_sound_is_hidden_with_its_last_file(face: Face) -> None:
    sound = await face.indexed(b"a.wav", analysis(1))

    def lose(connection: sqlite3.Connection) -> None:
        (file,) = files_at(connection, sound)
        files.mark_missing(connection, file, 0.0, next_seq(connection))

    await face.db.write(lose)
    assert (await face.get("/v1/sounds"))["results"] == []
    assert (await face.ask("GET", "/v1/similar?id=1"))[1]["code"] == "unknown_id"


async def test_folders_are_told_to_the_daemon_as_bytes(face: Face) -> None:
    uri = "file:///new%FF/"
    status, answer = await face.ask("POST", "/v1/folders", json={"uri": uri})
    assert (status, answer["results"][1]["uri"]) == (200, "file:///new%FF")
    await face.ask("POST", "/v1/rescan", json={"path": "/new/x.wav"})
    await face.ask("DELETE", "/v1/folders", params={"uri": uri})
    assert face.control.told == [("add", b"/new\xff"), ("rescan", b"/new/x.wav"), ("remove", b"/new\xff")]
