"""The API as an ASGI application of its own, mounted under /api/v1: its routers, its errors, its description.

The description (OpenAPI 3.1) and the page made from it are served here; no other server is asked.
"""

import traceback
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from gateway.catalogues import Language, translator
from gateway.domain.errors import GatewayError
from gateway.domain.scopes import SCOPE_WORDS, Scope
from gateway.domain.words import french
from gateway.web.api import bodies, calendar, cases, house, mails, models, requests
from gateway.web.api.described import SECURITY
from gateway.web.api.door import ID_BYTES, REQUEST_ID, Pace
from gateway.web.api.faults import of_validation
from gateway.web.api.problems import BY_STATUS, KINDS, MEDIA_TYPE, Problem, answer, of_error
from gateway.web.frame import environment
from gateway.web.hall import Hall
from gateway.web.visit import language_of

_log = structlog.get_logger()

PLACE = "/api/v1"
ROUTERS = (cases, requests, mails, calendar, house)
ALWAYS = (401, 403, 421, 422, 429, 500, 503)
"""Problems that every operation may meet."""

_SENT_IN_PARTS = (bodies.Sent, bodies.Answered, bodies.ProofShown)


def make(hall: Hall) -> FastAPI:
    """The API on these services."""
    app = FastAPI(title="Passerelle soins programmés", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.hall = hall
    app.state.pace = Pace(hall.settings.api_per_minute)
    for resource in ROUTERS:
        app.include_router(resource.router)
    app.add_route("/openapi.json", _openapi, include_in_schema=False)
    app.add_route("/docs", _docs, include_in_schema=False)
    app.exception_handler(Problem)(_problem)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(GatewayError)(_error)
    app.exception_handler(Exception)(_defect)
    return app


# --- what is wrong


def _told(request: Request, problem: Problem) -> Response:
    hall: Hall = request.app.state.hall
    reference = hall.noise(ID_BYTES).hex()
    sent = getattr(request.state, "sent", ())
    found = answer(problem, translate=translator(language_of(request)), request_id=reference, sent=sent)
    found.headers[REQUEST_ID] = reference
    return found


def refusal(hall: Hall, status: int) -> Response:
    """What a program is told that never came as far as the API."""
    reference = hall.noise(ID_BYTES).hex()
    found = answer(Problem(BY_STATUS.get(status, "malformed")), translate=french, request_id=reference)
    found.headers[REQUEST_ID] = reference
    return found


async def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return _told(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return _told(request, Problem("invalid", errors=of_validation(error.errors())))


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
    headers = getattr(error, "headers", None) or {}
    allowed = {name: value for name, value in headers.items() if name.lower() == "allow"}
    return _told(request, Problem(BY_STATUS.get(status, "malformed"), headers=allowed))


async def _error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    problem = of_error(error)
    found = _told(request, problem)
    if found.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("api.failed", error=error.code, told=error.sentence(), reference=found.headers[REQUEST_ID])
    return found


async def _defect(request: Request, error: Exception) -> Response:
    """A fault of ours: told to the technical log by its kind and its place, never with what was sent."""
    found = _told(request, Problem("failed"))
    place = traceback.extract_tb(error.__traceback__)[-1]
    where, reference = f"{place.name}:{place.lineno}", found.headers[REQUEST_ID]
    _log.error("api.defect", error=type(error).__name__, place=where, reference=reference)
    return found


# --- the description


async def _openapi(request: Request) -> Response:
    return JSONResponse(document(request.app))


async def _docs(request: Request) -> Response:
    text = (
        environment(Language.FRENCH)
        .get_template("api.html")
        .render(document=document(request.app), problems=KINDS, scopes=SCOPE_WORDS, Scope=Scope)
    )
    return HTMLResponse(text)


@cache
def document(app: FastAPI) -> dict[str, Any]:
    """The description of the API."""
    found = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description="L'API de la passerelle, pour les logiciels de l'hôpital. Aucun contenu médical n'y passe.",
        routes=app.routes,
        servers=[{"url": PLACE}],
    )
    parts = found["components"]["schemas"]
    template = "#/components/schemas/{model}"
    for model in (models.Problem, *_SENT_IN_PARTS):
        schema = model.model_json_schema(ref_template=template)
        parts |= schema.pop("$defs", {})
        parts[model.__name__] = schema
    for name in ("HTTPValidationError", "ValidationError"):
        parts.pop(name, None)
    _without_docstrings(parts)
    found["components"]["securitySchemes"] = {SECURITY: {"type": "http", "scheme": "bearer"}}
    for path in found["paths"].values():
        for method, operation in path.items():
            _completed(method, operation)
    return found


def _completed(method: str, operation: dict[str, Any]) -> None:
    """The problems of an operation, and the header that its acts need."""
    operation.pop("description", None)
    responses = operation["responses"]
    responses.pop("422", None)
    for status in sorted({*ALWAYS, *operation.pop("x-problems", ())}):
        schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
        responses[str(status)] = {"description": _titles(status), "content": {MEDIA_TYPE: schema}}
    if method == "post":
        responses.setdefault(
            "400",
            {
                "description": _titles(400),
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
    parameters = operation.setdefault("parameters", [])
    if method in {"post", "put"}:
        key = {"type": "string", "pattern": "^[!-~]{8,200}$"}
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": method == "post", "schema": key})
    if "412" in responses:
        parameters.append({"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"}})


def _titles(status: int) -> str:
    return " ".join(kind.title for kind in KINDS.values() if kind.status == status)


def _without_docstrings(schemas: Mapping[str, Any]) -> None:
    for schema in schemas.values():
        schema.pop("description", None)
