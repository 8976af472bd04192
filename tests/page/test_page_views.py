"""The map, duplicates, the library as it grows, and what happens when the daemon is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from daemon_process import Daemon, wait_for
from page_library import HOSTILE, Library
from tones import noise, wav
from window import Window

from timbred_api.client import JsonObject

# Where the map has its first sound on the screen.
_PLACE = """async ({at, x, y}) => {
  const {View} = await import(at);
  const {left, top, width, height} = document.querySelector('#view-map .over').getBoundingClientRect();
  const view = new View(width, height);
  return [left + view.left(x), top + view.top(y)];
}"""

# The share of the map that is drawn after frames of so many milliseconds.
_PACE = """async (at) => {
  const {Pace} = await import(at);
  const after = (...frames) => {
    const pace = new Pace(0.15);
    for (const ms of frames) pace.took(ms);
    return pace.share;
  };
  const few = new Pace(20);
  few.took(80);
  const slow = Array(12).fill(60);
  return {
    "slow": after(...slow),
    "quick again": after(...slow, ...Array(20).fill(16)),
    "after the page was hidden": after(5000),
    "few points": few.share,
  };
}"""

_ORDER = """async (at) => {
  const {Points} = await import(at);
  const sounds = Array.from({length: 1000}, (_, index) => index);
  return Array.from(new Points({sounds, x: sounds.map((n) => n / 1000), y: sounds.map(() => 0)}).shuffled);
}"""


def point_at_first(window: Window, points: JsonObject) -> None:
    """Moves onto the map's first sound, and after it while the map is still given its size."""
    first = {"at": window.module("map_points.js"), "x": points["x"][0], "y": points["y"][0]}
    last: list[float] = []

    def is_there() -> bool:
        if (place := window.evaluate(_PLACE, first)) != last:
            window.page.mouse.move(*place)
            last[:] = place
        return window.evaluate("document.querySelector('#view-map .over').classList.contains('is-pointing')")

    wait_for(is_there)


def test_pointing_at_the_map_names_a_sound_and_a_click_searches_by_it(window: Window, daemon: Daemon) -> None:
    window.open("/?view=map")
    window.wait("document.querySelector('#map-said').textContent.includes('lies together')")
    points = daemon.client.get("/v1/map")
    name = daemon.client.get(f"/v1/sounds/{points['sounds'][0]}")["label"]
    point_at_first(window, points)
    window.wait("name => document.querySelector('.tip strong')?.textContent === name", name)
    window.page.mouse.down()
    window.page.mouse.up()
    window.wait("name => document.querySelector('#asked h2')?.textContent === name", name)
    assert re.fullmatch(r"/\?id=\d+", window.path)


def test_pointing_at_the_map_plays_once_it_is_switched_on(window: Window, daemon: Daemon) -> None:
    window.open().press("h", "m")
    window.wait("document.querySelector('#map-said').textContent.includes('lies together')")
    point_at_first(window, daemon.client.get("/v1/map"))
    window.wait_until_playing()


def test_a_slow_machine_draws_a_sample_of_the_map_while_it_moves(window: Window) -> None:
    shares = window.open().evaluate(_PACE, window.module("map_pace.js"))
    assert shares == {"slow": 0.15, "quick again": 1, "after the page was hidden": 1, "few points": 1}


def test_any_first_part_of_the_points_is_a_fair_sample(window: Window) -> None:
    window.open()
    order = window.evaluate(_ORDER, window.module("map_points.js"))
    assert sorted(order) == list(range(1000))
    assert 400 < sum(order[:100]) / 100 < 600


def test_the_map_is_walked_with_the_keyboard(window: Window) -> None:
    window.open()
    window.press("m")
    window.wait("document.activeElement.classList.contains('over')")
    window.wait("document.querySelector('#map-said').textContent.includes('lies together')")
    window.press("ArrowRight")
    window.wait("!document.querySelector('.tip').hidden && document.querySelector('.tip strong')")
    first = window.text(".tip strong")
    window.press("ArrowLeft", "+", "Shift+ArrowUp", "0")
    window.wait("first => document.querySelector('.tip strong')?.textContent !== first", first)
    second = window.text(".tip strong")
    window.press("Enter")
    window.wait("name => document.querySelector('#asked h2')?.textContent === name", second)


