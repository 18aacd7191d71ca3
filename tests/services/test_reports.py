"""What others attest: which receipt starts the period, and which report changes nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.parties import Grade, PartnerKind, ReceptionPolicy, Role
from gateway.domain.request import State
from gateway.domain.transmission import State as Sending
from gateway.services.desk import Submitted
from gateway.storage import Message, Request, StoredEvidence, Transmission, Verdict
from gateway.wire.failure import Failure
from gateway.wire.incoming import Incoming
from tests.services.conftest import Build
from tests.services.mails import (
    ADDRESSES,
    START,
    delivery_report,
    letter,
    plain_mail,
    plain_mdn,
    receipt,
    sealed_message,
)
from tests.services.world import END, MINUTE, OWN_MTA, World, partner


async def sent(world: World) -> Submitted:
    """A request that was handed over."""
    submitted = await world.submit()
    await world.send_all()
    return submitted


async def moved(world: World) -> tuple[object, ...]:
    """All that a report could change."""
    return (await world.all(Request), await world.all(Transmission), await world.all(StoredEvidence))


async def envid(world: World, role: Role) -> str:
    """The envelope id of the request's transmission to a partner."""
    return (await world.outbox(role.value))[0].envid


@pytest.mark.law("R6", "S-receipt-signed")
async def test_a_signed_receipt_starts_the_period(hospital: World) -> None:
    """From the instant that it states; the evidence keeps its instants, and the CNSE is told."""
    submitted = await sent(hospital)
    hospital.clock.advance(10 * MINUTE)
    row = await hospital.take(receipt(submitted.message, received_at=START + MINUTE))
    request, evidence = await hospital.request(), await hospital.only(StoredEvidence)
    assert (row.verdict, row.partner) == (Verdict.RECEIPT, "cnas")
    assert (request.state, request.started_at, request.nominal_at) == (State.RUNNING, START + MINUTE, END)
    assert (request.grade, request.asks_person) == (Grade.SIGNED_RECEIPT, ())
    assert (evidence.sent_at, evidence.stated_at) == (START, START + MINUTE)
    assert (evidence.arrived_at, evidence.recorded_at) == (START + 10 * MINUTE, START + 10 * MINUTE)
    await hospital.deadlines.tick()
    assert [message.kind for message in await hospital.all(Message, partner="cnse")] == ["STATUS_NOTICE"]


async def test_the_evidence_names_its_mail(hospital: World) -> None:
    """The proof can be found again."""
    submitted = await sent(hospital)
    row = await hospital.take(receipt(submitted.message, received_at=START))
    assert (await hospital.only(StoredEvidence)).mail == row.id


async def test_a_receipt_is_never_answered(hospital: World) -> None:
    """Two gateways must not acknowledge each other for ever."""
    submitted = await sent(hospital)
    await hospital.take(receipt(submitted.message, received_at=START))
    assert await hospital.all(Transmission, receipt=True) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mic": None, "mic_algorithm": None}, "mic-missing"),
        ({"mic": "f" * 64}, "mic-mismatch"),
        ({"mic_algorithm": "sha-1"}, "mic-mismatch"),
    ],
)
async def test_a_receipt_for_other_bytes_is_no_evidence(hospital: World, change: dict[str, Any], reason: str) -> None:
    """A gateway partner attests exactly what it received, or nothing."""
    submitted = await sent(hospital)
    before = await moved(hospital)
    row = await hospital.take(receipt(submitted.message, received_at=START, **change))
    assert (row.verdict, row.step, row.reason, row.held_back) == (Verdict.QUARANTINE, "match", reason, True)
    assert await moved(hospital) == before


async def test_a_mail_partner_need_not_give_a_mic_but_never_a_wrong_one(by_mail: World) -> None:
    """No mail program computes it; one that does must be right."""
    submitted = await sent(by_mail)
    wrong = await by_mail.take(receipt(submitted.message, received_at=START, mic="f" * 64))
    assert (wrong.verdict, wrong.reason) == (Verdict.QUARANTINE, "mic-mismatch")
    assert (await by_mail.request()).state is State.SENT
    await by_mail.take(receipt(submitted.message, received_at=START, mic=None, mic_algorithm=None))
    assert (await by_mail.request()).state is State.RUNNING


