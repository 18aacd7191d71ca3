"""In a demonstration only: one click to be one of its persons. A real console has no such page: it is not mounted."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.requests import Request

from gateway.web.hall import Hall
from gateway.web.visit import Absent, keep_signed_in

DOOR = "/demonstration"


def router(persons: Mapping[str, str]) -> APIRouter:
    """The doors of a demonstration: ``persons`` are the names of accounts by the codes of their addresses."""
    made = APIRouter()

    @made.get(DOOR + "/{code}")
    async def come_in(code: str, request: Request) -> Response:
        """Be this person.

        Raises:
            Absent: no such code.
        """
        hall: Hall = request.app.state.hall
        if code not in persons:
            raise Absent
        secret = await hall.sign_ins.play(persons[code])
        answer = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
        keep_signed_in(answer, secret)
        return answer

    return made
