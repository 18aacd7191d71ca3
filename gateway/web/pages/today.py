"""« Que dois-je faire aujourd'hui ? »: the first page."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from gateway.domain.duties import Urgency
from gateway.web.buttons import buttons
from gateway.web.numbers import LogIndex
from gateway.web.visit import Visit, glancing, signed_in

router = APIRouter()


@router.get("/")
async def today(visit: Annotated[Visit, Depends(signed_in)]) -> Response:
    """Urgent, today, to know; then the clocks that run."""
    found = await visit.hall.agenda.today(visit.actor)
    by_urgency = {urgency: [task for task in found.tasks if task.duty.urgency is urgency] for urgency in Urgency}
    return await visit.page("today.html", today=found, tasks=by_urgency, Urgency=Urgency, buttons=buttons)


@router.get("/changements")
async def changes(visit: Annotated[Visit, Depends(glancing)], vu: LogIndex) -> Response:
    """How much changed since a page was made: asked by its script, which is no sign of the person's presence."""
    return JSONResponse({"count": await visit.hall.agenda.changes(vu)})
