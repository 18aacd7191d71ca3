"""Three gateways that live one story: what their people do, what the post brings, how time goes by, what each knows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from gateway.domain.kinds import KINDS
from gateway.domain.parties import Partner, PartnerKind, Role
from gateway.domain.readers import Readership
from gateway.services.desk import Submitted
from gateway.services.dossier import Archive
from gateway.services.fiche import Fiche
from gateway.services.requests import iso
from gateway.storage import Case, Direction, Fact, Mail, Message, Request
from tests.journeys import papers
from tests.journeys.post import Letter, read, stamped
from tests.services.world import FOLDERS, World, open_world, partner

BEGINS = datetime(2026, 1, 4, 9, 0, tzinfo=UTC)
"""A Sunday morning, the first working day of a week in Algeria."""

MORNING = time(9, 0, tzinfo=UTC)
CPAM = "ri@cpam.test"
ROLES = (Role.HOSPITAL, Role.CNAS, Role.CNSE)

COPIED = {f"M{number:02}" for number in (8, 12, 14, 15, 16, 17, 19, 21, 22, 23, 24, 25, 26, 27, 30)}
"""What the medical unit of the CNSE must get as well, by the texts (003:L250-328, L344), apart from our own table."""

PRIVATE = {f"M{number:02}" for number in (1, 3, 4, 5, 6, 7, 10, 28)}
"""What the texts send to nobody at the CNSE."""


class Three(NamedTuple):
    """What each of the three says; None is who knows nothing of it."""

    hospital: str | None
    cnas: str | None
    cnse: str | None


def all_three(word: str) -> Three:
    """The same everywhere."""
    return Three(word, word, word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that left; ``request`` is the hash of the request that it is, or is about."""

    kind: str
    ref: str
    message_id: str
    request: str | None


@dataclass
class Party:
    """One of the three, with a person at its desk."""

    world: World
    trio: "Trio"
    archive: Archive

    @property
    def role(self) -> Role:
        """Hospital, CNAS or CNSE."""
        return self.world.role

    # --- what its people do

    async def sends(
        self,
        kind: str,
        *,
        about: Sent | None = None,
        also: tuple[str, ...] = (),
        because: str | None = None,
        **told: str,
    ) -> Sent:
        """Seal and send a message; then the post goes round until everything has arrived and is answered."""
        fiche = replace(
            self._fiche(kind, about, because, told),
            attachments=papers.pieces(KINDS[kind], also),
        )
        if await self.case_row() is None:
            fiche = replace(fiche, ref=None)
        done = await self.world.desk.submit(fiche, actor=self.role.value)
        self.trio.ref = done.case.ref
        await self.trio.settle(self.role)
        return _sent(done)

    async def notes(self, kind: str, *, about: Sent | None = None, because: str | None = None, **told: str) -> None:
        """Note a fact that no mail carries."""
        await self.world.desk.note(self._fiche(kind, about, because, told), actor=self.role.value)
        await self.trio.settle(self.role)

    async def corrects(self, kind: str, day: str) -> None:
        """Put another date in the place of that of the only fact of this kind."""
        (fact,) = await self.world.all(Fact, kind=kind)
        await self.world.desk.correct(fact.id, {"fait.date": day}, actor=self.role.value)

    async def classifies(self, mail: Mail, what: str, *, about: Sent | None = None) -> None:
        """Say what a mail in triage is."""
        await self.world.triage.classify(
            mail.id, what, actor=self.role.value, ref=self.trio.ref, request_hash=about.request if about else None
        )
        await self.trio.settle(self.role)

    async def confirms(self, sent: Sent) -> set[str]:
        """Confirm by name all that a request asks of a person; returns what that was."""
        ref, who = self.trio.ref, self.role.value
        done = await self.world.confirmations.confirm(ref, actor=who, request_hash=sent.request)
        await self.trio.settle(self.role)
        return set(done)

    async def closes(self) -> None:
        """Close the case."""
        await self.world.desk.close(self.trio.ref, actor=self.role.value)

    def _fiche(self, kind: str, about: Sent | None, because: str | None, told: dict[str, str]) -> Fiche:
        today = self.world.clock.now().date().isoformat()
        return Fiche(
            path="fiche.toml",
            kind=KINDS[kind],
            ref=self.trio.ref,
            values=papers.values(KINDS[kind], today, told),
            request=about.request if about else None,
            because=because,
        )

    # --- what it knows

    async def case_row(self) -> Case | None:
        """The case of the story, if it knows it."""
        found = await self.world.all(Case, ref=self.trio.ref)
        return found[0] if found else None

    async def case(self) -> str | None:
        """Where the case stands."""
        found = await self.case_row()
        return found.state.value if found else None

    async def request_row(self, sent: Sent) -> Request:
        """A request of the story.

        Raises:
            LookupError: it does not know it.
        """
        found = await self.world.all(Request, hash=sent.request)
        if not found:
            raise LookupError(sent)
        return found[0]

    async def request(self, sent: Sent) -> str | None:
        """Where a request stands."""
        found = await self.world.all(Request, hash=sent.request)
        return found[0].state.value if found else None

    async def who_pays(self, day: str) -> str:
        """Payer and reason for a day of the stay."""
        found = await self.archive.coverage(self.trio.ref, day)
        return f"{found.decides.payer.value}: {found.decides.reason.value}"

    async def ends(self, sent: Sent) -> str | None:
        """When the period of a request ends."""
        found = await self.world.all(Request, hash=sent.request)
        return iso(found[0].nominal_at) if found else None

    async def provisional(self, sent: Sent) -> tuple[str, ...]:
        """Why the period of a request is provisional."""
        return (await self.request_row(sent)).asks_person

    async def lacking(self, sent: Sent) -> set[str]:
        """The conditions that do not hold for recording the silence on a request."""
        _, found = await self.world.confirmations.asked(self.trio.ref, sent.request)
        return {condition.name for condition in found if not condition.holds}

    async def sent(self, kind: str) -> list[Sent]:
        """The messages of a kind that it sent."""
        rows = await self.world.all(Message, direction=Direction.OUT, kind=kind)
        return [
            Sent(kind=row.kind, ref=self.trio.ref, message_id=row.message_id, request=row.request_hash) for row in rows
        ]

    async def received(self, sent: Sent) -> int:
        """How many times it took this message in."""
        return len(await self.world.all(Message, direction=Direction.IN, message_id=sent.message_id))

    async def to_triage(self) -> list[str]:
        """Why each mail that awaits a person does."""
        return [f"{mail.verdict.value}: {mail.reason}" for mail in await self.waiting()]

    async def waiting(self) -> tuple[Mail, ...]:
        """Mails that await a person."""
        return tuple(view.mail for view in await self.archive.triage())

    async def alarms(self) -> list[str]:
        """Every alarm so far."""
        names = await self.world.names()
        return [name.removeprefix("alarm.") for name in names if name.startswith("alarm.")]


