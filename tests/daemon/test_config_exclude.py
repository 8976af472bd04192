"""The settings ``exclude`` and ``keep_missing``."""

from __future__ import annotations

from pathlib import Path

import pytest

from timbred_daemon.config import Loaded, load


def settings(tmp_path: Path, text: str) -> Loaded:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load({}, {"TIMBRED_CONFIG": str(path)})


def test_nothing_is_excluded_and_missing_files_are_kept_for_a_month(tmp_path: Path) -> None:
    loaded = settings(tmp_path, "")
    assert (loaded.settings.exclude, loaded.settings.keep_missing) == ((), 30 * 86_400)


def test_patterns_are_taken_as_bytes(tmp_path: Path) -> None:
    loaded = settings(tmp_path, 'exclude = ["*.tmp.wav", "größe/**"]\nkeep_missing = "7d"\n')
    assert loaded.problems == ()
    assert loaded.settings.exclude == (b"*.tmp.wav", "größe/**".encode())
    assert loaded.settings.keep_missing == 7 * 86_400


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"bounces"', "exclude must be an array of patterns, not"),
        ("[1]", "exclude[0] must be a pattern"),
        ('["a", ""]', "a pattern that fits nothing"),
        ('["/"]', "a pattern that fits nothing"),
    ],
)
def test_what_is_no_pattern_is_an_error_with_its_place(tmp_path: Path, value: str, said: str) -> None:
    (problem,) = settings(tmp_path, f"exclude = {value}\n").errors
    assert said in problem.message
    assert problem.line == 1
