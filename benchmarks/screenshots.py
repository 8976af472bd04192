"""Takes the pictures of the page in docs/pictures/, from a daemon that runs on the corpus.

python benchmarks/screenshots.py [http://127.0.0.1:8462] [--chromium PATH]
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from timbred_api.client import Client

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
SOUND = "bd_haus"


@dataclass(frozen=True)
class Picture:
    """``address`` takes the sound's id; ``act`` does what a visitor would before the picture is taken."""

    name: str
    address: str
    act: Callable[[Page], None] = lambda page: None
    colours: Literal["light", "dark"] = "light"
    size: tuple[int, int] = (1280, 800)


def _open_first(page: Page) -> None:
    page.keyboard.press("ArrowDown")
    page.keyboard.press("i")


def _chain(page: Page) -> None:
    for place in (1, 2):
        page.locator("#results .name").nth(place).click()
        page.wait_for_timeout(500)
    page.locator("#weight-rhythm").fill("60")


def _point(page: Page) -> None:
    page.wait_for_selector("#view-map .legend li")
    for right in range(540, 900, 4):
        page.mouse.move(right, 396)
        if page.locator("#view-map .is-pointing").count():
            return


PICTURES_OF = (
    Picture("page", "/?id={id}"),
    Picture("page-why", "/?id={id}", _open_first, "dark"),
    Picture("page-weights", "/?id={id}", _chain),
    Picture("page-map", "/?view=map&id={id}", _point),
    Picture("page-library", "/?view=library"),
    Picture("page-narrow", "/?id={id}", colours="dark", size=(380, 760)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8462")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    sound = Client(options.address).get("/v1/sounds", {"name": SOUND})["results"][0]["sound_id"]
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for picture in PICTURES_OF:
            _take(browser, options.address, sound, picture)
        browser.close()


def _take(browser: Browser, address: str, sound: int, picture: Picture) -> None:
    width, height = picture.size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=picture.colours)
    page.goto(address + picture.address.format(id=sound))
    page.wait_for_timeout(2000)
    picture.act(page)
    page.wait_for_timeout(2500)  # waveforms are drawn as they come
    page.screenshot(path=PICTURES / f"{picture.name}.png")
    page.close()


if __name__ == "__main__":
    main()
