"""The Algerian calendar: what it says, what a change would do, a change; and the period of any reception."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from gateway.domain.amendments import Change
from gateway.domain.calendar_plans import moving, setting
from gateway.domain.feasts import RowStatus
from gateway.domain.period import compute
from gateway.domain.plain import period_json
from gateway.domain.scopes import Scope
from gateway.domain.words import said
from gateway.domain.workdays import Calendar, algiers_day
from gateway.services.seen import require_version
from gateway.services.shapes.calendar import calendar_json, effect_json
from gateway.web.api import house_models as models
from gateway.web.api.bodies import Day, DayStated, Received, WhatIf
from gateway.web.api.described import BODY, operation
from gateway.web.api.door import Calling, Door, shown
from gateway.web.api.faults import Fault
from gateway.web.api.keys import Done, once
from gateway.web.api.models import Period
from gateway.web.api.parts import same
from gateway.web.api.problems import invalid

router = APIRouter(route_class=Door, tags=["calendar"])

YEAR = timedelta(days=365)
MOST_DAYS = 1100


@router.get(
    "/calendar/days",
    **operation("Ce que le calendrier algérien dit des jours.", scope=Scope.CASES, shows=models.Days),
)
async def days(
    call: Calling,
    first: Annotated[Day | None, Query(alias="from", description="Aujourd'hui si absent.")] = None,
    until: Annotated[Day | None, Query(description="Un an plus tard si absent.")] = None,
) -> Response:
    """The days of which it says something."""
    begin = first or algiers_day(call.hall.clock.now())
    finish = until or begin + YEAR
    if not timedelta() <= finish - begin <= timedelta(days=MOST_DAYS):
        expected = said("un jour de from à {most} jours plus tard", most=MOST_DAYS)
        raise invalid(Fault(place="query", pointer="/until", expected=expected))
    calendar, proposals = await call.hall.calendar.standing()
    return shown(calendar_json(calendar, proposals, begin, finish), version=calendar.version)


@router.put(
    "/calendar/days/{day}",
    **operation(
        "Dire d'un jour qu'il est férié ou travaillé ; ce qui hâte un délai attend une seconde personne.",
        scope=Scope.CALENDAR,
        shows=models.Effect,
        meets=(404, 409, 412, *BODY),
    ),
)
async def state(day: Day, body: DayStated, call: Calling) -> Response:
    """State a day."""

    def plan(calendar: Calendar) -> Change:
        if call.seen:
            require_version(calendar.version, call.seen)
        return _stated(day, body)(calendar)

    async def work() -> Done:
        return Done(value=effect_json(await call.hall.calendar.amend(plan, actor=call.actor)))

    return await once(call, work, body=same(body))


@router.post(
    "/calendar/previews",
    **operation(
        "Et si… : ce qu'un changement ferait aux délais ouverts. Rien n'est enregistré.",
        scope=Scope.CASES,
        shows=models.Effect,
        meets=(409, *BODY),
    ),
)
async def preview(body: WhatIf, call: Calling) -> Response:
    """Look at a change."""
    if (body.set is None) == (body.move is None):
        raise invalid(Fault(place="body", pointer="", expected=said("set ou move, l'un des deux")))
    if body.move is not None:
        plan: Callable[[Calendar], Change] = partial(moving, feast=body.move.feast, by=body.move.by)
    elif body.set is not None:
        plan = _stated(body.set.date, body.set)
    return shown(effect_json(await call.hall.calendar.preview(plan)))


@router.post(
    "/clock/computations",
    **operation(
        "Le délai d'une réception, expliqué jour par jour. Rien n'est enregistré.",
        scope=Scope.CASES,
        shows=Period,
        meets=BODY,
    ),
)
async def computation(body: Received, call: Calling) -> Response:
    """The period of a reception."""
    calendar, _proposals = await call.hall.calendar.standing()
    return shown(period_json(compute(body.received, calendar)))


def _stated(day: date, body: DayStated) -> Callable[[Calendar], Change]:
    return partial(
        setting,
        first=day,
        days=body.days,
        status=RowStatus(body.status),
        source=" ".join(body.source.split()),
        off=body.off,
        name=body.name,
        feast=body.feast,
    )
