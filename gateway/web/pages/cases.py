"""« Où en est-on ? »: the cases, the search of one, and one opened."""

from http import HTTPStatus
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from gateway.domain.case import State
from gateway.domain.days import paris_day
from gateway.domain.errors import GatewayError, TooManyTries
from gateway.domain.kinds import KINDS, Subject, Travel
from gateway.domain.kinds.stay import ADMISSION, DISCHARGE, INTERRUPTION, READMISSION, REPATRIATION_DONE, TRANSFER
from gateway.domain.rights import Right
from gateway.services.case_files import CaseFile
from gateway.storage import Direction
from gateway.web.buttons import buttons
from gateway.web.numbers import Before, Number
from gateway.web.visit import Visit, signed_in

router = APIRouter()
Signed = Annotated[Visit, Depends(signed_in)]

NOTHING_TYPED = {"ref": "", "patient_name": "", "patient_first_name": "", "patient_born": ""}

NOTED = (ADMISSION, INTERRUPTION, READMISSION, TRANSFER, DISCHARGE, REPATRIATION_DONE)
"""The facts of a stay that a page offers by name; every other is among « un autre fait »."""


@router.get("/dossiers")
async def cases(visit: Signed, avant: Before = None, clos: int = 0) -> Response:
    """The cases, the newest first."""
    found = await visit.hall.cases.page(visit.actor, before=avant, closed=bool(clos))
    return await visit.page(
        "cases.html", error=None, found=found, closed=bool(clos), searched=None, typed=NOTHING_TYPED
    )


@router.post("/dossiers/recherche")
async def search(
    visit: Signed,
    ref: Annotated[str, Form()] = "",
    patient_name: Annotated[str, Form()] = "",
    patient_first_name: Annotated[str, Form()] = "",
    patient_born: Annotated[str, Form()] = "",
) -> Response:
    """A case by its reference, or by its patient; names never stand in an address, which is why this is no GET."""
    identity = {
        "patient_name": patient_name.strip(),
        "patient_first_name": patient_first_name.strip(),
        "patient_born": patient_born.strip(),
    }
    typed = {"ref": ref, **identity}
    try:
        found = await visit.hall.cases.search(visit.actor, ref=ref.strip(), identity=identity)
    except TooManyTries as error:
        status = HTTPStatus.TOO_MANY_REQUESTS
        return await visit.page(
            "cases.html", status=status, error=error, found=None, closed=False, searched=None, typed=typed
        )
    return await visit.page("cases.html", error=None, found=None, closed=False, searched=found, typed=typed)


@router.get("/dossiers/{ref}")
async def case(ref: str, visit: Signed) -> Response:
    """One case: its next step, its clocks, what happened, what can be done."""
    return await _shown(visit, await visit.hall.cases.open(ref, visit.actor))


@router.post("/dossiers/{ref}/renvoyer/{message}")
async def resend(ref: str, message: Number, visit: Signed) -> Response:
    """The same bytes once more, to whoever has not confirmed them."""

    async def again(error: GatewayError) -> Response:
        return await _shown(visit, await visit.hall.cases.open(ref, visit.actor), error=error)

    return await visit.act(
        lambda: visit.hall.resend.again(message, actor=visit.actor.name),
        then=lambda _done: f"/dossiers/{ref}",
        again=again,
        otherwise=f"/dossiers/{ref}",
    )


async def _shown(visit: Visit, found: CaseFile, *, error: GatewayError | None = None) -> Response:
    days = [(day, list(entries)) for day, entries in groupby(found.entries, key=lambda entry: paris_day(entry.at))]
    sent = [
        kind.id
        for kind in KINDS.values()
        if kind.travel is Travel.MAIL
        and kind.subject is not Subject.NOTICE
        and kind.route(visit.actor.role) is not None
    ]
    return await visit.page(
        "case.html",
        status=HTTPStatus.OK if error is None else HTTPStatus.CONFLICT,
        error=error,
        file=found,
        view=found.view,
        case=found.view.case,
        asked={row.mic: row.id for row in found.view.messages if row.direction is Direction.OUT},
        days=days,
        buttons=buttons,
        noted=[kind.id for kind in NOTED if visit.actor.role in kind.noted_by],
        sent=sent,
        closed=found.view.case.state is State.CLOSED,
        today=paris_day(visit.hall.clock.now()),
    )


@router.get("/dossiers/{ref}/dossier-de-preuve.zip")
async def proof(ref: str, visit: Signed) -> Response:
    """The sealed dossier, without medical content; recorded before it leaves."""
    data = await visit.hall.dossier(ref, actor=visit.actor.name)
    return visit.file(data, f"dossier-{ref}.zip", "application/zip")


@router.get("/dossiers/{ref}/certificat/{request}.pdf")
async def certificate(ref: str, request: str, visit: Signed) -> Response:
    """The certificate of a tacit acceptance, with the patient's name for who may know it; recorded before it leaves."""
    data = await visit.hall.certificate(
        ref,
        actor=visit.actor.name,
        request=request,
        language=visit.document_language,
        identity=visit.actor.may(Right.IDENTITY),
    )
    return visit.file(data, f"certificat-{ref}.pdf", "application/pdf")
