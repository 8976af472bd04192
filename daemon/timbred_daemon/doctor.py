"""What ``timbred doctor`` looks at: each finding says whether it is well, and if not, what to do.

Everything is looked at from outside: nothing is changed, and a daemon that is stuck is found stuck.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from timbred_api.client import Client, DaemonNotRunning, JsonObject, ProblemError
from timbred_api.peers import Peers
from timbred_daemon.config import Loaded
from timbred_daemon.runtime import read_endpoint
from timbred_indexer import weights
from timbred_indexer.confine import in_force, landlock_version
from timbred_indexer.errors import StorageError, TimbredError

Level = Literal["ok", "warn", "fail"]

LITTLE_SPACE: Final = 1_000_000_000  # bytes: a library of 100,000 one-shots takes about as much
_UNTOLD: Final = "the kernel does not say whose a TCP connection is (NETLINK_SOCK_DIAG)"
FEW_WATCHES: Final = 65_536  # the old default of Linux, 8,192, is less than some libraries' directories


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. ``advice``: what to do; empty where nothing is to be done."""

    level: Level
    what: str
    says: str
    advice: str = ""


def examine(loaded: Loaded, client: Client | None) -> Iterator[Finding]:
    """Looks at everything, the cheap things first.

    Args:
        client: of the daemon that the settings name; None when none has ever said where it is.
    """
    yield _versions()
    yield from _settings(loaded)
    yield from _data_folder(loaded.settings.data_dir)
    yield from _watches()
    yield _sandbox()
    yield callers(loaded, Peers())
    yield _clap(loaded)
    yield from _daemon(loaded.settings.data_dir, client)


def _versions() -> Finding:
    names = ("timbred", "librosa", "faiss-cpu", "numpy", "soundfile", "av")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return Finding("ok", "versions", f"Python {platform.python_version()} on {sys.platform}; {versions}")


def _settings(loaded: Loaded) -> Iterator[Finding]:
    for problem in loaded.problems:
        level: Level = "fail" if problem.severity == "error" else "warn"
        advice = f"Did you mean {problem.suggestion!r}?" if problem.suggestion else ""
        yield Finding(level, "settings", f"{problem.place}: {problem.message}", advice)
    if not loaded.problems:
        there = os.path.exists(loaded.config_path)
        yield Finding("ok", "settings", loaded.config_path if there else "no settings file; the defaults hold")


def _data_folder(data_dir: str) -> Iterator[Finding]:
    try:
        mode = os.stat(data_dir).st_mode
    except FileNotFoundError:
        yield Finding("warn", "data folder", f"{data_dir} is not there yet", "The first `timbred run` makes it.")
        return
    except OSError as error:
        yield Finding("fail", "data folder", f"{data_dir} cannot be read: {error.strerror}", "Look at its permissions.")
        return
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("fail", "data folder", f"{data_dir} cannot be written", f"Run `chmod u+rwx '{data_dir}'`.")
    elif stat.S_IMODE(mode) & 0o077:
        yield Finding("warn", "data folder", f"others may read {data_dir}", f"Run `chmod go= '{data_dir}'`.")
    else:
        yield Finding("ok", "data folder", data_dir)
    free = shutil.disk_usage(data_dir).free
    told = f"{free / 1e9:.1f} GB free"
    if free < LITTLE_SPACE:
        yield Finding("warn", "disk", told, "Free some space: indexing stops when the disk is full.")
    else:
        yield Finding("ok", "disk", told)


def _watches() -> Iterator[Finding]:
    """What tells of changes. Linux limits how many directories a user may watch."""
    if sys.platform == "darwin":
        yield Finding("ok", "watches", "FSEvents, which watches whole trees")
    path = "/proc/sys/fs/inotify/max_user_watches"
    try:
        with open(path, encoding="ascii") as file:
            limit = int(file.read())
    except (OSError, ValueError):
        return
    told = f"inotify: up to {limit:,} directories can be watched"
    if limit < FEW_WATCHES:
        line = "`sudo sysctl fs.inotify.max_user_watches=524288`"
        yield Finding("warn", "watches", told, f"Large libraries need more: {line}; what has none is polled.")
    else:
        yield Finding("ok", "watches", told)