async def test_a_receipt_of_the_cnse_starts_nothing(hospital: World) -> None:
    """It attests its own copy: kept, and the CNAS has still not acknowledged."""
    submitted = await sent(hospital)
    row = await hospital.take(receipt(submitted.message, received_at=START, sender=Role.CNSE))
    request = await hospital.request()
    assert row.verdict is Verdict.RECEIPT
    assert (request.state, request.started_at) == (State.SENT, None)
    assert [each.state for each in await hospital.outbox("cnse")] == [Sending.EVIDENCED]
    assert [each.state for each in await hospital.outbox("cnas")] == [Sending.HANDED_OVER]


@pytest.mark.parametrize("change", [{"kind": "deleted"}, {"kind": "failed"}, {"kind": ""}, {"modifiers": "error"}])
async def test_a_receipt_that_says_no_waits_for_a_person(hospital: World, change: dict[str, Any]) -> None:
    """Deleted unread, failed, or with an error: nothing starts."""
    submitted = await sent(hospital)
    row = await hospital.take(receipt(submitted.message, received_at=START, **change))
    assert (row.verdict, row.held_back) == (Verdict.TRIAGE, True)
    assert (await hospital.request()).state is State.SENT


async def test_a_signed_receipt_for_nothing_of_ours_waits_for_a_person(hospital: World) -> None:
    """An unknown id, or a mail that was never sent to this partner."""
    submitted = await sent(hospital)
    before = await moved(hospital)
    row = await hospital.take(receipt(submitted.message, received_at=START, original="<other@hopital.test>"))
    assert (row.verdict, row.reason, row.held_back) == (Verdict.TRIAGE, "matches-nothing", True)
    assert await moved(hospital) == before


async def test_the_earlier_of_two_statements_counts(hospital: World) -> None:
    """A second receipt is kept beside the first and moves the start only to an earlier instant."""
    submitted = await sent(hospital)
    hospital.clock.advance(timedelta(hours=3))
    await hospital.take(receipt(submitted.message, received_at=START + timedelta(hours=2)))
    await hospital.take(receipt(submitted.message, received_at=START + timedelta(hours=1)))
    await hospital.take(receipt(submitted.message, received_at=START + timedelta(hours=3)))
    assert (await hospital.request()).started_at == START + timedelta(hours=1)
    assert len(await hospital.all(StoredEvidence)) == 3


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(days=1)])
async def test_an_impossible_statement_asks_a_person(hospital: World, off: timedelta) -> None:
    """Received before we sent it, or after the receipt came here: the period runs, and is provisional."""
    submitted = await sent(hospital)
    await hospital.take(receipt(submitted.message, received_at=START + off))
    request = await hospital.request()
    assert request.state is State.RUNNING
    assert "bounds_violated" in request.asks_person


async def test_a_plain_mdn_of_a_gateway_partner_starts_nothing(hospital: World) -> None:
    """Anybody could have written it; it is kept and shown."""
    submitted = await sent(hospital)
    row = await hospital.take(plain_mdn(submitted.message.message_id, at=START))
    assert (row.verdict, row.reason) == (Verdict.REPORT, "mdn-displayed")
    assert (await hospital.only(StoredEvidence)).grade is Grade.MDN
    assert (await hospital.request()).state is State.SENT


@pytest.mark.law("S-receipt-displayed")
async def test_a_plain_mdn_of_a_mail_partner_starts_a_provisional_period(by_mail: World) -> None:
    """It runs, and nothing is recorded without a person's word."""
    submitted = await sent(by_mail)
    await by_mail.take(plain_mdn(submitted.message.message_id, at=START))
    request = await by_mail.request()
    assert (request.state, request.nominal_at) == (State.RUNNING, END)
    assert (request.grade, request.asks_person) == (Grade.MDN, ("grade_below_policy",))


@pytest.mark.parametrize("kind", ["deleted", "denied", "failed", ""])
async def test_a_plain_mdn_that_says_no_attests_nothing(by_mail: World, kind: str) -> None:
    """Only processed, dispatched and displayed say that it came."""
    submitted = await sent(by_mail)
    await by_mail.take(plain_mdn(submitted.message.message_id, at=START, kind=kind))
    assert await by_mail.all(StoredEvidence) == ()


