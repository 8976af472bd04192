"""The commands against a stand-in daemon, as a script sees them: stdout, stderr, exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result
from stand_in import FOLDER, ROW, STATUS, Asked, StandIn, busy, stand_in

from ports import nothing_listens
from timbred_api.client import JsonObject
from timbred_api.locations import to_uri
from timbred_daemon.cli import main
from timbred_daemon.config import Loaded
from timbred_daemon.runtime import data_folder, published_endpoint


@pytest.fixture(autouse=True)
def a_user_without_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """No settings, and an address at which nothing listens."""
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("TIMBRED_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TIMBRED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    with nothing_listens() as place:
        monkeypatch.setenv("TIMBRED_LISTEN", place)
        yield


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    with stand_in() as standing_in:
        monkeypatch.setenv("TIMBRED_LISTEN", standing_in.address.removeprefix("http://"))
        yield standing_in


def timbred(*arguments: str | bytes, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [os.fsdecode(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def similar(daemon: StandIn, *arguments: str | bytes, rows: tuple[JsonObject, ...] = (ROW,)) -> Result:
    daemon.answer("/v1/similar", {"results": rows, "next": None, "query": {}, "notes": ["Asked of 36 windows."]})
    return timbred("similar", *arguments)


def test_similar_prints_lines_with_tabs_and_says_notes_apart(daemon: StandIn) -> None:
    result = similar(daemon, "/s/kick.wav")
    assert result.stdout == "0.9123\t7\tsnare\t0\t1.5\t/s/sn\ufffdre.wav\n"
    assert result.stderr == "Asked of 36 windows.\n"


def test_similar_asks_for_the_exact_bytes_of_a_name(daemon: StandIn, tmp_path: Path) -> None:
    similar(daemon, b"x/../k\xff\n%.wav")
    assert daemon.asked[0].query == {"uri": to_uri(os.fsencode(tmp_path)) + "/k%FF%0A%25.wav"}


def test_similar_takes_a_uri_as_it_is(daemon: StandIn) -> None:
    similar(daemon, "file:///a%FF")
    assert daemon.asked[0].query == {"uri": "file:///a%FF"}


def test_a_number_is_an_id_unless_a_file_has_that_name(daemon: StandIn, tmp_path: Path) -> None:
    (tmp_path / "808").touch()
    similar(daemon, "909")
    similar(daemon, "808")
    assert [list(asked.query) for asked in daemon.asked] == [["id"], ["uri"]]


def test_similar_passes_every_filter_on(daemon: StandIn) -> None:
    filters = "-k 3 --min-similarity 0.5 --min-duration 1 --max-duration 2 --start 0.1 --end 0.2 --weights clap:0"
    filters += " --name kick --format wav --since 2026-11-01"
    similar(daemon, "7", *filters.split(), "--folder", b"/\xff")
    assert daemon.asked[0].query == {
        **{"id": "7", "k": "3", "min_similarity": "0.5", "min_duration": "1.0", "max_duration": "2.0"},
        **{"start": "0.1", "end": "0.2", "weights": "clap:0", "folder": "file:///%FF"},
        **{"name": "kick", "format": "wav", "since": "2026-11-01"},
    }


@pytest.mark.parametrize(
    ("given", "asked"),
    [("rain", "rain"), ("17", "17"), ("/a b.wav", "file:///a%20b.wav"), ("file:///a%FF", "file:///a%FF")],
)
def test_what_is_not_wanted_is_words_a_number_or_a_path(daemon: StandIn, given: str, asked: str) -> None:
    similar(daemon, "7", "--not", given, "--text", "dusty", "--text-weight", "0.2")
    assert daemon.asked[0].query == {"id": "7", "not": asked, "text": "dusty", "text_weight": "0.2"}


def test_search_passes_words_and_filters_on(daemon: StandIn) -> None:
    daemon.answer("/v1/search", {"results": [ROW], "next": None, "query": {}, "notes": []})
    result = timbred("search", "dusty", "vinyl snare", "-k", "3", "--folder", b"/f", "--paths")
    assert daemon.asked[0].query == {"text": "dusty vinyl snare", "k": "3", "folder": "file:///f"}
    assert result.stdout_bytes == b"/s/sn\xffre.wav\n"


def test_similar_paths_are_exact(daemon: StandIn) -> None:
    assert similar(daemon, "7", "--paths").stdout_bytes == b"/s/sn\xffre.wav\n"


def test_similar_json_is_the_daemons_answer(daemon: StandIn) -> None:
    result = similar(daemon, "7", "--json")
    assert json.loads(result.stdout)["results"] == [ROW]
    assert result.stderr == ""


def test_similar_makes_a_playlist_in_which_no_name_breaks_a_line(daemon: StandIn) -> None:
    odd = {**ROW, "uri": "file:///a%0Ab", "label": "a\nb"}
    lines = similar(daemon, "7", "--m3u", rows=(ROW, odd)).stdout_bytes.splitlines()
    assert lines == [b"#EXTM3U", b"#EXTINF:2,snare", b"/s/sn\xffre.wav", b"#EXTINF:2,a\\nb", b"file:///a%0Ab"]


def test_similar_explains_when_asked(daemon: StandIn) -> None:
    assert similar(daemon, "7", "--explain").stdout.endswith("\tmfcc:0.90\tThe timbre is close.\n")


def test_similar_says_so_when_there_is_nothing(daemon: StandIn) -> None:
    result = similar(daemon, "7", rows=())
    assert (result.stdout, "Nothing was found" in result.stderr) == ("", True)


@pytest.mark.parametrize(
    "options", [["-k", "0"], ["-k", "1001"], ["--min-similarity", "2"], ["--nope"], ["--listen", "x"]]
)
def test_wrong_usage_exits_with_2(daemon: StandIn, options: list[str]) -> None:
    timbred("similar", "7", *options, code=2)
    assert daemon.asked == []


@pytest.mark.parametrize(("status", "code"), [(400, 2), (404, 1), (503, 1)])
def test_a_refusal_is_one_sentence_and_an_exit_code(daemon: StandIn, status: int, code: int) -> None:
    daemon.answer("/v1/similar", {"title": "No", "detail": "No sound has the id 7.", "code": "x"}, status=status)
    result = timbred("similar", "7", code=code)
    assert (result.stdout, result.stderr) == ("", "timbred: No sound has the id 7.\n")


def test_a_daemon_that_does_not_run_exits_with_3_and_one_sentence() -> None:
    command = [sys.executable, "-m", "timbred_daemon", "similar", "kick.wav"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("timbred is not running: nothing answers at http://127.0.0.1:")
    assert done.stderr.endswith("; start it with `timbred run`\n")


def test_similar_loads_nothing_heavy() -> None:
    code = (
        "import sys, timbred_daemon.cli; print({'rich', 'pydantic', 'numpy', 'aiohttp', 'sqlite3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_endpoint_file_leads_to_the_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TIMBRED_LISTEN")
    with stand_in() as daemon, data_folder(str(tmp_path)), published_endpoint(str(tmp_path), daemon.address):
        daemon.answer("/v1/status", STATUS)
        timbred("status", "--data-dir", str(tmp_path))
    assert len(daemon.asked) == 1


def test_the_address_in_the_settings_comes_last(
    daemon: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TIMBRED_LISTEN")
    (tmp_path / "config.toml").write_text(f'listen = "{daemon.address[7:]}"')
    similar(daemon, "7")
    assert len(daemon.asked) == 1


def test_a_port_chosen_at_start_is_unknown_before_it() -> None:
    timbred("status", "--listen", "127.0.0.1:0", code=3)


def test_a_broken_settings_file_is_told_but_does_not_stop_a_question(daemon: StandIn, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("listen = ")
    assert "config.toml:1: this is not valid TOML" in similar(daemon, "7").stderr


def test_status_piped_is_dotted_keys_and_values(daemon: StandIn) -> None:
    daemon.answer("/v1/status", STATUS)
    result = timbred("status")
    assert {"state\tidle", "files.found\t4", "folders.0.path\t/s", "eta\t"} <= set(result.stdout.splitlines())
    assert result.stderr == "1 file could not be analysed: see `timbred failures`.\n"


def test_status_names_a_folder_that_waits_for_a_word(daemon: StandIn) -> None:
    suspect = {**FOLDER, "path": "/my s", "state": "suspect", "reason": "90 % of its files vanished"}
    daemon.answer("/v1/status", {**STATUS, "folders": [suspect], "notes": ["Paused."]})
    assert timbred("status").stderr.splitlines()[::2] == [
        "Paused.",
        "/my s is hidden: 90 % of its files vanished; if that is right, run `timbred folders confirm '/my s'`.",
    ]


def test_status_wait_ends_with_the_status_that_is_done(daemon: StandIn) -> None:
    daemon.answer("/v1/status", busy(), STATUS)
    assert json.loads(timbred("status", "--wait", "--json").stdout) == STATUS
    assert len(daemon.asked) == 2


def test_folders_are_listed_added_removed_and_confirmed(daemon: StandIn) -> None:
    daemon.answer("/v1/folders", {"results": [FOLDER], "next": None})
    daemon.answer("/v1/folders/confirm", {})
    assert timbred("folders", "list").stdout == "/s\tonline\tconfig\tnative\t4\t0\t1\n"
    timbred("folders", "add", b"/n\xff", "--watch", "poll")
    timbred("folders", "remove", "/s/")
    timbred("folders", "confirm", "/s")
    assert daemon.asked[1:] == [
        Asked("POST", "/v1/folders", {}, {"uri": "file:///n%FF", "watch": "poll"}),
        Asked("DELETE", "/v1/folders", {"uri": "file:///s"}, None),
        Asked("POST", "/v1/folders/confirm", {"uri": "file:///s"}, None),
    ]


def test_rescan_asks_for_everything_or_for_one_path(daemon: StandIn) -> None:
    daemon.answer("/v1/rescan", {})
    timbred("rescan")
    timbred("rescan", "/s")
    assert [asked.body for asked in daemon.asked] == [{}, {"uri": "file:///s"}]


@pytest.mark.parametrize(("text", "label"), [("big snare", "big snare"), ("", None)])
def test_label_names_the_sound_of_a_file(daemon: StandIn, text: str, label: str | None) -> None:
    daemon.answer("/v1/sounds", {"results": [ROW], "next": None})
    daemon.answer("/v1/sounds/7", ROW)
    timbred("label", b"/s/sn\xffre.wav", text)
    assert daemon.asked[0].query == {"uri": "file:///s/sn%FFre.wav"}
    assert daemon.asked[1] == Asked("PATCH", "/v1/sounds/7", {}, {"label": label})


def test_label_of_a_file_that_is_not_known_fails(daemon: StandIn) -> None:
    daemon.answer("/v1/sounds", {"results": [], "next": None})
    assert timbred("label", "/x", "y", code=1).stderr == "timbred knows no sound at /x\n"


def test_sounds_follow_the_cursor_to_the_end(daemon: StandIn) -> None:
    daemon.answer("/v1/sounds", {"results": [ROW], "next": "c"}, {"results": [ROW], "next": None})
    assert timbred("sounds").stdout == "7\tsnare\t1.6\t/s/sn\ufffdre.wav\n" * 2
    assert daemon.asked[1].query == {"limit": "1000", "cursor": "c"}


def test_sounds_can_be_asked_for_by_name_and_folder(daemon: StandIn) -> None:
    daemon.answer("/v1/sounds", {"results": [], "next": None})
    assert timbred("sounds", "--name", "kick 808", "--folder", "/s/My Drums").exit_code == 0
    assert daemon.asked[0].query == {"limit": "1000", "name": "kick 808", "folder": "file:///s/My%20Drums"}


@pytest.mark.parametrize("rows", [[], [ROW], [ROW, ROW]])
def test_sounds_as_json_are_one_list(daemon: StandIn, rows: list[JsonObject]) -> None:
    daemon.answer("/v1/sounds", {"results": rows, "next": None})
    assert json.loads(timbred("sounds", "--json").stdout) == {"results": rows, "next": None}


def test_a_list_without_a_row_is_said_in_a_sentence(daemon: StandIn) -> None:
    daemon.answer("/v1/sounds", {"results": [], "next": None})
    daemon.answer("/v1/failures", {"results": [], "next": None})
    assert timbred("sounds", "--name", "kick").stderr == "No sound is known that fits.\n"
    assert timbred("failures").stderr == "No file has failed.\n"


def test_labels_without_a_label_are_refused_before_they_are_sent(daemon: StandIn, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\n/x.wav,\n")
    assert "No row of" in timbred("labels", "import", str(tmp_path / "labels.csv"), code=1).stderr
    assert daemon.asked == []


def test_help_has_every_command_with_a_whole_sentence() -> None:
    said = timbred("--help").stdout
    assert [name for name in main.commands if f"\n  {name} " not in said] == []
    assert "..." not in said.replace("ARGS]...", "")


def test_failures_are_listed_with_reasons_and_tried_again(daemon: StandIn) -> None:
    failure = {"path": "/s/x.wav", "uri": "file:///s/x.wav", "code": "not_audio", "reason": "no sound in it"}
    daemon.answer("/v1/failures", {"results": [failure], "next": None})
    daemon.answer("/v1/failures/retry", {"retried": 1})
    assert timbred("failures").stdout == "not_audio\tno sound in it\t/s/x.wav\n"
    assert timbred("failures", "--retry").stderr.startswith("Failed files tried again: 1;")
    assert daemon.asked[-1] == Asked("POST", "/v1/failures/retry", {}, {})


def test_config_show_says_where_each_setting_comes_from(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'folders = [{ path = "/not/there", watch = "poll" }]\nweights = { clap = 0.5 }'
    )
    result = timbred("config", "show")
    assert f"folders\t/not/there (poll)\t{tmp_path}/config.toml:1\n" in result.stdout
    assert f"weights\tclap:0.5\t{tmp_path}/config.toml:2\nquiet" not in result.stdout
    assert "quiet\t200ms\tdefault\nexclude\t\tdefault\nkeep_missing\t30d\tdefault\n" in result.stdout
    assert "recall\t0.99\tdefault\n" in result.stdout
    assert "is not there now" in result.stderr


def test_config_show_as_json_has_values_places_and_problems(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("quite = 1")
    document = json.loads(timbred("config", "show", "--json", code=1).stdout)
    assert {"key": "quiet", "value": 0.2, "from": "default"} in document["settings"]
    assert {"key": "exclude", "value": [], "from": "default"} in document["settings"]
    assert [(problem["line"], problem["suggestion"]) for problem in document["problems"]] == [(1, "quiet")]


def test_run_hands_the_settings_to_the_app_and_exits_as_it_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app, given_to = ModuleType("timbred_daemon.app"), list[tuple[Loaded, tuple[bytes, ...]]]()

    def run(loaded: Loaded, named: tuple[bytes, ...], reload: Callable[[], Loaded]) -> int:
        assert reload().settings == loaded.settings
        given_to.append((loaded, named))
        return 1

    app.__dict__["run"] = run
    monkeypatch.setitem(sys.modules, "timbred_daemon.app", app)
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    timbred("run", folder, "--data-dir", "d", "--listen", "127.0.0.1:9", code=1)
    ((loaded, named),) = given_to
    assert named == (folder,)
    assert (loaded.settings.data_dir, loaded.settings.listen.port) == (str(tmp_path / "d"), 9)


def test_run_refuses_a_folder_that_is_not_there() -> None:
    assert "There is no folder" in timbred("run", b"/nowhere/at/all", code=2).stderr


def test_run_refuses_bad_settings_and_names_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("workers = 0\nqiet = 1")
    assert len(timbred("run", code=2).stderr.splitlines()) == 2


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help(command: str) -> None:
    assert "Usage:" in timbred(command, "--help").stdout


def test_the_version_is_the_installed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"timbred": "1.2.3"}.__getitem__)
    assert timbred("--version").stdout == "timbred 1.2.3\n"
