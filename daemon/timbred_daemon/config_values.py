"""One settings value at a time: what a user may write → what the program uses, or what is wrong with it. Pure."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, Never, TypeVar, cast

from timbred_indexer.model import Seconds
from timbred_indexer.weights_manifest import is_name

SPACE_NAMES: Final = ("librosa", "clap")
ASPECT_NAMES: Final = (
    "mfcc",
    "chroma",
    "spectral_contrast",
    "rhythm",
    "zcr",
    "rms",
    "onset_shape",
    "course_shape",
    "level_shape",
    "spectral_shape",
    "fundamental",
    "harmonics",
    "modulation",
    "kind",
)
GROUP_NAMES: Final = ("timbre", "pitch", "spectrum", "movement", "envelope", "loudness")
WEIGHT_NAMES: Final = (*SPACE_NAMES, *ASPECT_NAMES, *GROUP_NAMES)

LogLevel = Literal["debug", "info", "warning", "error"]
LOG_LEVELS: Final[tuple[LogLevel, ...]] = ("debug", "info", "warning", "error")

Severity = Literal["error", "warning"]
ShortSounds = Literal["repeatpad", "repeat", "pad"]
SHORT_SOUNDS: Final[tuple[ShortSounds, ...]] = ("repeatpad", "repeat", "pad")

T_co = TypeVar("T_co", covariant=True)
C = TypeVar("C", bound=str)

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?\s*(?:ms|s|m|h|d)\s*)+")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one value.

    Attributes:
        key: the setting, such as ``listen``, ``folders[1].watch`` or ``weights.mfcc``.
        message: a sentence without its place.
        suggestion: what to write instead, ready to be copied; None where nothing can be guessed.
        severity: ``warning`` when the program can go on as asked.
        text: words near which to look for the value in the file; None: the key's own line is the best there is.
    """

    key: str
    message: str
    suggestion: str | None = None
    severity: Severity = "error"
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T_co]):
    """A value as far as it could be understood (None: not at all), and what is wrong with it."""

    value: T_co | None
    complaints: tuple[Complaint, ...] = ()


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the HTTP server listens. ``port`` 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """The base URL, such as ``http://127.0.0.1:8462``."""
        return f"http://{self}"


@dataclass(frozen=True, slots=True)
class PathRules:
    """How paths written in one place are read.

    Attributes:
        base: absolute folder that relative paths start from.
        environ: for ``$VARS`` and ``~``; None leaves both alone (a shell has expanded them already).
        isdir: whether a folder is there now.
    """

    base: bytes
    environ: Mapping[str, str] | None
    isdir: Callable[[bytes], bool]

    def absolute(self, text: str | bytes) -> bytes:
        """Expanded and absolute; links are not followed."""
        if self.environ is not None:
            text = _expand(os.fsdecode(text), self.environ)
        path = os.path.normpath(os.path.join(self.base, os.fsencode(text)))
        return b"/" + path.lstrip(b"/")  # POSIX lets normpath keep a leading "//"


def _expand(text: str, environ: Mapping[str, str]) -> str:
    """``~``, ``$NAME`` and ``${NAME}``; a name that is not set stays as it is, for it may be a folder's real name."""
    text = _VARIABLE.sub(lambda match: environ.get(match[1] or match[2], match[0]), text)
    if (text == "~" or text.startswith("~/")) and environ.get("HOME"):
        return environ["HOME"] + text[1:]
    return os.path.expanduser(text)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to what was written; None when nothing is close."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), list(known), n=1)
    return close[0] if close else None


def type_name(value: object) -> str:
    """What TOML calls the type of a value."""
    names = {"bool": "a boolean", "int": "an integer", "float": "a float", "str": "a string", "list": "an array"}
    names["dict"] = "a table"
    return names.get(type(value).__name__, "a date or time")


def wrong_type(key: str, wanted: str, value: object, suggestion: str | None = None) -> Complaint:
    return Complaint(key, f"{key} must be {wanted}, not {type_name(value)}", suggestion)


def _refuse(complaint: Complaint) -> Parsed[Never]:
    return Parsed(None, (complaint,))


def parse_duration(key: str, value: object, *, least: float, most: float) -> Parsed[Seconds]:
    """Seconds from a number (``3600``) or from text with units (``"1h"``, ``"1h30m"``, ``"200ms"``).

    Args:
        key: the setting's name, for complaints.
        value: what was written.
        least: smallest value allowed, in seconds.
        most: largest value allowed, in seconds.
    """
    seconds = _seconds(value)
    if seconds is None:
        wanted = 'a number of seconds or text such as "90s", "15m" or "1h"'
        if isinstance(value, str):
            return _refuse(Complaint(key, f"{key} must be {wanted}; {value!r} is neither"))
        return _refuse(wrong_type(key, wanted, value))
    if not least <= seconds <= most:
        return _refuse(Complaint(key, f"{key} must be between {least:g} s and {most:g} s, not {seconds:g} s"))
    return Parsed(Seconds(seconds))


def _seconds(value: object) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        return math.fsum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(value))
    return None


