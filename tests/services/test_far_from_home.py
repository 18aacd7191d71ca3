"""Cases that cross the border of one hospital, one calendar, one word: each once recorded or told something wrong."""

from dataclasses import replace
from datetime import timedelta

from gateway.domain.kinds import EXTENSION_REFUSAL
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.workdays import calendar_from_rows
from gateway.services.almanac import Almanac
from gateway.storage import Acceptance, Case, ClockMark, Message, Request, Transmission, Verdict
from gateway.wire.incoming import Incoming
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, START, request_mail, sealed_message
from tests.services.world import END, MINUTE, World, partner

HOLIDAY = {"date": "2026-01-28", "name": "Deuil national", "feast": "deuil", "status": "official", "source": "JO"}


async def test_an_answer_goes_to_its_own_hospital_and_to_no_other(build: Build) -> None:
    """A refusal holds a medical motive: another hospital that the CNAS knows gets nothing."""
    other = replace(partner(Role.HOSPITAL), id="autre", addresses=("soins@autre.test",))
    cnas = await build(Role.CNAS, partners=(partner(Role.HOSPITAL), other, partner(Role.CNSE)))
    await cnas.take(request_mail())
    await cnas.answer(EXTENSION_REFUSAL, {"motive": "non justifié"})
    message = await cnas.only(Message, kind="EXTENSION_REFUSAL")
    assert message.partner == "hospital+cnse"
    queued = await cnas.all(Transmission, message=message.id)
    assert {row.partner for row in queued} == {"hospital", "cnse"}


async def test_what_two_funds_write_to_each_other_finds_the_one_case_of_its_reference(build: Build) -> None:
    """M38 goes from the CNAS to the CNSE alone and names no hospital; two cases of one reference are for nobody."""
    other = replace(partner(Role.HOSPITAL), id="autre", addresses=("soins@autre.test",))
    cnse = await build(Role.CNSE, partners=(partner(Role.HOSPITAL), other, partner(Role.CNAS)))
    await cnse.take(request_mail())

    def disputed() -> Incoming:
        values = {"motive": "formulaire absent"}
        return sealed_message("CLAIM_DISPUTE", sender=Role.CNAS, to=(ADDRESSES[Role.CNSE],), values=values)

    row = await cnse.take(disputed())
    assert (row.verdict, row.case_id) == (Verdict.ACCEPTED, (await cnse.only(Case)).id)
    await cnse.take(request_mail(address="soins@autre.test", fingerprint="D" * 40))
    assert len(await cnse.all(Case)) == 2
    row = await cnse.take(disputed())
    assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "names-no-hospital")


async def test_an_open_period_follows_the_calendar_in_force(hospital: World) -> None:
    """A day off was announced inside the window while we were down: nothing is recorded before the new end."""
    await hospital.to_running()
    amended = calendar_from_rows(
        [HOLIDAY], "2027-12-31", recorded_at="2026-01-27T00:00:00Z", recorded_by="test", covers_from="2026-01-01"
    )
    assert hospital.calendar.version != amended.version
    hospital.requests.almanac = Almanac(base=amended, site=hospital.party.site)
    await hospital.at_ripe()
    request = await hospital.request()
    assert request.nominal_at == END + timedelta(days=1)
    assert request.calendar_version == amended.version
    assert await hospital.all(Acceptance) == ()
    await hospital.at_ripe(END + timedelta(days=1, hours=13))
    await hospital.deadlines.tick()
    assert (await hospital.only(Acceptance)).effective_at == END + timedelta(days=1)


async def test_the_cnas_does_not_take_the_hospitals_word_before_its_own_end(cnas: World) -> None:
    """A notice of tacit acceptance on day 1 is kept and raises an alarm; the CNAS can still answer."""
    await cnas.take(request_mail())
    request = await cnas.request()
    for effective, state in ((START + MINUTE, State.RUNNING), (request.latest_at, State.TACITLY_ACCEPTED)):
        assert effective is not None
        values = {
            "started_at": "2026-01-25T09:00:00Z",
            "effective_at": effective.isoformat(),
            "requested_from": request.requested_from.isoformat(),
            "requested_until": request.requested_until.isoformat(),
        }
        seen = sealed_message(
            "TACIT_ACCEPTANCE_NOTICE",
            sender=Role.HOSPITAL,
            to=(ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE]),
            values=values,
            request_hash=request.hash,
        )
        assert (await cnas.take(seen)).verdict is Verdict.ACCEPTED
        assert (await cnas.request()).state is state
    assert len(await cnas.events("alarm.notice_contradicts_us")) == 1


async def test_words_of_a_sender_do_not_reach_the_log_as_an_instant(cnas: World) -> None:
    """What must be an instant is one, or the mail is refused."""
    await cnas.take(request_mail())
    request = await cnas.request()
    values = {"started_at": "2026-01-25T09:00:00Z", "effective_at": "PATIENT DUPONT vu le 12"}
    values |= {"requested_from": "2026-02-21", "requested_until": "2026-03-20"}
    to = (ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE])
    options = {"sender": Role.HOSPITAL, "to": to, "values": values, "request_hash": request.hash}
    row = await cnas.take(sealed_message("TACIT_ACCEPTANCE_NOTICE", **options))  # type: ignore[arg-type]  # a table
    assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "fields")
    assert all(b"DUPONT" not in entry.canonical for entry in await cnas.events())


async def test_a_message_that_names_another_case_is_refused(cnse: World) -> None:
    """The case token of the manifest must be the request's."""
    await cnse.take(request_mail(Role.CNSE))
    request = await cnse.request()
    values = {"state": "running", "grade": "signed_receipt"}
    to = (ADDRESSES[Role.CNSE],)
    options = {"sender": Role.HOSPITAL, "to": to, "values": values, "request_hash": request.hash, "ref": "ZZZZ-ZZ"}
    row = await cnse.take(sealed_message("STATUS_NOTICE", **options))  # type: ignore[arg-type]  # a table
    assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "other-case")
    assert (await cnse.only(Request)).state is request.state


async def test_a_suspended_clock_asks_for_the_time_although_nothing_is_due(cnas: World) -> None:
    """Else a step at a party that records nothing would never end."""
    await cnas.deadlines.tick()
    cnas.clock.step(timedelta(days=10))
    assert await cnas.deadlines.tick()
    assert (await cnas.only(ClockMark)).suspended_at is not None
    assert await cnas.told(cnas.clock.now())
    assert not await cnas.deadlines.tick()
    assert (await cnas.only(ClockMark)).suspended_at is None


async def test_a_clock_that_stepped_ends_no_period(hospital: World) -> None:
    """Not before a second source agrees with the new time."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.step(timedelta(days=10))
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.RUNNING
    assert await hospital.told(hospital.clock.now())
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.ELAPSED
