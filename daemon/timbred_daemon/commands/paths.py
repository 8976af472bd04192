"""Paths on the command line are bytes; the daemon takes them as exact ``file://`` URIs."""

from __future__ import annotations

import os

from timbred_api.locations import to_uri


def argument_uri(argument: bytes) -> str:
    """The URI of a path as a user wrote it: relative to where they are, links not followed; or of a URI itself."""
    if argument.startswith(b"file://"):
        return os.fsdecode(argument)
    return to_uri(b"/" + os.path.abspath(argument).lstrip(b"/"))


def target_parameters(argument: bytes) -> dict[str, str]:
    """What names a sound in a request: ``id`` for a number that is no file's name here, else ``uri``."""
    if argument.isdigit() and not os.path.lexists(argument):
        return {"id": argument.decode()}
    return {"uri": argument_uri(argument)}
