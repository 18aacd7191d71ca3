"""« Quels jours comptent ? »: a month of the Algerian calendar; a change is looked at before anybody records it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import Response

from gateway.domain.errors import GatewayError
from gateway.domain.labels import STATUSES
from gateway.domain.rights import Right
from gateway.services.calendar_acts import Effect
from gateway.services.day_told import LACKS, OTHER, WHAT, DayTold
from gateway.services.seen import Seen
from gateway.web.typed import typed_day
from gateway.web.visit import Visit, signed_in

router = APIRouter()
Here = Annotated[Visit, Depends(signed_in)]
PLACE = "/calendrier"
COUNT = re.compile(r"[0-9]{1,2}")
MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A change as it was typed."""

    what: str = ""
    first: str = ""
    days: str = "1"
    name: str = ""
    feast: str = ""
    source: str = ""

    @property
    def told(self) -> DayTold:
        """The same, read."""
        return DayTold(
            what=self.what,
            first=_day(self.first),
            days=int(self.days) if COUNT.fullmatch(self.days) else None,
            name=self.name.strip(),
            feast=self.feast,
            source=self.source.strip(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Wanted):
    """As it stands in an address."""

    what: Annotated[str, Query()] = ""
    first: Annotated[str, Query()] = ""
    days: Annotated[str, Query()] = "1"
    name: Annotated[str, Query()] = ""
    feast: Annotated[str, Query()] = ""
    source: Annotated[str, Query()] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Wanted):
    """As a form sends it; ``seen`` is the log's size when its effect was shown."""

    what: Annotated[str, Form()] = ""
    first: Annotated[str, Form()] = ""
    days: Annotated[str, Form()] = "1"
    name: Annotated[str, Form()] = ""
    feast: Annotated[str, Form()] = ""
    source: Annotated[str, Form()] = ""
    seen: Annotated[str, Form()] = ""


@router.get(PLACE)
async def calendar(visit: Here, mois: str = "") -> Response:
    """A month."""
    return await _month(visit, mois)


@router.get(PLACE + "/effet")
async def effect(visit: Here, wanted: Annotated[Asked, Depends(Asked)]) -> Response:
    """What a change would do, before anything is recorded."""
    visit.need(Right.CALENDAR)
    size = await visit.hall.months.log_size()
    if faults := await _faults(visit, wanted):
        return await _month(visit, "", wanted=wanted, faults=faults)
    try:
        found = await visit.hall.calendar.preview(wanted.told.plan)
    except GatewayError as error:
        return await _month(visit, "", wanted=wanted, error=error)
    return await visit.page(
        "calendar_effect.html", effect=found, wanted=wanted, what=WHAT, log_size=size, STATUSES=STATUSES
    )


@router.post(PLACE + "/enregistrer")
async def record(visit: Here, wanted: Annotated[Sent, Depends(Sent)]) -> Response:
    """Record the change, or propose it to a second person.

    Raises:
        Absent: the form was not one of ours.
    """
    visit.need(Right.CALENDAR)
    who = visit.actor.name
    if faults := await _faults(visit, wanted):
        return await _month(visit, "", wanted=wanted, faults=faults)
    return await _act(
        visit, wanted.seen, lambda: visit.hall.calendar.amend(wanted.told.plan, actor=who), wanted=wanted, engages=True
    )


@router.post(PLACE + "/propositions/{number}/confirmer")
async def confirm(number: str, visit: Here, seen: Annotated[str, Form()] = "") -> Response:
    """A second person confirms what another proposed."""
    visit.need(Right.CALENDAR, Right.CONFIRM)
    proposal, who = visit.number(number), visit.actor.name
    return await _act(visit, seen, lambda: visit.hall.calendar.confirm(proposal, actor=who), engages=True)


@router.post(PLACE + "/propositions/{number}/ecarter")
async def decline(
    number: str, visit: Here, seen: Annotated[str, Form()] = "", source: Annotated[str, Form()] = ""
) -> Response:
    """Anybody who may confirm may put a proposal aside, and says why."""
    visit.need(Right.CALENDAR, Right.CONFIRM)
    proposal, who, why = visit.number(number), visit.actor.name, source.strip()
    if not why:
        return await _month(visit, "", faults={f"decline-{proposal}": LACKS["source"]})
    return await _act(visit, seen, lambda: visit.hall.calendar.decline(proposal, actor=who, source=why))


async def _act(
    visit: Visit,
    seen: str,
    work: Callable[[], Awaitable[Effect]],
    *,
    wanted: Wanted | None = None,
    engages: bool = False,
) -> Response:
    async def again(error: GatewayError) -> Response:
        return await _month(visit, "", wanted=wanted, error=error)

    def then(done: Effect) -> str:
        days = [row.date for row in (*done.change.stated, *done.change.withdrawn)]
        return f"{PLACE}?mois={min(days):%Y-%m}" if days else PLACE

    shown = Seen(case=None, size=visit.number(seen))
    return await visit.act(work, then=then, again=again, otherwise=PLACE, seen=shown, engages=engages)


def _day(typed: str) -> date | None:
    try:
        return typed_day(typed)
    except ValueError:
        return None


async def _faults(visit: Visit, wanted: Wanted) -> dict[str, str]:
    standing, _proposals = await visit.hall.calendar.standing()
    return wanted.told.faults(standing)


async def _month(
    visit: Visit,
    mois: str,
    *,
    wanted: Wanted | None = None,
    faults: dict[str, str] | None = None,
    error: GatewayError | None = None,
) -> Response:
    """The page of a month: the one asked for, else that of the change, else today's."""
    asked = MONTH.fullmatch(mois)
    day = _day(wanted.first) if wanted else None
    months = visit.hall.months
    if asked:
        found = await months.month(int(asked[1]), int(asked[2]))
    elif day is not None and MONTH.fullmatch(f"{day:%Y-%m}"):
        found = await months.month(day.year, day.month)
    else:
        found = await months.this_month()
    status = HTTPStatus.CONFLICT if error else HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK
    return await visit.page(
        "calendar.html",
        status=status,
        view=found,
        wanted=wanted or Wanted(),
        faults=faults or {},
        error=error,
        what=WHAT,
        OTHER=OTHER,
        STATUSES=STATUSES,
    )
