"""The commands that look after the data, as a script sees them."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from stand_in import STATUS, StandIn, busy, stand_in

from timbred_api.client import Client, JsonObject
from timbred_api.locations import to_uri
from timbred_daemon.cli import main
from timbred_daemon.commands.labels import with_hashes
from timbred_daemon.runtime import data_folder
from timbred_indexer.db import Database, connect
from timbred_indexer.labels_io import read_rows, write_lines

WELL: JsonObject = {"problems": [], "vectors": 7, "sampled": 5, "repaired": False}


@pytest.fixture(autouse=True)
def daemon(daemon: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.chdir(tmp_path)
    return daemon


def timbred(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200.0), ("90", 90.0), ("1h30m", 5400.0)])
def test_a_pause_lasts_as_long_as_is_said(daemon: StandIn, text: str, seconds: float) -> None:
    daemon.answer("/v1/pause", {"resting": True, "reason": "Paused.", "until": "2026-01-01T00:00:00+00:00"})
    assert "It goes on by itself at" in timbred("pause", "--for", text).stderr
    assert daemon.asked[0].body == {"seconds": seconds}


def test_a_pause_without_an_end_has_none(daemon: StandIn) -> None:
    daemon.answer("/v1/pause", {"resting": True, "reason": "Paused.", "until": None})
    assert timbred("pause").stderr == "Paused.\n"
    assert daemon.asked[0].body == {"seconds": None}


def test_a_pause_of_nonsense_is_wrong_usage(daemon: StandIn) -> None:
    assert "must be a number of seconds" in timbred("pause", "--for", "later", code=2).output


def test_resuming_says_what_is_still_in_the_way(daemon: StandIn) -> None:
    daemon.answer("/v1/resume", {"resting": True, "reason": "On battery.", "until": None}, {**WELL, "resting": False})
    assert timbred("resume").stderr == "On battery.\n"
    assert timbred("resume").stderr == "Work goes on.\n"


def test_waiting_for_what_is_paused_says_so_and_ends_with_1(daemon: StandIn) -> None:
    daemon.answer("/v1/status", busy(), busy(state="paused"))
    assert "work rests" in timbred("status", "--wait", code=1).stderr
    daemon.answer("/v1/status", busy(state="paused"))
    timbred("status")


def test_waiting_for_what_is_done_ends_with_0_even_while_work_rests(daemon: StandIn) -> None:
    daemon.answer("/v1/status", {**STATUS, "rest": {"reason": "Paused.", "until": None}})
    timbred("status", "--wait")


def test_a_comparison_without_a_finding_ends_with_0(daemon: StandIn) -> None:
    daemon.answer("/v1/verify", WELL)
    assert timbred("verify").stderr == "All is well: 7 vectors by id, 5 number by number.\n"


def test_what_is_wrong_is_a_line_each_and_ends_with_1(daemon: StandIn) -> None:
    daemon.answer("/v1/verify", {**WELL, "problems": ["The index lacks 1."]})
    assert timbred("verify", code=1).stdout == "The index lacks 1.\n"


def test_what_was_repaired_is_said_and_ends_with_0(daemon: StandIn) -> None:
    daemon.answer("/v1/verify", {**WELL, "problems": ["The index lacks 1."], "repaired": True})
    assert "once more" in timbred("verify", "--repair").stderr
    assert daemon.asked[0].body == {"deep": False, "repair": True}


def test_a_deep_comparison_reads_the_files_to_the_last(daemon: StandIn) -> None:
    rotten = {"path": "/s/a.wav", "uri": "file:///s/a.wav", "problem": "has other bytes.", "rotten": True}
    daemon.answer("/v1/verify", WELL)
    last: JsonObject = {"results": [], "checked": 1, "next": None}
    daemon.answer("/v1/verify/files", {"results": [rotten], "checked": 2, "next": "on"}, last)
    assert timbred("verify", "--deep", code=1).stdout == "/s/a.wav has other bytes.\n"
    assert [asked.body for asked in daemon.asked[1:]] == [{"cursor": c, "repair": False} for c in (None, "on")]


@pytest.mark.parametrize(("rotten", "code"), [(True, 0), (False, 1)])
def test_a_repair_ends_with_0_if_every_file_that_was_named_is_analysed_anew(
    daemon: StandIn, rotten: bool, code: int
) -> None:
    rows = [
        {"path": f"/s/{name}.wav", "problem": "is wrong.", "rotten": bad} for name, bad in (("a", True), ("b", rotten))
    ]
    daemon.answer("/v1/verify", WELL)
    daemon.answer("/v1/verify/files", {"results": rows, "checked": 2, "next": None})
    result = timbred("verify", "--deep", "--repair", "--json", code=code)
    assert (json.loads(result.stdout)["repaired"], daemon.asked[1].body) == (rotten, {"cursor": None, "repair": True})


def test_a_deep_repair_ends_with_1_while_the_files_wait_for_the_index(daemon: StandIn) -> None:
    daemon.answer("/v1/verify", {**WELL, "problems": ["The index lacks 1."], "repaired": True})
    assert "once more" in timbred("verify", "--deep", "--repair", code=1).stderr
    assert len(daemon.asked) == 1


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a database, as the first start leaves it."""
    data = tmp_path / "data"
    data.mkdir()
    Database.open(str(data / "metadata.db")).close()
    return data


