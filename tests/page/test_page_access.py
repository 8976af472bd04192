"""For everybody: with the keyboard alone, with a reader, in the dark, in a narrow window, enlarged."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, cast

import pytest
from daemon_process import Daemon
from page_library import Library
from window import Window

from timbred_api.client import JsonObject

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VIEWS = ("/?text=hiss", "SIMILAR", "/?view=map", "/?view=duplicates", "/?view=library")


@pytest.fixture
def similar(daemon: Daemon, library: Library) -> str:
    return f"/?id={daemon.indexed(library.folder / 'scale' / 'note-3.wav')['sound_id']}"


def opened(window: Window, view: str, similar: str) -> Window:
    return window.open(similar if view == "SIMILAR" else view)


def test_everything_can_be_done_with_the_keyboard(window: Window) -> None:
    window.open()
    window.press("/")
    window.page.keyboard.type("note-2")
    window.wait_for_names("note-2")
    window.press("ArrowDown", " ")
    window.wait_until_playing()
    window.press("Enter")
    window.wait("document.querySelector('#asked h2')?.textContent === 'note-2'")
    window.wait("document.activeElement.classList.contains('name')")
    second = window.names[1]
    window.press("ArrowDown")
    assert window.evaluate("document.activeElement.textContent") == second
    window.press("i")
    assert window.find("#results .row .details").count() == 1
    window.press("ArrowUp", "ArrowUp")
    assert window.evaluate("document.activeElement.id") == "words"
    window.press("Tab", "Backspace")
    window.wait_for_names("note-2")
    assert window.path == "/?text=note-2"


def test_only_the_current_sound_is_on_the_way_of_tab(window: Window) -> None:
    window.open()
    reachable = (
        "Array.from(document.querySelectorAll('#results .row')).filter(r => r.querySelector('[tabindex=\"0\"]'))"
    )
    assert window.evaluate(f"{reachable}.length") == 1


def test_help_tells_the_keys_and_can_switch_single_ones_off(window: Window) -> None:
    window.open().press("?")
    window.wait("document.querySelector('#help').open")
    window.page.get_by_label("Keys of a single letter or sign").click()
    window.press("Escape", "m")
    assert window.path == "/"
    window.press("?")
    assert window.evaluate("document.querySelector('#help').open") is False


def test_what_an_answer_is_is_said_to_readers(window: Window, similar: str) -> None:
    window.open(similar)
    assert window.find("#said").get_attribute("role") == "status"
    assert window.page.title() == "note-3 · timbred"
    assert window.find("h1").inner_text() == "Search: note-3"


@pytest.mark.parametrize(("scheme", "views"), [("light", VIEWS), ("dark", VIEWS[1::3])])
def test_the_rules_of_accessibility_are_kept(
    browser: Browser, daemon: Daemon, similar: str, scheme: Any, views: tuple[str, ...]
) -> None:
    if importlib.util.find_spec("axe_playwright_python") is None:
        pytest.skip("no axe-playwright-python: pip install -e '.[dev]'")
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    window = Window(context.new_page(), daemon.client.address)
    found: dict[str, list[str]] = {}
    for view in views:
        opened(window, view, similar)
        if view == "SIMILAR":
            window.find("#results [aria-expanded]").first.click()
        violations = cast("list[JsonObject]", Axe().run(window.page).response["violations"])  # pyright: ignore
        found[view] = [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in violations]
    context.close()
    assert found == {view: [] for view in views}


@pytest.mark.parametrize(("width", "height", "factor"), [(380, 700, 1), (640, 400, 2)], ids=["narrow", "enlarged"])
def test_nothing_sticks_out_of_a_small_window(
    browser: Browser, daemon: Daemon, similar: str, width: int, height: int, factor: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=factor)
    window = Window(context.new_page(), daemon.client.address)
    sticking = {
        view: opened(window, view, similar).evaluate("document.documentElement.scrollWidth - innerWidth")
        for view in VIEWS
    }
    context.close()
    assert sticking == dict.fromkeys(VIEWS, 0)


def test_dark_follows_the_system_until_somebody_chooses(window: Window) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    window.page.emulate_media(color_scheme="dark")
    dark = window.open().evaluate(ground)
    window.page.emulate_media(color_scheme="light")
    window.wait(f"dark => {ground} !== dark", dark)
    light = window.evaluate(ground)
    window.find("#theme").click()
    assert window.evaluate(ground) == dark
    window.open()
    assert window.evaluate(ground) == dark
    window.find("#theme").click()
    window.find("#theme").click()
    assert window.evaluate(ground) == light
