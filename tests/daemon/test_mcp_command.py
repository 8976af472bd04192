"""``timbred mcp`` beside a real daemon: found, started, restarted, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from daemon_process import QUICK, Daemon, daemon_on, wait_for
from mcp import Client, StdioServerParameters, stdio_client
from tones import write_tone

from timbred_daemon.runtime import read_endpoint


@asynccontextmanager
async def assistant(home: Path, *flags: str) -> AsyncGenerator[Client]:
    """One that was set up to run ``timbred mcp``."""
    command = ["-P", "-m", "timbred_daemon", "mcp", "--data-dir", str(home / "data"), *flags]
    environment = os.environ | {"TIMBRED_CONFIG": str(home / "config.toml"), "TIMBRED_LISTEN": "127.0.0.1:0"}
    with (home / "stderr").open("w") as errors:
        parameters = StdioServerParameters(command=sys.executable, args=command, env=environment)
        async with Client(stdio_client(parameters, errlog=errors), mode="legacy") as client:
            yield client


async def answered(client: Client, name: str, **arguments: object) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result
    return cast("dict[str, Any]", result.structured_content)


def test_without_a_daemon_it_says_so_and_writes_nothing_to_stdout(tmp_path: Path) -> None:
    ended = Daemon(tmp_path).cli("mcp")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "timbred run" in ended.stderr


def test_a_daemon_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the data folder should be")
    ended = Daemon(tmp_path).cli("mcp", "--start")
    assert (ended.returncode, ended.stdout) == (1, "")


def test_a_sound_is_found_over_stdio_and_a_restart_is_survived(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    write_tone(sounds / "a.wav", 440)
    write_tone(sounds / "b.wav", 450)

    async def use(daemon: Daemon) -> None:
        async with assistant(tmp_path) as client:
            found = await answered(client, "find_similar_sounds", path=str(sounds / "a.wav"))
            assert [Path(row["path"]).name for row in found["results"]] == ["b.wav"]
            assert (await answered(client, "rescan_folder", wait=True))["done"]
            daemon.stop()
            refused = await client.call_tool("list_folders", {})
            assert (refused.is_error, "daemon_not_running" in str(refused.content)) == (True, True)
            daemon.start()
            assert (await answered(client, "get_index_status"))["sounds"] == 2

    with daemon_on(tmp_path, sounds) as daemon:
        daemon.settle()
        asyncio.run(use(daemon))


def test_it_starts_a_daemon_that_outlives_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(QUICK)
    data = str(tmp_path / "data")

    async def use() -> None:
        async with assistant(tmp_path, "--start", "--listen", "127.0.0.1:0") as client:
            assert (await answered(client, "list_folders"))["results"] == []

    asyncio.run(use())
    endpoint = read_endpoint(data)
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGTERM)
    wait_for(lambda: read_endpoint(data) is None)
