"""R1 to R13: the delay, its proof, its silence and its refusals. One test a rule, with the line that says so."""

from datetime import date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.coverage import Payer, Reason
from gateway.domain.errors import PreconditionMissing
from gateway.domain.kinds import KINDS
from gateway.domain.parties import Role
from gateway.domain.period import DayRule, compute
from gateway.domain.request import State
from gateway.storage import Acceptance, Case, Fact, Message, Request, Verdict
from gateway.wire.incoming import read_inner
from gateway.wire.payload import read_payload
from tests.law.papers import cover, fact, fiche, mail
from tests.services.mails import REF, START, receipt
from tests.services.world import END, SHIPPED, World

ALGIERS = ZoneInfo("Africa/Algiers")
ONE_DAY = timedelta(days=1)


def counted(day: date, at: time = time(10)) -> tuple[date, ...]:
    """The four days that a reception in Algiers at this hour makes count."""
    return compute(datetime.combine(day, at, tzinfo=ALGIERS), SHIPPED).counted_days


async def silent(world: World) -> None:
    """The only request is acknowledged and nobody answers."""
    await world.to_running()
    await world.at_ripe()
    await world.deadlines.tick()
    assert (await world.request()).state is State.TACITLY_ACCEPTED


@pytest.mark.law("R1", "K1")
@pytest.mark.parametrize("weekday", range(7), ids=["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
def test_r01_the_day_of_reception_is_day_one_unless_it_is_friday_or_saturday(weekday: int) -> None:
    """003:L274."""
    received = date(2026, 1, 26) + weekday * ONE_DAY

    days = counted(received)

    assert len(days) == 4
    assert (days[0] == received) is (weekday not in {4, 5})
    assert days[0] >= received


@pytest.mark.law("R2", "K1")
def test_r02_working_days_are_those_of_algeria_which_receives() -> None:
    """003:L274. 14 July counts, 5 July does not; a French rule would say the contrary."""
    assert date(2026, 7, 14) in counted(date(2026, 7, 13))
    assert date(2026, 7, 5) not in counted(date(2026, 7, 2))
    assert date(2026, 7, 10) not in counted(date(2026, 7, 9)), "a Friday, worked in France"


@pytest.mark.law("R3", "K1")
def test_r03_a_sunday_counts() -> None:
    """003:L274."""
    assert counted(date(2026, 1, 22)) == (
        date(2026, 1, 22),
        date(2026, 1, 25),
        date(2026, 1, 26),
        date(2026, 1, 27),
    )


@pytest.mark.law("R4", "K1")
def test_r04_a_holiday_on_which_it_is_received_does_not_count() -> None:
    """Reading of 003:L274, named in the explanation; the same Sunday a week later is day one."""
    holiday = compute(datetime(2026, 11, 1, 9, tzinfo=ALGIERS), SHIPPED)

    assert holiday.counted_days[0] == date(2026, 11, 2)
    assert holiday.days[0].rule is DayRule.HOLIDAY_RECEPTION
    assert "R4" in {reading.id for reading in holiday.readings}
    assert counted(date(2026, 11, 8))[0] == date(2026, 11, 8)


@pytest.mark.law("R5", "K1")
def test_r05_there_are_no_office_hours() -> None:
    """Reading of 003:L274: 23:59 in Algiers makes day one, and the minute after is the next day."""
    sunday = date(2026, 1, 25)

    assert counted(sunday, time(23, 59)) == counted(sunday, time(0, 0)) == counted(sunday, time(10))
    assert counted(sunday + ONE_DAY, time(0, 0))[0] == sunday + ONE_DAY


@pytest.mark.law("R6", "K1")
async def test_r06_the_acknowledgement_is_the_proof_and_the_sending_starts_nothing(hospital: World) -> None:
    """003:L270. Ten days without a receipt are no delay; then the stated reception alone counts."""
    submitted = await hospital.submit()
    await hospital.send_all()
    hospital.clock.go_to(START + 10 * ONE_DAY)
    await hospital.deadlines.tick()
    request = await hospital.request()
    assert (request.state, request.started_at, request.nominal_at) == (State.SENT, None, None)

    received = START + 4 * ONE_DAY
    await hospital.take(receipt(submitted.message, received_at=received))

    request = await hospital.request()
    assert request.started_at == received
    assert request.nominal_at == compute(received, SHIPPED).tacit_at
    assert request.nominal_at != compute(request.submitted_at, SHIPPED).tacit_at


@pytest.mark.law("R7", "M14", "M15", "S-request-questions")
async def test_r07_a_request_for_information_does_not_stop_the_delay(hospital: World) -> None:
    """003:L282. Asked on day two and answered, the end stays, and the silence is recorded at it."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(START + ONE_DAY)

    asked = mail("INFO_REQUEST", Role.CNAS, ref=submitted.case.ref, request=submitted.request.hash)
    assert (await hospital.take(asked)).verdict is Verdict.ACCEPTED
    await hospital.desk.submit(fiche("INFO_RESPONSE", ref=submitted.case.ref), actor="alice")
    await hospital.send_all()

    request = await hospital.request()
    assert (request.state, request.nominal_at) == (State.RUNNING, END)
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await hospital.only(Acceptance)).effective_at == END


@pytest.mark.law("R8", "K3", "S-case-maintained", "S-case-uncovered")
async def test_r08_cover_survives_the_end_of_the_authorisation_during_the_delay(hospital: World) -> None:
    """003:L276. The certificate ends on day two; without a request the day after would be the hospital's."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS, changes={"covered_until": "2026-01-26"}))
    await hospital.desk.note(fact("ADMISSION", on="2026-01-26"), actor="alice")
    assert (await cover(hospital, "2026-01-27")).reason is Reason.UNCOVERED

    dates = {"authorised_until": "2026-01-26", "requested_from": "2026-01-27", "requested_until": "2026-02-10"}
    submitted = await hospital.to_running(ref=REF, **dates)
    maintained = await cover(hospital, "2026-01-27")
    assert (maintained.payer, maintained.reason) == (Payer.CNAS, Reason.MAINTAINED)

    refused = mail("EXTENSION_REFUSAL", Role.CNAS, request=submitted.request.hash)
    await hospital.take(refused)
    assert (await cover(hospital, "2026-02-15")).reason is Reason.UNTIL_REPATRIATION


@pytest.mark.law("R9", "M18")
async def test_r09_what_a_silence_accepts_is_bound_to_the_exact_terms_of_the_request(hospital: World) -> None:
    """003:L286. Its hash is that of the very bytes which state dates, care and quote: no other terms bear it."""
    await silent(hospital)
    acceptance, request = await hospital.only(Acceptance), await hospital.request()
    sent = await hospital.only(Message, kind="EXTENSION_REQUEST")
    async with hospital.store.view() as view:
        entity = await hospital.cabinet.get(view, sent.entity or "")

    told = read_inner(entity).manifest
    assert acceptance.request_hash == request.hash == sha256(entity).hexdigest()
    assert told is not None
    terms = {"requested_from": "2026-02-21", "requested_until": "2026-03-20", "quote_eur": "12500.00"}
    assert terms.items() <= told.fields.items()
    assert told.fields["care"] == "rééducation"
    for former, other in ((b"20/03/2026", b"21/03/2026"), (b"12500,00", b"22500,00")):
        assert former in entity
        assert sha256(entity.replace(former, other)).hexdigest() != acceptance.request_hash

    (record,) = await hospital.events("request.silence_recorded")
    assert record.request == request.hash
    for part in (b'"requested_from":"2026-02-21"', b'"requested_until":"2026-03-20"', b'"nature":"prolongation"'):
        assert part in record.canonical
    kept = await hospital.only(Fact, kind="TACIT_ACCEPTANCE")
    async with hospital.store.view() as view:
        key = await hospital.cabinet.case_key(view, await hospital.only(Case))
    assert hospital.casework.details(kept, key)["quote_eur"] == "12500.00"


@pytest.mark.law("R10", "M19", "M20", "S-request-silence")
async def test_r10_a_silence_is_regularised_by_the_form_which_the_cpam_needs(hospital: World) -> None:
    """003:L288-290. Nothing goes to the CPAM before the form; the CNAS sends it to the physician and the CNSE."""
    await silent(hospital)
    request = await hospital.request()
    ref = (await hospital.only(Case)).ref
    with pytest.raises(PreconditionMissing, match="SE 352-302"):
        await hospital.desk.note(fact("EXTENSION_TO_CPAM", ref=ref), actor="alice")

    await hospital.take(mail("EXTENSION_REGULARISATION", Role.CNAS, ref=ref, request=request.hash))
    assert (await hospital.request()).state is State.REGULARISED
    await hospital.desk.note(fact("EXTENSION_TO_CPAM", ref=ref), actor="alice")
    assert len(await hospital.all(Fact, kind="EXTENSION_TO_CPAM")) == 1
    assert [function.value for function in KINDS["EXTENSION_REGULARISATION"].routes[0].to] == [
        "hospital.treating_physician",
        "cnse.medical_unit",
    ]

    without = mail("EXTENSION_REGULARISATION", Role.CNAS, ref=ref, request=request.hash, without="form")
    assert (await hospital.take(without)).reason == "missing-attachment"


@pytest.mark.law("R11", "M17", "S-request-motive")
@pytest.mark.parametrize("motive", ["", "rééducation possible à Oran"])
async def test_r11_a_refusal_must_be_medically_motivated(hospital: World, motive: str) -> None:
    """003:L100. Without a motive it holds, for no sanction is written, and a person is told; the log has no motive."""
    submitted = await hospital.to_running()

    ref, about = submitted.case.ref, submitted.request.hash
    await hospital.take(mail("EXTENSION_REFUSAL", Role.CNAS, ref=ref, request=about, changes={"motive": motive}))

    assert (await hospital.request()).state is State.REFUSED
    assert len(await hospital.events("alarm.refusal_not_motivated")) == (0 if motive else 1)
    assert all(b"Oran" not in entry.canonical for entry in await hospital.events())


@pytest.mark.law("R12", "M28", "M31")
async def test_r12_after_a_refusal_the_cnas_pays_until_the_return_has_taken_place(hospital: World) -> None:
    """003:L284, L340. Neither the refusal nor the request to be taken home ends it: only the return itself does."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await hospital.desk.note(fact("ADMISSION", on="2026-01-26"), actor="alice")
    submitted = await hospital.to_running(ref=REF)
    await hospital.take(mail("EXTENSION_REFUSAL", Role.CNAS, request=submitted.request.hash))
    await hospital.desk.submit(fiche("REPATRIATION_REQUEST"), actor="alice")
    still = await cover(hospital, "2026-03-30")
    assert (still.payer, still.reason) == (Payer.CNAS, Reason.UNTIL_REPATRIATION)

    await hospital.desk.note(fact("REPATRIATION_DONE", on="2026-03-02"), actor="alice")
    assert (await cover(hospital, "2026-03-02")).payer is Payer.CNAS
    assert (await cover(hospital, "2026-03-03")).reason is Reason.REPATRIATED


@pytest.mark.law("R13")
async def test_r13_an_appeal_lies_only_in_algeria_and_is_the_patients(cnas: World) -> None:
    """003:L148-152. The refusal's letter says so, no acceptance does, and no exchange of ours is an appeal."""
    refusals = ("EXTENSION_REFUSAL", "EXTENSION_PARTIAL_ACCEPTANCE")
    for kind in (*refusals, "EXTENSION_ACCEPTANCE"):
        await cnas.take(mail("EXTENSION_REQUEST", Role.HOSPITAL))
        request = (await cnas.all(Request))[-1]
        sent = await cnas.desk.submit(fiche(kind, request=request.hash), actor="carol")
        async with cnas.store.view() as view:
            text = read_payload(await cnas.cabinet.get(view, sent.message.entity or "")).text
        assert ("recours en Algérie uniquement" in text) is (kind in refusals)

    titles = [f"{kind.id} {kind.title}".lower() for kind in KINDS.values()]
    assert [title for title in titles if "recours" in title or "appeal" in title] == []