def _sandbox() -> Finding:
    """What keeps a decoder that a broken or hostile file has turned from doing harm."""
    if sys.platform != "linux":
        return Finding("ok", "sandbox", "workers are processes of their own; this system has no Landlock")
    if version := landlock_version():
        return Finding("ok", "sandbox", in_force(version))
    advice = "Run timbred as a service: its unit confines the whole daemon."
    return Finding("warn", "sandbox", "this kernel has no Landlock, so workers have all of your rights", advice)


def callers(loaded: Loaded, peers: Peers) -> Finding:
    """Whether programs of other users are told from yours over TCP.

    Args:
        peers: who would know; asked where no daemon shows what it knows.
    """
    if loaded.settings.callers.require_token:
        return Finding("ok", "callers", "over TCP, everybody needs the token")
    endpoint = read_endpoint(loaded.settings.data_dir)
    known = None if endpoint is None else _is_known(endpoint.address)
    if known is None:
        with contextlib.closing(peers):
            peers.open()
            known = peers.tells_tcp
    if known:
        return Finding("ok", "callers", "other users of this machine are told from you, and need the token")
    why = _UNTOLD if sys.platform == "linux" else "this system does not say whose a TCP connection is"
    advice = "Commands need nothing; curl and browsers are to be given the file `token` of the data folder."
    return Finding("warn", "callers", f"{why}; over TCP, you need the token too", advice)


def _is_known(address: str) -> bool | None:
    """Whether a daemon knows, over TCP and without a token, that this is its user; None where it does not say."""
    try:
        with Client(address) as client:
            client.get("/healthz")
    except ProblemError as problem:
        return False if problem.code == "unauthorized" else None
    except TimbredError:
        return None
    return True


def _clap(loaded: Loaded) -> Finding:
    choice = weights.choose(loaded.settings.data_dir, loaded.settings.clap_model)
    model = choice.model
    if model is None:
        return Finding("warn", "CLAP", "no model is in use, so no search by words", choice.reason)
    if (advice := weights.lacking(model)) is not None:
        return Finding("warn", "CLAP", f"{model.name} cannot be loaded", advice)
    try:
        weights.glance(model)
    except StorageError as error:
        return Finding("fail", "CLAP", f"{model.name} is not whole", error.message)
    return Finding("ok", "CLAP", f"{model.name}, {model.size / 1e6:.0f} MB")


def _daemon(data_dir: str, client: Client | None) -> Iterator[Finding]:
    if client is None:
        yield Finding("warn", "daemon", "none is running", "Start one with `timbred run`.")
        return
    try:
        status = client.get("/v1/status")
    except DaemonNotRunning:
        endpoint = read_endpoint(data_dir)
        if endpoint is None:
            yield Finding("warn", "daemon", "none is running", "Start one with `timbred run`.")
        else:
            stuck = f"process {endpoint.pid} holds {data_dir} and does not answer at {endpoint.address}"
            yield Finding("fail", "daemon", stuck, f"If that lasts, end it: `kill {endpoint.pid}`.")
        return
    except TimbredError as error:
        yield Finding("fail", "daemon", error.message, "Its log says more.")
        return
    yield from _status(status)


def _status(status: JsonObject) -> Iterator[Finding]:
    yield Finding("ok", "daemon", f"{status['state']} at {status['address']}, for {status['uptime']:.0f} s")
    own = importlib.metadata.version("timbred")
    if status["version"] != own:
        said = f"it is timbred {status['version']}, this command is {own}"
        yield Finding("warn", "daemon", said, "Start it again.")
    for folder in status["folders"]:
        told = f"{folder['path']}: {folder['files']['found']:,} files"
        if folder["state"] == "online":
            yield Finding("ok", "folder", told if folder["watch"] == "native" else f"{told}, polled")
    for note in status["notes"]:
        yield Finding("warn", "daemon", note)
    if failed := status["files"]["failed"]:
        yield Finding("warn", "files", f"{failed:,} could not be analysed", "`timbred failures` names each.")