async def test_a_signed_receipt_lifts_a_provisional_period(by_mail: World) -> None:
    """Better evidence of the same day: nobody needs to confirm any more."""
    submitted = await sent(by_mail)
    await by_mail.take(plain_mdn(submitted.message.message_id, at=START))
    await by_mail.take(receipt(submitted.message, received_at=START))
    assert (await by_mail.request()).asks_person == ()


@pytest.mark.law("S-request-failed")
async def test_a_failed_delivery_to_the_cnas_is_an_alarm(hospital: World) -> None:
    """The request never came; the loudest state before the period starts."""
    await sent(hospital)
    row = await hospital.take(delivery_report(action="failed", envid=await envid(hospital, Role.CNAS)))
    assert (row.verdict, row.reason, row.partner) == (Verdict.REPORT, "dsn-failed", "cnas")
    assert (await hospital.request()).state is State.DELIVERY_FAILED
    assert len(await hospital.events("alarm.delivery_failed")) == 1


async def test_a_failed_delivery_to_the_cnse_moves_no_request(hospital: World) -> None:
    """Its copy is another transmission; the record tells whose."""
    await sent(hospital)
    await hospital.take(delivery_report(action="failed", envid=await envid(hospital, Role.CNSE)))
    assert (await hospital.request()).state is State.SENT
    (record,) = await hospital.events("transmission.bounced")
    assert record.partner == "cnse"


async def test_a_failed_delivery_after_the_receipt_moves_nothing(hospital: World) -> None:
    """The CNAS has acknowledged: a late or forged failure does not stop the clock."""
    await hospital.to_running()
    await hospital.take(delivery_report(action="failed", envid=await envid(hospital, Role.CNAS)))
    assert (await hospital.request()).state is State.RUNNING


@pytest.mark.parametrize("action", ["relayed", "delayed", "expanded", "nonsense"])
async def test_a_report_that_says_neither_moves_nothing(hospital: World, action: str) -> None:
    """Relayed and delayed prove nothing."""
    await sent(hospital)
    before = await moved(hospital)
    row = await hospital.take(delivery_report(action=action, envid=await envid(hospital, Role.CNAS)))
    assert row.verdict is Verdict.REPORT
    assert await moved(hospital) == before


@pytest.mark.law("S-receipt-relayed")
async def test_delivered_by_our_own_server_is_no_reception(hospital: World) -> None:
    """It only handed over; another server's word is kept as weak evidence that starts nothing."""
    await sent(hospital)
    before = await moved(hospital)
    own = delivery_report(action="delivered", envid=await envid(hospital, Role.CNAS), reporter=OWN_MTA.upper())
    await hospital.take(own)
    assert await moved(hospital) == before
    await hospital.take(delivery_report(action="delivered", envid=await envid(hospital, Role.CNAS)))
    assert (await hospital.only(StoredEvidence)).grade is Grade.DSN_DELIVERED
    assert (await hospital.request()).state is State.SENT


async def test_a_convention_may_let_a_delivery_report_start_and_record(build: Build) -> None:
    """Only when the policy of the partner says so by name."""
    policy = ReceptionPolicy(
        starts_from=Grade.DSN_DELIVERED, records_alone_from=Grade.DSN_DELIVERED, convention="accord"
    )
    cnas = partner(Role.CNAS, kind=PartnerKind.MAIL, policy=policy)
    world = await build(partners=(cnas, partner(Role.CNSE)))
    await sent(world)
    await world.take(delivery_report(action="delivered", envid=await envid(world, Role.CNAS)))
    request = await world.request()
    assert (request.state, request.asks_person) == (State.RUNNING, ())


FORGED = (
    plain_mdn("<unknown@hopital.test>", at=START),
    plain_mdn("<unknown@hopital.test>", at=START, sender="x@ailleurs.test"),
    delivery_report(action="failed", envid="0" * 32),
    delivery_report(action="delivered", envid="0" * 32),
    delivery_report(action="failed", message_id="<unknown@hopital.test>"),
    delivery_report(action="failed"),
)


