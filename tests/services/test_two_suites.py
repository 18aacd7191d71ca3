"""CNAS in S/MIME and CNSE in OpenPGP in the same mail, with real keys: request, receipts, answer, silence."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.kinds import KINDS
from gateway.domain.parties import Role, Suite
from gateway.domain.request import State
from gateway.services.compose import Draft, current_pins
from gateway.services.desk import Submitted
from gateway.services.fiche import Fiche
from gateway.storage import Acceptance, Case, Letter, Mail, Message, Transmission, Verdict
from gateway.worker import Bench, read
from tests.services.fakes import FakeClock
from tests.services.mails import ADDRESSES, START
from tests.services.suites import LIMITS, Keys, RealOpener, arrive, parties
from tests.services.world import World, open_world, partner

BETWEEN = {
    frozenset({Role.HOSPITAL, Role.CNAS}): Suite.SMIME,
    frozenset({Role.HOSPITAL, Role.CNSE}): Suite.OPENPGP,
    frozenset({Role.CNAS, Role.CNSE}): Suite.SMIME,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Role, Keys]]:
    """Three parties with keys in both suites."""
    with parties(tmp_path_factory.mktemp("parties")) as made:
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Three:
    """The three gateways."""

    hospital: World
    cnas: World
    cnse: World

    def __iter__(self) -> Iterator[World]:
        return iter((self.hospital, self.cnas, self.cnse))

    async def exchange(self) -> dict[str, list[Mail]]:
        """Hand over what is ready, and take it in where it arrives, until nothing is left; the mails by taker."""
        taken: dict[str, list[Mail]] = {world.role.value: [] for world in self}
        while any([await self._from(world, taken) for world in self]):
            pass
        return taken

    async def _from(self, sender: World, taken: dict[str, list[Mail]]) -> int:
        await sender.send_all()
        leaving, sender.courier.taken = sender.courier.taken, []
        for envelope in leaving:
            (there,) = [world for world in self if world.party.address == envelope.recipient]
            taken[there.role.value].append(await arrive(there, envelope.data))
        return len(leaving)

    def go_on(self, by: timedelta) -> None:
        """Time goes by for all."""
        for world in self:
            world.clock.advance(by)


@pytest.fixture
async def three(tmp_path: Path, keys: dict[Role, Keys]) -> AsyncIterator[Three]:
    """Three gateways that pinned each other's key in the suite that they agreed on."""
    async with AsyncExitStack() as stack:
        made: dict[str, World] = {}
        for role in ADDRESSES:
            others = [other for other in ADDRESSES if other is not role]
            agreed = {other: BETWEEN[frozenset({role, other})] for other in others}
            clock = FakeClock(START)
            opener = RealOpener(keys[role], [keys[other] for other in others], clock)
            partners = tuple(replace(partner(other), suite=agreed[other]) for other in others)
            world = await stack.enter_async_context(
                open_world(tmp_path, role, partners=partners, pinned=False, sealer=keys[role].sealer(), opener=opener)
            )
            opener._clock = world.clock
            for other in others:
                key = keys[other].of(agreed[other])
                await world.pins.pin(other.value, key.suite.value, key.fingerprint, key.material, actor="alice")
            made[role.value] = world
        yield Three(**made)


async def test_one_request_goes_out_in_both_suites(three: Three) -> None:
    """One entity, one Message-ID, one hash; two envelopes, each readable by its own addressee alone."""
    submitted = await three.hospital.submit()
    await three.hospital.send_all()
    sent = {envelope.recipient: envelope.data for envelope in three.hospital.courier.taken}
    to_cnas, to_cnse = sent[ADDRESSES[Role.CNAS]], sent[ADDRESSES[Role.CNSE]]
    assert b"Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data" in to_cnas
    assert b"Content-Type: multipart/encrypted" in to_cnse
    identifier = submitted.message.message_id.encode()
    assert all(raw.count(b"Message-ID: " + identifier) == 1 for raw in sent.values())
    taken = await three.exchange()
    assert [mail.verdict for mail in taken["cnas"]] == [Verdict.ACCEPTED]
    for world in (three.cnas, three.cnse):
        message = await world.only(Message, kind="EXTENSION_REQUEST")
        assert message.mic == submitted.request.hash
    wrong = await arrive(three.cnse, to_cnas)
    assert (wrong.verdict, wrong.step, wrong.reason) == (Verdict.QUARANTINE, "decrypt", "not-for-us")


