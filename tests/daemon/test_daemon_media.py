"""Listening and looking end to end: real files, the real daemon, its workers and the child that makes maps."""

from __future__ import annotations

import http.client
import io
import json
import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile as typed_soundfile
from daemon_process import Daemon, daemon_on
from tones import RATE, tone, write_scale, write_tone

from patience import PATIENCE
from timbred_api.client import JsonObject

soundfile: Any = typed_soundfile


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    write_scale(folder, range(3))
    with io.BytesIO() as file:
        soundfile.write(file, tone(500), RATE, format="CAF", subtype="PCM_16")
        (folder / "note.caf").write_bytes(file.getvalue())
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), folder) as daemon:
        assert daemon.settle()["files"]["indexed"] == 4
        yield daemon


@contextmanager
def asked(daemon: Daemon, path: str, **headers: str) -> Generator[http.client.HTTPResponse]:
    place = urlsplit(daemon.client.address)
    assert place.hostname is not None
    with closing(http.client.HTTPConnection(place.hostname, place.port, timeout=PATIENCE)) as connection:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        with connection.getresponse() as response:
            yield response


def event(response: http.client.HTTPResponse) -> tuple[str, JsonObject]:
    """The next event's name and data."""
    name = b""
    for line in response:
        key, _, value = line.rstrip(b"\n").partition(b": ")
        if key == b"event":
            name = value
        elif key == b"data":
            return name.decode(), json.loads(value)
    raise AssertionError("the stream has ended")


def test_a_sound_is_played_in_pieces(daemon: Daemon, folder: Path) -> None:
    path = folder / "note-1.wav"
    address = f"/v1/sounds/{daemon.indexed(path)['sound_id']}/audio"
    with asked(daemon, address, Range="bytes=44-1043") as response:
        assert (response.status, response.read()) == (206, path.read_bytes()[44:1044])
        tag = response.headers["ETag"]
    with asked(daemon, address, If_None_Match=tag) as response:
        assert (response.status, response.read()) == (304, b"")


def test_what_a_browser_cannot_play_is_decoded_by_a_worker(daemon: Daemon, folder: Path) -> None:
    sound = daemon.indexed(folder / "note.caf")["sound_id"]
    with asked(daemon, f"/v1/sounds/{sound}/audio?format=wav") as response:
        samples, rate = soundfile.read(io.BytesIO(response.read()))
    assert (response.headers["Content-Type"], rate) == ("audio/wav", RATE)
    assert np.allclose(samples, tone(500), atol=1e-4)
    assert list((daemon.data / "uploads").iterdir()) == []


def test_an_outline_is_made_by_a_worker(daemon: Daemon, folder: Path) -> None:
    sound = daemon.indexed(folder / "note-0.wav")["sound_id"]
    answer = daemon.client.get(f"/v1/sounds/{sound}/waveform", {"points": 30})
    assert (answer["points"], len(answer["min"]), len(answer["max"])) == (30, 30, 30)
    assert 0.36 > answer["rms"][0] > 2 * answer["rms"][-1] > 0  # it decays


def test_the_map_has_every_sound(daemon: Daemon) -> None:
    answer = daemon.client.get("/v1/map")
    assert len(answer["sounds"]) == len(answer["x"]) == daemon.status()["sounds"]


def test_a_new_file_is_told_of_as_it_comes(daemon: Daemon, folder: Path) -> None:
    daemon.settle()
    with asked(daemon, "/v1/events") as response:
        name, status = event(response)
        assert (name, status["state"]) == ("status", "idle")
        write_tone(folder / "new.wav", 700)
        newest, names = status, set[str]()
        while "library" not in names or newest["sounds"] != status["sounds"] + 1:
            name, said = event(response)
            names.add(name)
            newest = said if name == "status" else newest
        assert names == {"status", "library"}


def test_who_listens_does_not_keep_the_daemon_from_stopping(daemon: Daemon) -> None:
    with asked(daemon, "/v1/events") as response:
        event(response)
        assert daemon.stop() == 0
        # Until the end, its state is told: that it stops, if that takes a moment.
        assert set(re.findall("^event: (.*)$", response.read().decode(), re.MULTILINE)) <= {"status"}
    assert "Traceback" not in daemon.log.read_text()
