"""The repository's own rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_LINES = 350


def sources() -> list[Path]:
    """Every Python file that git tracks."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def test_no_file_is_longer_than_the_cap() -> None:
    long = {path.name: count for path in sources() if (count := len(path.read_text("utf-8").splitlines())) > MOST_LINES}
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [path.name for path in sources() if not path.read_text("utf-8").lstrip("#! \n").startswith(('"""', "usr"))]
    assert silent == []


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    start = text.index("\ndependencies = [")
    listed = text[start : text.index("]", text.index("watchdog", start))].splitlines()[2:]
    assert [line for line in listed if line.strip().startswith('"') and "#" not in line] == []
