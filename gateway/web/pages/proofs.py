"""« Dit-elle bien qu'elle est reçue ? »: proofs that persons bring, and the second person who reads them again."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi.responses import Response

from gateway.domain.days import ALGIERS
from gateway.domain.errors import GatewayError
from gateway.domain.media import media_of
from gateway.domain.rights import Right
from gateway.domain.words import french
from gateway.services.entered import MAX_SCAN, Shown, takes
from gateway.services.seen import Seen
from gateway.web.typed import typed_day
from gateway.web.visit import Visit, signed_in

router = APIRouter()
Here = Annotated[Visit, Depends(signed_in)]
_DATE = french("Écrivez la date ainsi : 04/03/2027.")
_HOUR = french("Écrivez l'heure ainsi : 10:42, ou rien.")
_FILE = french("Joignez le document : un PDF ou une image, 20 Mo au plus. Après une erreur, choisissez-le de nouveau.")
_REQUEST = french("Choisissez la demande.")
_PARTNER = french("Choisissez qui a donné cette preuve.")
_VERDICT = french("Choisissez : je confirme, ou j'écarte.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """A date and an hour as a person types them."""

    day: Annotated[str, Form()] = ""
    hour: Annotated[str, Form()] = ""

    def read(self) -> tuple[date | datetime | None, dict[str, str]]:
        """The day, or the instant in Algiers; and what cannot be read."""
        faults = {}
        try:
            found = typed_day(self.day)
        except ValueError:
            found = None
        if found is None:
            faults["day"] = _DATE
        at = _hour(self.hour) if self.hour.strip() else None
        if self.hour.strip() and at is None:
            faults["hour"] = _HOUR
        if found is None or faults:
            return None, faults
        return (found if at is None else datetime.combine(found, at, tzinfo=ALGIERS)), {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Reception):
    """The form by which a proof is entered; ``courrier`` is the mail that is one, where no scan is brought."""

    seen: Annotated[str, Form()] = ""
    demande: Annotated[str, Form()] = ""
    partner: Annotated[str, Form()] = ""
    courrier: Annotated[str, Form()] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Reception):
    """The form by which a second person checks one."""

    seen: Annotated[str, Form()] = ""
    verdict: Annotated[str, Form()] = ""


@router.get("/preuves")
async def waiting(visit: Here) -> Response:
    """Those that await a second person."""
    return await visit.page("proofs.html", found=await visit.hall.proof_pages.waiting(visit.actor))


@router.get("/preuves/{number}")
async def proof(number: str, visit: Here) -> Response:
    """One of them: the document beside the entry."""
    return await _proof(visit, visit.number(number))


@router.get("/preuves/{number}/fichier")
async def document(number: str, visit: Here) -> Response:
    """The document itself; that it was looked at is recorded before it leaves."""
    visit.need(Right.PROVE, Right.CONFIRM)
    _found, data = await visit.hall.proofs.read(visit.number(number), actor=visit.actor.name)
    media = media_of(data)
    if media is None:
        return visit.file(data, f"preuve-{number}.bin", "application/octet-stream")
    if media.image:
        return Response(data, media_type=media.type, headers={"Content-Disposition": "inline"})
    return visit.file(data, f"preuve-{number}.{media.extension}", media.type)


@router.post("/preuves/{place}")
async def check(place: str, visit: Here, told: Annotated[Check, Depends(Check)]) -> Response:
    """A second person confirms it, with the date as they read it, or puts it aside."""
    visit.need(Right.PROVE, Right.CONFIRM)
    number = visit.number(place)
    read_again, faults = told.read()
    if told.verdict not in {"confirm", "decline"}:
        return await _proof(visit, number, told=told, faults={"verdict": _VERDICT})
    if told.verdict == "confirm" and faults:
        return await _proof(visit, number, told=told, faults=faults)
    found = await visit.hall.proof_pages.of(number, visit.actor)
    proofs, who = visit.hall.proofs, visit.actor.name

    async def again(error: GatewayError) -> Response:
        return await _proof(visit, number, told=told, error=error)

    return await visit.act(
        lambda: (
            proofs.confirm(number, actor=who, read_again=read_again)
            if told.verdict == "confirm"
            else proofs.decline(number, actor=who)
        ),
        then=lambda _done: f"/preuves/{number}",
        again=again,
        otherwise=f"/preuves/{number}",
        engages=told.verdict == "confirm",
        seen=Seen(case=found.case.ref, size=visit.number(told.seen)),
    )


@router.get("/dossiers/{ref}/preuves")
async def entry(ref: str, visit: Here, demande: str = "", courrier: str = "") -> Response:
    """The form by which a proof is entered."""
    visit.need(Right.PROVE)
    mail = str(visit.number(courrier)) if courrier else ""
    return await _entry(visit, ref, told=Entry(demande=demande, courrier=mail))


@router.post("/dossiers/{ref}/preuves")
async def enter(
    ref: str, visit: Here, told: Annotated[Entry, Depends(Entry)], scan: UploadFile | None = None
) -> Response:
    """Keep a proof; it counts once a second person confirms it."""
    visit.need(Right.PROVE)
    view = await visit.hall.proof_pages.to_enter(ref, visit.actor)
    data = await scan.read(MAX_SCAN + 1) if scan is not None else b""
    received, faults = told.read()
    mail = visit.number(told.courrier) if told.courrier else None
    if mail is None and not takes(data):
        faults["scan"] = _FILE
    if told.demande not in {request.hash for _number, request in view.requests}:
        faults["demande"] = _REQUEST
    if told.partner not in {partner.id for partner in view.partners}:
        faults["partner"] = _PARTNER
    if received is None or faults:
        return await _entry(visit, ref, told=told, faults=faults)
    shown = Shown(
        ref=view.case.ref,
        received=received,
        scan=data if mail is None else None,
        mail=mail,
        partner=told.partner,
        request_hash=told.demande,
    )

    async def again(error: GatewayError) -> Response:
        return await _entry(visit, ref, told=told, error=error)

    return await visit.act(
        lambda: visit.hall.proofs.enter(shown, actor=visit.actor.name),
        then=lambda done: f"/preuves/{done.id}",
        again=again,
        otherwise=f"/dossiers/{view.case.ref}",
        seen=Seen(case=view.case.ref, size=visit.number(told.seen)),
    )


async def _proof(
    visit: Visit,
    number: int,
    *,
    told: Check | None = None,
    faults: dict[str, str] | None = None,
    error: GatewayError | None = None,
) -> Response:
    found = await visit.hall.proof_pages.of(number, visit.actor)
    return await visit.page(
        "proof.html",
        status=_status(faults, error),
        view=found,
        told=told or Check(),
        faults=faults or {},
        error=error,
    )


async def _entry(
    visit: Visit,
    ref: str,
    *,
    told: Entry,
    faults: dict[str, str] | None = None,
    error: GatewayError | None = None,
) -> Response:
    found = await visit.hall.proof_pages.to_enter(ref, visit.actor)
    if len(found.partners) == 1:
        told = replace(told, partner=found.partners[0].id)
    if len(found.requests) == 1:
        told = replace(told, demande=found.requests[0][1].hash)
    return await visit.page(
        "proof_entry.html", status=_status(faults, error), view=found, told=told, faults=faults or {}, error=error
    )


def _status(faults: dict[str, str] | None, error: GatewayError | None) -> HTTPStatus:
    if error is not None:
        return HTTPStatus.CONFLICT
    return HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK


def _hour(typed: str) -> time | None:
    try:
        return datetime.strptime(typed.strip().replace("h", ":").replace(" ", ""), "%H:%M").time()  # noqa: DTZ007  an hour
    except ValueError:
        return None
