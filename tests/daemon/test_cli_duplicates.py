"""``timbred duplicates`` against a stand-in daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from stand_in import ROW, StandIn

from timbred_api.client import JsonObject
from timbred_api.locations import to_uri
from timbred_daemon.cli import main
from timbred_daemon.commands.duplicates import wait_until_complete

EVIDENCE: JsonObject = {
    "kind": "trimmed",
    "of": 7,
    "similarity": 0.97,
    "gain_db": 0.0,
    "offset": 0.5,
    "inverted": False,
    "sentence": "A part of the same audio, from 0.50 s on.",
}
FIRST: JsonObject = {**ROW, "uris": ["file:///s/sn%FFre.wav"], "evidence": None}
SECOND: JsonObject = {**ROW, "sound_id": 8, "path": "/s/b", "paths": ["/s/b"], "uris": ["file:///s/b"]}
GROUP: JsonObject = {"id": 7, "members": [FIRST, {**SECOND, "evidence": EVIDENCE}]}


def answer(*groups: JsonObject, complete: bool = True, next: str | None = None) -> JsonObject:
    pending = {"sounds": 0, "pairs": 0 if complete else 3}
    return {"results": groups, "next": next, "complete": complete, "pending": pending, "notes": ["A note."]}


@pytest.fixture
def daemon(daemon: StandIn) -> StandIn:
    daemon.answer("/v1/duplicates", answer(GROUP))
    return daemon


def duplicates(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["duplicates", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_lines_with_tabs_and_notes_apart(daemon: StandIn) -> None:
    result = duplicates()
    assert result.stdout.splitlines() == [
        "7\t\t\t7\t/s/sn\ufffdre.wav\t",
        "7\ttrimmed\t0.97\t8\t/s/b\tA part of the same audio, from 0.50 s on.",
    ]
    assert result.stderr == "A note.\n"


def test_paths_are_printed_byte_for_byte_with_an_empty_line_after_each_group(daemon: StandIn) -> None:
    assert duplicates("--paths").stdout_bytes == b"/s/sn\xffre.wav\n/s/b\n\n"


def test_json_holds_all_pages(daemon: StandIn) -> None:
    daemon.answer("/v1/duplicates", answer(GROUP, next="on"), answer(GROUP))
    made = json.loads(duplicates("--json").stdout)
    assert (len(made["results"]), made["next"], made["complete"]) == (2, None, True)
    assert daemon.asked[1].query["cursor"] == "on"


def test_folder_and_kind_are_passed_on(daemon: StandIn, tmp_path: Path) -> None:
    duplicates("--folder", str(tmp_path), "--kind", "trimmed")
    (asked,) = daemon.asked
    assert (asked.query["folder"], asked.query["kind"]) == (to_uri(bytes(tmp_path)), "trimmed")


def test_nothing_found_is_said_only_when_the_search_is_through(daemon: StandIn) -> None:
    daemon.answer("/v1/duplicates", answer())
    assert "No duplicates were found." in duplicates().stderr
    daemon.answer("/v1/duplicates", answer(complete=False))
    assert "No duplicates" not in duplicates().stderr


def test_waiting_asks_until_the_answer_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([answer(complete=False), answer(complete=False), answer(GROUP)])
    pauses: list[float] = []
    wait_until_complete(lambda: next(answers), pauses.append)
    assert len(pauses) == 2
    assert capsys.readouterr().err == "0 sounds to listen to, 3 pairs to compare\n"
