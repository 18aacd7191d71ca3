"""The gateway's health: one view for ``gateway status``, for what monitoring programs read, and for whoever looks on.

It holds states, counts, instants and the ids that the configuration gives; never a name, an address or a case. What
awaits a person is shown and is no fault: the gateway is healthy when it does its own work.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.alarms import KINDS, Severity
from gateway.domain.alarms.facts import Habit
from gateway.domain.alarms.machine import UNREAD
from gateway.domain.lifetimes import Lifetime
from gateway.domain.parties import Directory, Party, Role, Suite
from gateway.domain.readers import State as Handing
from gateway.domain.watching import Place
from gateway.ports import Clock, Keyholder, PublicKey, Room, Space
from gateway.services.alarms.book import Counts, counts
from gateway.services.alarms.habits import habits
from gateway.services.almanac import Almanac
from gateway.services.backups import last_backup
from gateway.services.calendar_watch import is_short
from gateway.services.compose import current_pins
from gateway.services.contests import Contests
from gateway.services.polls import last_poll
from gateway.storage import (
    FOR_A_PERSON,
    Alarm,
    ClockMark,
    Mail,
    OwedCopy,
    ReaderHandover,
    Request,
    Store,
    Tally,
    Transmission,
    Verdict,
    View,
)

ON_THEIR_WAY = (sending.State.READY, sending.State.SENDING)
NEED_A_PERSON = (sending.State.UNKNOWN, sending.State.REFUSED, sending.State.HELD, sending.State.RETURNED)

KEY_SECONDS = 3600.0

FAULTS = ("mail_not_polled", "clock_suspended", "mail_fails")
"""Why the gateway does not do its work, as stable codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The alarms of one kind that stand."""

    kind: str
    severity: Severity
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The gateway at a glance. ``polled_at`` gives the last successful poll of each watched folder.

    ``outbox`` counts what is sealed by state, with the instant at which the first was due; ``mails`` what came, by
    verdict; ``clocks`` the open requests by state, with the end of the nearest period. ``calendar_short`` says that the
    calendar soon ends, ``calendar_proposals`` how many await a second person. ``lifetimes`` is empty for who reads no
    keys; ``disk`` is None where it does not tell.
    """

    now: datetime
    role: Role
    polled_at: dict[str, datetime | None]
    outbox: tuple[Tally, ...]
    mails: tuple[Tally, ...]
    clocks: tuple[Tally, ...]
    waiting_mails: int
    waiting_since: datetime | None
    doubtful_mails: int
    to_triage: int
    to_triage_since: datetime | None
    quarantined: int
    open_requests: int
    unacknowledged: int
    elapsed: int
    contested: int
    owed_copies: int
    next_end: datetime | None
    clock_suspended_at: datetime | None
    failing_handovers: int
    waiting_handovers: int
    calendar_covers_until: date
    calendar_short: bool
    calendar_proposals: int
    audit_size: int
    alarms: Counts
    standing: tuple[Standing, ...]
    habits: tuple[Habit, ...]
    lifetimes: tuple[Lifetime, ...]
    backed_up_at: datetime | None
    disk: Space | None

    @property
    def watching(self) -> bool:
        """True when every folder was polled lately."""
        return all(self.fresh(at) for at in self.polled_at.values())

    def fresh(self, at: datetime | None) -> bool:
        """True for a poll that is recent enough."""
        return at is not None and self.now - at <= UNREAD

    @property
    def faults(self) -> tuple[str, ...]:
        """Those of :data:`FAULTS` that hold."""
        found = (not self.watching, self.clock_suspended_at is not None, self.alarms.mail_fails)
        return tuple(code for code, holds in zip(FAULTS, found, strict=True) if holds)

    @property
    def healthy(self) -> bool:
        """True when the gateway itself works; what awaits a person is no fault of the gateway."""
        return not self.faults