@dataclass
class Trio:
    """The three, the post between them, and one case."""

    parties: dict[Role, Party] = field(default_factory=dict)
    ref: str = "0000-00"
    elsewhere: list[Letter] = field(default_factory=list)
    """What went to those who have no gateway of this software."""

    slow: bool = False
    """Whether the post keeps its letters until the story brings them."""

    road: list[Letter] = field(default_factory=list)
    """What the slow post keeps."""

    @property
    def hospital(self) -> Party:
        """The hospital."""
        return self.parties[Role.HOSPITAL]

    @property
    def cnas(self) -> Party:
        """The CNAS, where it runs a gateway."""
        return self.parties[Role.CNAS]

    @property
    def cnse(self) -> Party:
        """The CNSE."""
        return self.parties[Role.CNSE]

    async def admitted(self, **certificate: str) -> None:
        """The exchanges before the stay, then the admission on 18 January 2026."""
        await self.cnas.sends("CARE_REQUEST")
        await self.hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE")
        await self.until("2026-01-11")
        await self.cnas.sends("ENTITLEMENT_CERTIFICATE", about=None, because=None, also=(), **certificate)
        await self.until("2026-01-18")
        await self.hospital.notes("ENTITLEMENT_PRESENTED")
        await self.hospital.notes("ADMISSION")

    # --- time and post

    @property
    def now(self) -> datetime:
        """The instant at which all live."""
        return self.hospital.world.clock.now()

    async def until(self, when: str | datetime) -> None:
        """Time goes by: until the morning of a day, or until an instant."""
        at = datetime.combine(date.fromisoformat(when), MORNING) if isinstance(when, str) else when
        if Role.CNAS not in self.parties:
            # Of a partner who writes by hand, a gap in the polls asks for a person's word.
            await self.hospital.world.watched_until(at)
        for party in self.parties.values():
            party.world.clock.go_to(at)
        await self.settle()

    async def days_pass(self, days: int) -> None:
        """Time goes by, day after day."""
        for _ in range(days):
            await self.until(self.now + timedelta(days=1))

    async def settle(self, *first: Role) -> None:
        """Daemons work until nothing is left to do, those who have news: mailboxes, deadlines, outboxes."""
        busy = list(first or self.parties)
        while busy:
            role = busy.pop(0)
            await self._work(self.parties[role].world)
            busy += [reader for reader in self._carry(self.parties[role]) if reader not in busy]

    async def _work(self, world: World) -> None:
        await world.poll()
        if await world.deadlines.tick() and await world.told(world.clock.now()):
            await world.deadlines.tick()
        await world.send_all()

    def _carry(self, party: Party) -> list[Role]:
        """Deliver what this party handed over; returns who has news."""
        letters = [Letter(sender=party.role, envelope=envelope) for envelope in party.world.courier.taken]
        party.world.courier.taken.clear()
        if self.slow:
            self.road += letters
            return []
        return [reader for letter in letters for reader in self.deliver(letter)]

    async def arrives(self, which: int = 0) -> Letter:
        """The slow post brings one of its letters."""
        letter = self.road.pop(which)
        for reader in self.deliver(letter):
            await self.settle(reader)
        return letter

    def deliver(self, letter: Letter) -> list[Role]:
        """Put a letter into the mailbox that it is for."""
        reader = next((each for each in self.parties.values() if each.world.party.address == letter.address), None)
        if reader is None:
            self.elsewhere.append(letter)
            return []
        raw = stamped(letter, self.now)
        reader.world.opener.scripted[raw] = read(raw, letter.sender)
        reader.world.mailbox.folders[FOLDERS[0]].put(raw, self.now)
        return [reader.role]

    # --- what the three know

    async def case(self) -> Three:
        """Where the case stands with each."""
        return await self._each(lambda party: party.case())

    async def request(self, sent: Sent) -> Three:
        """Where a request stands with each."""
        return await self._each(lambda party: party.request(sent))

    async def ends(self, sent: Sent) -> Three:
        """When the period of a request ends, for each."""
        return await self._each(lambda party: party.ends(sent))

    async def _each(self, ask: Callable[[Party], Awaitable[str | None]]) -> Three:
        return Three(*[await ask(self.parties[role]) if role in self.parties else None for role in ROLES])

    async def who_got(self, sent: Sent) -> list[str]:
        """Who received a message, once for each time."""
        return [
            role.value for role in ROLES if role in self.parties for _ in range(await self.parties[role].received(sent))
        ]

    async def troubles(self) -> list[str]:
        """All that is not as it should be, with anyone: a mail in triage, an alarm, a receipt or copy that lacks.

        Raises:
            AuditBroken: a log does not verify.
        """
        found: list[str] = []
        for party in self.parties.values():
            await party.world.verify_audit()
            found += [f"{party.role.value}: triage {why}" for why in await party.to_triage()]
            found += [f"{party.role.value}: alarm {name}" for name in await party.alarms()]
            found += [f"{party.role.value}: {what}" for what in await self._unfinished(party)]
        return found

    async def _unfinished(self, party: Party) -> list[str]:
        sent = [row for row in await party.world.all(Message, direction=Direction.OUT) if row.kind != "RECEIPT_ACK"]
        receipts = await party.world.all(Message, direction=Direction.IN, kind="RECEIPT_ACK")
        answered = {(row.about, row.partner) for row in receipts}
        found = []
        for row in sent:
            readers = [role for role in row.partner.split("+") if role in {each.value for each in self.parties}]
            found += [f"{row.kind} unanswered by {role}" for role in readers if (row.id, role) not in answered]
            if KINDS[row.kind].number in COPIED and "cnse" not in readers:
                found.append(f"{row.kind} not copied to the cnse")
            if KINDS[row.kind].number in PRIVATE and "cnse" in readers:
                found.append(f"{row.kind} told to the cnse")
        return found


