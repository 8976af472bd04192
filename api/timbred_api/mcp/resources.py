"""``sound://{id}``: a sound's description, for those who keep a link instead of an id."""

from __future__ import annotations

import re

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ReadResourceResult, ResourceTemplate, TextResourceContents
from pydantic import ValidationError

from timbred_api import library
from timbred_api.engine import Engine
from timbred_api.mcp import shaping
from timbred_api.schemas import SoundParameters
from timbred_indexer.errors import TimbredError

TEMPLATE = ResourceTemplate(
    name="sound",
    title="A sound",
    uri_template="sound://{id}",
    description="What is known about a sound: label, length, format and every place it lies at.",
    mime_type="application/json",
)

_ADDRESS = re.compile(r"sound://([0-9]{1,19})/?")


async def read_sound(engine: Engine, uri: str) -> ReadResourceResult:
    """The description at ``uri``, as JSON.

    Raises:
        MCPError: there is no such sound, or no such address.
    """
    match = _ADDRESS.fullmatch(uri)
    try:
        if match is None:
            raise _unknown(uri, "The resources here are sound://{id}; ids come from the tools' results.")
        row = await library.get_sound(engine, SoundParameters(id=int(match[1])))
    except ValidationError:
        raise _unknown(uri, "There is no sound with that id.") from None
    except TimbredError as error:
        raise _unknown(uri, error.message) from error
    text = shaping.sound(row).structure.model_dump_json()
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type="application/json", text=text)])


def _unknown(uri: str, sentence: str) -> MCPError:
    return MCPError(code=INVALID_PARAMS, message=sentence, data={"uri": uri})
