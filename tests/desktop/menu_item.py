"""Clicks an item of an open menu, found by its name: ``/usr/bin/python3 menu_item.py NAME [PICTURE]``.

What is on the screen is asked of the accessibility bus, whose bindings belong to the system's Python.
"""

# pyright: basic, reportMissingImports=false

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402  which version is to be said first

PATIENCE = 4.0
ITEM = (Atspi.Role.MENU_ITEM, Atspi.Role.CHECK_MENU_ITEM, Atspi.Role.PUSH_BUTTON, Atspi.Role.LABEL)


def below(node: Atspi.Accessible, depth: int = 0) -> Iterator[Atspi.Accessible]:
    """The node and what is inside it; what goes away meanwhile is passed over."""
    yield node
    try:
        for at in range(node.get_child_count() if depth < 40 else 0):
            child = node.get_child_at_index(at)
            if child is not None:
                yield from below(child, depth + 1)
    except GLib.Error:
        return


def above(node: Atspi.Accessible) -> Iterator[Atspi.Accessible]:
    """The node and what it is in."""
    while node is not None:
        yield node
        node = node.get_parent()


def is_gtk4(node: Atspi.Accessible) -> bool:
    return (node.get_application().get_toolkit_version() or "").startswith("4.")


def is_seen(node: Atspi.Accessible) -> bool:
    """GTK 4 says of nothing in a window that it is showing: there, every part has to be visible, up to the menu."""
    if not is_gtk4(node):
        return node.get_state_set().contains(Atspi.StateType.SHOWING)
    way = []
    for part in above(node):
        way.append(part)
        if part.get_role() == Atspi.Role.MENU:
            return all(part.get_state_set().contains(Atspi.StateType.VISIBLE) for part in way)
    return False


def named(name: str) -> Atspi.Accessible | None:
    for node in below(Atspi.get_desktop(0)):
        try:
            if node.get_name() == name and node.get_role() in ITEM and is_seen(node):
                return node
        except GLib.Error:
            continue
    return None


def middle(node: Atspi.Accessible) -> tuple[int, int]:
    """Where to click on the screen."""
    place = node.get_extents(Atspi.CoordType.SCREEN)
    left, top = surface(node) if is_gtk4(node) else (0, 0)
    return left + place.x + place.width // 2, top + place.y + place.height // 2


def surface(node: Atspi.Accessible) -> tuple[int, int]:
    """Where the coordinates that GTK 4 tells begin: its menu is a window of its own, and the only one of that size."""
    menu = next(part for part in above(node) if part.get_role() == Atspi.Role.MENU)
    box = menu.get_extents(Atspi.CoordType.WINDOW)
    for window in printed("xdotool", "search", "--onlyvisible", "--name", "").split():
        told = dict(line.split("=") for line in printed("xdotool", "getwindowgeometry", "--shell", window).split())
        if (told["WIDTH"], told["HEIGHT"]) == (str(box.width), str(box.height)):
            return int(told["X"]) - box.x, int(told["Y"]) - box.y
    sys.exit("no window of the menu's size")


def printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    deadline = time.monotonic() + PATIENCE
    while (node := named(sys.argv[1])) is None:
        if time.monotonic() > deadline:
            sys.exit(f"no {sys.argv[1]!r} on the screen")
        time.sleep(0.2)
    x, y = map(str, middle(node))
    printed("xdotool", "mousemove", x, y, "sleep", "0.5")
    if len(sys.argv) > 2:
        printed("import", "-window", "root", sys.argv[2])
    printed("xdotool", "click", "1")
    sys.stdout.write("clicked\n")


main()
