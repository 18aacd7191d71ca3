"""« Que dois-je faire aujourd'hui ? »: the first page."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from gateway.domain.duties import Urgency
from gateway.web.buttons import buttons
from gateway.web.numbers import LogIndex
from gateway.web.places import key_of, word_of
from gateway.web.visit import Absent, Visit, glancing, signed_in

router = APIRouter()


@router.get("/")
async def today(visit: Annotated[Visit, Depends(signed_in)], apres: str = "") -> Response:
    """Urgent, today, to know; then the clocks that run.

    Raises:
        Absent: the next page is not one of ours.
    """
    after = key_of(apres)
    if apres and after is None:
        raise Absent
    async with visit.hall.once.look():
        found = await visit.hall.agenda.today(visit.actor, after=after)
        by_urgency = {urgency: [task for task in found.tasks if task.duty.urgency is urgency] for urgency in Urgency}
        following = word_of(found.after) if found.after else None
        return await visit.page(
            "today.html",
            today=found,
            tasks=by_urgency,
            first=after is None,
            following=following,
            Urgency=Urgency,
            buttons=buttons,
        )


@router.get("/changements")
async def changes(visit: Annotated[Visit, Depends(glancing)], vu: LogIndex) -> Response:
    """How much changed since a page was made: asked by its script, which is no sign of the person's presence."""
    return JSONResponse({"count": await visit.hall.agenda.changes(vu)})
