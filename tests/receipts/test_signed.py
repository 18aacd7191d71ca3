"""Receipts that mail programs sign, in both suites, alone or sealed like any other mail, with real keys."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.parties import Grade, PartnerKind, Role, Suite
from gateway.domain.request import State
from gateway.services.desk import Submitted
from gateway.storage import StoredEvidence, Transmission, Verdict
from gateway.wire import sealed
from gateway.wire.fields import Mailbox
from tests.receipts.shapes import raw
from tests.services.fakes import FakeClock
from tests.services.mails import ADDRESSES, START
from tests.services.suites import Keys, RealOpener, arrive, parties
from tests.services.world import World, open_world, partner

MINUTE = timedelta(minutes=1)
both_suites = pytest.mark.parametrize("suite", Suite)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Role, Keys]]:
    """Three parties with keys in both suites."""
    with parties(tmp_path_factory.mktemp("parties")) as made:
        yield made


@pytest.fixture
async def hospital(tmp_path: Path, keys: dict[Role, Keys], suite: Suite) -> AsyncIterator[World]:
    """A hospital; its CNAS has only a mail program, in this suite."""
    opener = RealOpener(keys[Role.HOSPITAL], [keys[Role.CNAS], keys[Role.CNSE]], FakeClock(START))
    others = (
        replace(partner(Role.CNAS, kind=PartnerKind.MAIL), suite=suite),
        replace(partner(Role.CNSE), suite=suite),
    )
    async with open_world(
        tmp_path, partners=others, pinned=False, sealer=keys[Role.HOSPITAL].sealer(), opener=opener
    ) as world:
        opener._clock = world.clock
        for other in others:
            key = keys[other.role].of(suite)
            await world.pins.pin(other.id, suite.value, key.fingerprint, key.material, actor="alice")
        yield world


async def sent(world: World) -> Submitted:
    """A request that was handed over."""
    submitted = await world.submit()
    await world.send_all()
    world.clock.advance(MINUTE)
    return submitted


def report(name: str, submitted: Submitted) -> bytes:
    """The receipt that a mail program makes of ours: without any header of a mail."""
    whole = raw(name, submitted.message.message_id)
    return whole[whole.index(b"Content-Type: multipart/report") :].removesuffix(b"\r\n")


async def signed(author: Keys, suite: Suite, entity: bytes) -> bytes:
    """The multipart/signed that the program of this author makes."""
    signature = await author.sealer().sign(entity, suite)
    return sealed.signed(entity, signature.data, signature.micalg, "signe", suite)


def mail(content: bytes, sender: str = ADDRESSES[Role.CNAS]) -> bytes:
    """As it travels."""
    head = f"From: <{sender}>\r\nTo: {ADDRESSES[Role.HOSPITAL]}\r\nDate: Sun, 25 Jan 2026 09:01:00 +0000\r\n"
    return f"{head}Message-ID: <lu@cnas.test>\r\nSubject: Lu\r\nMIME-Version: 1.0\r\n".encode() + content


@both_suites
async def test_a_signed_receipt_starts_the_period_and_needs_nobody(
    hospital: World, keys: dict[Role, Keys], suite: Suite
) -> None:
    """The date under the signature is what it attests; it is kept as the evidence that it is."""
    submitted = await sent(hospital)
    row = await arrive(hospital, mail(await signed(keys[Role.CNAS], suite, report("mdn-displayed", submitted))))
    evidence, request = await hospital.only(StoredEvidence), await hospital.request()
    assert (row.verdict, row.partner, row.reason) == (Verdict.RECEIPT, "cnas", "displayed")
    assert (evidence.kind, evidence.grade, evidence.dated_at) == (
        "signed_receipt",
        Grade.SIGNED_RECEIPT,
        START + MINUTE,
    )
    assert (request.state, request.started_at, request.asks_person) == (State.RUNNING, START + MINUTE, ())
    assert await hospital.all(Transmission, receipt=True) == ()


@both_suites
async def test_a_receipt_that_was_sealed_too_is_a_receipt(
    hospital: World, keys: dict[Role, Keys], suite: Suite
) -> None:
    """Some programs encrypt whatever they send to an address whose key they know."""
    submitted = await sent(hospital)
    author, us = keys[Role.CNAS], keys[Role.HOSPITAL].of(suite)
    inside = await signed(author, suite, report("mdn-displayed", submitted))
    ciphertext = await author.sealer().encrypt(inside, us, partner="hospital")
    outer = sealed.Outer(
        sender=Mailbox(display="", address=ADDRESSES[Role.CNAS]),
        to=(Mailbox(display="", address=ADDRESSES[Role.HOSPITAL]),),
        date=START,
        message_id="<lu@cnas.test>",
        subject="Lu",
    )
    row = await arrive(hospital, sealed.outer(outer, ciphertext, "chiffre", suite))
    assert (row.verdict, row.reason) == (Verdict.RECEIPT, "displayed")
    assert (await hospital.request()).state is State.RUNNING


@both_suites
@pytest.mark.parametrize(
    ("name", "decided"),
    [
        ("mdn-deleted", (Verdict.TRIAGE, "not-positive")),
        ("mdn-with-an-error", (Verdict.TRIAGE, "not-positive")),
        ("mdn-unknown-disposition", (Verdict.TRIAGE, "not-positive")),
        ("mdn-two-originals", (Verdict.QUARANTINE, "repeated-original-message-id")),
        ("dsn-delivered", (Verdict.QUARANTINE, "not-such-report")),
    ],
)
async def test_a_signature_makes_no_receipt_of_what_is_none(
    hospital: World, keys: dict[Role, Keys], suite: Suite, name: str, decided: tuple[Verdict, str]
) -> None:
    """Deleted, failed, in words of its own, about two mails, or a server's report: a person looks, nothing starts."""
    submitted = await sent(hospital)
    row = await arrive(hospital, mail(await signed(keys[Role.CNAS], suite, report(name, submitted))))
    assert ((row.verdict, row.reason), row.held_back) == (decided, True)
    assert (await hospital.all(StoredEvidence), (await hospital.request()).state) == ((), State.SENT)


@both_suites
async def test_a_changed_receipt_is_none(hospital: World, keys: dict[Role, Keys], suite: Suite) -> None:
    """One letter of what was signed."""
    submitted = await sent(hospital)
    content = await signed(keys[Role.CNAS], suite, report("mdn-deleted", submitted))
    row = await arrive(hospital, mail(content.replace(b"; deleted", b"; displayed")))
    assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "bad-signature")
    assert await hospital.all(StoredEvidence) == ()


@both_suites
async def test_the_receipt_of_another_partner_is_not_the_cnas_s(
    hospital: World, keys: dict[Role, Keys], suite: Suite
) -> None:
    """The CNSE signs under the name of the CNAS, and passes the receipt of the CNAS on under its own."""
    submitted = await sent(hospital)
    forged = await signed(keys[Role.CNSE], suite, report("mdn-displayed", submitted))
    honest = await signed(keys[Role.CNAS], suite, report("mdn-displayed", submitted))
    rows = [await arrive(hospital, mail(forged)), await arrive(hospital, mail(honest, ADDRESSES[Role.CNSE]))]
    assert [row.reason for row in rows] == ["key-not-pinned", "key-not-pinned"]
    assert await hospital.all(StoredEvidence) == ()
