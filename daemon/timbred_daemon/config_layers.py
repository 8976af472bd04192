"""Where settings come from, one place above another, and what is wrong with what stands there. Knows no setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from timbred_daemon.config_file import ConfigFile
from timbred_daemon.config_values import Complaint, Parsed, PathRules, Severity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the settings.

    Attributes:
        where: the file, the environment variable or the flag.
        line: in the file, from 1; None where there is none.
        message: a sentence.
        suggestion: what to write instead; None where nothing can be guessed.
        severity: with an ``error`` the daemon does not start; a ``warning`` is only said.
        key: the setting, such as ``weights.mfcc``; empty when the file as a whole is at fault.
    """

    where: str
    line: int | None
    message: str
    suggestion: str | None = None
    severity: Severity = "error"
    key: str = ""

    @property
    def place(self) -> str:
        """Where to look, such as ``/path/config.toml:3``."""
        return self.where if self.line is None else f"{self.where}:{self.line}"

    def __str__(self) -> str:
        hint = "" if self.suggestion is None else f" (did you mean {self.suggestion}?)"
        return f"{self.severity}: {self.place}: {self.message}{hint}"


@dataclass(frozen=True, slots=True)
class Layer:
    """One place that settings come from.

    Attributes:
        rules: what a path in it is relative to, and may stand for.
        names: what each setting is called there; the file has line numbers instead.
    """

    values: Mapping[str, object]
    rules: PathRules
    names: Mapping[str, str]
    file: ConfigFile | None = None

    def place(self, key: str, text: str | None = None) -> tuple[str, int | None]:
        if self.file is not None:
            return self.file.path, self.file.line_of(key, text)
        return self.names[key.partition("[")[0]], None

    def problem(self, complaint: Complaint) -> Problem:
        where, line = self.place(complaint.key, complaint.text)
        return Problem(where, line, complaint.message, complaint.suggestion, complaint.severity, complaint.key)


@dataclass(frozen=True, slots=True)
class Merge:
    """Takes each setting from the highest layer that has a usable value; checks all layers."""

    layers: tuple[Layer, ...]
    origins: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[Problem] = field(default_factory=list[Problem])

    def take(self, key: str, default: T, parse: Callable[[object, PathRules], Parsed[T]]) -> T:
        value, origin = default, "default"
        for layer in self.layers:
            if key not in layer.values:
                continue
            parsed = parse(layer.values[key], layer.rules)
            self.problems.extend(map(layer.problem, parsed.complaints))
            if parsed.value is not None:
                where, line = layer.place(key)
                value, origin = parsed.value, where if line is None else f"{where}:{line}"
        self.origins[key] = origin
        return value
