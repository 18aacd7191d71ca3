"""Our receipts: to whom, for what, how often; and never in a way that could become a loop."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.parties import PartnerKind, Role
from gateway.storage import Direction, Letter, Message, Transmission, Verdict
from gateway.wire.incoming import Incoming, read_outer
from gateway.wire.mime import parse_headers
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, START, answer_mail, letter, receipt, request_mail
from tests.services.world import MINUTE, RECEIPTS_PER_HOUR, World, partner

HOUR = timedelta(hours=1)
CNAS = ADDRESSES[Role.CNAS]


async def receipts(world: World) -> tuple[Transmission, ...]:
    """Those that left or will."""
    return await world.all(Transmission, receipt=True)


def changed(seen: Incoming, **outer: Any) -> Incoming:
    """The same mail with other outer headers."""
    assert seen.outer is not None
    return replace(seen, outer=replace(seen.outer, **outer))


def automatic(seen: Incoming) -> Incoming:
    """The same mail, sent by a machine as far as its outer header says."""
    return changed(seen, automatic=True)


def same_request(number: int = 1) -> Incoming:
    """One request of the hospital, the same each time."""
    return request_mail(entity=f"entity {number}".encode(), message_id=f"<r{number}@hopital.test>", ref="7F3K-Q2")


# --- never


@pytest.mark.parametrize(
    "line", ["Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated", "Return-Path: <>", "Precedence: bulk"]
)
async def test_a_mail_that_a_machine_sent_is_never_answered(cnas: World, line: str) -> None:
    """Accepted as any other; the answer is what lacks."""
    outer = read_outer(parse_headers(f"From: {ADDRESSES[Role.HOSPITAL]}\r\n{line}\r\n".encode()))
    row = await cnas.take(replace(request_mail(), outer=outer))
    assert (row.verdict, await receipts(cnas)) == (Verdict.ACCEPTED, ())


async def test_a_mail_that_says_so_in_its_signed_header_is_never_answered(cnas: World) -> None:
    """Whoever carried it may have cut the outer one."""
    row = await cnas.take(request_mail(automatic=True))
    assert (row.verdict, await receipts(cnas)) == (Verdict.ACCEPTED, ())


async def test_a_repeated_mail_is_not_answered_when_a_machine_repeats_it(cnas: World) -> None:
    """The first copy got its receipt, and the second asks in no other way."""
    await cnas.take(same_request())
    await cnas.send_all()
    row = await cnas.take(automatic(same_request()))
    assert (row.verdict, row.reason) == (Verdict.DUPLICATE, "no-receipt-to-repeat")
    assert len(await receipts(cnas)) == 1


async def test_a_receipt_is_never_answered_even_when_it_asks_and_comes_twice(hospital: World) -> None:
    """Two gateways must not acknowledge each other for ever."""
    submitted = await hospital.submit()
    await hospital.send_all()
    seen = changed(receipt(submitted.message, received_at=START), receipt_to=(CNAS,))
    rows = [await hospital.take(seen), await hospital.take(seen)]
    assert [row.verdict for row in rows] == [Verdict.RECEIPT, Verdict.DUPLICATE]
    assert await receipts(hospital) == ()


async def test_a_mail_that_was_refused_is_never_answered(cnas: World) -> None:
    """Whatever it asks: an answer would tell a stranger something."""
    row = await cnas.take(changed(request_mail(fingerprint="E" * 40), receipt_to=(ADDRESSES[Role.HOSPITAL],)))
    assert (row.verdict, await receipts(cnas)) == (Verdict.QUARANTINE, ())


# --- a partner with a mail program gets one when it asked


async def answered(build: Build, told: bool, *asked: str) -> World:  # noqa: FBT001  a column of the tables below
    """A hospital that took an answer or a letter of a CNAS without a gateway."""
    world = await build(partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    submitted = await world.to_running_by_mdn()
    seen = answer_mail(submitted.request.hash, ref=submitted.case.ref, message_id="<a@cnas.test>", told=told)
    await world.take(changed(seen, receipt_to=asked))
    return world


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    ("asked", "count"), [((), 0), ((CNAS,), 1), (("x@ailleurs.test",), 0), (("x@ailleurs.test", CNAS), 1)]
)
async def test_a_mail_program_gets_a_receipt_when_it_asks_for_itself(
    build: Build, asked: tuple[str, ...], count: int, *, told: bool
) -> None:
    """To its own address alone, whatever address the request names (RFC 8098 section 2.1)."""
    world = await answered(build, told, *asked)
    assert [row.partner for row in await receipts(world)] == ["cnas"] * count
    await world.send_all()
    assert [each.recipient for each in world.courier.taken if not each.sender] == [CNAS] * count


async def test_the_receipt_of_a_letter_is_its_own_and_says_only_that_it_came(build: Build) -> None:
    """It waits for a person all the same; and the same letter again gets the same bytes."""
    world = await answered(build, False, CNAS)
    kept, ours = await world.only(Letter), await world.only(Message, kind="RECEIPT_ACK", direction=Direction.OUT)
    assert (kept.receipt, ours.about, ours.case_id) == (ours.id, None, None)
    await world.send_all()
    first = world.courier.taken[-1].data
    assert b"Original-Message-ID: <a@cnas.test>" in first
    assert b"automatic-action/MDN-sent-automatically; processed" in first
    seen = replace(letter(message_id="<a@cnas.test>"), mic=kept.mic)
    row = await world.take(changed(seen, receipt_to=(CNAS,)))
    assert (row.verdict, row.reason) == (Verdict.DUPLICATE, "receipt-repeated")
    await world.send_all()
    assert world.courier.taken[-1].data == first


async def test_a_letter_from_a_gateway_partner_gets_one_when_it_asks(hospital: World) -> None:
    """A person there wrote it with a mail program."""
    submitted = await hospital.to_running()
    before = len(await receipts(hospital))
    await hospital.take(letter(submitted.message.message_id))
    await hospital.take(changed(letter(submitted.message.message_id), receipt_to=(CNAS,)))
    assert len(await receipts(hospital)) == before + 1


async def test_asking_is_read_in_the_outer_header() -> None:
    """As mail programs write it; what cannot be read asks for nothing."""
    asks = read_outer(parse_headers(b"Disposition-Notification-To: Mme Aziz <Conv@CNAS.test>\r\n"))
    assert asks.receipt_to == (CNAS,)
    for broken in (b"Disposition-Notification-To: <<>\r\n", b"X: y\r\n"):
        assert read_outer(parse_headers(broken)).receipt_to == ()


# --- how often


async def test_a_repeated_mail_repeats_its_receipt_no_more_than_the_cap(cnas: World) -> None:
    """A partner whose program repeats a mail for ever gets so many an hour; the mails themselves are all noted."""
    reasons = []
    for _ in range(RECEIPTS_PER_HOUR + 3):
        reasons.append((await cnas.take(same_request())).reason)
        await cnas.send_all()
        cnas.clock.advance(MINUTE)
    assert reasons == [None, *["receipt-repeated"] * (RECEIPTS_PER_HOUR - 1), *["receipts-capped"] * 3]
    assert len(cnas.courier.taken) == RECEIPTS_PER_HOUR
    (record, *_) = await cnas.events("receipt.capped")
    assert (record.partner, record.outcome) == ("hospital", "not-repeated")
    cnas.clock.advance(HOUR)
    assert (await cnas.take(same_request())).reason == "receipt-repeated"


async def test_a_receipt_that_has_not_left_is_not_repeated(cnas: World) -> None:
    """Its first copy will do."""
    await cnas.take(same_request())
    assert (await cnas.take(same_request())).reason == "receipt-on-its-way"
    assert len(await receipts(cnas)) == 1


async def test_the_receipt_of_a_new_mail_leaves_later_but_leaves(cnas: World) -> None:
    """Above the cap it waits for its turn: the hospital's period starts from it, and states the true reception."""
    for number in range(2 * RECEIPTS_PER_HOUR + 1):
        mail = request_mail(ref=f"7F3K-Q{number}" if number < 10 else "7F3K-QX")
        assert (await cnas.take(mail)).verdict is Verdict.ACCEPTED
    await cnas.send_all()
    assert len(cnas.courier.taken) == RECEIPTS_PER_HOUR
    assert {row.next_at - START for row in await receipts(cnas)} == {0 * HOUR, HOUR, 2 * HOUR}
    cnas.clock.advance(HOUR)
    await cnas.send_all()
    assert len(cnas.courier.taken) == 2 * RECEIPTS_PER_HOUR
    assert f"X-Soins-Reception: {START:%Y-%m-%dT%H:%M:%SZ}".encode() in cnas.courier.taken[-1].data
    cnas.clock.advance(HOUR)
    await cnas.send_all()
    assert len(cnas.courier.taken) == 2 * RECEIPTS_PER_HOUR + 1


async def test_one_partner_s_cap_is_not_another_s(cnas: World) -> None:
    """Each counts alone."""
    for number in range(RECEIPTS_PER_HOUR + 1):
        await cnas.take(request_mail(ref=f"7F3K-Q{number}"))
    told = await cnas.only(Message, kind="RECEIPT_ACK", about=1)
    assert told.partner == "hospital"
    seen = changed(letter(sender=Role.CNSE, to=(Role.CNAS,)), receipt_to=(ADDRESSES[Role.CNSE],))
    await cnas.take(seen)
    assert [row.next_at for row in await cnas.outbox("cnse")] == [START]
