"""What a terminal shows of sounds and files: whole paths, what there is to say below them, groups apart."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from stand_in import ROW, stand_in

from timbred_api.client import JsonObject
from timbred_daemon.cli import main
from timbred_daemon.commands.listings import Entry, at_home, clock, draw
from timbred_daemon.commands.similar_table import draw as draw_similar

DEEP = "/s/" + "/".join(f"folder{number}" for number in range(20)) + "/x.wav"


@pytest.fixture(autouse=True)
def a_narrow_terminal_and_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("TIMBRED_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TIMBRED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("HOME", "/home/me")


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_what_is_said_of_a_file_stands_below_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    draw(("Code", "File, and why"), [Entry(("not_audio",), "/s/x.wav", below=("This is not audio.",))])
    heading, _, *lines = shown(capsys)
    assert heading.split() == ["Code", "File,", "and", "why"]
    assert lines == [" not_audio   /s/x.wav", "             This is not audio."]


def test_no_path_is_cut_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    draw(("ID", "Path"), [Entry((7,), DEEP)])
    assert "".join(line[6:] for line in shown(capsys)[2:]) == DEEP


def test_brackets_in_a_name_are_no_markup_and_no_control_character_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    draw(("Label", "Path"), [Entry(("[red]loud",), "/s/[bold]\x1b[2J.wav")])
    assert shown(capsys)[-1].split() == ["[red]loud", "/s/[bold]\\x1b[2J.wav"]


def test_an_empty_line_stands_between_two_groups(capsys: pytest.CaptureFixture[str]) -> None:
    draw(("ID", "Path"), [Entry((1,), "/a", last=True), Entry((2,), "/b", last=True)])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    first = lines.index("1   /a")
    assert lines[first + 1 : first + 3] == ["", "2   /b"]


def test_a_path_at_home_is_short() -> None:
    assert [at_home(path) for path in ("/home/me/a.wav", "/home/mel/a.wav")] == ["~/a.wav", "/home/mel/a.wav"]


@pytest.mark.parametrize(("seconds", "said"), [(0.0023, "2.3 ms"), (0.3, "0.30 s"), (12.5, "12.5 s"), (185.9, "3:05")])
def test_lengths_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_of_what_is_similar_the_reasons_the_copies_and_an_own_label_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = {**ROW, "path": "/s/a.wav", "paths": ["/s/a.wav", "/s/b.wav"], "label": "the good one", "reasons": ["Alike."]}
    draw_similar([row], explain=False)
    said = "\n".join(shown(capsys))
    assert all(text in said for text in ("the good one  /s/a.wav", "Alike.", "… and 1 more copy"))


class Terminal(io.StringIO):
    """Takes what is written, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[..., str]]:
    """Calls a command on a terminal, with a stand-in for the daemon; gives the text without its styles."""
    with stand_in() as daemon:
        monkeypatch.setenv("TIMBRED_LISTEN", daemon.address.removeprefix("http://"))

        def called(path: str, results: list[JsonObject], *words: str, **more: object) -> str:
            daemon.answer(path, {"results": results, "next": None, **more})
            monkeypatch.setattr(sys, "stdout", screen := Terminal())
            main([*words], standalone_mode=False)
            return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())

        yield called


def test_failures_show_the_reason_below_the_file(terminal: Callable[..., str]) -> None:
    row = {"code": "not_audio", "reason": "This is no sound.", "path": "/home/me/a.wav"}
    said = terminal("/v1/failures", [row], "failures")
    assert re.search(r"not_audio   ~/a.wav *\n *This is no sound\.", said)


@pytest.mark.parametrize(("path", "words"), [("/v1/sounds", ["sounds"]), ("/v1/offline", ["folders", "offline"])])
def test_sounds_are_shown_with_their_length(terminal: Callable[..., str], path: str, words: list[str]) -> None:
    said = terminal(path, [{**ROW, "path": "/home/me/a.wav"}], *words)
    assert re.search(r" 7   1\.60 s   snare   ~/a\.wav", said)


def test_duplicates_are_one_table_with_what_each_is(terminal: Callable[..., str]) -> None:
    evidence = {"similarity": 0.97, "sentence": "A faded copy.", "kind": "trimmed"}
    first = {**ROW, "paths": ["/home/me/a.wav", "/home/me/b.wav"], "evidence": None}
    copy = {**ROW, "sound_id": 8, "paths": ["/c.wav"], "evidence": evidence}
    groups: list[JsonObject] = [{"id": 7, "members": [first, copy]}, {"id": 9, "members": [first, copy]}]
    said = terminal("/v1/duplicates", groups, "duplicates", complete=True, notes=[])
    assert said.count("Sound, and what it is") == 1
    assert re.search(r"7   ~/a\.wav *\n *The same bytes: ~/b\.wav *\n *The longest, best kept one\.", said)
    assert re.search(r"0\.97    8   /c\.wav *\n *A faded copy\.", said)
