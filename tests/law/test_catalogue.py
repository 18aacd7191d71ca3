"""Every row of the catalogue can really be lived: sent and received on each of its routes, noted, and checked.

A message is sealed by the sender's services, carried as the bytes that left, read by the code that reads mail, and
taken in by the services of each reader. Where an exchange needs a state, case and request are put into it first.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.errors import FicheInvalid, NotAllowed
from gateway.domain.kinds import (
    EXTENSION_REQUEST_VITAL,
    KINDS,
    REPAIRED_COPY,
    Field,
    FieldType,
    Kind,
    Subject,
    Travel,
    faults,
    recipients,
)
from gateway.domain.parties import Partner, Role
from gateway.services.compose import Draft, current_pins
from gateway.services.fiche import Fiche, check
from gateway.storage import Case, Direction, Fact, Message, Request, Transmission, Verdict
from tests.journeys.post import Letter, read, stamped
from tests.law.papers import fact, fiche, mail, pieces, values
from tests.services.mails import ADDRESSES, REF, sealed_message
from tests.services.world import World, open_world, partner

ROLES = (Role.HOSPITAL, Role.CNAS, Role.CNSE)
CPAM = replace(partner(Role.CNSE), id="cpam", role=Role.CPAM, addresses=("ri@cpam.test",))
TRAVELLING = [kind for kind in KINDS.values() if kind.routes]
NOTED = [kind for kind in KINDS.values() if kind.noted_by]
FILLED = [kind for kind in KINDS.values() if kind.routes or kind.noted_by]


def name(kind: Kind) -> str:
    """A row as the tests' parameters name it; the same number may stand for several kinds."""
    return f"{kind.number} {kind.id}" if kind.number else f"M-{kind.id}"


def routes() -> list[object]:
    """Each route of each kind, of those who can run a gateway."""
    return [
        pytest.param(kind, route.sender, id=f"{name(kind)} {route.sender.value}")
        for kind in TRAVELLING
        for route in kind.routes
        if route.sender in ROLES
    ]


@dataclass(kw_only=True)
class Post:
    """Three gateways, and the bytes between them."""

    worlds: Mapping[Role, World]

    async def deliver(self, sender: Role) -> dict[Role, Verdict]:
        """Everything that left this sender arrives; returns what each reader made of the last message."""
        world = self.worlds[sender]
        await world.send_all()
        found = {}
        for envelope in world.courier.taken:
            letter = Letter(sender=sender, envelope=envelope)
            reader = next((role for role in ROLES if ADDRESSES[role] == letter.address), None)
            if reader is None:
                continue
            raw = stamped(letter, world.clock.now())
            row = await self.worlds[reader].take(read(raw, sender), raw=raw)
            found[reader] = row.verdict
        world.courier.taken.clear()
        return found

    async def opened(self) -> str:
        """All three know the case of a vital request, which is the richest; returns its hash."""
        sent = await self.worlds[Role.HOSPITAL].desk.submit(fiche("EXTENSION_REQUEST.vital", ref=None), actor="alice")
        assert set((await self.deliver(Role.HOSPITAL)).values()) == {Verdict.ACCEPTED}
        for world in self.worlds.values():
            await world.send_all()
            world.courier.taken.clear()
        return sent.request.hash

    async def put(self, kind: Kind) -> None:
        """Case and request stand with all three where this exchange can happen."""
        done = kind.outcome_of(values(kind))
        for world in self.worlds.values():
            case, request = await world.only(Case), await world.only(Request)
            if done.case is not None:
                state = next(state for (state, event) in stay.TRANSITIONS if event is done.case)
                await world.change(replace(case, state=state))
            if done.request is not None and (request.state, done.request) not in life.TRANSITIONS:
                before = next(state for (state, event) in life.TRANSITIONS if event is done.request)
                await world.change(replace(request, state=before))


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    """Hospital, CNAS and CNSE, who know each other and the CPAM."""
    known = {role: partner(role) for role in ROLES}
    async with AsyncExitStack() as stack:
        worlds = {}
        for role in ROLES:
            others: tuple[Partner, ...] = (*(known[other] for other in ROLES if other is not role), CPAM)
            worlds[role] = await stack.enter_async_context(open_world(tmp_path, role, partners=others))
        yield Post(worlds=worlds)


