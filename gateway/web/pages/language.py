"""The language in which a person reads these pages."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from gateway.catalogues import Language
from gateway.web.visit import LANGUAGE_COOKIE, Absent
from gateway.web.ways import ours

router = APIRouter()
A_YEAR = 365 * 24 * 3600


@router.get("/langue/{code}")
async def choose(code: str, retour: str = "/") -> Response:
    """Speak this language from now on, and go back to where the person was.

    Raises:
        Absent: no such language.
    """
    if code not in set(Language):
        raise Absent
    answer = RedirectResponse(ours(retour, doors=True), status_code=HTTPStatus.SEE_OTHER)
    answer.set_cookie(LANGUAGE_COOKIE, code, max_age=A_YEAR, secure=True, httponly=True, samesite="lax")
    return answer