@pytest.mark.parametrize("running", [False, True])
async def test_a_report_with_unknown_ids_changes_nothing(hospital: World, *, running: bool) -> None:
    """Whatever it claims: no state, no evidence, no transmission."""
    await (hospital.to_running() if running else sent(hospital))
    before = await moved(hospital)
    for forged in FORGED:
        await hospital.take(forged)
        assert await moved(hospital) == before, forged
    assert await hospital.events("transmission.bounced") == ()


async def test_a_plain_mdn_of_a_stranger_for_our_mail_is_no_evidence(by_mail: World) -> None:
    """The id is known to whoever saw the mail; the address must be the partner's."""
    submitted = await sent(by_mail)
    row = await by_mail.take(plain_mdn(submitted.message.message_id, at=START, sender="x@ailleurs.test"))
    assert (row.verdict, row.held_back) == (Verdict.TRIAGE, True)
    assert await by_mail.all(StoredEvidence) == ()


async def test_a_report_of_a_partners_domain_that_matches_nothing_is_held_back(hospital: World) -> None:
    """Its text may be the answer: whatever comes from a partner's domain and is not understood waits for a person."""
    await sent(hospital)
    mdn = plain_mdn("<unknown@hopital.test>", at=START, sender=ADDRESSES[Role.CNAS])
    assert mdn.outer is not None
    domain = ADDRESSES[Role.CNAS].rpartition("@")[2]
    row = await hospital.take(replace(mdn, outer=replace(mdn.outer, domains=(domain,))))
    assert (row.verdict, row.held_back) == (Verdict.TRIAGE, True)


@pytest.mark.parametrize("action", ["failed", "delivered", "nonsense"])
async def test_a_delivery_report_of_a_partners_domain_that_matches_nothing_is_held_back(
    hospital: World, action: str
) -> None:
    """Whoever of the domain sent it, and a person can settle it; the same from elsewhere holds nothing back."""
    await sent(hospital)
    report = delivery_report(action=action, envid="0" * 32)
    assert report.outer is not None
    for domain, held in (("ailleurs.test", False), (ADDRESSES[Role.CNAS].rpartition("@")[2], True)):
        outer = replace(report.outer, senders=(f"someone@{domain}",), domains=(domain,))
        row = await hospital.take(replace(report, outer=outer))
        assert (row.verdict, row.held_back) == (Verdict.TRIAGE, held)


async def test_words_of_strangers_reach_no_record(hospital: World) -> None:
    """A disposition or an action that no standard knows becomes « other », whoever wrote it."""
    submitted = await sent(hospital)
    words = "benali-karim"
    rows = [
        await hospital.take(receipt(submitted.message, received_at=START, kind=words)),
        await hospital.take(plain_mdn(submitted.message.message_id, at=START, kind=words)),
        await hospital.take(delivery_report(action=words, envid=await envid(hospital, Role.CNAS))),
    ]
    assert [row.reason for row in rows] == ["not-positive", "mdn-other", "dsn-other"]
    assert all(words.encode() not in entry.canonical for entry in await hospital.events())


async def test_a_plain_mdn_that_starts_nothing_proves_no_hand_over(hospital: World) -> None:
    """Only what may start the period proves it: anybody could have written this one."""
    submitted = await hospital.submit()
    await hospital.take(plain_mdn(submitted.message.message_id, at=START))
    assert ((await hospital.request()).state, (await hospital.request()).handed_over_at) == (State.SUBMITTED, None)


async def test_a_plain_mdn_that_starts_the_period_proves_the_hand_over(by_mail: World) -> None:
    """It states no reception: the request was handed over when the mail came here, at the latest."""
    submitted = await by_mail.submit()
    by_mail.clock.advance(MINUTE)
    await by_mail.take(plain_mdn(submitted.message.message_id, at=START))
    request = await by_mail.request()
    assert (request.state, request.handed_over_at) == (State.RUNNING, START + MINUTE)


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(days=1)])
async def test_an_impossible_statement_does_not_date_the_hand_over(hospital: World, off: timedelta) -> None:
    """Before the request existed or after its receipt came: only our own arrival counts."""
    submitted = await hospital.submit()
    hospital.clock.advance(MINUTE)
    await hospital.take(receipt(submitted.message, received_at=START + off))
    assert (await hospital.request()).handed_over_at == START + MINUTE


