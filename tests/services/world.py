"""One gateway of any role on a real database file and a real vault, and the mails that its partners write to it."""

import atexit
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from sqlalchemy import Engine

from gateway.adapters import database
from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.adapters.log_key import verify_note
from gateway.adapters.vault import FileVault
from gateway.domain.alarms.facts import Limits
from gateway.domain.alarms.staff import Staff
from gateway.domain.checkpoint import MAILBOX
from gateway.domain.kinds import EXTENSION_REQUEST, Kind
from gateway.domain.parties import (
    Directory,
    Partner,
    PartnerKind,
    Party,
    ReceptionPolicy,
    Role,
    Suite,
    default_policy,
    unsealed,
)
from gateway.domain.readers import Reader, Readership
from gateway.domain.tacit import POLL_GAP
from gateway.domain.watching import Place
from gateway.domain.workdays import Calendar
from gateway.ports import Opener, Sealer
from gateway.services.accept import Accept
from gateway.services.acknowledge import Acknowledgements
from gateway.services.alarms.book import AlarmBook
from gateway.services.alarms.calls import AlarmCalls
from gateway.services.alarms.facts import AlarmFacts
from gateway.services.alarms.mail import AlarmPost
from gateway.services.alarms.watch import AlarmWatch
from gateway.services.almanac import Almanac
from gateway.services.auditing import Audited, Auditor
from gateway.services.cabinet import Cabinet
from gateway.services.calendar_acts import CalendarActs
from gateway.services.casework import Casework
from gateway.services.challenges import Challenges
from gateway.services.compose import Composer
from gateway.services.confirm import Confirmations
from gateway.services.contests import Contests
from gateway.services.copies import CopyRepair
from gateway.services.deadlines import Deadlines
from gateway.services.desk import Desk, Submitted
from gateway.services.disputes import Disputes
from gateway.services.dossier import Archive
from gateway.services.fiche import Fiche
from gateway.services.follow import Follower
from gateway.services.handover import Handovers
from gateway.services.health import HealthReader
from gateway.services.inbox import InboxPoller
from gateway.services.judge import Judge
from gateway.services.matching import Matching
from gateway.services.once import OnceStore
from gateway.services.pins import Pins
from gateway.services.placing import Placing
from gateway.services.reader_mail import ReaderPost
from gateway.services.readers import Readers
from gateway.services.receive import Arrival, Receiver
from gateway.services.reports import Reports
from gateway.services.requests import Requests
from gateway.services.send import Sender
from gateway.services.timekeeping import Timekeeper, Told
from gateway.services.triage import Triage
from gateway.services.verify import Verifier
from gateway.staffing import correspondents
from gateway.storage import Alarm, AuditEntry, Mail, Pin, Request, Store, Transmission, Value, Way
from gateway.wire.incoming import Incoming
from gateway.wire.payload import Attachment
from tests.services.fakes import (
    OWN_FINGERPRINT,
    FakeClock,
    FakeCourier,
    FakeDrop,
    FakeKeys,
    FakeMailbox,
    FakeNoise,
    FakeOpener,
    FakePath,
    FakeRoom,
    FakeSealer,
)
from tests.services.mails import ADDRESSES, FINGERPRINTS, REF, ROLES, START, VALUES, plain_mdn, receipt

END = datetime(2026, 1, 28, 23, 0, tzinfo=UTC)
"""T of a request received at START: 24:00 in Algiers of the Wednesday."""

GRACE = timedelta(hours=12)
RIPE = END + GRACE + timedelta(minutes=1)
KEEP = timedelta(days=30)
RECEIPTS_PER_HOUR = 5
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)

SHIPPED: Calendar = load_calendar(SHIPPED_CALENDAR)
ANCHORS = "ancres@dehors.test"
"""The mailbox to which checkpoints go."""

OWN_MTA = "mx.interne.test"
FOLDERS = ("INBOX", "Junk")
PHYSICIAN = "dr.haddad@hopital.test"


def places(party: Party, physician: str | None = None) -> tuple[Place, ...]:
    """The watched folders: the gateway's own, and those of this physician's mailbox."""
    own = tuple(Place(mailbox=party.address, folder=name) for name in FOLDERS)
    theirs = tuple(Place(mailbox=PHYSICIAN, folder=name, physician=physician) for name in FOLDERS)
    return own + theirs if physician is not None else own


MAX_MAIL = 1_000_000

PIECES = tuple(
    Attachment(name=f"{role}.pdf", media_type="application/pdf", data=role.encode(), role=role) for role in ROLES
)
T = TypeVar("T", bound=Value)