@pytest.mark.law("M*")
@pytest.mark.parametrize(("kind", "sender"), routes())
async def test_what_travels_is_sent_and_taken_in_on_each_of_its_routes(post: Post, kind: Kind, sender: Role) -> None:
    """Sealed here, read there, kept with the same hash, acknowledged by every reader whom the texts name."""
    request = None
    if kind.outcome.case is not stay.Event.CARE_REQUESTED:
        request = await post.opened()
        await post.put(kind)
    world = post.worlds[sender]
    if kind.subject is Subject.NOTICE:
        await notice(world, kind, request or "")
    else:
        ref = (await world.only(Case)).ref if request else None
        await world.desk.submit(fiche(kind.id, ref=ref, because="essai de la route"), actor="alice")
    sent = (await world.all(Message, direction=Direction.OUT, kind=kind.id))[-1]

    verdicts = await post.deliver(sender)

    readers = [role for role in recipients(kind, sender) if role is not Role.CPAM]
    by_copy_alone = kind is REPAIRED_COPY and Role.HOSPITAL in readers
    assert verdicts == dict.fromkeys(readers, Verdict.TRIAGE if by_copy_alone else Verdict.ACCEPTED)
    assert (Role.CPAM in recipients(kind, sender)) == ("cpam" in sent.partner.split("+"))
    for role in [] if by_copy_alone else readers:
        reader = post.worlds[role]
        kept = (await reader.all(Message, direction=Direction.IN, kind=kind.id))[-1]
        assert (kept.mic, kept.message_id) == (sent.mic, sent.message_id)
        assert len(await reader.all(Message, direction=Direction.OUT, about=kept.id)) == 1
        if kind.subject is not Subject.NOTICE:
            assert (await reader.all(Fact, kind=kind.id))[-1].message == kept.id


async def notice(world: World, kind: Kind, request: str) -> None:
    """The gateway writes one of its own notices on the only request."""
    case = await world.only(Case)
    readers = tuple(role.value for role in recipients(kind, world.role)) if kind is REPAIRED_COPY else None
    draft = Draft(
        kind=kind,
        ref=case.ref,
        hospital=case.hospital,
        values=values(kind),
        attachments=pieces(kind),
        request_hash=request,
        only=readers,
    )
    async with world.store.view() as view:
        pins, key = await current_pins(view, "s"), await world.cabinet.case_key(view, case)
    sealed = await world.composer.seal(draft, pins)
    async with world.store.act() as act:
        await world.composer.queue(act, sealed, case, key, request_hash=request)


@pytest.mark.law("M11", "M40")
@pytest.mark.parametrize("kind", ["PROVISIONAL_ID", "OVERPAYMENT_RECOVERY"])
async def test_what_the_cpam_writes_is_taken_in(tmp_path: Path, kind: str) -> None:
    """It runs no gateway of this software, and may seal its mail all the same."""
    partners = (partner(Role.CNAS), partner(Role.CNSE), CPAM)
    async with open_world(tmp_path, partners=partners) as hospital:
        await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
        seen = sealed_message(
            kind,
            sender=Role.CNSE,
            to=(ADDRESSES[Role.HOSPITAL],),
            values=values(KINDS[kind]),
            address=CPAM.address,
            fingerprint="F" * 40,
        )
        row = await hospital.take(seen)
        assert (row.verdict, row.partner) == (Verdict.ACCEPTED, "cpam")
        assert len(await hospital.all(Fact, kind=kind)) == 1
        assert [row.partner for row in await hospital.all(Transmission, receipt=True)] == ["cnas", "cpam"]


@pytest.mark.law("M*")
@pytest.mark.parametrize("kind", [pytest.param(kind, id=name(kind)) for kind in NOTED])
async def test_what_no_mail_carries_is_noted_by_each_of_its_desks_and_by_no_other(post: Post, kind: Kind) -> None:
    """Its own date, its author and its state in one act; a desk whose business it is not is refused."""
    await post.opened()
    await post.put(kind)
    for role, world in post.worlds.items():
        ref = (await world.only(Case)).ref
        form = fact(kind.id, ref=ref, because="essai")
        if role not in kind.noted_by:
            with pytest.raises(NotAllowed, match="ne note pas"):
                await world.desk.note(form, actor="alice")
            continue
        await world.desk.note(form, actor="alice")
        kept = (await world.all(Fact, kind=kind.id))[-1]
        assert (kept.by, kept.message) == ("alice", None)
        if kind.dated is not None:
            assert kept.day.isoformat() == form.values[kind.dated]
        assert (await world.events())[-1].case == ref


