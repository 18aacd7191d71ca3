"""« Jusqu'à quand la CNAS peut-elle répondre ? »: one request's clock, explained, and what a person decides on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from gateway.domain.challenge import GROUNDS, Finding
from gateway.domain.errors import GatewayError
from gateway.domain.labels import CONDITIONS, FINDINGS, READINGS, RULES
from gateway.domain.request import ANSWERED, SILENT, UNACKNOWLEDGED, State
from gateway.domain.rights import Right
from gateway.domain.words import french
from gateway.services.seen import Seen
from gateway.web.visit import Absent, Visit, signed_in

router = APIRouter()
Here = Annotated[Visit, Depends(signed_in)]
PLACE = "/dossiers/{ref}/delai/{request}"
LANGUAGES = ("fr", "en", "ar")
"""Those in which the explanation is printed."""

Field = Annotated[str, Form()]
NO_REASON = french("Dites pourquoi : la raison est gardée avec votre nom.")
NO_CHOICE = french("Choisissez l'une des réponses.")
_SHOWN = {
    "CONDITIONS": CONDITIONS,
    "FINDINGS": FINDINGS,
    "GROUNDS": GROUNDS,
    "READINGS": READINGS,
    "RULES": RULES,
    "Finding": Finding,
    "State": State,
    "ANSWERED": ANSWERED,
    "SILENT": SILENT,
    "UNACKNOWLEDGED": UNACKNOWLEDGED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a form of this page holds, as it was typed; ``seen`` is the log's size when the page was shown."""

    seen: Field = ""
    code: Field = ""
    number: Field = ""
    finding: Field = ""
    because: Field = ""

    def found(self, *possible: Finding) -> Finding | None:
        """What was chosen among these."""
        return next((each for each in possible if each.value == self.finding), None)

    def faults(self, *possible: Finding) -> dict[str, str]:
        """What is missing, by field."""
        faults = {} if not possible or self.found(*possible) else {"finding": NO_CHOICE}
        return faults if self.because.strip() else {**faults, "because": NO_REASON}


Decided = Annotated[Decision, Depends(Decision)]


@router.get(PLACE)
async def clock(ref: str, request: str, visit: Here) -> Response:
    """The clock of this request."""
    return await _page(visit, ref, request)


@router.get(PLACE + "/explication.pdf")
async def explanation(ref: str, request: str, visit: Here, langue: str = "fr") -> Response:
    """The same as a PDF file; nothing of the patient is in it.

    Raises:
        Absent: it is not printed in this language.
    """
    if langue not in LANGUAGES:
        raise Absent
    made = await visit.hall.explanation(ref, request=request, actor=visit.actor, language=langue)
    return visit.file(made, f"delai-{ref}-{langue}.pdf", "application/pdf")


@router.post(PLACE + "/confirmer")
async def confirm(ref: str, request: str, visit: Here, told: Decided) -> Response:
    """A person's word, by name, on one condition."""
    visit.need(Right.PROVE, Right.CONFIRM)
    confirmations, who = visit.hall.confirmations, visit.actor.name
    return await _act(
        visit,
        (ref, request),
        told,
        lambda: confirmations.confirm(ref, actor=who, codes=(told.code,), request_hash=request),
    )


@router.post(PLACE + "/departager")
async def settle(ref: str, request: str, visit: Here, told: Decided) -> Response:
    """Whether an answer near the end was in time.

    Raises:
        Absent: the form was not one of ours.
    """
    visit.need(Right.PROVE)
    found = told.found(Finding.IN_TIME, Finding.LATE)
    faults = told.faults(Finding.IN_TIME, Finding.LATE)
    if found is None or faults:
        return await _page(visit, ref, request, told=told, about=told.number, faults=faults)
    disputes, number, who = visit.hall.disputes, visit.number(told.number), visit.actor.name
    return await _act(
        visit,
        (ref, request),
        told,
        lambda: disputes.settle(ref, found, because=told.because, actor=who, request_hash=request, number=number),
        about=told.number,
    )


@router.post(PLACE + "/trancher")
async def rule(ref: str, request: str, visit: Here, told: Decided) -> Response:
    """Whether a challenged acceptance is upheld or withdrawn."""
    visit.need(Right.PROVE)
    found = told.found(Finding.UPHELD, Finding.WITHDRAWN)
    faults = told.faults(Finding.UPHELD, Finding.WITHDRAWN)
    if found is None or faults:
        return await _page(visit, ref, request, told=told, about="rule", faults=faults)
    challenges, who = visit.hall.challenges, visit.actor.name
    return await _act(
        visit,
        (ref, request),
        told,
        lambda: challenges.rule(ref, found, because=told.because, actor=who, request_hash=request),
        about="rule",
    )


@router.post(PLACE + "/mettre-en-cause")
async def cast(ref: str, request: str, visit: Here, told: Decided) -> Response:
    """A person knows something against a recorded acceptance."""
    visit.need(Right.PROVE, Right.CONFIRM)
    if faults := told.faults():
        return await _page(visit, ref, request, told=told, about="cast", faults=faults)
    challenges, who = visit.hall.challenges, visit.actor.name
    return await _act(
        visit,
        (ref, request),
        told,
        lambda: challenges.cast(ref, because=told.because, actor=who, request_hash=request),
        about="cast",
        engages=False,
    )


async def _act(
    visit: Visit,
    where: tuple[str, str],
    told: Decision,
    work: Callable[[], Awaitable[object]],
    *,
    about: str = "",
    engages: bool = True,
) -> Response:
    """Do it for the case as it was shown; casting a doubt alone ``engages`` nobody."""
    ref, request = where
    place = PLACE.format(ref=ref, request=request)

    async def again(error: GatewayError) -> Response:
        return await _page(visit, ref, request, told=told, about=about, error=error)

    seen = Seen(case=ref, size=visit.number(told.seen))
    return await visit.act(work, then=lambda _done: place, again=again, otherwise=place, seen=seen, engages=engages)


async def _page(
    visit: Visit,
    ref: str,
    request: str,
    *,
    told: Decision | None = None,
    about: str = "",
    faults: dict[str, str] | None = None,
    error: GatewayError | None = None,
) -> Response:
    """The page; ``about`` is the form on it that was sent, ``faults`` what its fields lack."""
    found = await visit.hall.clocks.of(ref, request, visit.actor)
    status = HTTPStatus.CONFLICT if error else HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK
    return await visit.page(
        "clock.html",
        status=status,
        view=found,
        period=found.item.period,
        place=PLACE.format(ref=found.case.ref, request=request),
        error=error,
        faults=faults or {},
        told=told or Decision(),
        about=about,
        **_SHOWN,
    )
