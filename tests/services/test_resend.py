"""The same bytes again, at a person's word: to whoever has not confirmed them, and to nobody else."""

from datetime import timedelta

import pytest

from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.parties import PartnerKind, Role
from gateway.domain.transmission import State
from gateway.services.resend import Resend
from gateway.storage import Message
from tests.services.fakes import REFUSED, UNKNOWN
from tests.services.mails import answer_mail, delivery_report, plain_mdn, receipt
from tests.services.world import World, partner

DAY = timedelta(days=1)


def again(world: World) -> Resend:
    """The act."""
    return Resend(store=world.store, clock=world.clock, party=world.party)


@pytest.mark.law("M13")
async def test_a_request_goes_again_byte_for_byte(hospital: World) -> None:
    """Same Message-ID, same envelope id: whoever got the first one sees that it is the same; the log says who asked."""
    submitted = await hospital.submit()
    await hospital.send_all()
    first = list(hospital.courier.taken)
    hospital.clock.advance(DAY)

    done = await again(hospital).again(submitted.message.id, actor="alice")
    await hospital.send_all()

    assert done.partners == ("cnas", "cnse")
    assert hospital.courier.taken[len(first) :] == first
    records = await hospital.events("transmission.resent")
    assert [(entry.actor, entry.partner, entry.outcome) for entry in records] == [
        ("alice", "cnas", "same-bytes"),
        ("alice", "cnse", "same-bytes"),
    ]
    assert (await hospital.request()).handed_over_at == submitted.message.at


async def test_only_those_who_did_not_confirm_get_it_again(hospital: World) -> None:
    """A receipt, or any other evidence, is enough."""
    submitted = await hospital.submit()
    await hospital.send_all()
    await hospital.take(receipt(submitted.message, received_at=hospital.clock.now(), sender=Role.CNSE))

    assert (await again(hospital).again(submitted.message.id, actor="alice")).partners == ("cnas",)


async def test_a_mail_program_that_displayed_it_has_confirmed_it(by_mail: World) -> None:
    """An unsigned receipt settles no transmission, but nobody needs the mail twice."""
    assert by_mail.directory.find("cnas") == partner(Role.CNAS, kind=PartnerKind.MAIL)
    submitted = await by_mail.submit()
    await by_mail.send_all()
    await by_mail.take(plain_mdn(submitted.message.message_id, at=by_mail.clock.now()))

    assert (await again(by_mail).again(submitted.message.id, actor="alice")).partners == ("cnse",)


async def test_a_late_receipt_of_the_first_one_settles_both(hospital: World) -> None:
    """It does not matter which of the two it is of: they are one mail."""
    submitted = await hospital.submit()
    await hospital.send_all()
    await again(hospital).again(submitted.message.id, actor="alice")
    await hospital.take(receipt(submitted.message, received_at=hospital.clock.now()))
    await hospital.send_all()

    (mail,) = await hospital.outbox("cnas")
    assert mail.state is State.EVIDENCED
    assert [envelope.recipient for envelope in hospital.courier.taken].count("conv@cnas.test") == 1


@pytest.mark.parametrize("outcome", [REFUSED, UNKNOWN])
async def test_what_was_refused_or_is_in_doubt_may_go_again(hospital: World, outcome: object) -> None:
    """The address was mended, or the partner says that nothing came."""
    hospital.courier.script = [outcome] * 2  # type: ignore[list-item]
    submitted = await hospital.submit()
    await hospital.send_all()
    await again(hospital).again(submitted.message.id, actor="alice")
    await hospital.send_all()

    assert {mail.state for mail in (*await hospital.outbox("cnas"), *await hospital.outbox("cnse"))} == {
        State.HANDED_OVER
    }
    assert (await hospital.request()).state.value == "sent"


async def test_what_came_back_may_go_again_and_is_then_on_its_way(hospital: World) -> None:
    """The mailbox was full; the first hand-over stays what it was."""
    submitted = await hospital.submit()
    await hospital.send_all()
    (mail,) = await hospital.outbox("cnas")
    await hospital.take(delivery_report(action="failed", envid=mail.envid))
    failed = await hospital.request()
    hospital.clock.advance(DAY)
    await again(hospital).again(submitted.message.id, actor="alice")
    await hospital.send_all()

    assert failed.state.value == "delivery_failed"
    request = await hospital.request()
    assert (request.state.value, request.handed_over_at) == ("sent", failed.handed_over_at)


async def test_what_cannot_help_is_refused_with_its_reason(hospital: World) -> None:
    """Not gone yet, confirmed by all, settled, or no message of ours."""
    submitted = await hospital.submit()
    number = submitted.message.id
    with pytest.raises(NotAllowed, match="pas encore parti"):
        await again(hospital).again(number, actor="alice")
    await hospital.send_all()
    for sender in (Role.CNAS, Role.CNSE):
        await hospital.take(receipt(submitted.message, received_at=hospital.clock.now(), sender=sender))
    with pytest.raises(NotAllowed, match="confirmé"):
        await again(hospital).again(number, actor="alice")
    await hospital.take(answer_mail(submitted.request.hash, ref=submitted.case.ref))
    with pytest.raises(NotAllowed, match="réglée"):
        await again(hospital).again(number, actor="alice")
    theirs = max(message.id for message in await hospital.all(Message))
    for other in (theirs, 999):
        with pytest.raises(Unknown, match=str(other)):
            await again(hospital).again(other, actor="alice")
    assert await hospital.events("transmission.resent") == ()


async def test_a_double_click_is_one_mail(hospital: World) -> None:
    """The second one finds it waiting."""
    submitted = await hospital.submit()
    await hospital.send_all()
    await again(hospital).again(submitted.message.id, actor="alice")
    with pytest.raises(NotAllowed, match="pas encore parti"):
        await again(hospital).again(submitted.message.id, actor="alice")