WRONG = {
    FieldType.DATE: "demain",
    FieldType.DAYS: "trois semaines",
    FieldType.AMOUNT: "12 500 €",
    FieldType.INSTANT: "ce matin",
}


def faulty(kind: Kind) -> list[tuple[Field, str]]:
    """Every field of a kind with what must not stand in it."""
    empty = [(field, "") for field in kind.fields if field.required]
    choices = [(field, "autre chose") for field in kind.fields if field.choices]
    return empty + choices + [(field, WRONG[field.type]) for field in kind.fields if field.type in WRONG]


@pytest.mark.law("M*")
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, id=name(kind)) for kind in FILLED if faulty(kind) or kind.pieces],
)
def test_what_a_row_demands_is_demanded_of_every_fiche(kind: Kind) -> None:
    """Each mandatory field and piece, each type, each choice: alone missing or wrong it is the only fault."""
    good = values(kind)
    assert faults(kind, good) == ()
    for field, wrong in faulty(kind):
        told = [str(fault) for fault in faults(kind, {**good, field.id: wrong})]
        assert len(told) == 1, (field.id, wrong)
        assert told[0].startswith(f"{field.fiche} : ")
    for piece in kind.pieces:
        form = Fiche(path="", kind=kind, ref=None, values=good, attachments=pieces(kind, without=piece.role))
        if piece.required and kind.travel is Travel.MAIL:
            with pytest.raises(FicheInvalid, match=f"pieces.{piece.fiche} : manque"):
                check(form)
        else:
            check(form)


def read_here() -> list[object]:
    """Each kind that demands something, with its first route between two parties that run a gateway."""
    found: list[object] = []
    for kind in KINDS.values():
        demands = any(field.required for field in kind.fields) or any(piece.required for piece in kind.pieces)
        read = [(route.sender, role) for route in kind.routes for role in recipients(kind, route.sender)]
        ours = [(sender, reader) for sender, reader in read if sender in ROLES and reader in ROLES]
        found += [pytest.param(kind, *ours[0], id=name(kind))] if demands and ours else []
    return found


@pytest.mark.law("M*")
@pytest.mark.parametrize(("kind", "sender", "reader"), read_here())
async def test_what_a_row_demands_is_demanded_of_every_mail(post: Post, kind: Kind, sender: Role, reader: Role) -> None:
    """A partner's mail that lacks one of them is quarantined with the reason, and moves nothing."""
    request = await post.opened() if kind.outcome.case is not stay.Event.CARE_REQUESTED else None
    world = post.worlds[reader]
    ref = (await world.only(Case)).ref if request else REF
    before = (await world.all(Case), await world.all(Request), await world.all(Fact))
    for field in kind.fields:
        if field.required:
            row = await world.take(mail(kind.id, sender, ref=ref, request=request, changes={field.id: ""}))
            assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "fields"), field.id
    for piece in kind.pieces:
        if piece.required:
            row = await world.take(mail(kind.id, sender, ref=ref, request=request, without=piece.role))
            assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "missing-attachment"), piece.role
    assert (await world.all(Case), await world.all(Request), await world.all(Fact)) == before


@pytest.mark.law("M02")
async def test_an_urgent_mention_is_kept_and_is_not_the_vital_procedure(post: Post) -> None:
    """003:L178. It asks for speed: no request is made by it, no delay runs, no care goes on without agreement."""
    cnas, hospital = post.worlds[Role.CNAS], post.worlds[Role.HOSPITAL]
    await cnas.desk.submit(fiche("CARE_REQUEST", ref=None, urgent="oui"), actor="carol")
    assert await post.deliver(Role.CNAS) == {Role.HOSPITAL: Verdict.ACCEPTED}
    kept = await hospital.only(Fact, kind="CARE_REQUEST")
    async with hospital.store.view() as view:
        key = await hospital.cabinet.case_key(view, await hospital.only(Case))
    assert hospital.casework.details(kept, key)["urgent"] == "oui"
    assert await hospital.all(Request) == ()
    assert EXTENSION_REQUEST_VITAL.field("urgent") is None
