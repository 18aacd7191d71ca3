"""The alarms as persons see them, and the act by which somebody takes one."""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.alarms import KINDS
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.parties import Party
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.alarms.signals import ENDED
from gateway.services.alarms.words import kind_of, severity
from gateway.services.rights import entitled
from gateway.storage import Alarm, Call, Store, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The alarms that stand, those of them that are urgent, and those that nobody has taken."""

    standing: int = 0
    urgent: int = 0
    untaken: int = 0
    mail_fails: bool = False


async def counts(view: View, site: str) -> Counts:
    """As of now."""
    every = await view.tally(Alarm, by="kind", oldest="started_at", site=site, ended_at=None)
    untaken = (
        await view.tally(Alarm, by="kind", oldest="started_at", site=site, ended_at=None, taken_at=None)
        if every
        else ()
    )
    kinds = [(KINDS.get(str(each.value)), each.count) for each in every]
    return Counts(
        standing=sum(count for _kind, count in kinds),
        urgent=sum(count for kind, count in kinds if kind is not None and kind.severity == 0),
        untaken=sum(each.count for each in untaken),
        mail_fails=any(kind is not None and kind.mail_fails for kind, _count in kinds),
    )


def ended(alarm: Alarm, now: datetime) -> Alarm:
    """The alarm as it ends; whoever was called about it is owed its end as well."""
    owes = Call.END if alarm.called_at is not None else None
    return replace(alarm, ended_at=now, owes_call=owes)


class AlarmBook:
    """Lists and takes alarms."""

    def __init__(self, *, store: Store, clock: Clock, party: Party) -> None:
        self._store = store
        self._clock = clock
        self._party = party

    async def standing(self) -> tuple[Alarm, ...]:
        """Those that stand, the loudest first, then the oldest."""
        async with self._store.view() as view:
            rows = await view.all(Alarm, site=self._party.site, ended_at=None)
        return tuple(sorted(rows, key=lambda row: (severity(row), row.started_at, row.id)))

    async def every(self) -> tuple[Alarm, ...]:
        """All that ever were, the newest first."""
        async with self._store.view() as view:
            return await view.all(Alarm, site=self._party.site, newest=True)

    async def one(self, number: int) -> Alarm:
        """One of them.

        Raises:
            Unknown.
        """
        async with self._store.view() as view:
            found = await view.one(Alarm, site=self._party.site, id=number)
        if found is None:
            raise Unknown(kind=said("alarme"), ref=str(number))
        return found

    async def take(self, number: int, *, actor: str) -> Alarm:
        """Say by name who sees to it: nobody else is told any more. What no fact undoes ends by that.

        Raises:
            Unknown: there is no such alarm. NotAllowed: it is over.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.ALARMS)
            alarm = await act.one(Alarm, site=self._party.site, id=number)
            if alarm is None:
                raise Unknown(kind=said("alarme"), ref=str(number))
            if alarm.ended_at is not None:
                act_ = said("prendre l'alarme {number}", number=number)
                raise NotAllowed(act=act_, reason=said("Elle est terminée."))
            now: datetime = self._clock.now()
            taken = replace(alarm, taken_at=now, taken_by=actor)
            kind = kind_of(alarm)
            details = {"alarm": alarm.id, "former": alarm.taken_by}
            await act.record(
                "watch.taken", actor=actor, case=alarm.case, request=alarm.request, outcome=alarm.kind, details=details
            )
            if kind is not None and kind.until_taken:
                taken = ended(taken, now)
                await act.record(
                    kind.event,
                    actor=actor,
                    case=alarm.case,
                    request=alarm.request,
                    message=alarm.message,
                    partner=alarm.partner,
                    outcome=ENDED,
                    details={"alarm": alarm.id},
                )
            return await act.save(taken)
