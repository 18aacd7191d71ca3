"""How an operation is described: for whom (its scope), what it shows, which problems it may meet."""

from http import HTTPStatus
from types import UnionType
from typing import Any

from pydantic import BaseModel

from gateway.domain.scopes import Scope

SECURITY = "token"
ACTS = (400, 409, 412)
BODY = (400, 413, 415)


def operation(
    summary: str,
    *,
    scope: Scope | None,
    shows: type[BaseModel] | UnionType | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    meets: tuple[int, ...] = (),
    body: dict[str, Any] | None = None,
    content: str | None = None,
) -> dict[str, Any]:
    """The keywords of a route. ``scope`` None: any token; ``meets``: problems beside those of every operation."""
    extra: dict[str, Any] = {"security": [{SECURITY: [scope.value] if scope else []}], "x-problems": sorted(set(meets))}
    if body is not None:
        extra["requestBody"] = body
    answer: dict[str, Any] = {"description": "Fait." if status is HTTPStatus.CREATED else "Voici."}
    if shows is not None:
        answer["model"] = shows
    if content is not None:
        answer["content"] = {content: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "summary": summary,
        "status_code": int(status),
        "responses": {int(status): answer},
        "openapi_extra": extra,
    }


def multipart(model: type[BaseModel], part: str, files: str) -> dict[str, Any]:
    """The body of an operation that takes a JSON part and files."""
    schema = {
        "type": "object",
        "required": [part],
        "properties": {part: {"$ref": f"#/components/schemas/{model.__name__}"}},
        "additionalProperties": {"type": "string", "format": "binary"},
        "description": files,
    }
    encoding = {part: {"contentType": "application/json"}}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema, "encoding": encoding}}}
