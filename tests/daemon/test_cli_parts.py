"""What the commands are made of: waiting, tables, plain text, URIs."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from stand_in import CLAP, FILES, STATUS, busy

from timbred_api.client import JsonObject
from timbred_daemon.commands.output import flattened, table, visible
from timbred_daemon.commands.status import summary
from timbred_daemon.commands.waiting import lines_of_progress, wait_until_done


@pytest.mark.parametrize(
    "more", [busy(), busy(files=FILES), {**STATUS, "scan_owed": True}, {**STATUS, "state": "starting"}]
)
def test_waiting_goes_on_while_anything_is_owed(more: JsonObject) -> None:
    answers, seen, pauses = [more, STATUS], list[JsonObject](), list[float]()
    assert wait_until_done(lambda: answers.pop(0), seen.append, pauses.append) == STATUS
    assert (seen, pauses) == ([more, STATUS], [0.1])


def test_waiting_asks_less_and_less_often() -> None:
    answers, pauses = [busy()] * 9 + [STATUS], list[float]()
    wait_until_done(lambda: answers.pop(0), lambda _: None, pauses.append)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 1.0)


def test_progress_without_a_terminal_is_a_line_every_five_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 1.0, 5.0, 9.0])
    report = lines_of_progress(lambda: next(times))
    for _ in range(3):
        report(busy(eta=12.3))
    assert capsys.readouterr().err == "indexing, about 12 s left: 2 of 4 files\n"


def test_the_summary_counts_what_is_there_and_what_is_not() -> None:
    assert "4 files: 3 indexed, 0 pending, 1 failed, 0 missing, 0 offline; 3 sounds, 3 segments" in summary(STATUS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "No search by words, and similarity without CLAP. No model is installed."),
        (
            {"model": "m", "version": "m@1", "advice": None, "vectors": 1200, "pending": 30, "eta": 9.6},
            "CLAP (m) has heard 1,200 segments; 30 to go, about 10 s.",
        ),
        (
            {"model": "n", "version": "m@1", "advice": None, "vectors": 5, "filling": "n@1"},
            "CLAP (n) has heard 5 segments; another model is hearing them and will take over.",
        ),
    ],
)
def test_the_summary_says_how_far_clap_is_and_what_it_lacks(changes: JsonObject, words: str) -> None:
    assert summary({**STATUS, "spaces": {"clap": {**CLAP, **changes}}}).splitlines()[-1] == words


def test_progress_goes_on_with_what_clap_hears(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 6.0])
    hearing = {**CLAP, "vectors": 7, "pending": 3, "eta": 2.0}
    lines_of_progress(lambda: next(times))({**STATUS, "state": "indexing", "spaces": {"clap": hearing}})
    assert capsys.readouterr().err == "indexing, about 2 s left: 7 of 10 segments heard\n"


@given(st.text())
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    assert visible(text).isprintable()


def test_a_table_takes_brackets_in_names_for_what_they_are() -> None:
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(table(("Path",), [("/[bold]a[/].wav",)]))
    assert "/[bold]a[/].wav" in console.export_text()


def test_nested_values_flatten_to_dotted_keys() -> None:
    assert list(flattened({"a": {"b": [1, {"c": None}]}})) == [("a.b.0", 1), ("a.b.1.c", None)]
