"""Settings: layers, values, and problems with their places."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbred_daemon.config import FolderSetting, Listen, Loaded, load
from timbred_daemon.config_file import find_key_lines
from timbred_daemon.config_values import SHORT_SOUNDS, WEIGHT_NAMES, parse_duration, parse_listen
from timbred_indexer.wire import FILLS


class Settings:
    """A settings file in a folder of its own, and how it reads."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.toml"
        self.home = folder / "home"
        self.home.mkdir()

    def load(self, text: str | bytes = b"", flags: Mapping[str, object] | None = None, **environ: str) -> Loaded:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load(flags or {}, {"TIMBRED_CONFIG": str(self.path), "HOME": str(self.home), **environ})

    def problems(self, text: str | bytes) -> list[str]:
        """Each as ``LINE: MESSAGE [SUGGESTION]``."""
        return [f"{one.line}: {one.message} [{one.suggestion}]" for one in self.load(text).problems]


@pytest.fixture
def file(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


def test_an_empty_file_leaves_every_default(file: Settings) -> None:
    loaded = file.load()
    assert loaded.settings.listen == Listen("127.0.0.1", 8462)
    assert (loaded.settings.rescan_interval, loaded.settings.poll_interval, loaded.settings.quiet) == (3600, 10, 0.2)
    assert loaded.settings.workers >= 1
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.problems == ()


def test_without_a_file_there_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load({}, {}).problems == ()


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    loaded = load({}, {"TIMBRED_CONFIG": str(tmp_path / "none.toml")})
    assert [problem.message for problem in loaded.errors] == ["there is no such file"]


def test_flags_beat_the_environment_which_beats_the_file(file: Settings) -> None:
    text = 'data_dir = "/a"\nlisten = "127.0.0.1:1"\nworkers = 3'
    loaded = file.load(text, {"listen": "127.0.0.1:3"}, TIMBRED_DATA_DIR="/b", TIMBRED_LISTEN="127.0.0.1:2")
    assert (loaded.settings.data_dir, loaded.settings.listen.port, loaded.settings.workers) == ("/b", 3, 3)
    origins = {key: loaded.origins[key] for key in ("data_dir", "listen", "workers")}
    assert origins == {"data_dir": "TIMBRED_DATA_DIR", "listen": "--listen", "workers": f"{file.path}:3"}


def test_a_flag_that_was_not_given_changes_nothing(file: Settings) -> None:
    assert file.load("", {"listen": None, "folders": None, "data_dir": None}).origins["listen"] == "default"


def test_a_bad_value_falls_back_to_the_layer_below(file: Settings) -> None:
    loaded = file.load('listen = "127.0.0.1:1"', TIMBRED_LISTEN="nonsense")
    assert (loaded.settings.listen.port, loaded.origins["listen"]) == (1, f"{file.path}:1")
    assert [problem.where for problem in loaded.errors] == ["TIMBRED_LISTEN"]


def test_every_problem_is_reported_at_once_in_the_order_of_lines(file: Settings) -> None:
    text = 'wokers = 2\nworkers = 0\nlog_level = "warn"\n[weights]\nmfc = 1\nzcr = -1\nclap = true'
    assert file.problems(text) == [
        "1: unknown key 'wokers' [workers]",
        "2: workers must be at least 1, not 0 [None]",
        "3: log_level must be one of debug, info, warning, error, not 'warn' [warning]",
        f"5: unknown weight 'mfc'; there are {', '.join(WEIGHT_NAMES)} [mfcc]",
        "6: weights.zcr must be a number of at least 0, not -1 [None]",
        "7: weights.clap must be a number of at least 0, not a boolean [None]",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = true", "workers must be an integer of at least 1, not a boolean"),
        ("recall = 0.3", "recall must lie between 0.5 and 1, not at 0.3"),
        ("recall = true", "recall must be a number from 0.5 to 1, not a boolean"),
        ("workers = 1.5", "workers must be an integer of at least 1, not a float"),
        ("listen = 1979-05-27", 'listen must be text such as "127.0.0.1:8462", not a date or time'),
        ("data_dir = ''", "data_dir is empty: a path is needed"),
        ('data_dir = "a\\u0000b"', "data_dir has a NUL character in it, which no path can have"),
        ("quiet = -1", "quiet must be between 0 s and 60 s, not -1 s"),
        ("quiet = nan", "quiet must be between 0 s and 60 s, not nan s"),
        ("rescan_interval = 0", "rescan_interval must be between 1 s and 2.592e+06 s, not 0 s"),
        (
            "folders = [1]",
            'folders[0] must be a path or a table such as { path = "~/Samples", watch = "poll" }, not an integer',
        ),
        ("weights = 1", "weights must be a table of names and numbers, such as { mfcc = 2.0 }, not an integer"),
        ("weights = { clap = inf }", "weights.clap must be a number of at least 0, not inf"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_problem_on_its_line(file: Settings, text: str, message: str) -> None:
    assert [(problem.line, problem.message) for problem in file.load(text).errors] == [(1, message)]


def test_a_syntax_error_has_its_line(file: Settings) -> None:
    assert [problem.line for problem in file.load("workers = 2\n\nlisten = \n").errors] == [3]


def test_an_unfinished_text_is_an_error_on_the_last_line(file: Settings) -> None:
    assert [problem.line for problem in file.load('workers = 2\nfolders = ["a"').errors] == [2]


def test_text_that_is_not_utf8_has_its_line(file: Settings) -> None:
    assert file.problems(b"workers = 2\n# \xff") == ["2: the file is not UTF-8 text [None]"]


def test_a_byte_order_mark_and_crlf_are_accepted(file: Settings) -> None:
    assert file.load(b"\xef\xbb\xbfworkers = 2\r\nquiet = 1\r\n").settings.workers == 2


def test_a_folder_in_place_of_the_file_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in load({}, {"TIMBRED_CONFIG": str(tmp_path)}).errors[0].message


def test_a_printed_problem_says_where_and_what_instead(file: Settings) -> None:
    assert str(file.load("folder = []").problems[0]) == (
        f"error: {file.path}:1: unknown key 'folder' (did you mean folders?)"
    )


def test_folders_may_be_text_or_tables(file: Settings) -> None:
    folders = file.load('folders = ["/a", { path = "/b", watch = "poll" }]').settings.folders
    assert folders == (FolderSetting(b"/a", "native"), FolderSetting(b"/b", "poll"))


def test_home_and_variables_in_paths_are_expanded(file: Settings) -> None:
    text = 'folders = ["~/a", "$DRIVE/b", "${DRIVE}c", "/$UNSET"]'
    home = os.fsencode(file.home)
    folders = file.load(text, DRIVE="/mnt/d").settings.folders
    assert [folder.path for folder in folders] == [home + b"/a", b"/mnt/d/b", b"/mnt/dc", b"/$UNSET"]


def test_a_relative_path_in_the_file_starts_from_the_files_folder(file: Settings) -> None:
    assert file.load('folders = ["x/../y"]').settings.folders[0].path == os.fsencode(file.path.parent / "y")


def test_folders_given_as_flags_are_bytes_and_replace_the_files(file: Settings) -> None:
    loaded = file.load('folders = ["/a"]', {"folders": (b"/\xff$HOME", b"~")})
    assert [folder.path for folder in loaded.settings.folders] == [b"/\xff$HOME", os.path.join(os.getcwdb(), b"~")]
    assert loaded.origins["folders"] == "FOLDER"


def test_a_data_dir_that_is_not_utf8_survives(file: Settings) -> None:
    assert os.fsencode(file.load("", {"data_dir": b"/\xff"}).settings.data_dir) == b"/\xff"


def test_a_folder_that_is_not_there_is_only_a_warning_on_its_line(file: Settings) -> None:
    problems = file.load('folders = [\n  "~",\n  "/not/there",\n]').problems
    assert [(problem.line, problem.severity) for problem in problems] == [(3, "warning")]


def test_a_folder_inside_another_is_an_error_and_left_out(file: Settings) -> None:
    loaded = file.load('folders = ["/a/b", "/a-b", "/a", "/ab"]')
    assert [problem.message.partition(",")[0] for problem in loaded.errors] == ["the folder /a/b lies inside /a"]
    assert [folder.path for folder in loaded.settings.folders] == [b"/a-b", b"/a", b"/ab"]


def test_everything_lies_inside_the_root(file: Settings) -> None:
    assert [folder.path for folder in file.load('folders = ["//", "/a"]').settings.folders] == [b"/"]


def test_a_folder_named_twice_is_watched_once(file: Settings) -> None:
    loaded = file.load('folders = ["~", "~/"]')
    assert [folder.path for folder in loaded.settings.folders] == [os.fsencode(file.home)]
    assert [problem.severity for problem in loaded.problems] == ["warning"]


def test_problems_in_arrays_of_tables_have_their_lines(file: Settings) -> None:
    text = (
        '[[folders]]\npath = "~"\nwach = "poll"\n[[folders]]\nwatch = "native"\n[[folders]]\npath = "/x"\nwatch = "pol"'
    )
    assert [(problem.line, problem.suggestion) for problem in file.load(text).errors] == [
        (3, "watch"),
        (4, None),
        (8, "poll"),
    ]


def test_one_folder_as_text_gets_the_list_to_copy(file: Settings) -> None:
    assert file.problems('folders = "~/x"') == ['1: folders must be an array of paths, not a string [["~/x"]]']


def test_weights_keep_what_is_right_beside_what_is_wrong(file: Settings) -> None:
    assert file.load("weights = { mfcc = 2, nope = 1 }").settings.weights == {"mfcc": 2.0}


def test_the_names_of_weights_can_be_given(file: Settings) -> None:
    file.load("[weights]\nloudness = 1")
    loaded = load({}, {"TIMBRED_CONFIG": str(file.path)}, weight_names=("loudness",))
    assert (loaded.problems, loaded.settings.weights) == ((), {"loudness": 1.0})


@pytest.mark.parametrize("text", ['[clap]\nmodel = "mine"', 'clap.model = "mine"', 'clap = { model = "mine" }'])
def test_a_setting_in_a_table_is_found_however_it_is_written(file: Settings, text: str) -> None:
    loaded = file.load(text)
    assert (loaded.settings.clap_model, loaded.problems) == ("mine", ())
    assert loaded.origins["clap.model"].startswith(f"{file.path}:")


def test_without_a_named_model_the_installed_one_is_meant(file: Settings) -> None:
    assert file.load().settings.clap_model == ""
    assert file.load('clap.model = ""').problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[clap]\nmodle = 1", "2: unknown key 'clap.modle' [clap.model]"),
        ("clap = 1", "1: clap must be a table of settings, as in [clap], not an integer [None]"),
        (
            "[clap]\nmodel = 1",
            '2: clap.model must be a model\'s name, such as "larger_clap_music", not an integer [None]',
        ),
        ('clap.model = "../x"', "1: clap.model must be a name that `timbred model list` shows, not '../x' [None]"),
    ],
)
def test_a_mistake_in_a_table_has_its_line(file: Settings, text: str, problem: str) -> None:
    assert file.problems(text) == [problem]


def test_key_lines_ignore_comments_long_strings_and_what_is_in_arrays() -> None:
    text = (
        '# quiet = 1\nnote = """\nquiet = 2\n"""\na.b = 1\n[ t . "u" ] # x\nk = [\n  "v = 1",\n]\n[[f]]\n[[f]]\nx = 1'
    )
    found = find_key_lines(tuple(text.split("\n")))
    tables = {"t.u": 6, "t.u.k": 7, "f": 10, "f[0]": 10, "f[1]": 11, "f[1].x": 12}
    assert found == {"note": 2, "a": 5, "a.b": 5, **tables}


@given(st.integers(0, 10**6), st.sampled_from([("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: tuple[str, float]) -> None:
    parsed = parse_duration("quiet", f"{number}{unit[0]}", least=0, most=float("inf"))
    assert parsed.value == pytest.approx(number * unit[1])


@given(st.floats(0, 1e6))
def test_a_number_is_a_duration_in_seconds(seconds: float) -> None:
    assert parse_duration("quiet", seconds, least=0, most=1e6).value == seconds


@given(st.text())
def test_any_text_is_a_duration_or_a_complaint(text: str) -> None:
    parsed = parse_duration("quiet", text, least=0, most=60)
    assert (parsed.value is None) == bool(parsed.complaints)


def test_durations_can_be_put_together() -> None:
    assert parse_duration("rescan_interval", "1h 30m", least=0, most=1e6).value == 5400


@given(st.ip_addresses(v=4, network="127.0.0.0/8"), st.integers(0, 65535))
def test_every_loopback_address_can_be_listened_on(host: object, port: int) -> None:
    assert parse_listen("listen", f"{host}:{port}").value == Listen(str(host), port)


@given(st.ip_addresses().filter(lambda address: not address.is_loopback), st.integers(0, 65535))
def test_no_other_address_can(host: object, port: int) -> None:
    assert parse_listen("listen", f"[{host}]:{port}").value is None


@given(st.text())
def test_any_text_is_an_address_that_reads_back_or_a_complaint(text: str) -> None:
    parsed = parse_listen("listen", text)
    assert (
        bool(parsed.complaints) if parsed.value is None else parse_listen("", str(parsed.value)).value == parsed.value
    )


@pytest.mark.parametrize(
    ("written", "suggestion"),
    [(8462, "127.0.0.1:8462"), ("8462", "127.0.0.1:8462"), ("0.0.0.0:80", "127.0.0.1:80"), ("::1:80", "[::1]:80")],
)
def test_a_near_miss_of_an_address_is_put_right(written: object, suggestion: str) -> None:
    assert [complaint.suggestion for complaint in parse_listen("listen", written).complaints] == [suggestion]


def test_an_ipv6_address_is_bracketed_in_urls() -> None:
    listen = parse_listen("listen", "[::1]:8462").value
    assert listen is not None
    assert listen.address == "http://[::1]:8462"


def test_the_settings_of_clap_are_read_and_checked(file: Settings) -> None:
    loaded = file.load('[clap]\nshort_sounds = "Pad"\nthreads = 3')
    assert (loaded.settings.clap_short_sounds, loaded.settings.clap_threads, loaded.problems) == ("pad", 3, ())
    problems = file.load('[clap]\nshort_sounds = "padd"\nthreads = -1').problems
    assert [(problem.key, problem.suggestion) for problem in problems] == [
        ("clap.short_sounds", "pad"),
        ("clap.threads", None),
    ]


def test_the_settings_know_every_way_to_fill() -> None:
    assert SHORT_SOUNDS == FILLS
