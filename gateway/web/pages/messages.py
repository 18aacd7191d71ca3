"""« Que dit ce message ? »: a message of a case, its pieces, and the same as a printed page."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.domain.errors import VaultClosed
from gateway.domain.rights import Right
from gateway.web.downloads import attached
from gateway.web.numbers import Number
from gateway.web.visit import Absent, Visit, signed_in

router = APIRouter()
Here = Annotated[Visit, Depends(signed_in)]


@router.get("/messages/{number}")
async def message(number: Number, visit: Here) -> Response:
    """A message, as far as this person may read it."""
    try:
        view = await visit.hall.messages.open(number, actor=visit.actor)
    except VaultClosed as error:
        # Its case was forgotten: nobody reads it again.
        raise Absent from error
    return await visit.page("message.html", view=view)


@router.get("/messages/{number}/pieces/{place}")
async def piece(number: Number, place: Number, visit: Here) -> Response:
    """One of its pieces, to be taken away."""
    return attached(await visit.hall.messages.piece(number, place, actor=visit.actor))


@router.get("/messages/{number}/message.pdf")
async def printed(number: Number, visit: Here) -> Response:
    """The printed message; recorded before it leaves."""
    if not visit.actor.may(Right.IDENTITY):
        raise Absent
    data = await visit.hall.printed(number, actor=visit.actor.name, language=visit.document_language)
    return visit.file(data, f"message-{number}.pdf", "application/pdf")
