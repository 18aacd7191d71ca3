"""Gathers what the rules of the alarms look at.

What changes by the minute is read each time; cases and habits, whose alarms count in days, every ten minutes; keys,
which are slow to read, every hour and whenever another is pinned.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from gateway.domain.alarms.facts import Facts, Habit, Limits, Stay, Unconfirmed
from gateway.domain.alarms.machine import UNREAD
from gateway.domain.lifetimes import Lifetime
from gateway.domain.parties import Directory, Party, Role, Suite
from gateway.domain.watching import Place
from gateway.ports import Clock, Keyholder, PublicKey, Room
from gateway.services.alarms import rows
from gateway.services.alarms.anchors import unanchored
from gateway.services.alarms.habits import habits, unconfirmed
from gateway.services.almanac import Almanac
from gateway.services.backups import unsaved_for
from gateway.services.casework import hospital_day
from gateway.services.compose import current_pins
from gateway.services.polls import last_poll
from gateway.storage import ClockMark, Pin, Store, View, Way

SLOW_SECONDS, KEY_SECONDS = 600.0, 3600.0
LOOKS = 5
"""Looks in vain before a mailbox counts as unreachable: a clock that was moved forward is no time spent trying."""


def _not_looked_at() -> None:
    return None


class AlarmFacts:
    """Facts as of now. ``ways`` are those by which checkpoints are to leave.

    ``log_sound`` tells what the witness found of the log.
    """

    def __init__(
        self,
        *,
        store: Store,
        almanac: Almanac,
        keyholder: Keyholder,
        clock: Clock,
        party: Party,
        directory: Directory,
        watched: tuple[Place, ...],
        limits: Limits,
        ways: Collection[Way] = frozenset(),
        log_sound: Callable[[], bool | None] = _not_looked_at,
        room: Room,
    ) -> None:
        self._store = store
        self._almanac = almanac
        self._keyholder = keyholder
        self._clock = clock
        self._party = party
        self._directory = directory
        self._watched = watched
        self._limits = limits
        self._ways = ways
        self._log_sound = log_sound
        self._room = room
        self._free: int | None = None
        self._silence = _Silence()
        self._unreachable = False
        self._stays: tuple[Stay, ...] = ()
        self._habits: tuple[Habit, ...] = ()
        self._unconfirmed: tuple[Unconfirmed, ...] = ()
        self._lifetimes: tuple[Lifetime, ...] = ()
        self._pins: tuple[Pin, ...] = ()
        self._slow_at = self._keys_at = float("-inf")

    async def look(self) -> None:
        """Look again at what is slow to see, where it is time; before the facts of a round are gathered."""
        site, uptime = self._party.site, self._clock.uptime()
        space = await self._room.space()
        self._free = None if space is None else space.free
        async with self._store.view() as view:
            pins = tuple((await current_pins(view, site)).values())
            self._unreachable = self._silence.lasts(await self._oldest_poll(view), uptime)
            if uptime - self._slow_at >= SLOW_SECONDS:
                now = self._clock.now()
                if self._party.role is Role.HOSPITAL:
                    self._stays = await rows.stays(view, site)
                self._habits = await habits(view, site, self._directory, now)
                self._unconfirmed = await unconfirmed(view, site, self._directory, now)
                self._slow_at = uptime
        if pins != self._pins or uptime - self._keys_at >= KEY_SECONDS:
            self._lifetimes = await self._keyholder.lifetimes([(pin.partner, _key(pin)) for pin in pins])
            self._pins, self._keys_at = pins, uptime

    async def gather(self, view: View) -> Facts:
        """All that the rules look at."""
        site, now = self._party.site, self._clock.now()
        mark = await view.one(ClockMark, site=site)
        polled = await self._oldest_poll(view)
        quiet = bool(self._habits) and all(habit.never for habit in self._habits)
        return Facts(
            now=now,
            today=hospital_day(now),
            us=self._party.role,
            limits=self._limits,
            clock_trusted=mark is None or mark.suspended_at is None,
            mail_unread_for=now - polled if polled is not None else timedelta.max,
            unreachable=self._unreachable,
            calendar_covers_until=(await self._almanac.calendar(view)).covers_until,
            requests=await rows.requests(view, site, quiet=quiet),
            stays=self._stays,
            outgoing=await rows.outgoing(view, site),
            mails=await rows.unsorted(view, site),
            copies=await rows.copies(view, site),
            handovers=await rows.handovers(view, site),
            challenged=await rows.challenged(view, site),
            lifetimes=self._lifetimes,
            servers=self._keyholder.servers(),
            proofs=await rows.proofs(view, site),
            habits=self._habits,
            unconfirmed=self._unconfirmed,
            unanchored=await unanchored(view, self._ways),
            unsaved_for=await unsaved_for(view, now),
            free_bytes=self._free,
            log_sound=self._log_sound(),
        )

    async def _oldest_poll(self, view: View) -> datetime | None:
        """When the folder that was polled longest ago was; None when one never was."""
        found = []
        for place in self._watched:
            newest = await last_poll(view, self._party.site, place)
            found.append(newest.last_at if newest else None)
        known = [at for at in found if at is not None]
        return min(known) if known and len(known) == len(found) else None


class _Silence:
    """How long the same poll has been the latest, by our own looks: no restart or step of the clock is a silence."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._since = 0.0
        self._looks = 0

    def lasts(self, at: datetime | None, uptime: float) -> bool:
        """Whether we have looked in vain for long enough."""
        if at != self._at or not self._looks:
            self._at, self._since, self._looks = at, uptime, 0
        self._looks += 1
        return self._looks > LOOKS and uptime - self._since >= UNREAD.total_seconds()


def _key(pin: Pin) -> PublicKey:
    return PublicKey(suite=Suite(pin.suite), fingerprint=pin.fingerprint, material=pin.material)