async def test_each_receipt_is_signed_in_the_suite_of_the_one_it_goes_to(three: Three) -> None:
    """The statement of the CNAS, in S/MIME, starts the period; that of the CNSE comes in OpenPGP."""
    await three.hospital.submit()
    await three.hospital.send_all()
    for envelope in three.hospital.courier.taken:
        (there,) = [world for world in three if world.party.address == envelope.recipient]
        await arrive(there, envelope.data)
        await there.send_all()
    (by_cnas,), (by_cnse,) = three.cnas.courier.taken, three.cnse.courier.taken
    assert b'protocol="application/pkcs7-signature"' in by_cnas.data
    assert b'protocol="application/pgp-signature"' in by_cnse.data
    taken = await three.exchange()
    assert [mail.verdict for mail in taken["hospital"]] == [Verdict.RECEIPT, Verdict.RECEIPT]
    request = await three.hospital.request()
    assert (request.state, request.started_at) == (State.RUNNING, START)


async def test_an_answer_reaches_both_and_is_acknowledged(three: Three) -> None:
    """From the CNAS to the hospital and the CNSE, both in S/MIME; it settles the request everywhere."""
    submitted = await three.hospital.submit()
    await three.exchange()
    three.go_on(timedelta(days=1))
    answer = Fiche(path="", kind=KINDS["EXTENSION_ACCEPTANCE"], ref=submitted.case.ref, values={})
    await three.cnas.desk.submit(answer, actor="bob")
    taken = await three.exchange()
    assert Verdict.QUARANTINE not in {mail.verdict for mails in taken.values() for mail in mails}
    assert [(await world.request()).state for world in three] == [State.ACCEPTED] * 3


async def test_silence_is_recorded_and_told_in_both_suites(three: Three) -> None:
    """Four working days after the receipt in S/MIME: the notice leaves in both, and both take it."""
    await three.hospital.submit()
    await three.exchange()
    for world in (three.cnas, three.cnse):
        world.clock.go_to(START + timedelta(days=5))
    await three.hospital.at_ripe(START + timedelta(days=5))
    await three.hospital.deadlines.tick()
    acceptance = await three.hospital.only(Acceptance)
    notice = await three.hospital.only(Message, kind="TACIT_ACCEPTANCE_NOTICE")
    taken = await three.exchange()
    assert acceptance.request_hash == (await three.hospital.request()).hash
    assert {mail.verdict for mails in taken.values() for mail in mails} <= {Verdict.ACCEPTED, Verdict.RECEIPT}
    for world in (three.cnas, three.cnse):
        assert (await world.only(Message, kind="TACIT_ACCEPTANCE_NOTICE")).mic == notice.mic
    evidenced = [row.state.value for row in await three.hospital.all(Transmission, message=notice.id)]
    assert evidenced == ["evidenced", "evidenced"]


async def test_a_changed_mail_stays_unanswered_whatever_its_suite(three: Three) -> None:
    """One byte of the ciphertext: quarantined, held for a person, nothing leaves, in S/MIME as in OpenPGP."""
    await three.hospital.submit()
    await three.hospital.send_all()
    for envelope in three.hospital.courier.taken:
        (there,) = [world for world in three if world.party.address == envelope.recipient]
        lines = envelope.data.splitlines(keepends=True)
        middle = len(lines) * 2 // 3
        changed = lines[middle].swapcase()
        row = await arrive(there, b"".join([*lines[:middle], changed, *lines[middle + 1 :]]))
        assert (row.verdict, row.held_back) == (Verdict.QUARANTINE, True)
        await there.send_all()
        assert there.courier.tried == []
        assert await there.all(Message) == ()