def parse_listen(key: str, value: object, *, anywhere: bool = False) -> Parsed[Listen]:
    """``HOST:PORT`` with a loopback host: 127.0.0.0/8, ``[::1]`` or localhost. Port 0 to 65535.

    Args:
        key: the setting's name, for complaints.
        value: what was written.
        anywhere: any other host will do as well.
    """
    if not isinstance(value, str):
        fitting = isinstance(value, int) and not isinstance(value, bool)
        return _refuse(
            wrong_type(key, 'text such as "127.0.0.1:8462"', value, f"127.0.0.1:{value}" if fitting else None)
        )
    host, colon, port = value.strip().rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        guess = f"127.0.0.1:{value}" if value.isascii() and value.isdigit() else None
        return _refuse(Complaint(key, f"{key} must be HOST:PORT with a port from 0 to 65535, not {value!r}", guess))
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        message = f"{key} has an IPv6 address without brackets: {value!r}"
        return _refuse(Complaint(key, message, f"[{host}]:{port}"))
    if not host or (not anywhere and not _is_loopback(host)):
        message = (
            f"{key} must be a loopback host (127.0.0.1, [::1], localhost), not {host!r}: only this machine asks; "
            "to let others in, who will then need the token, set require_token = true first"
        )
        return _refuse(Complaint(key, message, f"127.0.0.1:{port}"))
    return Parsed(Listen(host, int(port)))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    from ipaddress import IPv4Address, IPv6Address, ip_address

    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address == IPv6Address("::1") or (isinstance(address, IPv4Address) and address.is_loopback)


def parse_count(key: str, value: object, *, least: int) -> Parsed[int]:
    """An integer of at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool):
        return _refuse(wrong_type(key, f"an integer of at least {least}", value))
    if value < least:
        return _refuse(Complaint(key, f"{key} must be at least {least}, not {value}"))
    return Parsed(value)


def parse_share(key: str, value: object, *, least: float) -> Parsed[float]:
    """A number from ``least`` to 1."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return _refuse(wrong_type(key, f"a number from {least} to 1", value))
    if not least <= value <= 1:
        return _refuse(Complaint(key, f"{key} must lie between {least} and 1, not at {value}"))
    return Parsed(float(value))


def parse_choice(key: str, value: object, choices: Sequence[C]) -> Parsed[C]:
    """One of a few words, in any case."""
    wanted = f"one of {', '.join(choices)}"
    if not isinstance(value, str):
        return _refuse(wrong_type(key, wanted, value))
    for choice in choices:
        if value.lower() == choice:
            return Parsed(choice)
    return _refuse(Complaint(key, f"{key} must be {wanted}, not {value!r}", did_you_mean(value, choices)))


def parse_model_name(key: str, value: object) -> Parsed[str]:
    """The name of a CLAP model; empty text lets the one that is installed be used."""
    if not isinstance(value, str):
        return _refuse(wrong_type(key, 'a model\'s name, such as "larger_clap_music"', value))
    if value and not is_name(value):
        return _refuse(Complaint(key, f"{key} must be a name that `timbred model list` shows, not {value!r}"))
    return Parsed(value)


def parse_data_dir(key: str, value: object, rules: PathRules) -> Parsed[str]:
    """An absolute path, decoded as ``os.fsdecode`` does, so that names that are not UTF-8 survive."""
    if not isinstance(value, (str, bytes)):
        return _refuse(wrong_type(key, "a path", value))
    if path_fault := path_complaint(key, value):
        return _refuse(path_fault)
    return Parsed(os.fsdecode(rules.absolute(value)))


def path_complaint(key: str, value: str | bytes) -> Complaint | None:
    """What makes a text unusable as a path, before anything is looked up."""
    if not value:
        return Complaint(key, f"{key} is empty: a path is needed")
    if "\0" in os.fsdecode(value):
        return Complaint(key, f"{key} has a NUL character in it, which no path can have")
    return None


def parse_weights(key: str, value: object, names: tuple[str, ...]) -> Parsed[Mapping[str, float]]:
    """A table of space or aspect names → weights, at least 0. What is wrong is left out, the rest is kept."""
    if not isinstance(value, dict):
        return _refuse(wrong_type(key, "a table of names and numbers, such as { mfcc = 2.0 }", value))
    weights: dict[str, float] = {}
    complaints: list[Complaint] = []
    for name, weight in cast("dict[str, object]", value).items():
        if complaint := _weight_complaint(f"{key}.{name}", name, weight, names):
            complaints.append(complaint)
        else:
            weights[name] = float(cast("float", weight))
    return Parsed(weights, tuple(complaints))


def _weight_complaint(key: str, name: str, weight: object, names: tuple[str, ...]) -> Complaint | None:
    if name not in names:
        return Complaint(key, f"unknown weight {name!r}; there are {', '.join(names)}", did_you_mean(name, names))
    if not isinstance(weight, (int, float)) or isinstance(weight, bool):
        return wrong_type(key, "a number of at least 0", weight)
    if not (math.isfinite(weight) and weight >= 0):
        return Complaint(key, f"{key} must be a number of at least 0, not {weight}")
    return None
