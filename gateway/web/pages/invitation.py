"""« Choisir votre mot de passe »: an invited person sets password and second factor, and is in."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.domain.errors import AccessInvalid, GatewayError, InvitationOver
from gateway.services.local_sign_in import SHORTEST
from gateway.web.alone import alone
from gateway.web.hall import Hall
from gateway.web.pages.sign_in import let_in
from gateway.web.qr import picture

router = APIRouter()
GONE = 410


@router.get("/invitation/{code}")
async def invited(request: Request, code: str) -> Response:
    """What to choose, and what the authenticator takes in."""
    return await _form(request, code, None)


@router.post("/invitation/{code}")
async def accept(request: Request, code: str) -> Response:
    """Done, and in."""
    hall: Hall = request.app.state.hall
    form = await request.form()
    password, again, digits = (str(form.get(name, "")) for name in ("password", "again", "code"))
    try:
        secret = await hall.local.accept(code, password=password, again=again, digits=digits)
    except AccessInvalid as error:
        return await _form(request, code, error)
    except InvitationOver as error:
        return _over(request, error)
    return let_in(secret, "/")


async def _form(request: Request, code: str, error: AccessInvalid | None) -> Response:
    hall: Hall = request.app.state.hall
    try:
        welcome = await hall.local.invited(code)
    except InvitationOver as over:
        return _over(request, over)
    return alone(
        request,
        "invitation.html",
        status=422 if error else 200,
        welcome=welcome,
        picture=picture(welcome.address),
        shortest=SHORTEST,
        error=error,
        faults=error.by_field if error else {},
    )


def _over(request: Request, error: GatewayError) -> Response:
    return alone(request, "invitation_over.html", status=GONE, error=error)
