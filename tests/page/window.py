"""A window of the browser, and what tests ask about the page in it."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patience import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request


# A file that is dragged in, as the browser would give it; the bytes come as base64.
_DROP = """async ([name, bytes]) => {
  const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([data], name, {type: "audio/wav"}));
  for (const kind of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
  }
}"""

_DRAG = """(row) => {
  const transfer = new DataTransfer();
  row.dispatchEvent(new DragEvent("dragstart", {dataTransfer: transfer, bubbles: true}));
  return Object.fromEntries(transfer.types.map((type) => [type, transfer.getData(type)]));
}"""


class Window:
    """``troubles``: exceptions, errors on the console, and requests to elsewhere; there must be none."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.troubles: list[str] = []
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._heard)
        page.on("request", self._asked)

    def open(self, path: str = "/") -> Window:
        """Opens an address of the page and waits for its answer."""
        self.page.goto(self.address + path)
        self.page.wait_for_selector("#view-search:not([aria-busy])", state="attached")
        self.wait("document.querySelector('#status').textContent !== ''")
        return self

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        return self.find(selector).first.inner_text()

    @property
    def names(self) -> list[str]:
        """What the list shows, from above."""
        return self.find("#results .name").all_inner_texts()

    @property
    def scores(self) -> list[str]:
        return self.find("#results .score").all_inner_texts()

    @property
    def path(self) -> str:
        """The address without its beginning."""
        return self.page.url.removeprefix(self.address)

    def wait(self, condition: str, argument: object = None) -> None:
        """Until a condition in the page holds. (Playwright evaluates strings, which the policy forbids.)"""
        deadline = time.monotonic() + PATIENCE
        while not self.page.evaluate(condition, argument):
            assert time.monotonic() < deadline, f"waited in vain for {condition}"
            self.page.wait_for_timeout(20)

    def wait_for_names(self, *names: str) -> None:
        """Until the list begins with these."""
        self.wait(
            "names => names.every((name, at) => document.querySelectorAll('#results .name')[at]?.textContent === name)",
            list(names),
        )

    def wait_for_said(self, text: str) -> None:
        self.wait("text => document.querySelector('#said').textContent.includes(text)", text)

    def type(self, words: str) -> None:
        self.find("#words").fill(words)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def slide(self, group: str, step: int) -> None:
        """Moves a slider to a step of a hundred, as a hand would: it tells of it."""
        self.find(f"#weight-{group}").evaluate(
            "(input, step) => { input.value = step; input.dispatchEvent(new Event('input', {bubbles: true})); }", step
        )

    def drop(self, name: str, path: Path) -> None:
        self.page.evaluate(_DROP, [name, base64.b64encode(path.read_bytes()).decode()])

    def drag_out(self, selector: str) -> dict[str, str]:
        """What a sound hands over when it is dragged."""
        return self.find(selector).first.evaluate(_DRAG)

    def wait_until_playing(self) -> None:
        """The audio element's time really goes on."""
        self.wait("(document.querySelector('audio').currentTime || 0) > 0.01 || document.querySelector('audio').ended")

    def module(self, name: str) -> str:
        """Where one of the page's modules is."""
        script = self.page.locator("script[type=module]").get_attribute("src") or ""
        return script.replace("script.js", name)

    def evaluate(self, script: str, argument: object = None) -> Any:
        return self.page.evaluate(script, argument)

    def _heard(self, message: ConsoleMessage) -> None:
        # What the daemon refuses is an answer like others; the browser writes it down as an error all the same.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.troubles.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.troubles.append(f"the page asked {request.url}")
