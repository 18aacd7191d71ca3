"""Takes the other path: hands over the alarms that mail does not carry, until it is answered.

What is owed stands in the rows, written by the commit that found it out. It is paid outside of any act, at least once,
and noted; the start of an alarm and its end are each told.
"""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from gateway.domain.alarms import KINDS
from gateway.domain.errors import OtherPathFailed
from gateway.domain.parties import Party
from gateway.ports import Clock, OtherPath
from gateway.services.alarms.words import severity, told
from gateway.services.requests import iso
from gateway.storage import Alarm, Call, Store

_log = structlog.get_logger()

REST_SECONDS = 300.0
"""How long a path that failed is left alone: it may take its whole time to fail."""

_STORAGE = KINDS["storage_failed"]
_ANY = (Call.START, Call.END)


class AlarmCalls:
    """Debts towards the other path; none arises where there is no such path."""

    def __init__(self, *, store: Store, path: OtherPath | None, clock: Clock, party: Party) -> None:
        self._store = store
        self._path = path
        self._clock = clock
        self._party = party
        self._rests_until = float("-inf")
        self._failing = False
        self._storage_failing = self._storage_told = False

    @property
    def possible(self) -> bool:
        """Whether there is another path."""
        return self._path is not None

    async def pay(self) -> None:
        """Tell everything that is owed, unless the path has just failed.

        Raises:
            StorageFailed: what was told could not be noted; it is told again.
        """
        if self._path is None:
            return
        async with self._store.view() as view:
            owed = await view.all(Alarm, site=self._party.site, owes_call=_ANY)
        for alarm in owed:
            if not await self._hand_over(_words(alarm)):
                return
            await self._paid(alarm)

    async def storage(self, *, failing: bool) -> None:
        """The one alarm of which no row can be written: its start and its end, each told once."""
        if failing == self._storage_told:
            return
        if failing and not self._storage_failing:
            _log.error("watch.started", alarm=0, kind=_STORAGE.name, severity=_STORAGE.severity.name.lower())
        self._storage_failing = failing
        told_ = await self._hand_over(
            {
                "alarm": 0,
                "event": (Call.START if failing else Call.END).value,
                "kind": _STORAGE.name,
                "severity": _STORAGE.severity.name.lower(),
                "sentence": str(_STORAGE.told({})),
                "mend": str(_STORAGE.mended({})),
            }
        )
        if told_:
            self._storage_told = failing

    async def _hand_over(self, words: Mapping[str, str | int | None]) -> bool:
        if self._path is None:
            return True
        if self._clock.uptime() < self._rests_until:
            return False
        try:
            await self._path.tell(words)
        except OtherPathFailed as error:
            if not self._failing:
                _log.error("watch.path_failed", told=error.sentence())
            self._failing = True
            self._rests_until = self._clock.uptime() + REST_SECONDS
            return False
        self._failing = False
        return True

    async def _paid(self, seen: Alarm) -> None:
        async with self._store.act() as act:
            current = await act.one(Alarm, id=seen.id)
            if current is None:
                return
            now = self._clock.now()
            # It may have ended while its start was being told: somebody knows of it, so its end is owed.
            over = seen.owes_call is Call.START and current.ended_at is not None
            await act.save(replace(current, owes_call=Call.END if over else None, called_at=now))
            await act.record(
                "watch.called",
                actor="gateway",
                case=current.case,
                outcome=current.kind,
                details={"alarm": current.id, "told": seen.owes_call.value if seen.owes_call else None},
            )


def _words(alarm: Alarm) -> Mapping[str, str | int | None]:
    sentence, mend = told(alarm)
    return {
        "alarm": alarm.id,
        "event": alarm.owes_call.value if alarm.owes_call else None,
        "kind": alarm.kind,
        "severity": severity(alarm).name.lower(),
        "sentence": str(sentence),
        "mend": str(mend),
        "case": alarm.case,
        "started_at": iso(alarm.started_at),
    }