class HealthReader:
    """Reads it; until when keys last, which is slow to read, only where there is a ``keyholder``, and once an hour."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        party: Party,
        almanac: Almanac,
        watched: tuple[Place, ...],
        contests: Contests,
        room: Room,
        directory: Directory,
        keyholder: Keyholder | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self._almanac = almanac
        self._watched = watched
        self._contests = contests
        self._room = room
        self._directory = directory
        self._keyholder = keyholder
        self._lifetimes: tuple[Lifetime, ...] = ()
        self._keys_at = float("-inf")

    async def read(self, *, whole: bool = True) -> Health:
        """As of now; not the ``whole`` of it leaves out what is over: mails taken in, and those that arrived.

        Raises:
            StorageFailed.
        """
        site, now = self._party.site, self._clock.now()
        contested, space = len(await self._contests.all()), await self._room.space()
        lifetimes = await self._keys()
        async with self._store.view() as view:
            mark = await view.one(ClockMark, site=site)
            size, _, _ = await view.head()
            polled = {place.name: await last_poll(view, site, place) for place in self._watched}
            calendar = await self._almanac.calendar(view)
            outbox = await self._outbox(view, whole=whole)
            clocks = await view.tally(Request, by="state", oldest="nominal_at", site=site, state=tuple(life.OPEN))
            handing = _numbers(await view.tally(ReaderHandover, by="state", oldest="due_at", site=site))
            copies = await view.tally(OwedCopy, by="partner", oldest="noticed_at", site=site, settled_at=None)
            unsorted = await self._unsorted(view)
            many, ends = _numbers(clocks), [each.oldest for each in clocks if each.value is life.State.RUNNING]
            return Health(
                now=now,
                role=self._party.role,
                polled_at={name: poll.last_at if poll else None for name, poll in polled.items()},
                outbox=outbox,
                mails=await view.tally(Mail, by="verdict", oldest="recorded_at", site=site) if whole else (),
                clocks=clocks,
                waiting_mails=_sum(outbox, ON_THEIR_WAY),
                waiting_since=_first(each for each in outbox if each.value in ON_THEIR_WAY),
                doubtful_mails=_sum(outbox, NEED_A_PERSON),
                to_triage=sum(each.count for each in unsorted),
                to_triage_since=_first(unsorted),
                quarantined=_numbers(unsorted).get(Verdict.QUARANTINE, 0),
                open_requests=sum(many.values()),
                unacknowledged=many.get(life.State.SENT, 0) + many.get(life.State.DELIVERY_FAILED, 0),
                elapsed=many.get(life.State.ELAPSED, 0),
                contested=contested,
                owed_copies=sum(each.count for each in copies),
                next_end=ends[0] if ends else None,
                clock_suspended_at=mark.suspended_at if mark else None,
                failing_handovers=handing.get(Handing.FAILED, 0),
                waiting_handovers=handing.get(Handing.WAITING, 0),
                calendar_covers_until=calendar.covers_until,
                calendar_short=is_short(calendar, now),
                calendar_proposals=len(await self._almanac.proposals(view)),
                audit_size=size,
                alarms=await counts(view, site),
                standing=await self._standing(view),
                habits=await habits(view, site, self._directory, now),
                lifetimes=lifetimes,
                backed_up_at=await last_backup(view),
                disk=space,
            )

    async def _outbox(self, view: View, *, whole: bool) -> tuple[Tally, ...]:
        """Of all that ever left, each row is looked at."""
        some = {} if whole else {"state": ON_THEIR_WAY + NEED_A_PERSON}
        return await view.tally(Transmission, by="state", oldest="next_at", site=self._party.site, **some)

    async def _keys(self) -> tuple[Lifetime, ...]:
        now = self._clock.uptime()
        if self._keyholder is not None and now - self._keys_at >= KEY_SECONDS:
            async with self._store.view() as view:
                pins = (await current_pins(view, self._party.site)).values()
            keys = [
                (pin.partner, PublicKey(suite=Suite(pin.suite), fingerprint=pin.fingerprint, material=pin.material))
                for pin in pins
            ]
            self._lifetimes, self._keys_at = await self._keyholder.lifetimes(keys), now
        return self._lifetimes

    async def _unsorted(self, view: View) -> tuple[Tally, ...]:
        """Mails that hold something back until a person says what they are."""
        waiting = tuple(FOR_A_PERSON - {Verdict.AUTOMATIC})
        return await view.tally(
            Mail,
            by="verdict",
            oldest="recorded_at",
            site=self._party.site,
            verdict=waiting,
            settled_at=None,
            held_back=True,
        )

    async def _standing(self, view: View) -> tuple[Standing, ...]:
        found = await view.tally(Alarm, by="kind", oldest="started_at", site=self._party.site, ended_at=None)
        told = (
            Standing(kind=kind.name, severity=kind.severity, count=each.count, oldest=each.oldest)
            for each in found
            if (kind := KINDS.get(str(each.value))) is not None
        )
        return tuple(sorted(told, key=lambda each: (each.severity, each.kind)))


def _numbers(found: tuple[Tally, ...]) -> dict[object, int]:
    return {each.value: each.count for each in found}


def _sum(found: tuple[Tally, ...], wanted: tuple[object, ...]) -> int:
    return sum(each.count for each in found if each.value in wanted)


def _first(found: Iterable[Tally]) -> datetime | None:
    return min((each.oldest for each in found if each.oldest is not None), default=None)
