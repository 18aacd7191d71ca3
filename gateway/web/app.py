"""The console as an ASGI application: its pages, its API, and what is answered when something is wrong.

Errors say what, why and the mend, and never what was typed. A page that is not there and one that is not open to this
person look the same.
"""

import secrets
import traceback
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from gateway.domain.errors import GatewayError, NotAllowed, Unknown
from gateway.web.alone import alone
from gateway.web.api import application
from gateway.web.forms import keep_uploads_in_memory
from gateway.web.hall import Hall
from gateway.web.pages import (
    about,
    accounts,
    calendar,
    cases,
    clock,
    drafting,
    invitation,
    journal,
    language,
    mails,
    messages,
    noting,
    oidc,
    proofs,
    rehearsal,
    sign_in,
    state,
    today,
)
from gateway.web.threshold import API, Threshold
from gateway.web.visit import COOKIE, Absent, ProofNeeded, SignInNeeded
from gateway.web.ways import back_to

_log = structlog.get_logger()

STATIC = Path(__file__).parent / "static"
PAGES = (
    *(sign_in, oidc, invitation, today, drafting, noting, mails, messages),
    *(proofs, cases, clock, calendar, journal, state, accounts, about, language),
)


def make(hall: Hall, *, persons: Mapping[str, str] | None = None) -> FastAPI:
    """The console on these services; ``persons`` opens the doors of a demonstration (gateway.web.pages.rehearsal)."""
    keep_uploads_in_memory()
    app = FastAPI(title="Passerelle soins programmés", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.hall = hall
    for page in PAGES:
        app.include_router(page.router, include_in_schema=False)
    if persons:
        app.include_router(rehearsal.router(persons), include_in_schema=False)
    app.mount(application.PLACE, application.make(hall))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    origin = hall.settings.origin
    app.add_middleware(
        Threshold,
        origin=origin,
        hosts=_hosts(hall),
        to_programs=partial(application.refusal, hall),
        known=partial(_known, hall),
        on_defect=partial(_defect, hall),
    )
    app.exception_handler(SignInNeeded)(_to_sign_in)
    app.exception_handler(ProofNeeded)(_to_proof)
    app.exception_handler(Absent)(_absent)
    app.exception_handler(Unknown)(_absent)
    app.exception_handler(NotAllowed)(_absent)
    app.exception_handler(RequestValidationError)(_absent)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(GatewayError)(_failed)
    return app


async def _known(hall: Hall, request: Request) -> bool:
    """Whether who asks is signed in, or was until a short while ago, or is a program of ours."""
    word, _, secret = request.headers.get("authorization", "").partition(" ")
    if word.lower() == "bearer" and secret.strip():
        return await hall.tokens.present(secret.strip()) is not None
    return await hall.sign_ins.lapsed(request.cookies.get(COOKIE, "")) is not None


def _hosts(hall: Hall) -> frozenset[str]:
    """The names by which browsers may ask: another name's page could read ours (DNS rebinding)."""
    port = hall.settings.port
    return frozenset({urlsplit(hall.settings.origin).netloc, f"localhost:{port}", f"{hall.settings.listen}:{port}"})


async def _to_sign_in(request: Request, _error: Exception) -> Response:
    place = back_to(request) if request.method == "GET" else "/"
    return RedirectResponse(f"/connexion?retour={place}", status_code=HTTPStatus.SEE_OTHER)


async def _to_proof(request: Request, _error: Exception) -> Response:
    return RedirectResponse(f"/connexion/confirmer?retour={back_to(request)}", status_code=HTTPStatus.SEE_OTHER)


async def _absent(request: Request, _error: Exception) -> Response:
    return alone(request, "absent.html", status=HTTPStatus.NOT_FOUND)


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
    if request.url.path.startswith(API):
        # A path that no mount takes, such as one with a line break in it.
        return application.refusal(request.app.state.hall, status)
    return alone(request, "absent.html", status=status)


async def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    reference = secrets.token_hex(3)
    _log.error("console.failed", error=error.code, told=error.sentence(), reference=reference)
    return alone(request, "failed.html", status=HTTPStatus.SERVICE_UNAVAILABLE, reference=reference)


async def _defect(hall: Hall, request: Request, error: Exception) -> Response:
    """A fault of ours: told to the technical log by its kind and its place, never with what was sent."""
    reference = secrets.token_hex(3)
    place = traceback.extract_tb(error.__traceback__)[-1]
    _log.error("console.defect", error=type(error).__name__, place=f"{place.name}:{place.lineno}", reference=reference)
    if request.url.path.startswith(API):
        return application.refusal(hall, HTTPStatus.INTERNAL_SERVER_ERROR)
    return alone(request, "failed.html", status=HTTPStatus.INTERNAL_SERVER_ERROR, reference=reference)
