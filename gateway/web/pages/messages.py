"""« Que dit ce message ? »: a message of a case, its pieces, and the same as a printed page.

A physician who does not follow the case may read all of it by saying why (gateway.services.exceptional).
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from gateway.domain.errors import AccessInvalid, GatewayError, VaultClosed
from gateway.domain.rights import Right
from gateway.services.messages import MessageView
from gateway.web.downloads import attached
from gateway.web.numbers import Number
from gateway.web.visit import Absent, Visit, signed_in
from gateway.wire.payload import Attachment

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


@router.get("/messages/{number}/acces-exceptionnel")
async def ask_why(number: Number, visit: Here) -> Response:
    """The form in which a physician says why they must read it."""
    await visit.hall.messages.to_insist(number, actor=visit.actor)
    return await _why(visit, number)


@router.post("/messages/{number}/acces-exceptionnel")
async def insist(number: Number, visit: Here, because: Annotated[str, Form()] = "") -> Response:
    """All of the message, this once; the reason is recorded, and the alarm raised, before it leaves."""
    place = f"/messages/{number}/acces-exceptionnel"
    await visit.hall.messages.to_insist(number, actor=visit.actor)

    async def shown(view: MessageView) -> Response:
        return await visit.page("message.html", view=view)

    return await visit.act_and_show(
        lambda: visit.hall.messages.open(number, actor=visit.actor, because=because),
        shown=shown,
        again=lambda error: _why(visit, number, because=because, error=error),
        otherwise=place,
    )


@router.post("/messages/{number}/acces-exceptionnel/{place}")
async def insist_on_piece(number: Number, place: Number, visit: Here, because: Annotated[str, Form()] = "") -> Response:
    """One of its pieces, by the same reason; recorded again."""
    await visit.hall.messages.to_insist(number, actor=visit.actor)

    async def shown(file: Attachment) -> Response:
        return attached(file)

    return await visit.act_and_show(
        lambda: visit.hall.messages.piece(number, place, actor=visit.actor, because=because),
        shown=shown,
        again=lambda error: _why(visit, number, because=because, error=error),
        otherwise=f"/messages/{number}/acces-exceptionnel",
    )


async def _why(visit: Visit, number: int, *, because: str = "", error: GatewayError | None = None) -> Response:
    return await visit.page(
        "exceptional.html",
        status=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        number=number,
        because=because,
        error=None if isinstance(error, AccessInvalid) else error,
        faults=error.by_field if isinstance(error, AccessInvalid) else {},
    )


@router.get("/messages/{number}/message.pdf")
async def printed(number: Number, visit: Here) -> Response:
    """The printed message; recorded before it leaves."""
    if not visit.actor.may(Right.IDENTITY):
        raise Absent
    data = await visit.hall.printed(number, actor=visit.actor.name, language=visit.document_language)
    return visit.file(data, f"message-{number}.pdf", "application/pdf")
