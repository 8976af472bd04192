"""A file is shown in the desktop's file manager, or a sentence says why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from face import Face

from builders import analysis
from timbred_api import desktop
from timbred_api.reveal import RevealParameters, reveal_sound
from timbred_indexer.errors import RequestError, UnavailableError

ROUTE = "/v1/sounds/1/reveal"
ITEMS = "org.freedesktop.FileManager1.ShowItems"


def install(folder: Path, name: str, script: str) -> None:
    """A command of the desktop."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


async def test_the_file_manager_is_asked_for_the_exact_file(face: Face, desktop_calls: Path) -> None:
    await face.indexed(b"k,'\xff.wav", analysis(1))
    status, shown = await face.ask("POST", ROUTE)
    uri = face.uri(b"k,'\xff.wav")
    assert (status, shown) == (200, {"path": face.path("k,'\ufffd.wav"), "uri": uri})
    assert desktop_calls.read_text().splitlines()[-3:] == [ITEMS, f"['{uri}']", ""]


async def test_without_a_session_a_problem_says_so(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    await face.indexed(b"a.wav", analysis(1))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    problem = await face.problem(501, "POST", ROUTE)
    assert (problem["code"], "outside of a desktop session" in problem["detail"]) == ("no_desktop", True)


async def test_what_the_desktop_complains_about_is_told(face: Face, desktop_calls: Path) -> None:
    await face.indexed(b"a.wav", analysis(1))
    install(desktop_calls.parent, "gdbus", "echo 'Error: nobody\nprovides that' >&2; exit 1")
    problem = await face.problem(501, "POST", ROUTE)
    assert problem["detail"] == "The desktop did not show the file: Error: nobody provides that."


async def test_without_gdbus_dbus_send_is_asked(desktop_calls: Path) -> None:
    (desktop_calls.parent / "gdbus").rename(desktop_calls.parent / "dbus-send")
    await desktop.show_file(b"/a,b.wav")
    assert desktop_calls.read_text().splitlines()[-3:] == [ITEMS, "array:string:file:///a%2Cb.wav", "string:"]


async def test_without_either_a_sentence_names_both(desktop_calls: Path) -> None:
    (desktop_calls.parent / "gdbus").unlink()
    with pytest.raises(UnavailableError, match="no gdbus and no dbus-send"):
        await desktop.show_file(b"/a.wav")


async def test_a_file_manager_that_hangs_is_given_up(desktop_calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(desktop_calls.parent, "gdbus", "exec sleep 60")
    monkeypatch.setattr(desktop, "PATIENCE", 0.2)
    monkeypatch.setenv("PATH", f"{desktop_calls.parent}:{os.defpath}")
    with pytest.raises(UnavailableError, match="did not answer"):
        await desktop.show_file(b"/a.wav")


async def test_a_file_that_is_gone_is_not_shown(face: Face, desktop_calls: Path) -> None:
    await face.indexed(b"a.wav", analysis(1))
    os.unlink(face.path("a.wav"))
    assert (await face.problem(404, "POST", ROUTE))["code"] == "vanished"
    assert (await face.problem(404, "POST", "/v1/sounds/9/reveal"))["code"] == "unknown_id"
    assert not desktop_calls.exists()


async def test_who_is_let_in_opens_no_windows(face: Face, desktop_calls: Path) -> None:
    await face.indexed(b"a.wav", analysis(1))
    with pytest.raises(RequestError, match="is left to the user"):  # nobody vouched for this caller
        await reveal_sound(face.engine, RevealParameters(id=1))
    assert not desktop_calls.exists()


def test_a_mac_has_its_own_command() -> None:
    assert desktop.commands(b"/k\xff.wav", "darwin") == [("open", "-R", b"/k\xff.wav")]
    assert desktop.has_desktop("darwin", {})


def test_a_session_is_known_by_its_bus(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert not desktop.has_desktop("linux", environ)
    (tmp_path / "bus").touch()
    assert desktop.has_desktop("linux", environ)
