"""Proofs that persons bring: what counts, from when, and that it takes a second person."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.errors import NotAllowed, Unknown, VaultClosed
from gateway.domain.evidence import LAST_INSTANT
from gateway.domain.parties import Grade, PartnerKind, Role
from gateway.domain.request import State
from gateway.ports import SpoolFile
from gateway.services.desk import Submitted
from gateway.services.entered import MAX_SCAN, EnteredProofs, Shown
from gateway.storage import EnteredProof, StoredEvidence
from tests.services.conftest import Build
from tests.services.mails import START, answer_mail, plain_mail, plain_mdn, receipt
from tests.services.world import MINUTE, World, partner

SCAN = b"%PDF-1.4 scan"
DAY = timedelta(days=1)


def proofs(world: World) -> EnteredProofs:
    """The acts of persons, where as many are needed as the world says."""
    return EnteredProofs(
        store=world.store,
        cabinet=world.cabinet,
        requests=world.requests,
        clock=world.clock,
        party=world.party,
        directory=world.directory,
        persons_needed=world.persons,
        readership=world.readers.readership,
    )


async def sent(build: Build, *, persons: int = 2, kind: PartnerKind = PartnerKind.MAIL) -> tuple[World, Submitted]:
    """A request that was handed over, three days ago, and not acknowledged."""
    world = await build(persons=persons, partners=(partner(Role.CNAS, kind=kind), partner(Role.CNSE)))
    submitted = await world.submit()
    await world.send_all()
    world.clock.advance(3 * DAY)
    return world, submitted


def shown(submitted: Submitted, received: date | datetime = START + DAY, **more: Any) -> Shown:
    """A scan of a stamped page."""
    return Shown(ref=submitted.case.ref, received=received, **({"scan": SCAN} | more))


async def test_a_proof_counts_once_a_second_person_confirms_it(build: Build) -> None:
    """Like a signed receipt: the period runs from what it states, and nothing asks for a person any more."""
    world, submitted = await sent(build)
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    assert (proof.settled_at, proof.counted, await world.all(StoredEvidence)) == (None, False, ())
    assert (await world.request()).state is State.SENT
    world.clock.advance(MINUTE)
    counted = await proofs(world).confirm(proof.id, actor="bob")
    evidence, request = await world.only(StoredEvidence), await world.request()
    assert (counted.counted, counted.settled_by) == (True, "bob")
    assert (evidence.kind, evidence.grade, evidence.statement) == ("entered", Grade.SIGNED_RECEIPT, True)
    assert (evidence.sent_at, evidence.stated_at, evidence.dated_at) == (START, START + DAY, None)
    assert (evidence.arrived_at, evidence.recorded_at) == (START + 3 * DAY, START + 3 * DAY + MINUTE)
    assert (request.state, request.started_at, request.grade) == (State.RUNNING, START + DAY, Grade.SIGNED_RECEIPT)


async def test_the_others_are_told_of_a_proof_until_somebody_decides(build: Build) -> None:
    """Who brought it cannot count it; confirmed or declined, the alarm is over."""
    world, submitted = await sent(build)
    for settle in (proofs(world).decline, proofs(world).confirm):
        proof = await proofs(world).enter(shown(submitted), actor="alice")
        await world.watch()
        assert "proof_waiting" in await world.open_alarms()
        await settle(proof.id, actor="bob")
        await world.watch()
        assert "proof_waiting" not in await world.open_alarms()


async def test_nobody_seconds_himself(build: Build) -> None:
    """Nor is a proof confirmed twice."""
    world, submitted = await sent(build)
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    with pytest.raises(NotAllowed, match="seconde personne"):
        await proofs(world).confirm(proof.id, actor="alice")
    await proofs(world).confirm(proof.id, actor="bob")
    with pytest.raises(Unknown):
        await proofs(world).confirm(proof.id, actor="carol")
    assert len(await world.all(StoredEvidence)) == 1


async def test_one_person_is_enough_where_there_is_only_one(build: Build) -> None:
    """Without two in [people] nobody could second."""
    world, submitted = await sent(build, persons=1)
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    assert (proof.counted, proof.settled_by) == (True, "alice")
    assert (await world.request()).state is State.RUNNING


async def test_a_gateway_partner_s_receipt_may_be_replaced_by_paper(build: Build) -> None:
    """Its gateway is down: the grade is that of a signed receipt."""
    world, submitted = await sent(build, persons=1, kind=PartnerKind.GATEWAY)
    await proofs(world).enter(shown(submitted), actor="alice")
    assert (await world.request()).started_at == START + DAY


async def test_a_date_alone_is_the_last_instant_of_that_day_in_algiers(build: Build) -> None:
    """Whatever the hour at which it was stamped; today is worth the moment of the entry."""
    world, submitted = await sent(build, persons=1)
    await proofs(world).enter(shown(submitted, date(2026, 1, 26)), actor="alice")
    midnight = datetime(2026, 1, 26, 23, tzinfo=UTC)
    assert (await world.request()).started_at == midnight - LAST_INSTANT
    today = await proofs(world).enter(shown(submitted, date(2026, 1, 28)), actor="alice")
    assert today.received_at == world.clock.now()


async def test_a_statement_replaces_an_unsigned_receipt(build: Build) -> None:
    """The mail program's receipt was from the day before: what two persons saw is worth more."""
    world, submitted = await sent(build)
    await world.take(plain_mdn(submitted.message.message_id, at=START))
    assert "grade_below_policy" in (await world.request()).asks_person
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    assert (await world.request()).started_at == START
    await proofs(world).confirm(proof.id, actor="bob")
    request = await world.request()
    assert (request.started_at, request.asks_person) == (START + DAY, ())
    assert len(await world.all(StoredEvidence)) == 2


