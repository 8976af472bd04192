"""The files that file managers read: where they ship, and the command inside them in each format's own quoting.

Each file of ``integrations/`` works as it is where ``timbred`` is on the PATH; installed, it has the whole command.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from html import escape
from typing import Final

Command = tuple[str, ...]
Quoting = Callable[[Command], str]

MARK: Final = "timbred integrate install"
"""What stands in every file of timbred's, and in no other."""

SHIPPED: Final = ("timbred", "open", "--notify")
"""The command as it stands in the files that ship."""


def shipped(name: str) -> str:
    """A file of ``integrations/``, which lies in the package, or beside it in a copy of the repository."""
    here = os.path.dirname(os.path.abspath(__file__))
    packed = os.path.join(here, "integrations", name)
    path = packed if os.path.exists(packed) else os.path.join(here, "..", "..", "integrations", name)
    with open(path, encoding="utf-8") as file:
        return file.read()


def rendered(name: str, quoting: Quoting, command: Command) -> str:
    """The file with ``command`` in it; whoever reads it adds the file's URI."""
    text, ours = shipped(name), quoting(SHIPPED)
    assert text.count(ours) == 1, name
    return text.replace(ours, quoting(command))


def for_shell(command: Command) -> str:
    return shlex.join(command)


def for_xml_shell(command: Command) -> str:
    return escape(shlex.join(command), quote=False)


def for_thunar(command: Command) -> str:
    """Thunar expands ``%`` in what is then read like a shell's line."""
    return escape(shlex.join(command).replace("%", "%%"), quote=False)


def for_key_file_shell(command: Command) -> str:
    """A shell's line as the value of a key file, which reads backslashes itself."""
    return shlex.join(command).replace("\\", "\\\\")


def for_python(command: Command) -> str:
    words = (repr(word) if '"' in word or "\\" in repr(word) else f'"{word}"' for word in command)
    return f"[{', '.join(words)}]"


def for_desktop_entry(command: Command) -> str:
    """After "The Exec key" of the Desktop Entry Specification: quoted as that says, then as a string of the file."""
    return " ".join(map(_desktop_word, command))


def _desktop_word(word: str) -> str:
    text = word.replace("%", "%%")
    if re.fullmatch(r"[\w./:=,@%+-]+", text, re.ASCII):
        return text
    quoted = re.sub(r'(["`$\\])', r"\\\1", text)
    return '"' + quoted.replace("\\", "\\\\") + '"'