async def test_the_receipt_of_the_cnse_does_not_date_the_hand_over(hospital: World) -> None:
    """It had its own copy."""
    submitted = await hospital.submit()
    await hospital.take(receipt(submitted.message, received_at=START, sender=Role.CNSE))
    assert (await hospital.request()).handed_over_at is None


async def test_a_known_hand_over_is_not_dated_again(hospital: World) -> None:
    """What our server said stands; a second receipt changes nothing."""
    submitted = await sent(hospital)
    before = (await hospital.request()).handed_over_at
    hospital.clock.advance(MINUTE)
    await hospital.take(receipt(submitted.message, received_at=START + MINUTE))
    assert (await hospital.request()).handed_over_at == before
    assert len(await hospital.events("request.handed_over")) == 1


# --- whose delivery a report is about


def report_of(*lines: tuple[str, str], message_id: str | None = None, envid: str | None = None) -> Incoming:
    """A report on several recipients: (address, action)."""
    seen = delivery_report(action="", message_id=message_id, envid=envid)
    assert seen.report is not None
    one = seen.report.recipients[0]
    told = tuple(replace(one, final=address, action=action) for address, action in lines)
    return replace(seen, report=replace(seen.report, recipients=told))


CNAS, CNSE = ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE]


async def states(world: World) -> tuple[State, Sending, Sending]:
    """Of the request, and of what went to the CNAS and to the CNSE."""
    ((to_cnas,), (to_cnse,)) = (await world.outbox("cnas"), await world.outbox("cnse"))
    return (await world.request()).state, to_cnas.state, to_cnse.state


async def test_a_report_without_envelope_id_is_matched_by_message_id_and_recipient(hospital: World) -> None:
    """Few servers return the envelope id; two copies went out under one Message-ID."""
    submitted = await sent(hospital)
    row = await hospital.take(report_of((CNAS, "failed"), message_id=submitted.message.message_id))
    assert await states(hospital) == (State.DELIVERY_FAILED, Sending.RETURNED, Sending.HANDED_OVER)
    assert (row.verdict, row.partner, row.likely_case) == (Verdict.REPORT, "cnas", submitted.case.id)


async def test_a_failure_for_one_recipient_says_nothing_of_another(hospital: World) -> None:
    """Each of them counts alone, in one report as in two."""
    submitted = await sent(hospital)
    seen = report_of((CNSE, "failed"), (CNAS, "delivered"), message_id=submitted.message.message_id)
    row = await hospital.take(seen)
    assert await states(hospital) == (State.SENT, Sending.HANDED_OVER, Sending.RETURNED)
    assert (await hospital.only(StoredEvidence)).partner == "cnas"
    assert (row.reason, row.partner) == ("dsn-delivered-failed", None)


async def test_a_report_on_another_recipient_is_about_none_of_ours(hospital: World) -> None:
    """The id is ours, the address is nobody's: which copy failed is unknown."""
    submitted = await sent(hospital)
    before = await moved(hospital)
    row = await hospital.take(report_of(("x@cnas.test", "failed"), message_id=submitted.message.message_id))
    assert (row.verdict, row.reason) == (Verdict.TRIAGE, "dsn-matches-nothing")
    assert await moved(hospital) == before


@pytest.mark.parametrize("address", ["Conv@CNAS.test".lower(), "conv+soins@cnas.test"])
async def test_a_tag_in_the_address_does_not_hide_the_recipient(hospital: World, address: str) -> None:
    """Some servers report the tag under which they delivered."""
    submitted = await sent(hospital)
    await hospital.take(report_of((address, "failed"), message_id=submitted.message.message_id))
    assert (await hospital.request()).state is State.DELIVERY_FAILED


@pytest.mark.parametrize(
    ("actions", "state", "evidence"),
    [
        (("failed", "failed"), State.DELIVERY_FAILED, 0),
        (("failed", "delivered"), State.SENT, 1),
        (("failed", "delayed"), State.SENT, 0),
        (("expanded",), State.SENT, 0),
    ],
)
async def test_a_list_at_the_partner_s_has_failed_when_all_of_it_has(
    hospital: World, actions: tuple[str, ...], state: State, evidence: int
) -> None:
    """Its members are reported, under our envelope id: one of them is enough."""
    await sent(hospital)
    lines = [(f"agent{number}@cnas.test", action) for number, action in enumerate(actions)]
    await hospital.take(report_of(*lines, envid=await envid(hospital, Role.CNAS)))
    assert ((await hospital.request()).state, len(await hospital.all(StoredEvidence))) == (state, evidence)


