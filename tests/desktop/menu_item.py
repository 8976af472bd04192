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
MENU = (Atspi.Role.MENU_ITEM, Atspi.Role.CHECK_MENU_ITEM, Atspi.Role.PUSH_BUTTON, Atspi.Role.LABEL)


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


def named(name: str) -> Atspi.Accessible | None:
    for node in below(Atspi.get_desktop(0)):
        try:
            if (
                node.get_name() == name
                and node.get_role() in MENU
                and node.get_state_set().contains(Atspi.StateType.SHOWING)
            ):
                return node
        except GLib.Error:
            continue
    return None


def click(node: Atspi.Accessible) -> None:
    """With the pointer; where the toolkit does not say where it is on the screen (GTK 4), by its own action."""
    place = node.get_extents(Atspi.CoordType.SCREEN)
    if place.x > 0 and place.y > 0 and place.width > 0:
        x, y = place.x + place.width // 2, place.y + place.height // 2
        subprocess.run(["xdotool", "mousemove", str(x), str(y), "sleep", "0.3", "click", "1"], check=True)
    else:
        node.get_action_iface().do_action(0)


def main() -> None:
    deadline = time.monotonic() + PATIENCE
    while (node := named(sys.argv[1])) is None:
        if time.monotonic() > deadline:
            sys.exit(f"no {sys.argv[1]!r} on the screen")
        time.sleep(0.2)
    if len(sys.argv) > 2:
        subprocess.run(["import", "-window", "root", sys.argv[2]], check=True)
    click(node)
    sys.stdout.write("clicked\n")


main()
