"""What goes into the menus of file managers: rendered, put in its place, left alone where it is another's, removed."""

from __future__ import annotations

import ast
import configparser
import os
import plistlib
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from timbred_daemon import integrate_files as files
from timbred_daemon import thunar_actions
from timbred_daemon.cli import main
from timbred_daemon.commands import integrate as command_module
from timbred_daemon.integrate import Integration, Places, integrations
from timbred_daemon.service_steps import WriteFile, read, take
from timbred_indexer.errors import UnavailableError

ROOT = Path(__file__).parents[2]
COMMAND = ("/opt/a b/100%/it's $HOME\\`\"&<x>/timbred", "open", "--notify", "--data-dir", "/d d")
"""A path with everything in it that some format reads as its own."""

ACTIONS = """<?xml version="1.0"?>
<actions>
  <action>\n\t<name>Mine</name><unique-id>1-1</unique-id><command>mine %f</command><directories/>\n</action>
  </actions>  <!-- the end -->
"""
DEFAULT = ACTIONS.replace("Mine", "The system's")


def known(home: Path) -> dict[str, Integration]:
    places = Places(str(home), f"{home}/config", f"{home}/data", (f"{home}/etc",))
    return {one.name: one for one in integrations(places)}


NAMES = tuple(known(Path("/")))


def files_of(home: Path, name: str, command: tuple[str, ...] = COMMAND) -> list[WriteFile]:
    return [step for step in known(home)[name].install(command, read) if isinstance(step, WriteFile)]


def written(home: Path, name: str, command: tuple[str, ...] = COMMAND) -> str:
    """The first file that an installation writes, which it does."""
    made = files_of(home, name, command)
    take(made)
    return Path(made[0].path).read_text("utf-8")


def key_file(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]
    parser.read_string(text)
    return parser


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_installing_twice_writes_once_and_removing_leaves_nothing(tmp_path: Path, name: str) -> None:
    one = known(tmp_path)[name]
    assert one.state([COMMAND], read) == "absent"
    take(one.install(COMMAND, read))
    assert one.state([files.SHIPPED, COMMAND], read) == "installed"
    assert one.install(COMMAND, read) == []
    assert one.state([files.SHIPPED], read) == "differs"
    take(one.remove(read))
    assert (contents(tmp_path), one.state([COMMAND], read), one.remove(read)) == ({}, "absent", [])
    assert not Path(one.path).exists()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "thunar"])
def test_what_is_not_timbreds_is_neither_replaced_nor_removed(tmp_path: Path, name: str) -> None:
    one = known(tmp_path)[name]
    target = Path(files_of(tmp_path, name)[0].path)
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    assert one.state([COMMAND], read) == "foreign"
    with pytest.raises(UnavailableError, match="is not timbred's"):
        one.install(COMMAND, read)
    with pytest.raises(UnavailableError, match="is not timbred's"):
        one.remove(read)
    assert target.read_text() == "mine"


@pytest.mark.parametrize("name", NAMES)
def test_an_older_installation_is_brought_up_to_date(tmp_path: Path, name: str) -> None:
    one = known(tmp_path)[name]
    take(one.install(("/old/timbred", "open"), read))
    take(one.install(COMMAND, read))
    assert one.state([COMMAND], read) == "installed"
    assert not any(b"/old/timbred" in text for text in contents(tmp_path).values())


def test_every_shipped_file_is_installed_by_somebody_and_works_as_it_is() -> None:
    shipped = {str(path.relative_to(ROOT / "integrations")) for path in (ROOT / "integrations").rglob("*.*")}
    used = {part.source for one in known(Path("/")).values() for part in getattr(one, "parts", ())}
    assert shipped <= used | {"thunar/action.xml"}
    for name in NAMES:
        texts = [file.text.replace('", "', " ") for file in files_of(Path("/nonexistent"), name, files.SHIPPED)]
        assert any(" ".join(files.SHIPPED) in text for text in texts)