async def test_an_envelope_id_that_is_not_ours_leaves_the_message_id(hospital: World) -> None:
    """A server on the way writes its own."""
    submitted = await sent(hospital)
    seen = report_of((CNAS, "failed"), message_id=submitted.message.message_id, envid="another")
    await hospital.take(seen)
    assert (await hospital.request()).state is State.DELIVERY_FAILED


async def test_a_report_says_what_failed(hospital: World) -> None:
    """Whether the address is there is a word for a person, in the list and in the record."""
    await sent(hospital)
    seen = delivery_report(action="failed", envid=await envid(hospital, Role.CNAS))
    row = await hospital.take(replace(seen, failure=Failure.ADDRESS))
    assert row.reason == "dsn-failed-address"
    (record,) = await hospital.events("transmission.bounced")
    assert b'"failure":"address"' in record.canonical


# --- failures that only words tell


@pytest.mark.parametrize(("notice", "verdict"), [(False, Verdict.TRIAGE), (True, Verdict.AUTOMATIC)])
async def test_a_failure_told_in_words_moves_nothing_and_names_its_case(
    hospital: World, *, notice: bool, verdict: Verdict
) -> None:
    """It returns our mail: a person is shown which; and it is no out-of-office, whatever it calls itself."""
    submitted = await sent(hospital)
    before = await moved(hospital)
    seen = replace(
        plain_mail("mailer-daemon@mx.cnas.test", notice=notice, cited=(submitted.message.message_id,)),
        failure=Failure.FINAL,
        returned=(submitted.message.message_id,),
    )
    row = await hospital.take(seen)
    assert (row.verdict, row.reason) == (verdict, "bounce-final")
    assert (row.likely_case, row.likely_request) == (submitted.case.id, submitted.request.hash)
    assert await moved(hospital) == before


async def test_what_a_failure_returns_is_enough_to_suggest_and_does_not_hold_back(hospital: World) -> None:
    """A server's report is no answer; from a partner's domain it waits like any other mail."""
    submitted = await sent(hospital)
    seen = replace(
        plain_mail("mailer-daemon@ailleurs.test"), failure=Failure.ADDRESS, returned=(submitted.message.message_id,)
    )
    row = await hospital.take(seen)
    assert (row.held_back, row.likely_request) == (False, submitted.request.hash)


# --- receipts of mail programs


def bare(seen: Incoming, **outer: Any) -> Incoming:
    """A receipt whose program signed the report alone, as they do: no header of its own inside."""
    assert seen.inner is not None
    assert seen.outer is not None
    inner = replace(seen.inner, senders=(), recipients=(), message_id=None, date=None)
    return replace(seen, inner=inner, outer=replace(seen.outer, **outer))


async def test_a_receipt_that_a_mail_program_signed_counts(by_mail: World) -> None:
    """The signer's key is pinned to the partner who wrote, the id that it names is ours."""
    submitted = await sent(by_mail)
    by_mail.clock.advance(MINUTE)
    seen = bare(receipt(submitted.message, received_at=START + MINUTE, mic=None, mic_algorithm=None, stated=False))
    row = await by_mail.take(seen)
    evidence = await by_mail.only(StoredEvidence)
    assert (row.verdict, row.partner) == (Verdict.RECEIPT, "cnas")
    assert (evidence.grade, evidence.statement, evidence.dated_at) == (Grade.SIGNED_RECEIPT, False, START + MINUTE)
    assert (await by_mail.request()).asks_person == ()


async def test_the_same_receipt_of_a_mail_program_counts_once(by_mail: World) -> None:
    """It has no signed Message-ID: its content stands for it."""
    submitted = await sent(by_mail)
    seen = bare(receipt(submitted.message, received_at=START, mic=None, mic_algorithm=None))
    await by_mail.take(seen)
    again = await by_mail.take(bare(seen, message_id="<x@ailleurs.test>"))
    assert (again.verdict, again.reason) == (Verdict.DUPLICATE, "no-receipt-to-repeat")
    assert len(await by_mail.all(StoredEvidence)) == 1


