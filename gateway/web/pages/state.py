"""« Est-ce que tout marche ? »: the alarms with who sees to them, the partners, the machine."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.domain.errors import GatewayError
from gateway.domain.rights import Right
from gateway.web.numbers import Number
from gateway.web.visit import Absent, Visit, signed_in

router = APIRouter()
Signed = Annotated[Visit, Depends(signed_in)]
GIGA = 10**9


@router.get("/etat")
async def state(visit: Signed) -> Response:
    """Everything at a glance."""
    return await _shown(visit)


@router.post("/etat/alarmes/{number}")
async def take(number: Number, visit: Signed) -> Response:
    """This person sees to an alarm: nobody else is told any more."""

    async def again(error: GatewayError) -> Response:
        return await _shown(visit, error=error)

    return await visit.act(
        lambda: visit.hall.control.take(number, actor=visit.actor.name),
        then=lambda _done: "/etat",
        again=again,
        otherwise="/etat",
    )


async def _shown(visit: Visit, *, error: GatewayError | None = None) -> Response:
    if not visit.actor.may(Right.ALARMS, Right.AUDIT):
        raise Absent
    async with visit.hall.once.look():
        found = await visit.hall.control.look()
        return await visit.page(
            "state.html",
            status=HTTPStatus.OK if error is None else HTTPStatus.CONFLICT,
            error=error,
            found=found,
            now=found.health,
            giga=GIGA,
        )