async def test_the_earlier_of_two_statements_counts(build: Build) -> None:
    """A paper that is later than the signed receipt moves nothing; one that is earlier does."""
    world, submitted = await sent(build, persons=1)
    await world.take(receipt(submitted.message, received_at=START + DAY, mic=None, mic_algorithm=None))
    await proofs(world).enter(shown(submitted, START + 2 * DAY), actor="alice")
    assert (await world.request()).started_at == START + DAY
    await proofs(world).enter(shown(submitted, START + MINUTE), actor="alice")
    assert (await world.request()).started_at == START + MINUTE


async def test_no_silence_is_recorded_while_a_proof_waits(build: Build) -> None:
    """One person has something to show: that alone delays, and putting it aside frees again."""
    world, submitted = await sent(build)
    await world.take(plain_mdn(submitted.message.message_id, at=START))
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    assert "no_proof_waiting" in await world.lacking()
    await proofs(world).decline(proof.id, actor="alice")
    assert "no_proof_waiting" not in await world.lacking()


async def test_a_proof_that_is_put_aside_stays_in_the_file_and_counts_nothing(build: Build) -> None:
    """With the name of who did it; it cannot be confirmed any more."""
    world, submitted = await sent(build)
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    declined = await proofs(world).decline(proof.id, actor="bob")
    assert (declined.counted, declined.settled_by) == (False, "bob")
    with pytest.raises(Unknown):
        await proofs(world).confirm(proof.id, actor="carol")
    assert await world.all(StoredEvidence) == ()


async def test_a_scan_is_sealed_under_the_key_of_its_case(build: Build) -> None:
    """It may show the patient: forgetting the case forgets it; its digest stays."""
    world, submitted = await sent(build)
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    file = await world.only(SpoolFile, name=proof.file)
    assert file.vault_key == submitted.case.vault_key
    assert SCAN not in b"".join(path.read_bytes() for path in world.vault._folder.rglob("*") if path.is_file())
    assert (await proofs(world).read(proof.id, actor="bob"))[1] == SCAN
    assert (await world.events("proof.read"))[0].actor == "bob"
    async with world.store.act() as act:
        key = await world.cabinet.case_key(act, submitted.case)
        await act.save(replace(key, destroyed_at=world.clock.now()))
    with pytest.raises(VaultClosed):
        await proofs(world).read(proof.id, actor="bob")


