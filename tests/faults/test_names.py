"""Names that file systems allow and programs stumble over. All hold one sound: they cost one analysis."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest
from agreement import assert_agreement, on_disk
from daemon_process import Daemon, uri_of
from tones import tone, wav

SOUND = wav(tone(330.0))

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are not Unicode")


def put(folder: Path, *names: bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(SOUND)


def found(daemon: Daemon, library: Path, folder: Path) -> int:
    """How many files of the test's own directory all agree on."""
    assert_agreement(daemon, library)
    return len(on_disk(folder))


@linux_only
def test_every_byte_but_the_slash_may_be_in_a_name(daemon: Daemon, library: Path, folder: Path) -> None:
    # A dot at the begin hides a file, and that byte is in every extension.
    put(folder, *(b"a" + bytes([byte]) + b".wav" for byte in range(1, 256) if byte != ord("/")))
    assert found(daemon, library, folder) == 254


@linux_only
def test_composed_and_decomposed_names_are_two_files(daemon: Daemon, library: Path, folder: Path) -> None:
    twins = [unicodedata.normalize(form, "Grüße Ångström.wav").encode() for form in ("NFC", "NFD")]
    put(folder, *twins)
    assert found(daemon, library, folder) == 2


@linux_only
def test_names_that_differ_in_case_alone_are_two_files(daemon: Daemon, library: Path, folder: Path) -> None:
    put(folder, b"Kick.wav", b"kick.wav", b"KICK.WAV", b"kick.Wav")
    assert found(daemon, library, folder) == 4


def test_the_longest_name_is_a_name(daemon: Daemon, library: Path, folder: Path) -> None:
    put(folder, b"n" * 251 + b".wav", b"d" * 255 + b"/a.wav")
    assert found(daemon, library, folder) == 2


def test_a_tree_two_hundred_directories_deep_is_looked_through(daemon: Daemon, library: Path, folder: Path) -> None:
    put(folder, b"d/" * 200 + b"a.wav", b"d/" * 100 + b"b.wav")
    assert found(daemon, library, folder) == 2


@linux_only
def test_the_longest_path_is_found_and_one_beyond_it_harms_nobody(daemon: Daemon, library: Path, folder: Path) -> None:
    top = os.fsencode(folder)
    room = 4095 - len(top) - len(b"/a.wav")  # with the zero at its end a path has 4,096 bytes
    parts, rest = divmod(room, 201)
    long = b"".join(b"/" + b"p" * 200 for _ in range(parts - 1)) + b"/" + b"q" * ((200 + rest) // 2)
    long += b"/" + b"r" * (room - len(long) - 1)
    put(folder, long[1:] + b"/a.wav", b"beside.wav")
    deepest = os.open(top + long, os.O_RDONLY)
    os.mkdir(b"beyond", dir_fd=deepest)
    inner = os.open(b"beyond", os.O_RDONLY, dir_fd=deepest)
    os.close(os.open(b"unreachable.wav", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
    daemon.indexed(top + long + b"/a.wav")
    assert daemon.look()["files"]["pending"] == 0
    assert daemon.sound(folder / "beside.wav")
    os.unlink(b"unreachable.wav", dir_fd=inner)
    os.rmdir(b"beyond", dir_fd=deepest)
    os.close(inner)
    os.close(deepest)


@pytest.mark.parametrize(
    "name", [b"new\nline.wav", b" .wav", b"-rf.wav", b"%00.wav", b"a?b#c&d=e.wav", b"\xf0\x9f\xa5\x81.wav"]
)
def test_a_name_that_means_something_elsewhere_means_nothing_here(daemon: Daemon, folder: Path, name: bytes) -> None:
    put(folder, name)
    path = os.path.join(os.fsencode(folder), name)
    assert daemon.indexed(path)["sound_id"]
    os.unlink(path)
    daemon.look()
    assert daemon.sound(path) is None


def test_what_the_settings_exclude_is_not_looked_at(daemon: Daemon, library: Path, folder: Path) -> None:
    put(
        folder,
        b"a.left-out.wav",
        b"left-out/b.wav",
        b".hidden/c.wav",
        b"marked/.nomedia",
        b"marked/deep/d.wav",
        b"e.wav",
    )
    daemon.indexed(folder / "e.wav")
    daemon.look()
    found = daemon.client.get("/v1/sounds", {"uri": uri_of(folder / "e.wav")})["results"][0]["paths"]
    assert [path for path in found if path.startswith(str(folder) + "/")] == [str(folder / "e.wav")]
    (folder / "marked/.nomedia").unlink()
    daemon.indexed(folder / "marked/deep/d.wav")
    for name in ("a.left-out.wav", "left-out/b.wav", ".hidden/c.wav"):
        (folder / name).unlink()
