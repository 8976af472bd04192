"""Settings: defaults < settings file < environment < flags. Every problem is reported at once, with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, cast

from timbred_daemon.config_callers import Callers, parse_flag, parse_hosts, parse_users
from timbred_daemon.config_file import ConfigFile, read_config_file
from timbred_daemon.config_folders import FolderSetting, parse_folders, parse_patterns
from timbred_daemon.config_layers import Layer, Merge, Problem
from timbred_daemon.config_manners import ON_BATTERY, OnBattery, QuietHours, parse_quiet_hours
from timbred_daemon.config_values import (
    LOG_LEVELS,
    SHORT_SOUNDS,
    WEIGHT_NAMES,
    Listen,
    LogLevel,
    Parsed,
    PathRules,
    ShortSounds,
    did_you_mean,
    parse_choice,
    parse_count,
    parse_data_dir,
    parse_duration,
    parse_listen,
    parse_model_name,
    parse_share,
    parse_weights,
    wrong_type,
)
from timbred_indexer.model import Seconds

__all__ = ["KEYS", "FolderSetting", "Listen", "Loaded", "Problem", "Settings", "load"]

KEYS: Final = (
    "folders",
    "data_dir",
    "listen",
    "require_token",
    "allow_users",
    "allow_hosts",
    "workers",
    "rescan_interval",
    "poll_interval",
    "quiet",
    "exclude",
    "keep_missing",
    "log_level",
    "recall",
    "backups",
    "backup_interval",
    "on_battery",
    "quiet_hours",
    "weights",
    "clap.model",
    "clap.short_sounds",
    "clap.threads",
)
_TABLES: Final = tuple({key.partition(".")[0]: None for key in KEYS if "." in key})
_ENVIRONMENT: Final = {"data_dir": "TIMBRED_DATA_DIR", "listen": "TIMBRED_LISTEN"}
_FLAGS: Final = {"folders": "FOLDER", "data_dir": "--data-dir", "listen": "--listen"}
_DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What the daemon is told to do.

    Attributes:
        folders: the watched folders; none lies inside another.
        data_dir: absolute path of the data folder, decoded as ``os.fsdecode`` does.
        listen: where the HTTP server listens.
        callers: who may call it.
        workers: analysing processes side by side.
        rescan_interval: seconds from one full look at a folder to the next.
        poll_interval: seconds between looks at a folder that is watched by polling.
        quiet: seconds without a change before a file counts as written.
        exclude: globs of what is neither watched nor scanned.
        keep_missing: seconds for which what is known of a missing file is kept.
        log_level: the least that is logged.
        recall: share of the true nearest that an approximate index must find.
        backups: how many automatic backups are kept; 0: none is made.
        backup_interval: seconds from one to the next.
        on_battery: what becomes of the work while the machine runs on its battery.
        quiet_hours: when no work is done; None: whenever there is some.
        weights: space or aspect name → weight; a name that is absent keeps its default.
        clap_model: name of the CLAP model to use; empty: the one that is installed.
        clap_short_sounds: how a sound under 10 s becomes the 10 s that the model takes.
        clap_threads: for the model, on the processor; 0: half of the cores.
    """

    folders: tuple[FolderSetting, ...]
    data_dir: str
    listen: Listen
    callers: Callers
    workers: int
    rescan_interval: Seconds
    poll_interval: Seconds
    quiet: Seconds
    exclude: tuple[bytes, ...]
    keep_missing: Seconds
    log_level: LogLevel
    recall: float
    backups: int
    backup_interval: Seconds
    on_battery: OnBattery
    quiet_hours: QuietHours | None
    weights: Mapping[str, float]
    clap_model: str
    clap_short_sounds: ShortSounds
    clap_threads: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings as they hold, where each comes from, and what is wrong with what was written.

    Attributes:
        settings: always complete: a value that could not be used is replaced by the next lower one.
        origins: key → ``default``, ``/path/config.toml:3``, ``TIMBRED_LISTEN`` or ``--listen``.
        problems: all of them, in the order file, environment, flags.
        config_path: the settings file that was looked for; it need not exist.
    """

    settings: Settings
    origins: Mapping[str, str]
    problems: tuple[Problem, ...]
    config_path: str

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    isdir: Callable[[bytes], bool] = os.path.isdir,
    weight_names: tuple[str, ...] = WEIGHT_NAMES,
) -> Loaded:
    """Reads the settings from everywhere they may stand. Never raises for what a user wrote.

    Args:
        flags: ``folders`` (list of paths; replaces the file's), ``data_dir``, ``listen``; None means "not given".
        environ: ``TIMBRED_CONFIG``, ``TIMBRED_DATA_DIR``, ``TIMBRED_LISTEN``, and what ``$VARS`` in paths stand for.
        isdir: whether a folder is there; replaced by callers that must not touch the drives.
        weight_names: the names that ``[weights]`` may have.
    """
    file = _file(environ)
    cwd = _working_folder()
    file_base = os.path.join(cwd, os.path.dirname(os.fsencode(file.path)))
    named = {key: environ[name] for key, name in _ENVIRONMENT.items() if environ.get(name)}
    given = {key: value for key, value in flags.items() if key in _FLAGS and value is not None}
    merge = Merge(
        (
            Layer(file.values, PathRules(file_base, environ, isdir), {}, file),
            Layer(named, PathRules(cwd, environ, isdir), _ENVIRONMENT),
            Layer(given, PathRules(cwd, None, isdir), _FLAGS),
        )
    )
    merge.problems.extend(_file_problems(file))
    settings = _settings(merge, weight_names)
    return Loaded(settings, merge.origins, tuple(_in_order(merge.problems, file)), file.path)


def _file(environ: Mapping[str, str]) -> ConfigFile:
    named = environ.get("TIMBRED_CONFIG")
    if named:
        rules = PathRules(_working_folder(), environ, os.path.isdir)
        return _flat(read_config_file(os.fsdecode(rules.absolute(named)), required=True))
    from platformdirs import user_config_dir

    return _flat(read_config_file(os.path.join(user_config_dir("timbred"), "config.toml"), required=False))


def _flat(file: ConfigFile) -> ConfigFile:
    """What stands in a table of settings, as ``clap.model``; what should be such a table and is none stays."""
    values: dict[str, object] = {}
    for key, value in file.values.items():
        if key in _TABLES and isinstance(value, dict):
            values |= {f"{key}.{name}": inner for name, inner in cast("dict[str, object]", value).items()}
        else:
            values[key] = value
    return replace(file, values=values)


def _file_problems(file: ConfigFile) -> list[Problem]:
    """What is wrong with the file beside its values: unreadable as a whole, or keys that nothing knows."""
    if file.fault is not None:
        return [Problem(file.path, file.fault_line, file.fault)]
    return [_unknown(file, key) for key in file.values if key not in KEYS]


def _unknown(file: ConfigFile, key: str) -> Problem:
    if key in _TABLES:
        complaint = wrong_type(key, f"a table of settings, as in [{key}]", file.values[key])
        return Problem(file.path, file.line_of(key), complaint.message, key=key)
    return Problem(file.path, file.line_of(key), f"unknown key {key!r}", did_you_mean(key, KEYS), key=key)


def _settings(merge: Merge, weight_names: tuple[str, ...]) -> Settings:
    def seconds(key: str, default: float, least: float, most: float) -> Seconds:
        return merge.take(key, Seconds(default), lambda value, _: parse_duration(key, value, least=least, most=most))

    def listen(value: object) -> Parsed[Listen]:
        return parse_listen("listen", value, anywhere=callers.require_token)

    callers = _callers(merge)
    no_weights: Mapping[str, float] = {}
    no_folders: tuple[FolderSetting, ...] = ()
    level: LogLevel = "info"
    on_battery: OnBattery = "slow"
    no_hours: QuietHours | None = None
    fill: ShortSounds = "repeatpad"
    return Settings(
        folders=merge.take("folders", no_folders, lambda value, rules: parse_folders("folders", value, rules)),
        data_dir=merge.take("data_dir", _data_dir(), lambda value, rules: parse_data_dir("data_dir", value, rules)),
        listen=merge.take("listen", Listen("127.0.0.1", 8462), lambda value, _: listen(value)),
        callers=callers,
        workers=merge.take("workers", _half_the_cores(), lambda value, _: parse_count("workers", value, least=1)),
        rescan_interval=seconds("rescan_interval", 3600, 1, 30 * _DAY),
        poll_interval=seconds("poll_interval", 10, 0.1, _DAY),
        quiet=seconds("quiet", 0.2, 0, 60),
        exclude=merge.take("exclude", (), lambda value, _: parse_patterns("exclude", value)),
        keep_missing=seconds("keep_missing", 30 * _DAY, _DAY / 24, 36_500 * _DAY),
        log_level=merge.take("log_level", level, lambda value, _: parse_choice("log_level", value, LOG_LEVELS)),
        recall=merge.take("recall", 0.99, lambda value, _: parse_share("recall", value, least=0.5)),
        backups=merge.take("backups", 3, lambda value, _: parse_count("backups", value, least=0)),
        backup_interval=seconds("backup_interval", _DAY, 60, 30 * _DAY),
        on_battery=merge.take("on_battery", on_battery, lambda value, _: parse_choice("on_battery", value, ON_BATTERY)),
        quiet_hours=merge.take("quiet_hours", no_hours, lambda value, _: parse_quiet_hours("quiet_hours", value)),
        weights=merge.take("weights", no_weights, lambda value, _: parse_weights("weights", value, weight_names)),
        clap_short_sounds=merge.take(
            "clap.short_sounds", fill, lambda value, _: parse_choice("clap.short_sounds", value, SHORT_SOUNDS)
        ),
        clap_threads=merge.take("clap.threads", 0, lambda value, _: parse_count("clap.threads", value, least=0)),
        clap_model=merge.take("clap.model", "", lambda value, _: parse_model_name("clap.model", value)),
    )


def _callers(merge: Merge) -> Callers:
    nobody: frozenset[int] = frozenset()
    no_names: frozenset[str] = frozenset()
    return Callers(
        merge.take("require_token", False, lambda value, _: parse_flag("require_token", value)),
        merge.take("allow_users", nobody, lambda value, _: parse_users("allow_users", value)),
        merge.take("allow_hosts", no_names, lambda value, _: parse_hosts("allow_hosts", value)),
    )


def _working_folder() -> bytes:
    try:
        return os.getcwdb()
    except FileNotFoundError:  # it was removed under us; absolute paths still work
        return b"/"


def _data_dir() -> str:
    from platformdirs import user_data_dir

    return user_data_dir("timbred")


def _half_the_cores() -> int:
    return max(1, (os.cpu_count() or 1) // 2)


def _in_order(problems: Iterable[Problem], file: ConfigFile) -> list[Problem]:
    """The file's by line, then the others as they came."""
    return sorted(problems, key=lambda problem: (problem.where != file.path, problem.line or 0))