async def test_a_mail_that_we_keep_may_be_the_proof(build: Build) -> None:
    """A « read » notice in words: worth nothing alone, it counts when two persons say what it shows."""
    world, submitted = await sent(build)
    row = await world.take(plain_mail("conv@cnas.test", cited=(submitted.message.message_id,)), raw=b"A: b\r\n\r\nLu")
    proof = await proofs(world).enter(shown(submitted, scan=None, mail=row.id), actor="alice")
    await proofs(world).confirm(proof.id, actor="bob")
    evidence = await world.only(StoredEvidence)
    assert (evidence.mail, evidence.arrived_at, proof.sha256) == (row.id, row.received_latest, row.sha256)
    assert (await proofs(world).read(proof.id, actor="bob"))[1] == b"A: b\r\n\r\nLu"


IMPOSSIBLE = [
    ({"received": START - DAY}, "partie que le 25/01/2026"),
    ({"received": date(2026, 1, 24)}, "partie que le 25/01/2026"),
    ({"received": START + 4 * DAY}, "dans l'avenir"),
    ({"received": date(2026, 1, 29)}, "dans l'avenir"),
    ({"scan": None}, "l'un des deux"),
    ({"mail": 1}, "l'un des deux"),
    ({"scan": b""}, "vide"),
    ({"scan": b"x" * (MAX_SCAN + 1)}, "dépasse"),
    ({"scan": b"MZ a program"}, "ni un PDF"),
]


@pytest.mark.parametrize(("change", "told"), IMPOSSIBLE)
async def test_what_cannot_be_is_refused_and_says_why(build: Build, change: dict[str, Any], told: str) -> None:
    """Before it was sent, in the future, without anything to see, or too much."""
    world, submitted = await sent(build)
    with pytest.raises(NotAllowed, match=told):
        await proofs(world).enter(shown(submitted, **change), actor="alice")
    assert await world.all(EnteredProof) == ()


@pytest.mark.parametrize(
    "change", [{"ref": "ZZZZ-ZZ"}, {"mail": 99, "scan": None}, {"partner": "cnse"}, {"partner": "nobody"}]
)
async def test_what_is_not_known_is_refused(build: Build, change: dict[str, Any]) -> None:
    """No such case, no such mail; the reception at the CNAS is what counts, nobody else's."""
    world, submitted = await sent(build)
    told: dict[str, Any] = {"ref": submitted.case.ref, "received": START, "scan": SCAN} | change
    with pytest.raises(Unknown):
        await proofs(world).enter(Shown(**told), actor="alice")


async def test_only_the_hospital_counts_days(cnas: World) -> None:
    """Who decides a request knows when it came."""
    with pytest.raises(NotAllowed, match="hôpital"):
        await proofs(cnas).enter(Shown(ref="7F3K-Q2", received=START, scan=SCAN), actor="carol")


async def test_a_proof_after_the_answer_completes_what_is_known(build: Build) -> None:
    """The state stays; the reception is known."""
    world, submitted = await sent(build, persons=1, kind=PartnerKind.GATEWAY)
    await world.take(answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=START + 2 * DAY))
    await proofs(world).enter(shown(submitted), actor="alice")
    request = await world.request()
    assert (request.state, request.started_at) == (State.ACCEPTED, START + DAY)


async def test_the_log_names_who_and_when_and_not_what_the_scan_shows(build: Build) -> None:
    """Each act is a record: digest, instant, persons."""
    world, submitted = await sent(build)
    proof = await proofs(world).enter(shown(submitted), actor="alice")
    await proofs(world).confirm(proof.id, actor="bob")
    names = [entry.event for entry in await world.events() if entry.event.startswith(("proof", "evidence"))]
    assert names == ["proof.entered", "proof.counted", "evidence.recorded"]
    (record,) = await world.events("proof.counted")
    assert (record.actor, record.request, record.outcome) == ("bob", submitted.request.hash, "counted")
    assert proof.sha256.encode() in record.canonical
    assert b'"entered_by":"alice"' in record.canonical


async def test_a_day_without_an_hour_is_known_again_although_the_clock_goes_on(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entered on the very day that the document shows: the second person types that day, and it is the same."""
    world, submitted = await sent(build)
    still = world.clock.now

    def ticking() -> datetime:
        world.clock.advance(timedelta(microseconds=1))
        return still()

    monkeypatch.setattr(world.clock, "now", ticking)
    today = (START + 3 * DAY).date()
    proof = await proofs(world).enter(shown(submitted, today), actor="alice")

    confirmed = await proofs(world).confirm(proof.id, actor="bob", read_again=today)

    assert confirmed.counted
