"""What the stories are played with: three running gateways, their mail server, the clock, and ways to wait and to look.

Waiting is bounded in real time. The clock is moved only while no mail is on its way, as it would be in the world.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from gettext import gettext as _
from pathlib import Path

from gateway import records
from gateway.demo.clock import VirtualClock
from gateway.demo.mailprogram import MailProgram
from gateway.demo.party import Actor
from gateway.demo.screen import Screen, day
from gateway.demo.servers import MailServer
from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.days import ALGIERS
from gateway.domain.period import Period
from gateway.services.desk import Submitted
from gateway.storage import Acceptance, Mail, Request, Transmission

PATIENCE = 45.0
"""Seconds of real time after which something that should come does not come any more."""

LOOK_SECONDS = 0.1
FAST_STEP, FAST_PAUSE = timedelta(hours=1), 0.02
SLOW_STEP = timedelta(minutes=10)

_ON_ITS_WAY = (sending.State.READY, sending.State.SENDING)


Commands = Callable[[list[str]], str]
"""Runs a command line of this program, without its name, and returns what it printed. Called in a thread."""


class DemonstrationFailed(Exception):
    """Something that the demonstration shows did not happen. The text is in the spectator's language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``speed`` is in virtual hours a second, 0 for as fast as possible; ``commands`` runs one and gives its output."""

    folder: Path
    clock: VirtualClock
    screen: Screen
    server: MailServer
    actors: dict[str, Actor]
    programs: dict[str, MailProgram]
    speed: float
    commands: Commands
    audits: list[str] = field(default_factory=list)

    async def until(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Look again until it is so.

        Raises:
            DemonstrationFailed: not within the patience.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while not await condition():
            if loop.time() > end:
                late = _("Rien n'est venu en {seconds:g} secondes : {what}.")
                raise DemonstrationFailed(late.format(seconds=PATIENCE, what=what))
            await asyncio.sleep(LOOK_SECONDS)

    async def reach(self, roles: tuple[str, ...], done: Submitted, state: life.State) -> None:
        """Wait until these parties hold the request in this state, and no mail is on its way any more."""
        for role in roles:

            async def there(actor: Actor = self.actors[role]) -> bool:
                held = await self.request(actor, done)
                return held is not None and held.state is state

            what = _("demande « {state} » ({name})").format(state=state.value, name=self.actors[role].profile.name)
            await self.until(what, there)
        await self.quiet()

    async def request(self, actor: Actor, done: Submitted) -> Request | None:
        """The request as a party holds it."""
        base = actor.core.base
        async with base.store.view() as view:
            return await view.one(Request, site=base.settings.gateway.site, hash=done.request.hash)

    async def period(self, done: Submitted) -> Period:
        """The period as the hospital counts it.

        Raises:
            DemonstrationFailed: none runs.
        """
        case = await self.actors["hospital"].archive.case(done.case.ref)
        for item in case.requests:
            if item.request.hash == done.request.hash and item.period is not None:
                return item.period
        raise DemonstrationFailed(_("Aucun délai ne court."))

    async def acceptance(self, done: Submitted) -> Acceptance | None:
        """The recorded silence, as the hospital holds it."""
        base = self.actors["hospital"].core.base
        async with base.store.view() as view:
            return await view.one(Acceptance, site=base.settings.gateway.site, request_hash=done.request.hash)

    async def latest_mail(self, role: str) -> Mail:
        """The mail that a party took in last."""
        base = self.actors[role].core.base
        async with base.store.view() as view:
            (mail,) = await view.all(Mail, site=base.settings.gateway.site, newest=True, limit=1)
        return mail

    async def travel(self, to: datetime, period: Period) -> None:
        """Let time pass until an instant, telling each new day."""
        await self.quiet()
        step = SLOW_STEP if self.speed else FAST_STEP
        pause = SLOW_STEP / timedelta(hours=1) / self.speed if self.speed else FAST_PAUSE
        today = self._today()
        while (left := to - self.clock.now()) > timedelta():
            self.clock.advance(min(step, left))
            if self._today() != today:
                today = self._today()
                self.screen.say(_("{day} : {meaning}").format(day=day(today), meaning=_meaning(today, period)))
            self.screen.clock(self.clock.now(), sum(counted <= today for counted in period.counted_days))
            await asyncio.sleep(pause)

    async def pass_time(self, to: datetime) -> None:
        """Let time pass until an instant while no period runs."""
        await self.quiet()
        while (left := to - self.clock.now()) > timedelta():
            self.clock.advance(min(FAST_STEP, left))
            self.screen.clock(self.clock.now(), 0)
            await asyncio.sleep(FAST_PAUSE)

    async def quiet(self) -> None:
        """Wait until no mail is on its way."""
        await self.until(_("le courrier en route"), self._quiet)

    async def looked_again(self) -> None:
        """Wait until the hospital has asked its mailbox twice more, at the time it is now."""
        for _again in range(2):
            now = self.clock.now()
            await self.until(_("une nouvelle relève"), lambda now=now: self._polled_since(now))  # type: ignore[misc]

    async def command(self, role: str, *arguments: str) -> str:
        """Run a real command of a party beside its running gateway, and show what it prints.

        Raises:
            GatewayError: it failed.
        """
        config = self.actors[role].config
        output = await asyncio.to_thread(self.commands, [*arguments, "--config", str(config)])
        self._show("gateway", *arguments, "--config", str(config), output=output)
        return output

    async def examined(self, *arguments: str) -> str:
        """Run a real command that looks at a file alone, and show what it prints.

        Raises:
            GatewayError: it failed.
        """
        output = await asyncio.to_thread(self.commands, list(arguments))
        self._show("gateway", *arguments, output=output)
        return output

    def _show(self, *words: str, output: str) -> None:
        """As it would be typed in the folder of the play."""
        here = f"{self.folder}/"
        self.screen.command(" ".join(words).replace(here, ""), output.replace(here, ""))

    async def breathe(self) -> None:
        """Leave time to read, when the story is slowed down."""
        if self.speed:
            await asyncio.sleep(min(6.0, 24 / self.speed))

    def _today(self) -> date:
        return self.clock.now().astimezone(ALGIERS).date()

    async def _quiet(self) -> bool:
        """Nothing waits to be sent, and everything that was delivered has been taken in."""
        for actor in self.actors.values():
            site = actor.core.base.settings.gateway.site
            async with actor.core.base.store.view() as view:
                taken = await view.all(Mail, site=site)
                waiting = await view.all(Transmission, site=site, state=_ON_ITS_WAY)
            if waiting or len(taken) != len(self.server.delivered[actor.profile.address]):
                return False
        return True

    async def _polled_since(self, instant: datetime) -> bool:
        health = await records.health(self.actors["hospital"].core.base).read()
        return all(at is not None and at > instant for at in health.polled_at.values())


def _meaning(today: date, period: Period) -> str:
    """What a day is for the period."""
    for line in period.days:
        if line.date == today:
            if line.rank:
                return _("jour ouvrable, jour {rank} sur 4.").format(rank=line.rank)
            if line.name:
                return _("férié ({name}), ne compte pas.").format(name=line.name)
            return _("week-end en Algérie, ne compte pas.")
    return _("les quatre jours sont passés.")
