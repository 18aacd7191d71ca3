"""« Où en est-on ? »: the cases, and one of them."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.web.buttons import buttons
from gateway.web.visit import Visit, signed_in

router = APIRouter()


@router.get("/dossiers/{ref}")
async def case(ref: str, visit: Annotated[Visit, Depends(signed_in)]) -> Response:
    """One case: its next step, its clocks, what happened, what can be done."""
    found = await visit.hall.archive.case(ref)
    return await visit.page("case.html", view=found, case=found.case, buttons=buttons)
