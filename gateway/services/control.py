"""« Est-ce que tout marche ? »: the gateway's health and the alarms that stand, in one look; and who takes an alarm."""

from dataclasses import dataclass

from gateway.domain.alarms import Severity
from gateway.domain.words import Said
from gateway.services.alarms.book import AlarmBook
from gateway.services.alarms.words import severity, told
from gateway.services.health import Health, HealthReader
from gateway.storage import Alarm

SHOWN = 20
"""Alarms on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAlarm:
    """An alarm with its words."""

    alarm: Alarm
    severity: Severity
    sentence: Said
    mend: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Everything at a glance, the loudest alarms first: some of them, ``health`` counts them all."""

    health: Health
    alarms: tuple[ToldAlarm, ...]


class ControlRoom:
    """Looks at everything."""

    def __init__(self, *, health: HealthReader, alarms: AlarmBook) -> None:
        self._health = health
        self._alarms = alarms

    async def look(self) -> Control:
        """As of now."""
        found = []
        for alarm in (await self._alarms.standing())[:SHOWN]:
            sentence, mend = told(alarm)
            found.append(ToldAlarm(alarm=alarm, severity=severity(alarm), sentence=sentence, mend=mend))
        return Control(health=await self._health.read(whole=False), alarms=tuple(found))

    async def take(self, number: int, *, actor: str) -> Alarm:
        """Say by name who sees to an alarm.

        Raises:
            Unknown, NotAllowed: as :meth:`AlarmBook.take`.
        """
        return await self._alarms.take(number, actor=actor)