async def test_a_key_of_the_other_suite_is_not_pinned(three: Three, keys: dict[Role, Keys]) -> None:
    """Neither by mistake nor by somebody who answers the telephone for the partner."""
    from gateway.domain.errors import KeyFileInvalid

    other = keys[Role.CNAS].openpgp
    with pytest.raises(KeyFileInvalid, match="smime"):
        await three.hospital.pins.pin("cnas", "openpgp", other.fingerprint, other.material, actor="alice")


async def test_a_held_mail_is_sealed_again_to_a_new_certificate(three: Three, keys: dict[Role, Keys]) -> None:
    """The CNAS renews its certificate before the mail has left: the same entity, the same hash, the new key."""
    submitted = await three.hospital.submit()
    renewed = keys[Role.CNSE].smime
    await three.hospital.pins.pin("cnas", "smime", renewed.fingerprint, renewed.material, actor="alice")
    await three.hospital.send_all()
    await three.hospital.send_all()
    (sent,) = [each for each in three.hospital.courier.taken if each.recipient == ADDRESSES[Role.CNAS]]
    opened = read(sent.data, replace(_bench(keys, Role.CNSE), limits=LIMITS))
    assert (opened.failed_reason, opened.mic) == (None, submitted.request.hash)


def _bench(keys: dict[Role, Keys], role: Role) -> Bench:
    return RealOpener(keys[role], [keys[other] for other in ADDRESSES if other is not role], FakeClock(START))._bench


async def to_one(world: World, submitted: Submitted, reader: str) -> None:
    """The CNAS answers one of the two that the texts make its addressees."""
    async with world.store.view() as view:
        case, pins = await view.one(Case, ref=submitted.case.ref), await current_pins(view, "s")
        assert case is not None
        key = await world.cabinet.case_key(view, case)
    draft = Draft(
        kind=KINDS["EXTENSION_ACCEPTANCE"],
        ref=case.ref,
        hospital=case.hospital,
        values={"granted_until": "2026-03-20"},
        request_hash=submitted.request.hash,
        only=(reader,),
    )
    mail = await world.composer.seal(draft, pins)
    async with world.store.act() as act:
        await world.composer.queue(act, mail, case, key, request_hash=submitted.request.hash)


async def test_a_forgotten_cnse_gets_the_answer_with_the_signature_of_the_cnas(three: Three) -> None:
    """The hospital wraps what the CNAS signed in S/MIME into its own OpenPGP mail; the CNSE verifies both."""
    submitted = await three.hospital.submit()
    await three.exchange()
    await to_one(three.cnas, submitted, "hospital")
    await three.exchange()
    assert (await three.hospital.request()).state is State.ACCEPTED
    assert await three.hospital.repair.round() == 1
    taken = await three.exchange()
    assert [mail.verdict for mail in taken["cnse"]] == [Verdict.ACCEPTED]
    copy = await three.cnse.only(Message, kind="REPAIRED_COPY")
    (mail,) = await three.cnse.all(Mail, message=copy.id)
    async with three.cnse.store.view() as view:
        raw = await three.cnse.cabinet.get(view, mail.file or "")
    copied = (await three.cnse.receiver._judge._opener.open(raw)).copied
    answer = await three.hospital.only(Message, kind="EXTENSION_ACCEPTANCE")
    assert copied is not None
    assert (copied.failed_reason, copied.mic) == (None, answer.mic)


async def test_a_forgotten_hospital_gets_the_answer_and_a_person_says_what_it_is(three: Three) -> None:
    """The CNSE brings it: the signature of the CNAS is verified there, and the answer then counts."""
    submitted = await three.hospital.submit()
    await three.exchange()
    await to_one(three.cnas, submitted, "cnse")
    await three.exchange()
    assert await three.cnse.repair.round() == 1
    taken = await three.exchange()
    (row,) = taken["hospital"]
    proved = await three.hospital.only(Letter, mail=row.id)
    assert (row.reason, row.likely_request) == ("repaired-copy", submitted.request.hash)
    assert (proved.author, proved.kind) == ("cnas", "EXTENSION_ACCEPTANCE")
    await three.hospital.triage.classify(row.id, "acceptance", actor="alice")
    request = await three.hospital.request()
    assert (request.state, str(request.granted_until)) == (State.ACCEPTED, "2026-03-20")