def test_duplicates_are_shown_in_groups_with_evidence(window: Window, library: Library) -> None:
    window.open("/?view=duplicates")
    window.wait("document.querySelector('.group')")
    assert str(library.folder / "scale" / "copy.wav") in window.find(".member code").all_inner_texts()
    assert "bytes" in window.text(".member .why")
    window.wait("document.querySelector('#view-duplicates .lead').textContent.includes('No file is ever touched')")


def test_failures_are_named_with_their_reason_and_can_be_tried_again(window: Window) -> None:
    window.open("/?view=library")
    window.wait("document.querySelector('.failure')")
    assert window.text("#failed-count") == "1"
    assert "not audio" in window.text(".failure .tag")
    window.page.get_by_role("button", name=f"Try again: bad {HOSTILE}").click()
    window.wait("document.querySelector('#notice').textContent === '1 file will be tried again.'")


def test_files_that_are_copied_in_are_seen_coming(window: Window, daemon: Daemon, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    window.open("/?view=library")
    window.evaluate(
        "window.seen = []; new MutationObserver(() => window.seen.push(document.querySelector('#progress')"
        ".getAttribute('aria-valuenow'))).observe(document.querySelector('#progress'), {attributes: true})"
    )
    window.find("#view-library .add-folder input").fill(str(folder))
    window.press("Enter")
    window.wait("document.querySelectorAll('.folder').length === 2")
    daemon.client.post("/v1/pause", {})  # else all may be done between two looks at how far it is
    for number in range(40):
        (folder / f"new-{number}.wav").write_bytes(wav(noise(100 + number, 0.1)))
    window.wait("document.querySelector('.folder:last-child .counts').textContent.includes('40 wait')")
    window.wait("!document.querySelector('#progress').hidden")
    daemon.client.post("/v1/resume", {})
    window.wait("document.querySelector('.folder:last-child .counts').textContent.startsWith('40 indexed')")
    assert len(set(window.evaluate("window.seen"))) > 1
    window.wait("document.querySelector('#progress').hidden")
    window.find(".folder:last-child").get_by_role("button", name="Remove").click()
    window.page.get_by_role("button", name="Stop watching it? No file is touched").click()
    window.wait("document.querySelectorAll('.folder').length === 1")
    daemon.settle()


def test_new_sounds_offer_a_new_search(window: Window, daemon: Daemon, library: Library) -> None:
    window.open("/?text=hiss")
    path = library.folder / "hiss-new.wav"
    path.write_bytes(wav(noise(77)))
    window.wait("!document.querySelector('#newer').hidden")
    daemon.indexed(path)
    window.find("#newer").click()
    window.wait("document.querySelectorAll('#results .row').length === 5")
    path.unlink()
    daemon.gone(path)


def test_a_library_without_folders_says_how_to_begin(window: Window, daemon: Daemon) -> None:
    empty: JsonObject = {**daemon.status(), "folders": [], "sounds": 0}
    window.page.route("**/v1/status", lambda route: route.fulfill(json=empty))
    window.page.route("**/v1/events", lambda route: route.fulfill(status=503))
    asked: list[object] = []
    window.page.on("request", lambda request: asked.append(request.post_data) if request.method == "POST" else None)
    window.open()
    assert "Name a folder" in window.text("#first-run h2")
    window.find("#first-run input").fill("/no/such/folder")
    window.press("Enter")
    window.wait("document.querySelector('#notice').textContent !== ''")
    assert json.loads(str(asked[0])) == {"path": "/no/such/folder"}
    assert window.text("#notice").endswith(".")


def test_a_daemon_that_is_gone_is_told_and_its_return_noticed(window: Window) -> None:
    window.open("/?text=hiss")
    window.page.clock.install()
    window.page.route("**/v1/*", lambda route: route.abort("connectionrefused"))
    window.type("note")
    window.wait("document.querySelector('#trouble').textContent.includes('Is it still running?')")
    window.page.unroute("**/v1/*")
    window.type("note-1")
    window.wait_for_names("note-1")
    assert window.find("#trouble").is_hidden()