def partner(role: Role, *, kind: PartnerKind = PartnerKind.GATEWAY, policy: ReceptionPolicy | None = None) -> Partner:
    """The partner of a role, whose id is the role's name."""
    return Partner(
        id=role.value,
        role=role,
        kind=kind,
        suite=Suite.OPENPGP,
        addresses=(ADDRESSES[role],),
        policy=policy or default_policy(kind),
        max_bytes=25_000_000,
    )


Where = Callable[[Path, Role], str]
"""Makes a database for a gateway of this role, and gives its URL; the folder is the gateway's."""


def identity(role: Role) -> dict[str, str]:
    """Whose database it is."""
    return {"party": f"{role.value}-essai", "role": role.value, "site": "s"}


@cache
def _template(role: Role) -> Path:
    folder = Path(mkdtemp(prefix="gateway-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "template.sqlite3"
    database.create(f"sqlite+aiosqlite:///{path}", identity(role))
    return path


def in_a_file(folder: Path, role: Role) -> str:
    """On SQLite."""
    path = folder / f"{role.value}.sqlite3"
    shutil.copy(_template(role), path)
    return f"sqlite+aiosqlite:///{path}"


@dataclass(kw_only=True)
class World:
    """All parts of one gateway."""

    role: Role
    party: Party
    directory: Directory
    clock: FakeClock
    url: str
    store: Store
    vault: FileVault
    cabinet: Cabinet
    sealer: FakeSealer
    opener: FakeOpener
    courier: FakeCourier
    mailbox: FakeMailbox
    personal: FakeMailbox
    composer: Composer
    requests: Requests
    casework: Casework
    timekeeper: Timekeeper
    deadlines: Deadlines
    placing: Placing
    desk: Desk
    triage: Triage
    confirmations: Confirmations
    challenges: Challenges
    disputes: Disputes
    pins: Pins
    receiver: Receiver
    sender: Sender
    repair: CopyRepair
    poller: InboxPoller
    personal_poller: InboxPoller
    readers: Readers
    handovers: Handovers
    dropped: FakeDrop
    alarms: AlarmWatch
    new_watch: Callable[[], AlarmWatch]
    keys: FakeKeys
    path: FakePath
    book: AlarmBook
    archive: Archive
    health: HealthReader
    calendar: Calendar
    calendar_acts: CalendarActs
    persons: int
    readership: Readership
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    # --- what is stored

    async def all(self, kind: type[T], /, **equal: Any) -> tuple[T, ...]:
        """Every row."""
        async with self.store.view() as view:
            return await view.all(kind, **equal)

    async def only(self, kind: type[T], /, **equal: Any) -> T:
        """The only row."""
        rows = await self.all(kind, **equal)
        assert len(rows) == 1, rows
        return rows[0]

    async def request(self) -> Request:
        """The only request."""
        return await self.only(Request)

    async def events(self, event: str | None = None) -> tuple[AuditEntry, ...]:
        """Audit records, of one event or all."""
        async with self.store.view() as view:
            return await view.entries() if event is None else await view.entries(event=event)

    async def names(self) -> tuple[str, ...]:
        """The names of all audit events, in order."""
        return tuple(entry.event for entry in await self.events())

    async def lacking(self) -> tuple[str, ...]:
        """The names of the conditions that do not hold now for the only request."""
        request = await self.request()
        async with self.store.view() as view:
            found = await self.deadlines.standing(view, request)
        return tuple(condition.name for condition in found if not condition.holds)

    async def outbox(self, partner_id: str) -> tuple[Transmission, ...]:
        """Transmissions for a partner."""
        return await self.all(Transmission, partner=partner_id)

    async def change(self, value: T) -> T:
        """Write a row back, as no service does."""
        async with self.store.act() as act:
            return await act.save(value)

    # --- what happens

    async def submit(self, *, ref: str | None = None, **values: str) -> Submitted:
        """A person submits the request."""
        fiche = Fiche(
            path="fiche.toml", kind=EXTENSION_REQUEST, ref=ref, values={**VALUES, **values}, attachments=PIECES
        )
        return await self.desk.submit(fiche, actor="alice")

    async def answer(
        self,
        kind: Kind,
        values: Mapping[str, str] | None = None,
        attachments: tuple[Attachment, ...] = (),
        *,
        request: str | None = None,
    ) -> Submitted:
        """A person at the CNAS answers the only case."""
        fiche = Fiche(path="", kind=kind, ref=REF, values=values or {}, attachments=attachments, request=request)
        return await self.desk.submit(fiche, actor="carol")

    async def take(
        self,
        seen: Incoming | BaseException,
        *,
        raw: bytes | None = None,
        at: datetime | None = None,
        internaldate: datetime | None = None,
        not_before: datetime | None = None,
        folder: str = "INBOX",
    ) -> Mail:
        """A mail arrives, now unless told otherwise, and is taken in."""
        number = next(self.numbers)
        data = raw if raw is not None else f"X-Number: {number}\r\n\r\n".encode()
        self.opener.scripted[data] = self.stamped(seen, at) if isinstance(seen, Incoming) else seen
        arrival = Arrival(
            mailbox=self.party.address,
            folder=folder,
            uidvalidity=99,
            uid=number,
            internaldate=internaldate or at or self.clock.now(),
            size=len(data),
            raw=data,
            too_large=False,
            not_before=not_before,
            seen_at=self.clock.now(),
        )
        return await self.receiver.take(arrival)

    def stamped(self, seen: Incoming, at: datetime | None = None) -> Incoming:
        """The mail as our own server stamped it."""
        if seen.outer is None:
            return seen
        return replace(seen, outer=replace(seen.outer, hops=((OWN_MTA, at or self.clock.now()),)))

    def drop(self, seen: Incoming, *, folder: str = "INBOX", raw: bytes | None = None) -> int:
        """A mail lies in the mailbox from now on."""
        data = raw if raw is not None else f"X-Number: {next(self.numbers)}\r\n\r\n".encode()
        self.opener.scripted[data] = self.stamped(seen)
        return self.mailbox.folders[folder].put(data, self.clock.now())

    async def poll(self) -> int:
        """Look at the mailbox."""
        return await self.poller.poll(self.mailbox)

    async def poll_personal(self) -> int:
        """Look at the physician's own mailbox."""
        return await self.personal_poller.poll(self.personal)

    async def watch(self, by: timedelta = timedelta(), *, times: int = 1) -> None:
        """Time goes by, and the alarm watch looks; so many times."""
        for _ in range(times):
            self.clock.advance(by)
            await self.alarms.round()

    async def open_alarms(self) -> tuple[str, ...]:
        """The kinds of the alarms that stand, in the order in which they started."""
        return tuple(alarm.kind for alarm in await self.all(Alarm, ended_at=None))

    async def send_all(self) -> None:
        """Hand everything over that is ready."""
        while await self.sender.round():
            pass

    async def to_running(self, **values: str) -> Submitted:
        """A request that was handed over and acknowledged, now."""
        submitted = await self.submit(**values)
        await self.send_all()
        row = await self.take(receipt(submitted.message, received_at=self.clock.now()))
        assert row.verdict.value == "receipt", row
        return submitted

    async def to_running_by_mdn(self) -> Submitted:
        """A request that a mail program displayed, now."""
        submitted = await self.submit()
        await self.send_all()
        await self.take(plain_mdn(submitted.message.message_id, at=self.clock.now()))
        return submitted

    async def verify_audit(self) -> Audited:
        """The whole log, against its head."""
        return await Auditor(store=self.store, key=None, verify_note=verify_note).verify()

    async def told(self, at: datetime) -> bool:
        """Another clock tells its time; whether it agrees."""
        return await self.timekeeper.agree((Told(source="mailbox", at=at),))

    async def at_ripe(self, at: datetime = RIPE) -> None:
        """Every condition that time and machines fulfil is fulfilled at this instant."""
        self.clock.go_to(at)
        await self.deadlines.tick()
        await self.poll()
        assert await self.told(self.clock.now())

    async def watched_until(self, at: datetime) -> None:
        """The daemon looks into the mailbox all the time until this instant."""
        while self.clock.now() < at:
            self.clock.go_to(min(at, self.clock.now() + POLL_GAP))
            await self.poll()

    async def pin(self, owner: Partner, fingerprint: str) -> Pin:
        """Pin a key."""
        async with self.store.act() as act:
            return await act.add(
                Pin(
                    site="s",
                    partner=owner.id,
                    suite="openpgp",
                    fingerprint=fingerprint,
                    material="key",
                    pinned_at=self.clock.now(),
                    pinned_by="alice",
                    confirmed_by="alice",
                )
            )


_first: dict[str, Engine] = {}


def _share_statements(store: database.DatabaseStore) -> None:
    """Let SQLAlchemy compile each statement once for all tests, instead of once for each engine of each test."""
    for transactions in (store._acts, store._views):
        engine = transactions.engine.sync_engine  # type: ignore[attr-defined]  # the adapter's
        first = _first.setdefault(engine.dialect.name, engine)
        if engine.dialect.name == "sqlite":
            engine.dialect = first.dialect
        engine._compiled_cache = first._compiled_cache


@asynccontextmanager
async def open_world(
    folder: Path,
    role: Role = Role.HOSPITAL,
    *,
    persons: int = 1,
    partners: tuple[Partner, ...] | None = None,
    calendar: Calendar = SHIPPED,
    at: datetime = START,
    pinned: bool = True,
    readers: tuple[Reader, ...] = (),
    staff: Staff | None = None,
    another_path: bool = True,
    sealer: Sealer | None = None,
    opener: Opener | None = None,
    physician: str | None = None,
    place: Where = in_a_file,
    once: bool = False,
    receipts_per_hour: int = RECEIPTS_PER_HOUR,
) -> AsyncIterator[World]:
    """A new gateway in this folder; partners have their keys pinned. Cryptography is made up unless it is given.

    ``physician`` is the reader whose own mailbox is watched too; ``once``: acts keep their keys, as the console's do.
    """
    url = place(folder, role)
    clock = FakeClock(at)
    party = Party(
        id=f"{role.value}-essai", role=role, name=f"Établissement {role.value}", address=ADDRESSES[role], site="s"
    )
    others = partners or tuple(partner(other) for other in ADDRESSES if other is not role)
    store = database.DatabaseStore(url, clock=clock, site="s", party=party.id)
    _share_statements(store)
    vault = FileVault(folder=folder / f"spool-{role.value}", master=b"m" * 32)
    world = assemble(
        url=url,
        store=store,
        vault=vault,
        clock=clock,
        party=party,
        directory=Directory(others),
        calendar=calendar,
        persons=persons,
        readership=Readership(role=role, readers=readers),
        staff=staff or Staff(),
        another_path=another_path,
        real=(sealer, opener),
        physician=physician,
        once=once,
        receipts_per_hour=receipts_per_hour,
    )
    try:
        if pinned:
            for other in others:
                await world.pin(
                    other, FINGERPRINTS.get(other.role, "F" * 40) if other.id == other.role.value else "D" * 40
                )
        yield world
    finally:
        await store.close()


def assemble(
    *,
    url: str,
    store: Store,
    vault: FileVault,
    clock: FakeClock,
    party: Party,
    directory: Directory,
    calendar: Calendar,
    persons: int,
    readership: Readership,
    staff: Staff,
    another_path: bool,
    real: tuple[Sealer | None, Opener | None] = (None, None),
    physician: str | None = None,
    once: bool = False,
    receipts_per_hour: int = RECEIPTS_PER_HOUR,
) -> World:
    """All services on one store."""
    fake, scripted, courier = FakeSealer(), FakeOpener(), FakeCourier()
    sealer, opener = real[0] or fake, real[1] or scripted
    cabinet = Cabinet(store=store, vault=vault, clock=clock)
    store = OnceStore(store, clock=clock, site=party.site) if once else store
    random = FakeNoise()
    own_mta = frozenset({OWN_MTA})
    composer = Composer(
        party=party,
        directory=directory,
        sealer=sealer,
        cabinet=cabinet,
        clock=clock,
        noise=random,
        max_bytes=25_000_000,
    )
    requests = Requests(
        party=party,
        directory=directory,
        almanac=Almanac(base=calendar, site=party.site),
        clock=clock,
        grace=GRACE,
    )
    casework = Casework(party=party, cabinet=cabinet, clock=clock)
    timekeeper = Timekeeper(store=store, clock=clock, site=party.site)
    deadlines = Deadlines(
        store=store,
        requests=requests,
        composer=composer,
        casework=casework,
        cabinet=cabinet,
        timekeeper=timekeeper,
        clock=clock,
        party=party,
        directory=directory,
        watched=places(party, physician),
        readership=readership,
        persons_needed=persons,
    )
    placing = Placing(cabinet=cabinet, casework=casework, clock=clock, noise=random, party=party, directory=directory)
    desk = Desk(
        store=store,
        cabinet=cabinet,
        composer=composer,
        requests=requests,
        casework=casework,
        clock=clock,
        placing=placing,
        party=party,
    )
    readers = Readers(store=store, clock=clock, party=party, directory=directory, readership=readership)
    triage = Triage(
        store=store,
        cabinet=cabinet,
        requests=requests,
        casework=casework,
        clock=clock,
        readers=readers,
        noise=random,
        party=party,
        directory=directory,
        persons_needed=persons,
    )
    outbox = Directory((*directory.partners, *readership.correspondents(25_000_000)))
    pins = Pins(store=store, clock=clock, party=party, directory=outbox, persons_needed=persons)
    drop = FakeDrop()
    handovers = Handovers(
        store=store,
        cabinet=cabinet,
        readers=readers,
        post=ReaderPost(party=party, outbox=outbox, composer=composer, cabinet=cabinet, noise=random),
        drop=drop,
        clock=clock,
        party=party,
        keep=KEEP,
    )
    acknowledgements = Acknowledgements(
        composer=composer, cabinet=cabinet, clock=clock, noise=random, party=party, per_hour=receipts_per_hour
    )
    verifier = Verifier(
        store=store,
        party=party,
        directory=directory,
        own_fingerprints=frozenset({OWN_FINGERPRINT}),
    )
    receiver = Receiver(
        store=store,
        cabinet=cabinet,
        judge=Judge(
            store=store,
            opener=opener,
            verifier=verifier,
            matching=Matching(party=party, directory=directory),
            party=party,
        ),
        acknowledgements=acknowledgements,
        accept=Accept(
            party=party,
            directory=directory,
            requests=requests,
            casework=casework,
            follower=Follower(party=party, requests=requests, casework=casework, clock=clock),
            cabinet=cabinet,
            readers=readers,
        ),
        reports=Reports(party=party, directory=directory, requests=requests, clock=clock, own_mta=own_mta),
        clock=clock,
        party=party,
        directory=directory,
        own_mta=own_mta,
        verifier=verifier,
    )
    sender = Sender(
        store=store,
        cabinet=cabinet,
        composer=composer,
        courier=courier,
        sealer=sealer,
        requests=requests,
        clock=clock,
        party=party,
        directory=Directory(
            (
                *outbox.partners,
                *correspondents(staff, party.role, 25_000_000),
                unsealed(MAILBOX, ANCHORS, party.role, 25_000_000),
            )
        ),
    )
    keys, path = FakeKeys(), FakePath()
    watched = places(party, physician)

    def new_watch() -> AlarmWatch:
        return AlarmWatch(
            store=store,
            facts=AlarmFacts(
                store=store,
                almanac=requests.almanac,
                keyholder=keys,
                clock=clock,
                party=party,
                directory=directory,
                watched=watched,
                limits=Limits(),
                ways=frozenset(Way),
                room=FakeRoom(),
            ),
            post=AlarmPost(party=party, cabinet=cabinet, noise=random),
            calls=AlarmCalls(store=store, path=path if another_path else None, clock=clock, party=party),
            clock=clock,
            party=party,
            directory=directory,
            staff=staff,
        )

    poller = partial(
        InboxPoller,
        store=store,
        receiver=receiver,
        clock=clock,
        party=party,
        folders=FOLDERS,
        interval=15,
        max_bytes=MAX_MAIL,
    )
    return World(
        role=party.role,
        party=party,
        directory=directory,
        clock=clock,
        url=url,
        store=store,
        vault=vault,
        cabinet=cabinet,
        sealer=fake,
        opener=scripted,
        courier=courier,
        mailbox=FakeMailbox(clock, FOLDERS),
        personal=FakeMailbox(clock, FOLDERS),
        composer=composer,
        requests=requests,
        casework=casework,
        timekeeper=timekeeper,
        deadlines=deadlines,
        placing=placing,
        desk=desk,
        triage=triage,
        confirmations=Confirmations(store=store, deadlines=deadlines, clock=clock, party=party),
        challenges=Challenges(
            store=store,
            cabinet=cabinet,
            requests=requests,
            casework=casework,
            clock=clock,
            party=party,
            persons_needed=persons,
        ),
        disputes=Disputes(
            store=store, cabinet=cabinet, requests=requests, clock=clock, party=party, persons_needed=persons
        ),
        pins=pins,
        receiver=receiver,
        sender=sender,
        repair=CopyRepair(
            store=store,
            cabinet=cabinet,
            composer=composer,
            opener=opener,
            clock=clock,
            party=party,
        ),
        poller=poller(mailbox=party.address),
        personal_poller=poller(mailbox=PHYSICIAN, personal=True),
        readers=readers,
        handovers=handovers,
        dropped=drop,
        alarms=new_watch(),
        new_watch=new_watch,
        keys=keys,
        path=path,
        book=AlarmBook(store=store, clock=clock, party=party),
        archive=Archive(
            store=store,
            cabinet=cabinet,
            clock=clock,
            party=party,
            almanac=requests.almanac,
            readership=readership,
        ),
        health=HealthReader(
            store=store,
            clock=clock,
            party=party,
            directory=directory,
            almanac=requests.almanac,
            watched=watched,
            contests=Contests(store=store, cabinet=cabinet, party=party),
            room=FakeRoom(),
        ),
        calendar=calendar,
        calendar_acts=CalendarActs(store=store, requests=requests, clock=clock, party=party, persons_needed=persons),
        persons=persons,
        readership=readership,
    )
