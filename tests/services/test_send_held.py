"""Mails that cannot go: a key that is no longer good, a file that does not open, and how each leaves in the end."""

from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.domain.errors import GatewayError, StorageFailed
from gateway.domain.parties import Role
from gateway.domain.request import State as Life
from gateway.domain.transmission import State
from gateway.ports import SpoolFile, WrappedKey
from gateway.storage import Pin, View
from tests.services.mails import FINGERPRINTS, START, receipt
from tests.services.test_send import QUARTER, only_to_cnas, row
from tests.services.world import SECOND, World, partner


async def new_key(world: World) -> None:
    """The CNAS has another key from now on."""
    for old in await world.all(Pin, partner="cnas", retired_at=None):
        await world.change(replace(old, retired_at=world.clock.now()))
    await world.pin(partner(Role.CNAS), "D" * 40)


async def test_a_key_that_was_retired_holds_the_mail_until_it_is_sealed_again(hospital: World) -> None:
    """Sealed to the former key, it never leaves; the same entity leaves sealed to the new one."""
    submitted = await only_to_cnas(hospital)
    before = await row(hospital)
    await new_key(hospital)
    await hospital.sender.round()
    assert (await row(hospital)).state is State.HELD
    assert hospital.courier.tried == []
    (alarm,) = await hospital.events("alarm.transmission_held")
    assert (alarm.partner, alarm.outcome) == ("cnas", "key-retired")
    assert (await hospital.request()).state is Life.SUBMITTED
    await hospital.sender.round()
    found = await row(hospital)
    assert (found.state, found.fingerprint, found.envid) == (State.HANDED_OVER, "D" * 40, before.envid)
    assert found.file != before.file
    (envelope,) = hospital.courier.taken
    assert submitted.message.message_id.encode() in envelope.data
    (released,) = await hospital.events("transmission.released")
    assert released.outcome == "sealed-again"
    await hospital.take(replace(receipt(submitted.message, received_at=START), fingerprint="D" * 40))
    assert (await hospital.request()).state is Life.RUNNING


@pytest.mark.fault("F36")
async def test_a_key_that_expired_holds_the_mail(hospital: World) -> None:
    """Checked again before each hand-over, and told once, however long it lasts."""
    await only_to_cnas(hospital)
    hospital.sealer.unusable = {"cnas"}
    await hospital.sender.round()
    for _ in range(3):
        assert await hospital.sender.round() == 0
        hospital.clock.advance(QUARTER)
    assert (await row(hospital)).state is State.HELD
    assert len(await hospital.events("transmission.key_refused")) == 1
    assert [alarm.outcome for alarm in await hospital.events("alarm.transmission_held")] == ["KeyUnusable"]
    hospital.sealer.unusable = set()
    await new_key(hospital)
    assert await hospital.sender.round() == 1
    assert (await row(hospital)).state is State.HANDED_OVER


async def test_a_held_mail_is_not_looked_at_in_each_round(hospital: World) -> None:
    """A round comes each second: the same unusable key is checked again after a quarter of an hour."""
    await only_to_cnas(hospital)
    hospital.sealer.unusable = {"cnas"}
    await hospital.sender.round()
    await hospital.sender.round()
    checks: list[None] = []
    hospital.sealer.on_check = lambda: checks.append(None)
    hospital.clock.advance(SECOND)
    await hospital.sender.round()
    assert checks == []
    hospital.clock.advance(QUARTER)
    await hospital.sender.round()
    assert checks == [None]


async def test_a_held_mail_whose_new_key_is_no_better_stays_held(hospital: World) -> None:
    """Nothing is written, nothing leaves, and the round goes on."""
    await only_to_cnas(hospital)
    hospital.sealer.unusable = {"cnas"}
    await new_key(hospital)
    before = (await row(hospital)).file
    for _ in range(3):
        await hospital.sender.round()
        hospital.clock.advance(QUARTER)
    assert ((await row(hospital)).state, (await row(hospital)).file) == (State.HELD, before)
    assert hospital.courier.tried == []


