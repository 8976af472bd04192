"""How soon the page shows an answer, and how smoothly the map moves, in a real Chromium.

    python benchmarks/page.py [http://127.0.0.1:8462] [--times 10] [--points 100000] [--chromium PATH]

Asks the daemon at that address, which has to have sounds. ``first answer``: from the beginning of the navigation to the
frame that shows the first row, in a fresh browser profile (nothing cached) and again in the same one. ``slider``: from
a movement of a slider to the frame with the new order. ``map``: between frames while it zooms, with made-up points.
Without a graphics card Chromium draws WebGL on the processor: the map's figure is then a worst case.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
from collections.abc import Iterable

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from timbred_api.client import Client

# Tells the milliseconds from the navigation's start to the frame after the first row came.
_FIRST_ROW = """
window.firstRow = new Promise((resolve) => {
  const look = () => {
    if (document.querySelector("#results .row")) requestAnimationFrame(() => resolve(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
});
"""

_SLIDE = """(step) => new Promise((resolve) => {
  const start = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
  }).observe(document.querySelector("#results"), {childList: true, subtree: true});
  const slider = document.querySelector("#weight-rhythm");
  slider.value = step;
  slider.dispatchEvent(new Event("input", {bubbles: true}));
})"""

_ZOOM = """async (frames) => {
  const over = document.querySelector("#view-map .over");
  const times = [];
  let last = performance.now();
  for (let frame = 0; frame < frames; frame += 1) {
    over.dispatchEvent(new WheelEvent("wheel", {deltaY: frame % 40 < 20 ? -30 : 30, bubbles: true, cancelable: true}));
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - last);
    last = performance.now();
  }
  return times.slice(5);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8462")
    parser.add_argument("--times", type=int, default=10, help="for each figure (default 10)")
    parser.add_argument("--points", type=int, default=100_000, help="on the map (default 100,000)")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    sounds = _sounds(options.address, options.times)
    table = Table(title="The page, milliseconds")
    for name in ("", "median", "slowest"):
        table.add_column(name, justify="right" if name else "left")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        addresses = [f"{options.address}/?id={sound}" for sound in sounds]
        fresh, again = _first_answers(browser, addresses)
        table.add_row("first answer, nothing cached", *_shown(fresh))
        table.add_row("first answer, again", *_shown(again))
        table.add_row("slider to new order", *_shown(_slides(browser, addresses[0], options.times)))
        table.add_row(f"map of {options.points:,}: frame to frame", *_shown(_frames(browser, options)))
        browser.close()
    Console().print(table)


def _sounds(address: str, count: int) -> list[int]:
    """Ids of sounds, drawn at random, that something is like (nothing is like silence)."""
    client = Client(address)
    ids = [row["sound_id"] for row in client.get("/v1/sounds", {"limit": 1000})["results"]]
    random.shuffle(ids)
    return [sound for sound in ids[: 2 * count] if client.get("/v1/similar", {"id": sound})["results"]][:count]


def _first_answers(browser: Browser, addresses: Iterable[str]) -> tuple[list[float], list[float]]:
    fresh: list[float] = []
    again: list[float] = []
    for address in addresses:
        context = browser.new_context()
        context.add_init_script(_FIRST_ROW)
        page = context.new_page()
        for times in (fresh, again):
            page.goto(address)
            times.append(page.evaluate("window.firstRow"))
        context.close()
    return fresh, again


def _slides(browser: Browser, address: str, times: int) -> list[float]:
    page = _opened(browser, address)
    page.wait_for_selector("#results .score")
    return [page.evaluate(_SLIDE, 30 + 60 * (number % 2) + number) for number in range(times)]


def _frames(browser: Browser, options: argparse.Namespace) -> list[float]:
    page = browser.new_page()
    made = _made_up_map(options.points)
    page.route("**/v1/map", lambda route: route.fulfill(body=made, content_type="application/json"))
    page.goto(f"{options.address}/?view=map")
    page.wait_for_selector("#view-map .legend li")
    return page.evaluate(_ZOOM, 100)


def _opened(browser: Browser, address: str) -> Page:
    page = browser.new_page()
    page.goto(address)
    return page


def _made_up_map(count: int) -> str:
    """Twelve clouds of points."""
    chance = random.Random(1)
    clouds = [(chance.uniform(-0.8, 0.8), chance.uniform(-0.8, 0.8), chance.uniform(0.03, 0.2)) for _ in range(12)]
    cluster = [number % 12 for number in range(count)]
    places = [[_near(chance, clouds[which][axis], clouds[which][2]) for which in cluster] for axis in (0, 1)]
    return json.dumps(
        {
            "seq": 1,
            "sounds": list(range(1, count + 1)),
            "x": places[0],
            "y": places[1],
            "cluster": cluster,
            "folder": [1] * count,
            "folders": {"1": "/samples"},
        }
    )


def _near(chance: random.Random, middle: float, spread: float) -> float:
    return round(max(-1.0, min(1.0, chance.gauss(middle, spread))), 4)


def _shown(times: list[float]) -> tuple[str, str]:
    return f"{statistics.median(times):.0f}", f"{max(times):.0f}"


if __name__ == "__main__":
    main()
