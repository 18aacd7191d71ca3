"""What belongs to no case does not stay for ever, and nothing that may still matter goes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.errors import VaultClosed
from gateway.services import quarantine
from gateway.services.quarantine import QuarantineRetention
from gateway.storage import Mail, Verdict
from tests.services.mails import REF, outer, plain_mail
from tests.services.test_forget import forgetting, later
from tests.services.world import World

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)


def retention(world: World, days: int = 90, years: int = 3) -> QuarantineRetention:
    """The daemon's own."""
    return QuarantineRetention(
        store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party, days=days, years=years
    )


async def kept(world: World, mail: Mail) -> bool:
    """Whether its bytes still open, as far as its row or the vault knows."""
    row = await world.only(Mail, id=mail.id)
    if row.file is None:
        return False
    async with world.store.view() as view:
        try:
            await world.cabinet.get(view, row.file)
        except VaultClosed:
            return False
    return True


async def test_a_strangers_mail_goes_after_its_days(hospital: World, tmp_path: Path) -> None:
    """To the day; its row and hash stay, and the act is on record without a word of it."""
    mail = await hospital.take(plain_mail("x@ailleurs.test"))
    hospital.clock.advance(90 * DAY)
    assert await retention(hospital).round() == 0
    hospital.clock.advance(timedelta(seconds=1))
    assert await retention(hospital).round() == 1
    row = await hospital.only(Mail, id=mail.id)
    assert (row.file, row.sha256, row.verdict) == (None, mail.sha256, Verdict.PLAIN)
    assert not [path for path in (tmp_path / "spool-hospital").rglob("*") if path.is_file()]
    (record,) = await hospital.events("quarantine.erased")
    assert b'"mails":1' in record.canonical
    assert await retention(hospital).round() == 0
    assert len(await hospital.events("quarantine.erased")) == 1


async def test_the_same_bytes_again_are_still_a_duplicate(hospital: World) -> None:
    """And lose their file with the first."""
    raw = b"Subject: x\r\n\r\n"
    first = await hospital.take(plain_mail("x@ailleurs.test"), raw=raw)
    second = await hospital.take(plain_mail("x@ailleurs.test"), raw=raw)
    hospital.clock.advance(91 * DAY)
    assert await retention(hospital).round() == 1
    assert (await hospital.only(Mail, id=second.id)).file is None
    third = await hospital.take(plain_mail("x@ailleurs.test"), raw=raw)
    assert (third.verdict, third.file, third.sha256) == (Verdict.DUPLICATE, None, first.sha256)


async def test_what_may_be_an_answer_waits_for_a_person_however_long(hospital: World) -> None:
    """Settled, it stays the years of a dispute, then goes."""
    mail = await hospital.take(plain_mail("amel@cnas.test"))
    hospital.clock.advance(3650 * DAY)
    assert await retention(hospital).round() == 0
    await hospital.triage.classify(mail.id, "not-an-answer", actor="alice")
    hospital.clock.advance(3 * 365 * DAY)
    assert await retention(hospital).round() == 0
    assert await kept(hospital, mail)
    hospital.clock.advance(4 * DAY)
    assert await retention(hospital).round() == 1
    assert not await kept(hospital, mail)


async def test_what_seems_to_be_about_a_case_stays_as_long_as_the_case(hospital: World) -> None:
    """It goes with it, or after it when it came too late."""
    await later(hospital)
    about = await hospital.take(replace(plain_mail("x@ailleurs.test"), outer=outer("x@ailleurs.test", tokens=(REF,))))
    await hospital.triage.classify(about.id, "not-an-answer", actor="alice")
    hospital.clock.advance(3650 * DAY)
    assert await retention(hospital).round() == 0
    assert await kept(hospital, about)
    await forgetting(hospital).forget(REF, actor="alice")
    assert not await kept(hospital, about)
    late = await hospital.take(replace(plain_mail("y@ailleurs.test"), outer=outer("y@ailleurs.test", tokens=(REF,))))
    await hospital.triage.classify(late.id, "not-an-answer", actor="alice")
    hospital.clock.advance(1200 * DAY)
    assert await retention(hospital).round() == 1
    assert not await kept(hospital, late)


async def test_a_mail_that_is_evidence_stays(hospital: World) -> None:
    """An automatic answer proves that our mail arrived, little as it is worth."""
    submitted = await hospital.submit()
    await hospital.send_all()
    seen = replace(
        plain_mail("conv@cnas.test"),
        outer=replace(outer("conv@cnas.test", cited=(submitted.message.message_id,)), automatic=True),
        notice=True,
    )
    mail = await hospital.take(seen)
    assert mail.verdict is Verdict.AUTOMATIC
    hospital.clock.advance(3650 * DAY)
    assert await retention(hospital).round() == 0
    assert await kept(hospital, mail)


async def test_many_go_in_several_rounds(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act stays short; none is forgotten."""
    monkeypatch.setattr(quarantine, "BATCH", 2)
    mails = [await hospital.take(plain_mail("x@ailleurs.test")) for _ in range(5)]
    hospital.clock.advance(91 * DAY)
    assert [await retention(hospital).round() for _ in range(4)] == [2, 2, 1, 0]
    assert not any([await kept(hospital, mail) for mail in mails])
