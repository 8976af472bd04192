"""From an HTTP request to an operation's parameters, or to the sound that was sent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from timbred_api.limits import body_in_time
from timbred_api.operation import Operation
from timbred_api.private_file import private_file
from timbred_api.problems import bad_parameters
from timbred_indexer.errors import RequestError

MAX_UPLOAD: Final = 256 * 2**20
"""Bytes; half an hour of CD sound."""


async def read_parameters(request: web.Request, operation: Operation) -> Any:
    """Path, query and (but for uploads) JSON body, as the operation's parameters."""
    given: dict[str, object] = {}
    if not operation.upload and request.can_read_body:
        given.update(await _json_body(request))
    for name, value in [*request.query.items(), *request.match_info.items()]:
        if name in given:
            raise RequestError(f"The parameter {name!r} is given twice.", code="bad_parameter")
        given[name] = value
    try:
        return operation.parameters.model_validate(given)
    except ValidationError as error:
        raise bad_parameters(error) from None


async def _json_body(request: web.Request) -> dict[str, object]:
    async with body_in_time():
        content = await request.read()
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RequestError("The body is not JSON.", code="bad_json") from error
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.", code="bad_json")
    return body  # pyright: ignore[reportUnknownVariableType]  the schema checks each value


@contextlib.asynccontextmanager
async def received(request: web.Request, folder: str) -> AsyncGenerator[bytes]:
    """Streams the body into a private file and takes it away afterwards.

    Raises:
        RequestError: ``upload_too_large``, or nothing was sent.
        TooSlowError: the rest of it did not come in time.
        StorageError: ``disk_full``, or another reason for which it could not be kept.
    """
    too_large = RequestError(
        f"The sound is larger than {MAX_UPLOAD // 2**20} MB; send a part of it, or its path.", code="upload_too_large"
    )
    if (request.content_length or 0) > MAX_UPLOAD:
        raise too_large
    async with private_file(folder, "upload-") as file:
        size = 0
        while chunk := await _next_piece(request):
            size += len(chunk)
            if size > MAX_UPLOAD:
                raise too_large
            await file.write(chunk)
        if not size:
            raise RequestError("Send the sound as the request's body.", code="empty_body")
        file.close()
        yield file.path


async def _next_piece(request: web.Request) -> bytes:
    async with body_in_time():
        return await request.content.read(2**18)