def set_seq(data: Path, value: int) -> None:
    with closing(connect(str(data / "metadata.db"))) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'seq'", (value,))


def seq(data: Path) -> int:
    with closing(connect(str(data / "metadata.db"))) as connection:
        return connection.execute("SELECT value FROM meta WHERE key = 'seq'").fetchone()[0]


def test_a_backup_brings_back_what_was_there(data: Path) -> None:
    set_seq(data, 5)
    assert "Backed up to copy.db" in timbred("backup", "copy.db").stderr
    set_seq(data, 9)
    assert "What was there before is now" in timbred("restore", "copy.db").stderr
    assert seq(data) == 5
    assert "add --force" in timbred("backup", "copy.db", code=1).stderr
    timbred("backup", "--force", "copy.db")


def test_nothing_is_restored_under_a_running_daemon(data: Path) -> None:
    timbred("backup", "copy.db")
    set_seq(data, 9)
    with data_folder(str(data)):
        assert "stop it first" in timbred("restore", "copy.db", code=1).stderr
    assert seq(data) == 9


def test_the_automatic_backups_are_listed(data: Path) -> None:
    assert "no automatic backup" in timbred("restore", "--list").stderr
    timbred("backup", str(data / "copy.db"))
    (data / "backups").mkdir()
    os.rename(data / "copy.db", data / "backups" / "metadata-20260102T030405Z.db")
    (line,) = timbred("restore", "--list").stdout.splitlines()
    assert line.startswith(str(data / "backups" / "metadata-20260102T030405Z.db"))
    assert "Name a backup" in timbred("restore", code=2).output


LABEL = {"path": "/s/a.wav", "uri": "file:///s/a.wav", "hash": "ab" * 32, "label": 'Ä, "b"'}


def test_labels_are_written_page_by_page_as_csv_or_json(daemon: StandIn, tmp_path: Path) -> None:
    pages = [{"results": [LABEL], "next": "on"}, {"results": [{**LABEL, "hash": None}], "next": None}]
    daemon.answer("/v1/labels", *pages)
    timbred("labels", "export", "out.csv")
    row = '/s/a.wav,file:///s/a.wav,{},"Ä, ""b"""'
    lines = ["path,uri,hash,label", row.format("ab" * 32), row.format("")]
    assert (tmp_path / "out.csv").read_text("utf-8").splitlines() == lines
    daemon.answer("/v1/labels", {"results": [LABEL], "next": None})
    timbred("labels", "export", "out.json")
    assert json.loads((tmp_path / "out.json").read_text("utf-8")) == LABEL


def test_labels_are_not_written_over_a_file(daemon: StandIn, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("precious")
    daemon.answer("/v1/labels", {"results": [], "next": None})
    assert "--force" in timbred("labels", "export", "out.csv", code=1).stderr
    assert (tmp_path / "out.csv").read_text() == "precious"


def test_an_older_catalogues_md5_finds_the_file_wherever_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "kick.wav").write_bytes(b"boom")
    with stand_in() as daemon, Client(daemon.address) as client:
        daemon.answer("/v1/sounds", {"results": [{"uri": to_uri(os.fsencode(tmp_path / "kick.wav"))}], "next": None})
        md5 = hashlib.md5(b"boom").hexdigest()
        rows = list(read_rows(f"md5,label\n{md5},Kick\n{'00' * 16},Lost\n".encode()))
        sent = list(read_rows(write_lines(with_hashes(client, rows))))
    assert [(row.line, row.hash) for row in sent] == [(2, hashlib.sha256(b"boom").digest()), (3, None)]