@asynccontextmanager
async def open_trio(folder: Path, *, cnas_has_gateway: bool = True) -> AsyncIterator[Trio]:
    """Three gateways that know each other and the mailbox of the CPAM; or two, and a CNAS with a mail program."""
    trio = Trio()
    kinds = {Role.CNAS: PartnerKind.GATEWAY if cnas_has_gateway else PartnerKind.MAIL}
    known = {role: partner(role, kind=kinds.get(role, PartnerKind.GATEWAY)) for role in ROLES}
    cpam: Partner = replace(partner(Role.CNSE, kind=PartnerKind.MAIL), id="cpam", role=Role.CPAM, addresses=(CPAM,))
    async with AsyncExitStack() as stack:
        for role in ROLES:
            if role is Role.CNAS and not cnas_has_gateway:
                continue
            others = (*(known[other] for other in ROLES if other is not role), cpam)
            world = await stack.enter_async_context(open_world(folder, role, partners=others, at=BEGINS))
            archive = Archive(
                store=world.store,
                cabinet=world.cabinet,
                clock=world.clock,
                party=world.party,
                almanac=world.requests.almanac,
                readership=Readership(role=role, readers=()),
            )
            trio.parties[role] = Party(world=world, trio=trio, archive=archive)
        await trio.settle()
        yield trio


def _sent(done: Submitted) -> Sent:
    about = done.about.hash if done.about else None
    return Sent(kind=done.message.kind, ref=done.case.ref, message_id=done.message.message_id, request=about)
