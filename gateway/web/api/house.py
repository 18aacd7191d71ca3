"""What is to be done, the alarms, the partners, the audit log, and whether the gateway works."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from gateway.domain.scopes import Scope
from gateway.services.seen import of_row, version
from gateway.services.shapes.alarms import alarm_json
from gateway.services.shapes.log import records_json
from gateway.services.shapes.status import status_json
from gateway.services.shapes.todo import item_json
from gateway.storage import Alarm, Question, View
from gateway.web.api import house_models as models
from gateway.web.api.bodies import Instant, NumberInPath
from gateway.web.api.cursors import Cursor, Limit, cursor, not_ours, number_of, place_of
from gateway.web.api.described import ACTS, operation
from gateway.web.api.door import Calling, Door, shown
from gateway.web.api.keys import Done, once
from gateway.web.api.models import Listed, Page, Task
from gateway.web.places import key_of, word_of

router = APIRouter(route_class=Door, tags=["house"])

_WORKLIST = {"list": "worklist"}

Word = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


@router.get(
    "/worklist", **operation("Ce qui reste à faire, le plus urgent d'abord.", scope=Scope.CASES, shows=Page[Task])
)
async def worklist(
    call: Calling, limit: Limit = 50, cursor_: Annotated[Cursor, Query(alias="cursor")] = None
) -> Response:
    """A page of what is to be done."""
    place = place_of(cursor_, _WORKLIST)
    after = None if place is None else key_of(place)
    if place is not None and after is None:
        raise not_ours()
    found = await call.hall.archive.worklist.page(after, limit=limit)
    more = cursor(word_of(found.after), _WORKLIST) if found.after else None
    return shown({"items": [item_json(item) for item in found.items], "next": more})


@router.get(
    "/alarms",
    **operation("Les alarmes qui durent, les plus graves d'abord.", scope=Scope.CASES, shows=Listed[models.Alarm]),
)
async def alarms(call: Calling) -> Response:
    """The alarms that stand."""
    return shown({"items": [alarm_json(alarm) for alarm in await call.hall.alarms.standing()]})


@router.get("/alarms/{number}", **operation("Une alarme.", scope=Scope.CASES, shows=models.Alarm, meets=(404,)))
async def alarm(number: NumberInPath, call: Calling) -> Response:
    """One of them."""
    found = await call.hall.alarms.one(number)
    return shown(alarm_json(found), version=version(found))


@router.post(
    "/alarms/{number}/owner",
    **operation("Prendre une alarme.", scope=Scope.ALARMS, shows=models.Alarm, meets=(404, *ACTS)),
)
async def take(number: NumberInPath, call: Calling) -> Response:
    """Take it."""

    async def work() -> Done:
        return Done(value=alarm_json(await call.hall.alarms.take(number, actor=call.actor)))

    async def about(view: View) -> str:
        return await of_row(view, call.hall.party.site, Alarm, number)

    return await once(call, work, body=b"", about=about)


@router.get(
    "/partners",
    **operation("Les partenaires, et leurs habitudes d'accusé.", scope=Scope.CASES, shows=Listed[models.Partner]),
)
async def partners(call: Calling) -> Response:
    """The partners of the configuration."""
    habits = {habit.partner: habit for habit in (await call.hall.health.read()).habits}
    found = [
        {
            "id": partner.id,
            "role": partner.role,
            "kind": partner.kind,
            "suite": partner.suite,
            "functions": sorted(function.value for function in partner.functions),
            "max_bytes": partner.max_bytes,
            "confirms": habits.get(partner.id),
        }
        for partner in call.hall.directory.partners
    ]
    return shown({"items": found})


@router.get("/health", **operation("Si tout marche.", scope=None, shows=models.Health))
async def health(call: Calling) -> Response:
    """Whether the gateway works."""
    return shown(status_json(await call.hall.health.read()))


@router.get(
    "/audit",
    **operation(
        "Le journal, sans aucun contenu ; cette lecture y est inscrite.",
        scope=Scope.AUDIT,
        shows=Page[models.LogRecord],
    ),
)
async def audit(
    call: Calling,
    *,
    case: Word = None,
    request: Word = None,
    message: Word = None,
    event: Annotated[Word, Query(description="« alarm.* » pour une famille.")] = None,
    partner: Word = None,
    actor: Word = None,
    outcome: Word = None,
    since: Annotated[Instant | None, Query(description="Compris.")] = None,
    until: Annotated[Instant | None, Query(description="Exclu.")] = None,
    newest: Annotated[bool, Query(description="Les plus récents d'abord.")] = False,
    limit: Limit = 100,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """Records of the log."""
    family = event[:-1] if event is not None and event.endswith("*") else None
    equal = {"case": case, "request": request, "message": message, "partner": partner, "actor": actor}
    equal |= {"outcome": outcome, "event": None if family is not None else event}
    told: dict[str, str | bool | datetime | None] = {**equal, "begins": family, "newest": newest}
    told |= {"list": "audit", "since": since, "until": until}
    place = number_of(cursor_, told)
    question = Question(
        equal={name: value for name, value in equal.items() if value is not None},
        begins=family,
        since=since,
        until=until,
        after=-1 if place is None or newest else place,
        before=place if newest else None,
        newest=newest,
        limit=limit + 1,
    )
    found = await call.hall.questions.ask(question, actor=call.actor)
    page = found[:limit]
    more = cursor(page[-1].index, told) if len(found) > limit else None
    return shown({"items": records_json(page), "next": more})
