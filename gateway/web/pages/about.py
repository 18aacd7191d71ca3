"""Help, accessibility and personal data: what these pages owe their readers."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from gateway.web.visit import Visit, signed_in

router = APIRouter()
Signed = Annotated[Visit, Depends(signed_in)]


@router.get("/aide")
async def about(visit: Signed) -> Response:
    """The few things that one must know."""
    return await visit.page("help.html")


@router.get("/accessibilite")
async def accessibility(visit: Signed) -> Response:
    """What was checked, and what was not."""
    return await visit.page("accessibility.html")


@router.get("/donnees")
async def data(visit: Signed) -> Response:
    """What is kept of patients and of persons here, and for how long."""
    return await visit.page("data.html")
