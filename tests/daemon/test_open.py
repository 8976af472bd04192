"""``timbred open`` and ``timbred similar --links``: what is asked, opened, and said when nothing answers."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from stand_in import ROW, StandIn, stand_in

from ports import nothing_listens
from timbred_daemon import launching
from timbred_daemon.cli import main
from timbred_daemon.commands.open import page_address


@pytest.fixture(autouse=True)
def a_bare_desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A user without settings whose desktop has an opener and notifications, which write down what they are given."""
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("TIMBRED_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TIMBRED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("xdg-open", "notify-send"):
        (commands / name).write_text(
            f"#!/bin/sh\nfor last; do :; done\nprintf %s \"$last\" > '{commands}/{name}.given'\n"
        )
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setattr(launching.sys, "platform", "linux")
    monkeypatch.chdir(tmp_path)
    with nothing_listens() as place:
        monkeypatch.setenv("TIMBRED_LISTEN", place)
        yield commands


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    with stand_in() as standing_in:
        monkeypatch.setenv("TIMBRED_LISTEN", standing_in.address.removeprefix("http://"))
        standing_in.answer("/healthz", {"status": "ok"})
        standing_in.answer("/v1/similar", {"results": [ROW], "next": None, "query": {}, "notes": []})
        yield standing_in


def timbred(*arguments: str | bytes, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [os.fsdecode(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def given(commands: Path, name: str) -> str:
    return (commands / f"{name}.given").read_text()


def test_the_page_is_opened_at_the_exact_file(daemon: StandIn, a_bare_desktop: Path, tmp_path: Path) -> None:
    timbred("open", b"a b/k\xff&+#%.wav")
    opened = urlsplit(given(a_bare_desktop, "xdg-open"))
    assert f"{opened.scheme}://{opened.netloc}{opened.path}" == f"{daemon.address}/"
    assert parse_qs(opened.query) == {"uri": [f"file://{tmp_path}/a%20b/k%FF%26%2B%23%25.wav"]}


def test_what_a_file_manager_gives_is_taken_as_it_is(daemon: StandIn) -> None:
    printed = timbred("open", "--print", "file:///a%FF%20b.wav").stdout
    assert printed == f"{daemon.address}/?uri=file:///a%25FF%2520b.wav\n"


@pytest.mark.parametrize(("arguments", "query"), [((), ""), (("12",), "?id=12")])
def test_a_number_or_nothing_opens_the_page_too(daemon: StandIn, arguments: tuple[str, ...], query: str) -> None:
    assert timbred("open", "--print", *arguments).stdout == f"{daemon.address}/{query}\n"


def test_an_address_holds_bytes_that_are_no_text() -> None:
    assert page_address("http://h:1", {"uri": "file:///\udcff ä"}) == "http://h:1/?uri=file:///%FF%20%C3%A4"


def test_without_a_daemon_no_browser_is_opened_and_a_notification_says_why(a_bare_desktop: Path) -> None:
    said = timbred("open", "--notify", "/a.wav", code=3).stderr
    assert "timbred is not running" in said
    assert given(a_bare_desktop, "notify-send") in said
    assert not (a_bare_desktop / "xdg-open.given").exists()


def test_nothing_is_notified_unless_asked(a_bare_desktop: Path) -> None:
    timbred("open", "/a.wav", code=3)
    assert not (a_bare_desktop / "notify-send.given").exists()


def test_an_opener_that_fails_or_is_missing_leaves_the_address(daemon: StandIn, a_bare_desktop: Path) -> None:
    (a_bare_desktop / "xdg-open").write_text("#!/bin/sh\nexit 3\n")
    assert f"could not open {daemon.address}/" in timbred("open", code=1).stderr
    (a_bare_desktop / "xdg-open").unlink()
    assert f"no xdg-open on this machine to open {daemon.address}/" in timbred("open", code=1).stderr


def test_links_to_what_is_similar_are_opened_as_a_folder(daemon: StandIn, a_bare_desktop: Path, tmp_path: Path) -> None:
    timbred("open", "--links", "-k", "3", b"k\xff.wav")
    folder = os.path.join(os.fsencode(tmp_path), b"cache/timbred/similar/k\xff.wav")
    assert (a_bare_desktop / "xdg-open.given").read_bytes() == folder
    assert os.readlink(folder + b"/01 sn\xffre.wav") == b"/s/sn\xffre.wav"
    assert daemon.asked[-1].query == {"uri": f"file://{tmp_path}/k%FF.wav", "k": "3"}


def test_links_go_into_any_folder_that_is_named(daemon: StandIn, tmp_path: Path) -> None:
    result = timbred("similar", "/a.wav", "--links", "alike")
    assert (result.stdout, result.stderr) == ("", "Links to 1 sounds are in alike.\n")
    assert os.readlink(os.fsencode(tmp_path) + b"/alike/01 sn\xffre.wav") == b"/s/sn\xffre.wav"


@pytest.mark.parametrize(
    "arguments",
    ["similar 7 --links x --json", "similar --all --links x", "open --links", "open 7 -k 3"],
)
def test_what_does_not_go_together_is_wrong_usage(arguments: str) -> None:
    timbred(*arguments.split(), code=2)
