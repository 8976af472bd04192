"""From an operation's result, or an error, to an HTTP response."""

from __future__ import annotations

from aiohttp import web
from multidict import CIMultiDict

from timbred_api.problems import Problem, problem_of
from timbred_api.rows import Ready
from timbred_api.schemas import Result
from timbred_indexer.errors import NotFoundError, RequestError

_JSON = CIMultiDict({"Content-Type": "application/json; charset=utf-8"})


def json_response(result: Result | Ready) -> web.Response:
    body = result.json if isinstance(result, Ready) else result.model_dump_json().encode()
    return web.Response(body=body, headers=_JSON)


def problem_response(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status, body=problem.model_dump_json().encode(), content_type="application/problem+json"
    )


def aiohttp_problem(error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPNotFound):
        return problem_of(NotFoundError("There is nothing at this address.", code="unknown_route"))
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem_of(RequestError(f"This address takes {allowed}.", code="method_not_allowed"))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return problem_of(RequestError("The body is too large.", code="upload_too_large"))
    return Problem(title=error.reason, status=error.status, detail=error.reason, code="http")
