"""Find similar sounds: an extension of GNOME Files, by nautilus-python.

Written by `timbred integrate install nautilus`; `timbred integrate remove nautilus` takes it away.
"""

from gi.repository import Gio, GObject, Nautilus

COMMAND = ["timbred", "open", "--notify"]


class TimbredSimilar(GObject.GObject, Nautilus.MenuProvider):
    """An item in the menu of one selected sound."""

    def get_file_items(self, *arguments):
        """The items for the selection, which is the last argument (before Nautilus 43, a window stands in front)."""
        files = arguments[-1]
        if len(files) != 1 or not files[0].get_mime_type().startswith("audio/"):
            return []
        item = Nautilus.MenuItem(
            name="Timbred::Similar",
            label="Find Similar Sounds",
            tip="Show what else in your folders sounds like this",
        )
        item.connect("activate", self._activated, files[0].get_uri())
        return [item]

    def _activated(self, _item, uri):
        Gio.Subprocess.new([*COMMAND, uri], Gio.SubprocessFlags.NONE)