@pytest.mark.parametrize(
    ("senders", "step"),
    [((CNSE,), "pin"), (("x@ailleurs.test",), "sender"), ((CNAS, CNSE), "sender"), ((), "sender")],
)
async def test_a_signed_receipt_under_another_name_is_refused(
    by_mail: World, senders: tuple[str, ...], step: str
) -> None:
    """Whoever passes it on cannot make it theirs."""
    submitted = await sent(by_mail)
    before = await moved(by_mail)
    seen = bare(receipt(submitted.message, received_at=START), senders=senders)
    row = await by_mail.take(seen)
    assert (row.verdict, row.step) == (Verdict.QUARANTINE, step)
    assert await moved(by_mail) == before


async def test_a_receipt_that_says_for_whom_it_is_must_say_us(by_mail: World) -> None:
    """Only what has no header at all is read without it."""
    submitted = await sent(by_mail)
    seen = receipt(submitted.message, received_at=START)
    assert seen.inner is not None
    row = await by_mail.take(replace(seen, inner=replace(seen.inner, recipients=(CNSE,))))
    assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "not-for-us")


async def test_the_same_plain_receipt_is_kept_once(by_mail: World) -> None:
    """Sent again by a server or found in two folders."""
    submitted = await sent(by_mail)
    for _ in range(3):
        await by_mail.take(plain_mdn(submitted.message.message_id, at=START))
    assert len(await by_mail.all(StoredEvidence)) == 1
    assert len(await by_mail.events("evidence.recorded")) == 1


# --- signed mails that cite a request


@pytest.mark.parametrize("told", [True, False])
async def test_whatever_a_partner_signs_as_an_answer_attests_reception(by_mail: World, *, told: bool) -> None:
    """A question with or without a manifest: the period runs from what its author signed, at the latest."""
    submitted = await sent(by_mail)
    by_mail.clock.advance(2 * MINUTE)
    seen = sealed_message(
        "INFO_REQUEST",
        sender=Role.CNAS,
        to=(ADDRESSES[Role.HOSPITAL], CNSE),
        values={"wanted": "le protocole"},
        ref=submitted.case.ref,
        request_hash=submitted.request.hash,
        cited=(submitted.message.message_id,),
        signed_at=START + MINUTE,
        told=told,
    )
    await by_mail.take(seen)
    evidence, request = await by_mail.only(StoredEvidence), await by_mail.request()
    assert (evidence.kind, evidence.dated_at) == ("signed_reply", START + MINUTE)
    assert (request.state, request.started_at, request.asks_person) == (State.RUNNING, START + MINUTE, ())


def in_clear(message_id: str, **changes: Any) -> Incoming:
    """A reply that its author signed, and did not seal."""
    seen = letter(message_id, signed_at=START + MINUTE)
    assert seen.inner is not None
    inner = replace(seen.inner, **changes.pop("inner", {}))
    return replace(seen, shape="SIGNED", inner=inner, **changes)


async def test_a_reply_signed_in_clear_attests_reception_and_nobody_acts_on_it(by_mail: World) -> None:
    """It stays in quarantine, unanswered, and holds the silence back."""
    submitted = await sent(by_mail)
    by_mail.clock.advance(2 * MINUTE)
    row = await by_mail.take(in_clear(submitted.message.message_id))
    assert (row.verdict, row.reason, row.held_back) == (Verdict.QUARANTINE, "not-sealed", True)
    assert (await by_mail.only(StoredEvidence)).grade is Grade.SIGNED_REPLY
    assert (await by_mail.request()).started_at == START + MINUTE
    assert await by_mail.all(Transmission, receipt=True) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "E" * 40},
        {"inner": {"recipients": (CNSE,)}},
        {"inner": {"senders": ()}},
        {"inner": {"senders": (CNSE,)}},
        {"inner": {"cited": ()}},
    ],
)
async def test_a_reply_in_clear_that_proves_less_attests_nothing(by_mail: World, change: dict[str, Any]) -> None:
    """Another key, not for us, no author of its own, another's name, or about nothing."""
    submitted = await sent(by_mail)
    await by_mail.take(in_clear(submitted.message.message_id, **change))
    assert (await by_mail.all(StoredEvidence), (await by_mail.request()).state) == ((), State.SENT)
