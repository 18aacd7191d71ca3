"""To the hospital's identity provider, and back."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from gateway.domain.errors import GatewayError, ProviderRefused, TooManyTries
from gateway.services.oidc_sign_in import OidcSignIn
from gateway.web.alone import alone
from gateway.web.hall import Hall
from gateway.web.pages.sign_in import let_in
from gateway.web.visit import COOKIE, Absent, Visit, signed_in
from gateway.web.ways import BACK, asked_from, ours

router = APIRouter()
WAITING_COOKIE = "__Host-entree"
TEN_MINUTES = 600


@router.get("/oidc/aller")
async def leave(request: Request, retour: str = "/") -> Response:
    """To the provider."""
    try:
        leaving = await _oidc(request).leave(ours(retour))
    except ProviderRefused as error:
        return _refused(request, error)
    return _there(leaving.address, leaving.browser)


@router.get("/oidc/confirmer")
async def prove(visit: Annotated[Visit, Depends(signed_in)], retour: str = "/") -> Response:
    """To the provider, to prove it afresh."""
    try:
        leaving = await _oidc(visit.request).leave(ours(retour), presence=visit.presence)
    except ProviderRefused as error:
        return await visit.page("sign_in_again.html", status=HTTPStatus.FORBIDDEN, back=ours(retour), error=error)
    return _there(leaving.address, leaving.browser)


@router.get(BACK)
async def arrive(request: Request, state: str = "", code: str = "") -> Response:
    """Back from there; what the provider says of an error is not repeated."""
    try:
        arrival = await _oidc(request).arrive(
            state=state,
            code=code,
            browser=request.cookies.get(WAITING_COOKIE, ""),
            address=asked_from(request),
            former=request.cookies.get(COOKIE, ""),
        )
    except (ProviderRefused, TooManyTries) as error:
        return _refused(request, error)
    if arrival.secret is None:
        return RedirectResponse(arrival.back, status_code=HTTPStatus.SEE_OTHER)
    return let_in(arrival.secret, arrival.back)


def _oidc(request: Request) -> OidcSignIn:
    hall: Hall = request.app.state.hall
    if hall.oidc is None:
        raise Absent
    return hall.oidc


def _there(address: str, browser: str) -> Response:
    answer = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        WAITING_COOKIE, browser, max_age=TEN_MINUTES, secure=True, httponly=True, samesite="lax", path="/"
    )
    return answer


def _refused(request: Request, error: GatewayError) -> Response:
    return alone(request, "sign_in.html", status=HTTPStatus.FORBIDDEN, back="/", login="", error=error)