def test_nautilus_gets_a_python_module_with_the_command(tmp_path: Path) -> None:
    module = ast.parse(written(tmp_path, "nautilus"))
    (value,) = [node.value for node in module.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(value) == list(COMMAND)


def test_dolphin_gets_an_executable_service_menu_that_its_own_rules_read_back(tmp_path: Path) -> None:
    entry = key_file(written(tmp_path, "dolphin"))
    assert entry["Desktop Entry"]["MimeType"] == "audio/*;"
    line = entry["Desktop Action timbredSimilar"]["Exec"]
    *words, code = shlex.split(line.replace("\\\\", "\\"))  # first a string of the file, then words in quotes
    assert ([word.replace("%%", "%").replace("\\`", "`").replace("\\$", "$") for word in words], code) == (
        list(COMMAND),
        "%u",
    )
    assert os.stat(known(tmp_path)["dolphin"].path).st_mode & stat.S_IXUSR


def test_nemo_gets_an_action_whose_line_a_shell_would_read(tmp_path: Path) -> None:
    action = key_file(written(tmp_path, "nemo"))["Nemo Action"]
    assert shlex.split(action["Exec"].replace("\\\\", "\\")) == [*COMMAND, "%U"]
    assert (action["Selection"], action["Mimetypes"]) == ("s", "audio/*;")


def test_caja_runs_a_script_with_the_first_of_the_selection(tmp_path: Path) -> None:
    program = tmp_path / "it's a program"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    written(tmp_path, "caja", (str(program), "open"))
    selected = {"CAJA_SCRIPT_SELECTED_URIS": "file:///a%20b.wav\nfile:///c.wav\n", "PATH": os.defpath}
    ran = subprocess.run([known(tmp_path)["caja"].path], env=selected, capture_output=True, text=True, check=True)
    assert ran.stdout == "open|file:///a%20b.wav|"


def test_the_finder_gets_a_quick_action_for_sounds(tmp_path: Path) -> None:
    take(known(tmp_path)["finder"].install(COMMAND, read))
    bundle = Path(known(tmp_path)["finder"].path) / "Contents"
    (service,) = plistlib.loads((bundle / "Info.plist").read_bytes())["NSServices"]
    assert (service["NSMessage"], service["NSSendFileTypes"]) == ("runWorkflowAsService", ["public.audio"])
    workflow: dict[str, Any] = plistlib.loads((bundle / "document.wflow").read_bytes())
    parameters = workflow["actions"][0]["action"]["ActionParameters"]
    assert shlex.split(parameters["COMMAND_STRING"]) == [*COMMAND, "$1"]
    assert parameters["inputMethod"] == 1  # the files come as arguments


def thunar_file(home: Path, text: str, folder: str = "config") -> Path:
    path = home / folder / "Thunar" / "uca.xml"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def actions(path: Path) -> list[str | None]:
    return [action.findtext("name") for action in ElementTree.fromstring(path.read_bytes())]


@pytest.mark.parametrize(
    "text",
    [
        ACTIONS,
        ACTIONS.replace("\n", "\r\n"),
        ACTIONS.replace("Mine", "Mine \udcff"),
        ACTIONS.replace("\n  </actions>", "</actions>"),
        thunar_actions.EMPTY.removesuffix("\n"),
    ],
    ids=["indented", "CRLF", "not UTF-8", "one line", "none"],
)
def test_thunars_other_actions_come_back_byte_for_byte(tmp_path: Path, text: str) -> None:
    path = thunar_file(tmp_path, text)
    before = path.read_bytes()
    one = known(tmp_path)["thunar"]
    take(one.install(COMMAND, read))
    take(one.install((*COMMAND, "--links"), read))
    assert path.read_bytes().count(b"timbred-similar") == 1
    take(one.remove(read))
    assert path.read_bytes() == before


def test_thunars_action_is_for_sounds_and_beside_the_others(tmp_path: Path) -> None:
    path = thunar_file(tmp_path, ACTIONS)
    take(known(tmp_path)["thunar"].install(COMMAND, read))
    assert actions(path) == ["Mine", "Find Similar Sounds"]
    action = ElementTree.fromstring(path.read_bytes())[1]
    words = shlex.split(action.findtext("command", "").replace("%%", "%"))
    assert (words, action.find("audio-files") is not None) == ([*COMMAND, "%u"], True)


def test_the_systems_actions_stay_where_the_user_had_none(tmp_path: Path) -> None:
    thunar_file(tmp_path, DEFAULT, "etc")
    one = known(tmp_path)["thunar"]
    take(one.install(COMMAND, read))
    assert actions(Path(one.path)) == ["The system's", "Find Similar Sounds"]
    take(one.remove(read))
    assert not Path(one.path).exists()


def test_settings_of_thunar_that_are_a_link_stay_one(tmp_path: Path) -> None:
    path = thunar_file(tmp_path, ACTIONS)
    path.rename(tmp_path / "dotfile")
    path.symlink_to(tmp_path / "dotfile")
    take(known(tmp_path)["thunar"].install(COMMAND, read))
    assert (path.is_symlink(), actions(tmp_path / "dotfile")[-1]) == (True, "Find Similar Sounds")


def test_an_action_that_thunar_wrote_anew_is_found_again(tmp_path: Path) -> None:
    path = thunar_file(tmp_path, ACTIONS)
    one = known(tmp_path)["thunar"]
    take(one.install(COMMAND, read))
    path.write_text(path.read_text().replace("\t\t<submenu></submenu>\n", "<submenu/>").replace("\t", ""))
    assert one.state([COMMAND], read) == "differs"
    take(one.remove(read))
    assert actions(path) == ["Mine"]


def test_what_is_no_list_of_actions_is_left_alone(tmp_path: Path) -> None:
    path = thunar_file(tmp_path, "<actions/>")
    with pytest.raises(UnavailableError, match="cannot be read"):
        known(tmp_path)["thunar"].install(COMMAND, read)
    assert path.read_text() == "<actions/>"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "TIMBRED_LISTEN", "TIMBRED_DATA_DIR", "TIMBRED_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(command_module.sys, "platform", "linux")
    monkeypatch.setattr(command_module, "program", lambda: ("/bin/timbred",))
    return tmp_path


def timbred(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["integrate", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_the_command_says_what_it_wrote_and_what_to_do_then(home: Path) -> None:
    path = home / ".local/share/nemo/actions/timbred.nemo_action"
    assert timbred("install", "nemo").stderr == f"nemo: wrote {path}. It is there at once.\n"
    assert "Exec=/bin/timbred open --notify %U\n" in path.read_text()
    assert timbred("install", "nemo").stderr == "nemo: is installed already.\n"
    assert f"nemo\tno\tinstalled\t{path}\n" in timbred("list").stdout.replace("\tyes\t", "\tno\t")
    assert timbred("remove", "nemo").stderr == "nemo: removed.\n"
    assert timbred("remove", "nemo").stderr == "nemo: was not installed.\n"


def test_a_dry_run_shows_the_files_and_writes_none(home: Path) -> None:
    shown = timbred("install", "caja", "dolphin", "--dry-run").stdout
    assert "chmod +x '" in shown
    assert "Exec=/bin/timbred open --notify %u\n" in shown
    assert contents(home) == {}


def test_what_the_menu_calls_finds_the_same_daemon(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "s.toml").touch()
    monkeypatch.setenv("TIMBRED_CONFIG", str(home / "s.toml"))
    timbred("install", "nemo", "--links", "--data-dir", str(home / "d"), "--listen", "127.0.0.1:9")
    text = (home / ".local/share/nemo/actions/timbred.nemo_action").read_text()
    options = f"--notify --links --data-dir {home}/d --listen 127.0.0.1:9"
    assert f"Exec=env TIMBRED_CONFIG={home}/s.toml /bin/timbred open {options} %U\n" in text


def test_the_finder_is_for_macs(home: Path) -> None:
    assert "no finder on this system" in timbred("install", "finder", code=2).stderr
    assert "finder" not in [line.split("\t")[0] for line in timbred("list").stdout.splitlines()]
