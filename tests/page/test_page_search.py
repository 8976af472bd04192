"""Searching on the page, in a real browser with a real daemon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from daemon_process import Daemon, uri_of
from page_library import HOSTILE, Library
from window import Window

from timbred_indexer import aspects

if TYPE_CHECKING:
    from playwright.sync_api import Route


def of(library: Library, step: int) -> str:
    """The address of what is like a note of the scale."""
    return f"/?path={quote(str(library.folder / 'scale' / f'note-{step}.wav'))}"


def like(daemon: Daemon, library: Library, step: int, **options: object) -> list[str]:
    """What the daemon itself says is like that note."""
    rows = daemon.similar(path=str(library.folder / "scale" / f"note-{step}.wav"), k=30, **options)
    return [row["label"] for row in rows]


def test_the_page_opens_with_all_sounds(window: Window) -> None:
    window.open().wait_for_said("All sounds: 15")
    assert window.find("#results .row").count() == 15


def test_typed_words_find_file_names_and_the_address_keeps_them(window: Window) -> None:
    window.open().type("note-4")
    window.wait_for_names("note-4")
    assert window.path == "/?text=note-4"
    assert window.find("#results mark").all_inner_texts() == ["note-4"]
    assert "File names and labels" in window.text("#said")
    assert "timbred model fetch" in window.text("#said")


def test_words_that_nothing_has_are_answered_by_a_sentence(window: Window) -> None:
    window.open("/?text=xylophone")
    assert "No file name or label has “xylophone”" in window.text("#said")
    assert window.names == []


def test_a_pasted_path_is_searched_by(window: Window, library: Library) -> None:
    window.open().type(str(library.outside))
    window.wait_for_said("most alike first")
    assert window.text("#asked h2") == "outside.wav"
    assert window.names[0] == "note-0"


@pytest.mark.parametrize("way", ["path", "uri", "id"])
def test_a_link_from_elsewhere_shows_what_is_like_a_sound(
    window: Window, daemon: Daemon, library: Library, way: str
) -> None:
    path = library.folder / "scale" / "note-5.wav"
    value = {"path": str(path), "uri": uri_of(path), "id": str(daemon.indexed(path)["sound_id"])}[way]
    window.open(f"/?{way}={quote(value, safe='')}")
    assert window.text("#asked h2") == "note-5"
    assert window.names == like(daemon, library, 5)


def test_an_unknown_path_is_answered_by_the_daemons_sentence(window: Window) -> None:
    window.open("/?path=/nothing/here.wav")
    assert "/nothing/here.wav" in window.text("#trouble") or "no such file" in window.text("#trouble")
    assert window.names == []


def test_more_like_this_goes_on_and_back_comes_back(window: Window, library: Library) -> None:
    window.open(of(library, 0))
    first = window.names
    window.find("#results .name").nth(2).click()
    window.wait("name => document.querySelector('#asked h2').textContent === name", first[2])
    assert re.fullmatch(r"/\?id=\d+", window.path)
    assert window.text("#trail a") == "note-0"
    window.page.go_back()
    window.wait_for_names(*first)
    window.wait("name => document.activeElement.textContent === name", first[2])


def test_every_result_says_how_alike_it_is_and_why(window: Window, library: Library) -> None:
    window.open(of(library, 3))
    assert all(re.fullmatch(r"[01]\.\d\d", score) for score in window.scores)
    assert window.scores == sorted(window.scores, reverse=True)
    assert window.text("#results .why").endswith(".")
    assert "timbre 0." in (window.find("#results .equaliser").first.get_attribute("aria-label") or "")
    window.find("#results [aria-expanded]").first.click()
    assert window.find("#results .details dd").count() == len(aspects.WEIGHTS)


def test_a_slider_ranks_anew_at_once(window: Window, daemon: Daemon, library: Library) -> None:
    window.open(of(library, 3))
    before = window.scores
    for group in ("timbre", "spectrum", "rhythm", "movement", "envelope"):
        window.slide(group, 0)
    window.slide("pitch", 100)
    weights = "timbre:0,spectrum:0,rhythm:0,movement:0,envelope:0,pitch:1"
    assert f"weights={quote(weights, safe='')}" in window.path
    window.wait_for_names(*like(daemon, library, 3, weights=weights))
    assert window.scores != before
    assert window.text(".slider:has(#weight-pitch) output") == "100 %"


def test_a_preset_moves_the_sliders(window: Window, daemon: Daemon, library: Library) -> None:
    window.open(of(library, 3))
    window.page.get_by_role("button", name="loop", exact=True).click()
    window.wait_for_names(*like(daemon, library, 3, weights="loop"))
    assert window.path.endswith("weights=loop")
    assert window.text(".slider:has(#weight-rhythm) output") == "30 %"


def test_what_the_page_knows_of_weights_is_what_the_daemon_has(window: Window) -> None:
    module = window.open().module("aspects.js")
    known = window.evaluate("at => import(at).then(({GROUPS, PRESETS}) => ({GROUPS, PRESETS}))", module)
    groups = {name: parts for name, parts in aspects.GROUPS.items() if name != "loudness"} | {"rhythm": ("rhythm",)}
    assert known["PRESETS"] == {name: dict(weights) for name, weights in aspects.PRESETS.items()}
    assert known["GROUPS"] == {
        name: {part: pytest.approx(aspects.WEIGHTS[part]) for part in parts} for name, parts in groups.items()
    }


def test_an_answer_that_comes_late_is_not_shown(window: Window) -> None:
    window.open()
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    window.page.route(re.compile(r"name=note&"), hold)
    with window.page.expect_request(re.compile(r"name=note&")):
        window.type("note")
    window.type("hiss")
    window.wait_for_said("“hiss”")
    for route in late:
        route.abort("timedout")
    assert window.names[0] == "hiss-0"
    assert window.find("#trouble").is_hidden()


def test_length_and_folder_narrow_the_answer(window: Window, library: Library) -> None:
    window.open(of(library, 3))
    window.find("#filter-length").select_option(label="over 10 s")
    window.wait_for_names("long")
    assert window.names == ["long"]
    window.page.get_by_role("button", name="Clear").click()
    window.find("#filter-folder").fill(str(library.folder / "scale"))
    window.press("Enter")
    window.wait("document.querySelectorAll('#results .row').length === 7")
    assert all(name.startswith("note-") for name in window.names)


def test_words_narrow_the_answer_whatever_is_searched_by(window: Window, library: Library) -> None:
    window.open(of(library, 3))
    window.find("#filter-called").fill("HISS-2")
    window.press("Enter")
    window.wait_for_names("hiss-2")
    assert window.names == ["hiss-2"]
    window.open("/?text=hiss&called=s-3")
    assert window.names == ["hiss-3"]


def test_the_stretch_of_a_long_sound_that_matched_is_named(window: Window, library: Library) -> None:
    window.open(f"/?path={quote(str(library.outside))}&min=10")
    window.find("#results [aria-expanded]").first.click()
    assert "Matched at 0:0" in window.text("#results .facts")


def test_a_label_can_be_set_and_taken_back(window: Window) -> None:
    window.open("/?name=hiss-2")
    window.find("#results [aria-expanded]").first.click()
    window.find("#results .label-field input").fill("the good hiss")
    window.press("Enter")
    window.wait_for_names("the good hiss")
    window.find("#results .label-field input").fill("")
    window.press("Enter")
    window.wait_for_names("hiss-2")


def test_the_place_of_what_is_searched_by_is_short_once_the_folders_are_known(window: Window, library: Library) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    window.page.route("**/v1/status", hold)
    window.page.route("**/v1/events", lambda route: route.fulfill(status=503))
    with window.page.expect_request("**/v1/status"):
        window.page.goto(window.address + of(library, 3))
    window.wait("document.querySelector('#asked .about .soft')?.textContent.startsWith('/')")
    window.page.unroute("**/v1/status")
    for route in held:
        route.continue_()
    place = f"{library.folder.name}/scale · "
    window.wait("place => document.querySelector('#asked .about .soft').textContent.startsWith(place)", place)


def test_hostile_names_are_text_wherever_they_stand(window: Window, library: Library, daemon: Daemon) -> None:
    sound = daemon.indexed(library.folder / HOSTILE)["sound_id"]
    for address in ("/", f"/?id={sound}", f"/?text={quote('<img')}", "/?view=library", "/?view=duplicates"):
        window.open(address)
        assert window.find("main img, main [onerror]").count() == 0
        assert window.page.title() != "owned"
    window.open("/?view=library")
    window.wait("document.querySelector('.failure')")
    assert f"bad {HOSTILE}" in window.find(".failure").first.evaluate("node => node.textContent")


def test_with_clap_words_are_searched_by_how_they_sound(window: Window, daemon: Daemon, library: Library) -> None:
    status = daemon.status()
    clap = {**status["spaces"]["clap"], "version": "a-model", "advice": None}
    heard = daemon.client.get("/v1/similar", {"path": str(library.outside), "k": 3})
    window.page.route(
        "**/v1/status", lambda route: route.fulfill(json={**status, "spaces": {**status["spaces"], "clap": clap}})
    )
    window.page.route("**/v1/events", lambda route: route.fulfill(status=503))
    window.page.route("**/v1/search?*", lambda route: route.fulfill(json=heard))
    window.open("/?text=hiss")
    assert window.names == [row["label"] for row in heard["results"]]
    assert "By how they sound" in window.text("#said")
    window.page.get_by_role("link", name="4 file names have these words").click()
    window.wait_for_names("hiss-0")
    assert window.path == "/?name=hiss"
