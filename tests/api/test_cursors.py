"""Lists page by page: nothing is missed and nothing repeated while rows come and go."""

from __future__ import annotations

import base64
import os
import sqlite3
from collections.abc import Awaitable, Callable

import pytest
from face import Face
from hypothesis import given
from hypothesis import strategies as st

from builders import analysis
from timbred_api.cursors import LONGEST, Listing
from timbred_api.operations import OPERATIONS
from timbred_indexer.db import next_seq
from timbred_indexer.errors import RequestError

SOUNDS = Listing("sounds")


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def refusal(cursor: str) -> str | None:
    """Why it is not taken."""
    try:
        SOUNDS.after(cursor)
    except RequestError as error:
        return f"{error.code}: {error.message}"
    return None


@given(st.integers(1, 2**63 - 1))
def test_a_cursor_leads_back_to_its_row(last: int) -> None:
    cursor = SOUNDS.cursor(last)
    assert (SOUNDS.after(cursor), len(cursor) <= LONGEST, cursor.isascii()) == (last, True, True)


def test_without_a_cursor_a_list_begins_at_its_beginning() -> None:
    assert SOUNDS.after(None) == 0


def test_a_cursor_of_another_list_is_refused() -> None:
    assert refusal(Listing("failures").cursor(7)) == "bad_cursor: The cursor is of another list."


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "7",
        "-1",
        "=",
        "\x00",
        "ÿ",
        encoded("sounds:0"),
        encoded("sounds:-1"),
        encoded("sounds:07"),
        encoded("sounds:7 "),
        encoded("sounds:7\n"),
        encoded("sounds:٧"),
        encoded(f"sounds:{2**63}"),
        encoded("sounds"),
        encoded("sounds:7") + "=",
        encoded("sounds:77")[:-1] + "B",  # another spelling of the same bytes
    ],
)
def test_a_text_that_timbred_never_gave_is_refused(cursor: str) -> None:
    assert refusal(cursor) == "bad_cursor: The cursor is not one that timbred gave; leave it out to begin anew."


@given(st.text(max_size=LONGEST))
def test_any_text_is_read_or_refused(cursor: str) -> None:
    assert refusal(cursor) or SOUNDS.cursor(SOUNDS.after(cursor)) == cursor


async def labelled(face: Face, name: bytes) -> None:
    sound = await face.indexed(name, analysis(len(name)))
    assert (await face.ask("PATCH", f"/v1/sounds/{sound}", json={"label": "x"}))[0] == 200


async def indexed(face: Face, name: bytes) -> None:
    await face.indexed(name, analysis(len(name)))


LISTS: dict[str, Callable[[Face, bytes], Awaitable[None]]] = {
    "/v1/sounds": indexed,
    "/v1/neighbours": indexed,
    "/v1/labels": labelled,
    "/v1/failures": Face.failed,
}


async def forget(face: Face, *names: bytes) -> None:
    """Takes the rows of files away, as a purge does."""

    def write(connection: sqlite3.Connection) -> None:
        connection.executemany("DELETE FROM file WHERE path = ?", [(name,) for name in names])
        next_seq(connection)

    await face.db.write(write)


@pytest.mark.parametrize("route", LISTS)
async def test_whatever_comes_and_goes_between_pages_the_rest_is_seen_once(face: Face, route: str) -> None:
    for number in range(8):
        await LISTS[route](face, b"%d.wav" % number)
    seen: list[str] = []
    async for page in face.pages(route, limit=3):
        seen += [os.path.basename(row["path"]) for row in page]
        if len(seen) == 3:
            await forget(face, b"0.wav", b"2.wav", b"5.wav")  # seen, the last one seen, and one to come
            await LISTS[route](face, b"new.wav")
    assert seen == ["0.wav", "1.wav", "2.wav", "3.wav", "4.wav", "6.wav", "7.wav", "new.wav"]


async def test_no_list_takes_the_cursor_of_another(face: Face) -> None:
    for name in (b"a.wav", b"b.wav"):
        await labelled(face, name)
    lists = [one.path for one in OPERATIONS if one.method == "GET" and "cursor" in one.parameters.model_fields]
    cursors = {route: Listing(route.removeprefix("/v1/")).cursor(1) for route in lists}
    assert len(lists) == 6
    for route in lists:
        for other, cursor in cursors.items():
            status, answer = await face.ask("GET", route, params={"cursor": cursor})
            assert (status, answer.get("code")) == ((200, None) if route == other else (400, "bad_cursor"))