async def test_evidence_that_comes_while_a_held_mail_is_sealed_again_stops_it(hospital: World) -> None:
    """An earlier attempt had worked: the receipt is committed first, nothing is released."""
    submitted = await only_to_cnas(hospital)
    await new_key(hospital)
    await hospital.sender.round()
    # The receipt is signed with the key that the tests' mails know; only the key it was sealed to is the former one.
    pin = await hospital.only(Pin, partner="cnas", fingerprint=FINGERPRINTS[Role.CNAS])
    new = await hospital.only(Pin, partner="cnas", fingerprint="D" * 40)
    await hospital.change(replace(pin, fingerprint="E" * 40))
    await hospital.change(replace(new, fingerprint=FINGERPRINTS[Role.CNAS]))
    await hospital.change(replace(await row(hospital), fingerprint="E" * 40))

    async def arrive() -> None:
        hospital.sealer.on_check = None
        await hospital.take(receipt(submitted.message, received_at=START))

    hospital.sealer.on_check = arrive
    await hospital.sender.round()
    assert (await row(hospital)).state is State.EVIDENCED
    assert await hospital.events("transmission.released") == ()


async def test_evidence_that_comes_while_the_key_is_checked_is_not_lost(hospital: World) -> None:
    """An earlier attempt had worked: the mail is not held back over its own receipt."""
    submitted = await only_to_cnas(hospital)
    hospital.sealer.unusable = {"cnas"}

    async def arrive() -> None:
        hospital.sealer.on_check = None
        await hospital.take(receipt(submitted.message, received_at=START))

    hospital.sealer.on_check = arrive
    await hospital.sender.round()
    assert (await row(hospital)).state is State.EVIDENCED


async def test_one_file_that_cannot_be_opened_does_not_stop_the_others(hospital: World) -> None:
    """A lost spool file is told; the other mails still leave."""
    await hospital.submit()
    hospital.vault.remove((await row(hospital)).file)
    for _ in range(3):
        with suppress(GatewayError):
            await hospital.sender.round()
        hospital.clock.advance(QUARTER)
    assert [envelope.recipient for envelope in hospital.courier.taken] == ["medical@cnse.test"]
    assert (await row(hospital)).state is State.HELD
    assert [alarm.outcome for alarm in await hospital.events("alarm.transmission_held")] == ["VaultClosed"]
    assert (await hospital.request()).state is Life.SUBMITTED


async def test_a_file_that_opens_again_leaves(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk could not read that one file for a while; the same bytes go, without a person."""
    await only_to_cnas(hospital)
    load = hospital.vault.load

    async def unreadable(file: SpoolFile, key: WrappedKey) -> bytes:
        raise StorageFailed(place="spool", reason=f"{file.name[:4]} {key.id[:4]}")

    monkeypatch.setattr(hospital.vault, "load", unreadable)
    assert await hospital.sender.round() == 1
    assert (await row(hospital)).state is State.HELD
    monkeypatch.setattr(hospital.vault, "load", load)
    assert await hospital.sender.round() == 0
    hospital.clock.advance(QUARTER)
    assert await hospital.sender.round() == 1
    assert (await row(hospital)).state is State.HANDED_OVER
    assert [entry.outcome for entry in await hospital.events("transmission.released")] == ["same-bytes"]


async def test_a_database_that_fails_holds_no_mail(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """That concerns every mail: the round stops and nothing is held."""
    await only_to_cnas(hospital)

    async def broken(view: View, name: str) -> bytes:
        del view, name
        raise StorageFailed(place="la base de données", reason="locked")

    monkeypatch.setattr(hospital.cabinet, "get", broken)
    with pytest.raises(StorageFailed):
        await hospital.sender.round()
    assert (await row(hospital)).state is State.READY


async def test_a_partner_that_left_the_configuration_gets_nothing(hospital: World) -> None:
    """Its mail is held, and the round goes on."""
    await hospital.submit()
    await hospital.change(replace(await row(hospital), partner="parti"))
    await hospital.sender.round()
    assert [envelope.recipient for envelope in hospital.courier.taken] == ["medical@cnse.test"]
