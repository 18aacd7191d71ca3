"""Partners' keys over time: a new one, the former one beside it for a while, the end of one, one that was stolen."""

from datetime import timedelta

import pytest

from gateway.domain.errors import KeyFileInvalid, Unknown
from gateway.domain.parties import Role
from gateway.services.compose import current_pins
from gateway.services.pins import OVERLAP
from gateway.storage import Pin, Request, Verdict
from tests.services.conftest import Build
from tests.services.mails import REF, START, request_mail
from tests.services.world import World

NEW, OLD = "D" * 40, "A" * 40
DAY = timedelta(days=1)


async def renewed(cnas: World) -> None:
    """The hospital has told its new key."""
    await cnas.pins.pin("hospital", "openpgp", NEW, "new key", actor="alice")


async def reason(cnas: World, fingerprint: str) -> str | None:
    """Why a mail that this key signed is refused; None when it is accepted."""
    row = await cnas.take(request_mail(fingerprint=fingerprint, ref=f"7F3K-{next(cnas.numbers):02}"))
    return None if row.verdict is Verdict.ACCEPTED else row.reason


async def sealed_for(cnas: World) -> str:
    """For which key of the hospital we seal."""
    async with cnas.store.view() as view:
        return (await current_pins(view, "s"))["hospital"].fingerprint


async def test_the_former_key_counts_beside_the_new_one_for_two_weeks(cnas: World) -> None:
    """A mail on its way, a partner who has not switched yet; nothing new is sealed for it."""
    await renewed(cnas)
    assert await sealed_for(cnas) == NEW
    assert (await reason(cnas, OLD), await reason(cnas, NEW)) == (None, None)
    cnas.clock.advance(OVERLAP - timedelta(seconds=1))
    assert await cnas.pins.end_overlaps() == 0
    assert await reason(cnas, OLD) is None
    cnas.clock.advance(timedelta(seconds=1))
    assert await cnas.pins.end_overlaps() == 1
    assert (await reason(cnas, OLD), await reason(cnas, NEW)) == ("key-not-pinned", None)
    assert await cnas.pins.end_overlaps() == 0
    told = [(record.event, record.actor, record.outcome) for record in await cnas.events("key.superseded")]
    assert told == [("key.superseded", "alice", OLD)]
    assert [(record.actor, record.outcome) for record in await cnas.events("key.retired")] == [("gateway", OLD)]


async def test_a_key_is_pinned_once(cnas: World) -> None:
    """The same one with a later expiry is a change of its owner; a former one does not come back."""
    await renewed(cnas)
    for fingerprint, material in ((NEW, "new key"), (OLD, "key")):
        with pytest.raises(KeyFileInvalid):
            await cnas.pins.pin("hospital", "openpgp", fingerprint, material, actor="alice")
    await cnas.pins.pin("hospital", "openpgp", NEW, "the same with a later expiry", actor="alice")
    assert (await cnas.only(Pin, fingerprint=NEW)).material == "the same with a later expiry"
    assert len(await cnas.events("key.refreshed")) == 1
    with pytest.raises(Unknown):
        await cnas.pins.pin("inconnu", "openpgp", "E" * 40, "key", actor="alice")


async def test_a_proposed_key_leaves_the_former_one_alone(build: Build) -> None:
    """Until a second person has compared it too."""
    cnas = await build(Role.CNAS, persons=2)
    await renewed(cnas)
    assert await sealed_for(cnas) == OLD
    assert (await reason(cnas, OLD), await reason(cnas, NEW)) == (None, "key-not-pinned")
    await cnas.pins.pin("hospital", "openpgp", NEW, "new key", actor="bob")
    assert await sealed_for(cnas) == NEW


async def test_a_key_is_retired_at_once(cnas: World) -> None:
    """Lost, or no longer the partner's: one person is enough, since it only stops things."""
    await cnas.pins.retire("hospital", OLD, actor="alice")
    assert await reason(cnas, OLD) == "key-not-pinned"
    with pytest.raises(KeyError):
        await sealed_for(cnas)
    for partner, fingerprint in (("hospital", OLD), ("hospital", NEW), ("cnse", OLD)):
        with pytest.raises(Unknown):
            await cnas.pins.retire(partner, fingerprint, actor="alice")


async def test_a_former_key_can_be_retired_before_its_two_weeks(cnas: World) -> None:
    """It was replaced because somebody had it."""
    await renewed(cnas)
    await cnas.pins.retire("hospital", OLD, actor="alice")
    assert (await reason(cnas, OLD), await reason(cnas, NEW)) == ("key-not-pinned", None)


async def test_of_a_stolen_key_all_that_it_may_have_signed_is_named(cnas: World) -> None:
    """What came since, while the key counted, with its case; nothing is undone, and another instant names others."""
    for _ in range(3):
        assert await reason(cnas, OLD) is None
        cnas.clock.advance(DAY)
    requests = await cnas.all(Request)
    found = await cnas.pins.compromised("hospital", OLD, START + DAY, actor="alice")
    assert [(row.at, row.kind, row.case) for row in found] == [
        (START + DAY, "EXTENSION_REQUEST", "7F3K-03"),
        (START + 2 * DAY, "EXTENSION_REQUEST", "7F3K-05"),
    ]
    assert await cnas.all(Request) == requests
    assert await reason(cnas, OLD) == "key-not-pinned"
    (record,) = await cnas.events("key.compromised")
    assert (record.actor, record.partner, record.outcome) == ("alice", "hospital", OLD)
    assert b'"since":"2026-01-26T09:00:00' in record.canonical
    assert len(await cnas.pins.compromised("hospital", OLD, START, actor="bob")) == 3
    assert len(await cnas.events("key.retired")) == 1
    with pytest.raises(Unknown):
        await cnas.pins.compromised("hospital", NEW, START, actor="alice")


async def test_what_came_after_a_stolen_key_was_retired_is_no_suspect(cnas: World) -> None:
    """Another key signed it."""
    assert await reason(cnas, OLD) is None
    await renewed(cnas)
    await cnas.pins.retire("hospital", OLD, actor="alice")
    cnas.clock.advance(DAY)
    assert await reason(cnas, NEW) is None
    found = await cnas.pins.compromised("hospital", OLD, START - DAY, actor="alice")
    assert [row.case for row in found] == ["7F3K-01"]
    assert REF not in {row.case for row in found}
