"""After a backup was put back: what happened since is not known here, so nothing of it may happen again by itself."""

import pytest

from gateway.domain import request as life
from gateway.domain.parties import Role
from gateway.domain.transmission import UNKNOWN_RETRY, State
from gateway.services.restoring import settle
from gateway.storage import Acceptance, Lease, Transmission
from tests.services.mails import ADDRESSES, receipt
from tests.services.world import MINUTE, RIPE, World


async def put_back(world: World) -> int:
    """As the command does, once the old rows are there again."""
    return await settle(world.store, site="s", actor="alice", at=world.clock.now(), details={"size": 1})


@pytest.mark.fault("F15")
async def test_a_silence_of_before_waits_for_a_persons_word(hospital: World) -> None:
    """It may be on record already, and told to the CNAS: a person says that it is not."""
    submitted = await hospital.to_running()
    await put_back(hospital)
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert await hospital.lacking() == ("not_recorded_before_backup",)
    assert await hospital.all(Acceptance) == ()
    await hospital.confirmations.confirm(submitted.case.ref, actor="alice", codes=("restored",))
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is life.State.TACITLY_ACCEPTED
    await hospital.only(Acceptance)


async def test_that_word_is_about_this_restoration(hospital: World) -> None:
    """Another backup put back later forgets more, perhaps the record itself."""
    submitted = await hospital.to_running()
    await put_back(hospital)
    await hospital.at_ripe(RIPE)
    await hospital.confirmations.confirm(submitted.case.ref, actor="alice", codes=("restored",))
    await put_back(hospital)
    await hospital.deadlines.tick()
    assert "not_recorded_before_backup" in await hospital.lacking()


async def test_a_request_made_afterwards_asks_nobody(hospital: World) -> None:
    """Everything about it is known here."""
    await put_back(hospital)
    hospital.clock.advance(MINUTE)
    await hospital.to_running()
    assert "not_recorded_before_backup" not in await hospital.lacking()


@pytest.mark.fault("F15")
async def test_a_mail_that_had_left_is_not_sent_again_when_its_receipt_is_in_the_mailbox(hospital: World) -> None:
    """The mailbox is read again first: what it proves settles the doubt, and nothing leaves twice."""
    submitted = await hospital.submit()
    assert await put_back(hospital) == len(await hospital.all(Transmission))
    assert await hospital.sender.round() == 0
    hospital.clock.advance(MINUTE)
    await hospital.take(receipt(submitted.message, received_at=hospital.clock.now()))
    hospital.clock.advance(UNKNOWN_RETRY)
    await hospital.send_all()
    states = {row.partner: row.state for row in await hospital.all(Transmission)}
    assert states["cnas"] is State.EVIDENCED
    assert ADDRESSES[Role.CNAS] not in {envelope.recipient for envelope in hospital.courier.taken}
    assert states["cnse"] is State.HANDED_OVER


async def test_a_mail_of_which_nothing_is_known_leaves_once_with_the_same_bytes(hospital: World) -> None:
    """After its quarter of an hour, as after any doubt; then a person decides."""
    await hospital.submit()
    before = {row.envid: row.file for row in await hospital.all(Transmission)}
    await put_back(hospital)
    hospital.clock.advance(UNKNOWN_RETRY)
    await hospital.send_all()
    rows = await hospital.all(Transmission)
    assert {row.envid: row.file for row in rows} == before
    assert {(row.state, row.doubts) for row in rows} == {(State.HANDED_OVER, 1)}


async def test_leases_of_before_hold_nobody(hospital: World) -> None:
    """Whoever had them then is refused, and whoever starts now does not wait."""
    async with hospital.store.act() as act:
        await act.add(Lease(site="s", name="inbound", holder="long-gone", fence=3, beat=9))
    await put_back(hospital)
    lease = await hospital.only(Lease)
    assert (lease.holder, lease.fence) == (None, 4)
