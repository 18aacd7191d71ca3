"""« Se connecter », proving it afresh, and leaving."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from gateway.domain.errors import GatewayError, SignInRefused, TooManyTries
from gateway.web.alone import alone
from gateway.web.hall import Hall
from gateway.web.visit import COOKIE, Visit, keep_signed_in, signed_in
from gateway.web.ways import asked_from, ours

router = APIRouter()


@router.get("/connexion")
async def ask(request: Request, retour: str = "/") -> Response:
    """Login, password and code, in one form."""
    return alone(request, "sign_in.html", back=ours(retour), login="", error=None)


@router.post("/connexion")
async def enter(request: Request) -> Response:
    """Let them in, with a new secret in their browser, to the page that they wanted."""
    hall: Hall = request.app.state.hall
    form = await request.form()
    login, password, code, back = (str(form.get(name, "")) for name in ("login", "password", "code", "retour"))
    try:
        secret = await hall.local.enter(
            login, password, code, address=asked_from(request), former=request.cookies.get(COOKIE, "")
        )
    except (SignInRefused, TooManyTries) as error:
        status = _status(error)
        return alone(request, "sign_in.html", status=status, back=ours(back), login=login, error=error)
    return let_in(secret, ours(back))


def let_in(secret: str, place: str) -> Response:
    """Lead there whose browser keeps this secret from now on, until it is closed."""
    answer = RedirectResponse(place, status_code=HTTPStatus.SEE_OTHER)
    # Lax: an address in a mail opens its page; whatever changes something must come from a page of ours besides.
    keep_signed_in(answer, secret)
    return answer


@router.get("/connexion/confirmer")
async def ask_again(visit: Annotated[Visit, Depends(signed_in)], retour: str = "/") -> Response:
    """Password and code once more, before what four eyes guard."""
    return await visit.page("sign_in_again.html", back=ours(retour), error=None)


@router.post("/connexion/confirmer")
async def prove(visit: Annotated[Visit, Depends(signed_in)]) -> Response:
    """Back to the page that asked for it."""
    form = await visit.form()
    password, code, back = (str(form.get(name, "")) for name in ("password", "code", "retour"))
    try:
        await visit.hall.local.prove_again(visit.presence, password, code)
    except (SignInRefused, TooManyTries) as error:
        return await visit.page("sign_in_again.html", status=_status(error), back=ours(back), error=error)
    return RedirectResponse(ours(back), status_code=HTTPStatus.SEE_OTHER)


@router.get("/presence")
async def stay(visit: Annotated[Visit, Depends(signed_in)]) -> Response:
    """How long the sign-in lasts, now that the person said that they are there."""
    return JSONResponse({"left": visit.seconds_left, "last": visit.presence.last})


@router.post("/deconnexion")
async def leave(visit: Annotated[Visit, Depends(signed_in)]) -> Response:
    """Out, here and on the server."""
    await visit.form()
    await visit.hall.sign_ins.end(visit.presence)
    answer = RedirectResponse("/connexion", status_code=HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _status(error: GatewayError) -> int:
    return HTTPStatus.TOO_MANY_REQUESTS if isinstance(error, TooManyTries) else HTTPStatus.FORBIDDEN
