"""Thunar's custom actions: one of ours put into the user's file, or taken out, with every other byte left as it is."""

from __future__ import annotations

import re
from typing import Final

from timbred_indexer.errors import UnavailableError

EMPTY: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<actions>\n</actions>\n'
"""For those who have no actions at all."""

# Thunar writes the file anew when its user changes an action: order and indentation may be others then, the id not.
_OURS: Final = re.compile(
    r"[ \t]*<action>(?:(?!</action>).)*<unique-id>timbred-similar</unique-id>(?:(?!</action>).)*</action>[ \t]*\r?\n?",
    re.DOTALL,
)
_END: Final = "</actions>"


def found(text: str) -> str | None:
    """Our action as it stands in the file; None: it does not."""
    match = _OURS.search(text)
    return match and match[0]


def with_action(text: str, action: str) -> str:
    """The file with ``action`` (whole lines) behind the others, or in the place of an older one of ours.

    Raises:
        UnavailableError: ``not_understood``: this is no list of actions.
    """
    present = found(text)
    if present is not None:
        return text.replace(present, action, 1)
    end = text.rfind(_END)
    if end < 0:
        raise UnavailableError(
            "Thunar's list of custom actions cannot be read; look at its uca.xml.", code="not_understood"
        )
    line = text.rfind("\n", 0, end) + 1
    place = end if text[line:end].strip() else line
    return text[:place] + action + text[place:]


def without_action(text: str) -> str:
    """The file as it was before ``with_action``."""
    return _OURS.sub("", text)
