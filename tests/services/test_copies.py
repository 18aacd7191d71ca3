"""Copies that the texts demand: noticed when they are missing, repaired once, shown and never acted on; R27."""

import ast
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.domain.copies import forgotten, may_repair
from gateway.domain.errors import MailMalformed, NotAllowed
from gateway.domain.kinds import EXTENSION_ACCEPTANCE, EXTENSION_REFUSAL, KINDS, REPAIRED_COPY
from gateway.domain.parties import Directory, Function, PartnerKind, Role
from gateway.domain.request import State
from gateway.services.copies import NOT_ADDRESSED, UNSEEN
from gateway.services.desk import Submitted
from gateway.storage import (
    Case,
    Direction,
    Fact,
    Letter,
    Mail,
    Message,
    OwedCopy,
    Transmission,
    Verdict,
)
from gateway.wire.payload import Attachment, read_payload
from tests.services.conftest import Build
from tests.services.mails import (
    ADDRESSES,
    FINGERPRINTS,
    REF,
    ROLES,
    START,
    VALUES,
    answer_mail,
    around,
    letter,
    repaired_copy,
    request_mail,
    sealed_message,
    written,
)
from tests.services.world import END, MINUTE, RIPE, World, partner

DAY = timedelta(days=1)
FORM = Attachment(name="302.pdf", media_type="application/pdf", data=b"%PDF", role="form")


def answer_to(submitted: Submitted, *to: Role, **changes: Any) -> Any:
    """The CNAS's acceptance, addressed to these."""
    addresses = tuple(ADDRESSES[role] for role in to)
    return answer_mail(submitted.request.hash, ref=submitted.case.ref, **{"to": addresses, **changes})


# --- noticed


async def test_a_copy_that_the_cnas_forgot_is_noticed_in_the_act_that_takes_the_answer(hospital: World) -> None:
    """The texts make the CNSE an addressee of the answer; the answer itself counts as ever."""
    submitted = await hospital.to_running()
    row = await hospital.take(answer_to(submitted, Role.HOSPITAL))
    owed = await hospital.only(OwedCopy)
    assert (row.verdict, (await hospital.request()).state) == (Verdict.ACCEPTED, State.ACCEPTED)
    assert (owed.message, owed.partner, owed.reason) == (row.message, "cnse", NOT_ADDRESSED)
    assert owed.settled_at is None
    (record,) = await hospital.events("copy.forgotten")
    assert (record.case, record.request, record.partner) == (submitted.case.ref, submitted.request.hash, "cnse")


@pytest.mark.parametrize("to", [(Role.HOSPITAL, Role.CNSE), (Role.CNSE, Role.HOSPITAL)])
async def test_a_copy_that_was_sent_is_not_repaired(hospital: World, to: tuple[Role, ...]) -> None:
    """To or Cc, first or last."""
    submitted = await hospital.to_running()
    await hospital.take(answer_to(submitted, *to))
    assert await hospital.all(OwedCopy) == ()
    assert await hospital.events("copy.forgotten") == ()


async def test_only_the_signed_header_says_who_got_a_copy(hospital: World) -> None:
    """What the outer header shows was written by anyone."""
    submitted = await hospital.to_running()
    seen = answer_to(submitted, Role.HOSPITAL)
    await hospital.take(seen)
    assert len(await hospital.all(OwedCopy)) == 1


async def test_what_nobody_else_must_get_is_owed_to_nobody(hospital: World) -> None:
    """M07: no copy is asked of the CNAS."""
    submitted = await hospital.to_running()
    seen = sealed_message(
        "REPATRIATION_CONDITIONS",
        sender=Role.CNAS,
        to=(ADDRESSES[Role.HOSPITAL],),
        values={"conditions": "x"},
        ref=submitted.case.ref,
    )
    assert (await hospital.take(seen)).verdict is Verdict.ACCEPTED
    assert await hospital.all(OwedCopy) == ()


async def test_each_role_repairs_what_it_may(cnas: World, cnse: World) -> None:
    """CNAS: a request without the CNSE. CNSE: an answer without the hospital, not a request without the CNAS."""
    await cnas.take(only(Role.CNAS))
    assert [(owed.partner, owed.reason) for owed in await cnas.all(OwedCopy)] == [("cnse", NOT_ADDRESSED)]
    await cnse.take(only(Role.CNSE))
    assert await cnse.all(OwedCopy) == ()
    (record,) = await cnse.events("copy.forgotten")
    assert (record.partner, record.outcome) == ("cnas", "not-ours-to-send")
    request = await cnse.request()
    await cnse.take(answer_mail(request.hash, to=(ADDRESSES[Role.CNSE],)))
    assert [(owed.partner, owed.reason) for owed in await cnse.all(OwedCopy)] == [("hospital", NOT_ADDRESSED)]


def only(role: Role) -> Any:
    """The hospital's request, addressed to one of its two addressees."""
    return sealed_message("EXTENSION_REQUEST", sender=Role.HOSPITAL, to=(ADDRESSES[role],), values=VALUES, roles=ROLES)


async def test_a_letter_that_forgot_the_cnse_is_repaired_once_a_person_said_what_it_is(by_mail: World) -> None:
    """A mail partner writes by hand: before, nobody knows who should have got it."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(letter(submitted.message.message_id, to=(Role.HOSPITAL,)))
    assert await by_mail.all(OwedCopy) == ()
    settled = await by_mail.triage.classify(row.id, "refusal", actor="alice")
    owed = await by_mail.only(OwedCopy)
    assert (owed.message, owed.partner) == (settled.message, "cnse")


# --- repaired


async def test_a_forgotten_copy_leaves_once_with_its_author_s_signature(hospital: World) -> None:
    """The whole multipart/signed as message/rfc822, inside our own sealed mail, to the forgotten alone."""
    submitted = await hospital.to_running()
    entity, inner = written("EXTENSION_ACCEPTANCE", to=(Role.HOSPITAL,), request_hash=submitted.request.hash)
    whole = around(entity)
    seen = answer_to(submitted, Role.HOSPITAL, entity=entity, message_id=inner.message_id)
    row = await hospital.take(_with_whole(seen, whole))
    assert await hospital.repair.round() == 1
    assert await hospital.repair.round() == 0
    sent = await hospital.only(Message, kind="REPAIRED_COPY")
    assert (sent.partner, sent.about, sent.request_hash) == ("cnse", row.message, submitted.request.hash)
    assert [each.partner for each in await hospital.all(Transmission, message=sent.id)] == ["cnse"]
    assert (await hospital.only(OwedCopy)).settled_at == hospital.clock.now()
    (record,) = await hospital.events("copy.repaired")
    assert (record.partner, record.outcome) == ("cnse", NOT_ADDRESSED)
    piece = await copy_in(hospital, sent)
    assert (piece.media_type, piece.data) == ("message/rfc822", whole)
    inside = message_from_bytes(piece.data, policy=default)
    assert inside.get_content_type() == "multipart/signed"


async def test_a_message_whose_signature_cannot_be_told_apart_is_copied_without_it(hospital: World) -> None:
    """Gpg's one-pass form: the signed bytes themselves, which the letter shows."""
    submitted = await hospital.to_running()
    await hospital.take(answer_to(submitted, Role.HOSPITAL, entity=b"Subject: x\r\n\r\ny\r\n"))
    await hospital.repair.round()
    piece = await copy_in(hospital, await hospital.only(Message, kind="REPAIRED_COPY"))
    assert piece.data == b"Subject: x\r\n\r\ny\r\n"


async def test_bytes_that_transport_would_change_travel_as_a_file(hospital: World) -> None:
    """Long lines, eight bits, bare line feeds: verbatim all the same."""
    submitted = await hospital.to_running()
    odd = b"Subject: \xc3\xa9\n\n" + b"x" * 2000
    await hospital.take(_with_whole(answer_to(submitted, Role.HOSPITAL), odd))
    await hospital.repair.round()
    piece = await copy_in(hospital, await hospital.only(Message, kind="REPAIRED_COPY"))
    assert (piece.media_type, piece.data) == ("application/octet-stream", odd)


async def test_a_copy_that_cannot_be_sealed_is_told_once_and_tried_again(hospital: World) -> None:
    """An unusable key of the CNSE; other copies do not wait for it."""
    submitted = await hospital.to_running()
    await hospital.take(answer_to(submitted, Role.HOSPITAL))
    hospital.sealer.unusable = {"cnse"}
    for _ in range(3):
        assert await hospital.repair.round() == 0
    assert len(await hospital.events("alarm.copy_not_repaired")) == 1
    hospital.sealer.unusable = set()
    assert await hospital.repair.round() == 1


async def test_a_mail_that_cannot_be_opened_again_stops_no_other_copy(hospital: World) -> None:
    """The worker died on it, or its file is unreadable."""
    submitted = await hospital.to_running()
    first = await hospital.take(answer_to(submitted, Role.HOSPITAL))
    await hospital.take(answer_to(submitted, Role.HOSPITAL, accepts=False))
    async with hospital.store.view() as view:
        raw = await hospital.cabinet.get(view, first.file or "")
    hospital.opener.scripted[raw] = MailMalformed(reason="too-large")
    assert await hospital.repair.round() == 1
    (record,) = await hospital.events("alarm.copy_not_repaired")
    assert (record.message, record.outcome) == (str(first.message), "MailMalformed")


async def test_a_copy_goes_to_the_mailbox_of_the_forgotten_function(build: Build) -> None:
    """M22: the CNSE's medical adviser has a mailbox of his own, and the unit got its copy of nothing."""
    adviser = _cnse("conseil", {Function.MEDICAL_ADVISER}, "conseil@cnse.test")
    unit = _cnse("cnse", {Function.MEDICAL_UNIT}, ADDRESSES[Role.CNSE])
    world = await build(partners=(partner(Role.CNAS), unit, adviser))
    submitted = await world.submit()
    seen = sealed_message(
        "VITAL_INFO_REQUEST",
        sender=Role.CNAS,
        to=(ADDRESSES[Role.HOSPITAL],),
        values={"wanted": "x"},
        ref=submitted.case.ref,
        request_hash=submitted.request.hash,
    )
    await world.take(seen)
    await world.repair.round()
    assert (await world.only(Message, kind="REPAIRED_COPY")).partner == "conseil"


# --- received


async def copied_answer(
    hospital: World, submitted: Submitted, *, kind: str = "EXTENSION_ACCEPTANCE", at: Any = START, **changes: Any
) -> Mail:
    """The CNSE brings an answer that the CNAS sent to it alone."""
    values = {"granted_from": "2026-02-21", "granted_until": "2026-03-05"} if kind == "EXTENSION_ACCEPTANCE" else {}
    entity, inner = written(
        kind, values=values, ref=submitted.case.ref, request_hash=submitted.request.hash, attachments=(FORM,), at=at
    )
    seen = repaired_copy(entity, inner, ref=submitted.case.ref, request_hash=submitted.request.hash, at=at, **changes)
    return await hospital.take(seen)


async def test_a_copy_at_the_hospital_waits_for_a_person_and_says_whose_signature_it_bears(hospital: World) -> None:
    """It holds back the silence, suggests its request, and changes nothing by itself."""
    submitted = await hospital.to_running()
    row = await copied_answer(hospital, submitted, at=START + MINUTE)
    proved = await hospital.only(Letter)
    assert (row.verdict, row.reason, row.held_back, row.partner) == (Verdict.TRIAGE, "repaired-copy", True, "cnse")
    assert (row.likely_request, proved.author, proved.copied) == (submitted.request.hash, "cnas", True)
    assert (proved.kind, proved.signed_at) == ("EXTENSION_ACCEPTANCE", START + MINUTE)
    assert (await hospital.request()).state is State.RUNNING
    await hospital.at_ripe()
    assert await hospital.lacking() == ("no_unsettled_mail",)
    assert await hospital.all(Transmission, receipt=True) == ()


async def test_a_copy_that_a_person_classifies_counts_as_of_its_reception_here(hospital: World) -> None:
    """Its own fields and form are taken over; the message is the CNAS's, so that the original is then a duplicate."""
    submitted = await hospital.to_running()
    row = await copied_answer(hospital, submitted)
    await hospital.triage.classify(row.id, "acceptance", actor="alice")
    request = await hospital.request()
    assert (request.state, request.form_owed) == (State.PARTLY_ACCEPTED, False)
    assert (request.granted_from, request.granted_until) == (date(2026, 2, 21), date(2026, 3, 5))
    message = await hospital.only(Message, direction=Direction.IN, kind="EXTENSION_ACCEPTANCE")
    assert message.partner == "cnas"
    assert read_payload(await entity_of(hospital, message)).manifest is not None
    assert await hospital.all(OwedCopy) == ()


async def test_a_copy_signed_in_time_and_received_late_is_disputed(hospital: World) -> None:
    """Stated is the author's own signature; received is when the copy came."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END + MINUTE)
    await hospital.deadlines.tick()
    row = await copied_answer(hospital, submitted, kind="EXTENSION_REFUSAL", at=END - DAY)
    await hospital.triage.classify(row.id, "refusal", actor="alice")
    assert (await hospital.request()).state is State.ANSWER_DISPUTED


@pytest.mark.parametrize(
    "change", [{"failed": "bad-signature"}, {"fingerprint": "E" * 40}, {"fingerprint": FINGERPRINTS[Role.CNSE]}]
)
async def test_a_copy_whose_author_is_not_proved_is_told_as_that(hospital: World, change: Mapping[str, str]) -> None:
    """Altered, by an unknown key, or signed by whoever brings it: still for a person, but nobody's signed word."""
    submitted = await hospital.to_running()
    row = await copied_answer(hospital, submitted, **change)
    assert (row.verdict, row.reason, row.held_back) == (Verdict.TRIAGE, "copy-unverified", True)
    assert await hospital.all(Letter) == ()
    assert row.likely_request == submitted.request.hash


async def test_a_copy_of_what_we_hold_already_is_filed_beside_it(hospital: World) -> None:
    """The hospital has the answer itself: nothing waits, and the CNSE gets its receipt."""
    submitted = await hospital.to_running()
    entity, inner = written("EXTENSION_ACCEPTANCE", ref=submitted.case.ref, request_hash=submitted.request.hash)
    original = answer_to(submitted, Role.HOSPITAL, Role.CNSE, entity=entity, message_id=inner.message_id)
    first = await hospital.take(original)
    seen = repaired_copy(entity, inner, ref=submitted.case.ref, request_hash=submitted.request.hash)
    row = await hospital.take(seen)
    copy = await hospital.only(Message, kind="REPAIRED_COPY")
    assert (row.verdict, row.held_back, copy.about) == (Verdict.ACCEPTED, False, first.message)
    assert [each.partner for each in await hospital.all(Transmission, receipt=True)] == ["cnas", "cnse"]


async def test_the_cnse_files_a_copy_with_its_case_and_acts_on_nothing(cnse: World) -> None:
    """It follows what the hospital states: a copy moves no request."""
    await cnse.take(request_mail())
    request = await cnse.request()
    entity, inner = written("EXTENSION_REFUSAL", to=(Role.HOSPITAL,), request_hash=request.hash)
    seen = repaired_copy(entity, inner, carrier=Role.HOSPITAL, to=Role.CNSE, request_hash=request.hash)
    row = await cnse.take(seen)
    assert (row.verdict, row.case_id) == (Verdict.ACCEPTED, request.case_id)
    assert (await cnse.request()).state is State.SENT


async def test_a_copy_about_no_request_finds_its_case_and_one_of_no_case_a_person(cnse: World) -> None:
    """M08 has no request: its case is its hospital's, by number. Without a case, a person opens one."""
    values = {**{name: VALUES[name] for name in list(VALUES)[:4]}, **M08}
    entity, inner = written("ENTITLEMENT_CERTIFICATE", to=(Role.HOSPITAL,), values=values, attachments=(FORM,))
    seen = repaired_copy(entity, inner, carrier=Role.HOSPITAL, to=Role.CNSE)
    first = await cnse.take(seen)
    assert (first.verdict, first.reason) == (Verdict.TRIAGE, "repaired-copy")
    await cnse.triage.classify(first.id, "ENTITLEMENT_CERTIFICATE", actor="dora")
    case = await cnse.only(Case)
    assert (case.hospital, (await cnse.only(Fact)).last) == ("hospital", date(2026, 2, 20))
    await cnse.take(request_mail())
    entity, inner = written("ENTITLEMENT_CERTIFICATE", to=(Role.HOSPITAL,), values=values, attachments=(FORM,))
    second = await cnse.take(repaired_copy(entity, inner, carrier=Role.HOSPITAL, to=Role.CNSE))
    assert (second.verdict, second.case_id) == (Verdict.ACCEPTED, (await cnse.only(Case, ref=REF)).id)


M08 = {
    "issued_on": "2026-01-02",
    "covered_from": "2026-01-05",
    "covered_until": "2026-02-20",
    "length_days": "47",
    "repatriation_accepted": "oui",
    "quote_accepted": "oui",
}


# --- the CNSE gives the hospital the answer of which it shows none


def status(request_hash: str, state: str, at: Any, **values: str) -> Any:
    """The hospital's notice on the state of its request."""
    return sealed_message(
        "STATUS_NOTICE",
        sender=Role.HOSPITAL,
        to=(ADDRESSES[Role.CNSE],),
        values={"state": state, **values},
        request_hash=request_hash,
        signed_at=at,
    )


def silence(request_hash: str, at: Any) -> Any:
    """The hospital's notice that it recorded the silence."""
    values = {
        "started_at": "2026-01-25T09:00:00Z",
        "effective_at": "2026-01-28T23:00:00Z",
        "requested_from": "2026-02-21",
        "requested_until": "2026-03-20",
    }
    to = (ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE])
    return sealed_message(
        "TACIT_ACCEPTANCE_NOTICE", sender=Role.HOSPITAL, to=to, values=values, request_hash=request_hash, signed_at=at
    )


@pytest.mark.parametrize("told", ["elapsed", "silence"])
async def test_the_cnse_gives_the_hospital_an_answer_that_its_notice_does_not_show(cnse: World, told: str) -> None:
    """It came to us in time, addressed to both; the hospital never got it. Once, whatever else it states."""
    await cnse.take(request_mail())
    request = await cnse.request()
    cnse.clock.go_to(START + DAY)
    answer = await cnse.take(answer_mail(request.hash, stated=START + DAY))
    cnse.clock.go_to(RIPE)
    notice = status(request.hash, "elapsed", RIPE, ends_at="2026-01-28T23:00:00Z")
    await cnse.take(silence(request.hash, RIPE) if told == "silence" else notice)
    owed = await cnse.only(OwedCopy)
    assert (owed.message, owed.partner, owed.reason) == (answer.message, "hospital", UNSEEN)
    assert await cnse.repair.round() == 1
    assert (await cnse.only(Message, kind="REPAIRED_COPY")).partner == "hospital"
    cnse.clock.advance(DAY)
    await cnse.take(silence(request.hash, RIPE + DAY))
    assert len(await cnse.all(OwedCopy)) == 1
    assert len(await cnse.events("copy.answer_unseen")) == 1


async def test_a_notice_made_before_the_answer_came_says_nothing_of_it(cnse: World) -> None:
    """It was on its way; so does a notice that shows an answer, and one after which only a late answer is held."""
    await cnse.take(request_mail())
    request = await cnse.request()
    cnse.clock.go_to(START + DAY)
    await cnse.take(answer_mail(request.hash, stated=START + DAY))
    await cnse.take(status(request.hash, "running", START + MINUTE))
    await cnse.take(status(request.hash, "accepted", START + DAY + MINUTE))
    await cnse.take(status(request.hash, "answer_disputed", START + DAY + 2 * MINUTE))
    assert await cnse.all(OwedCopy) == ()


async def test_a_late_answer_is_not_given(cnse: World) -> None:
    """Made and received after the end that the notice states: the silence stands."""
    await cnse.take(request_mail())
    request = await cnse.request()
    cnse.clock.go_to(END + DAY)
    await cnse.take(answer_mail(request.hash, stated=END + DAY))
    await cnse.take(silence(request.hash, END + 2 * DAY))
    assert await cnse.all(OwedCopy) == ()


async def test_the_cnas_gives_no_hospital_its_own_answer(cnas: World) -> None:
    """Only the CNSE watches over this."""
    await cnas.take(request_mail())
    await cnas.answer(EXTENSION_ACCEPTANCE)
    request = await cnas.request()
    await cnas.take(silence(request.hash, RIPE))
    assert await cnas.all(OwedCopy) == ()


# --- R27


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.CNAS, Role.CNSE])
async def test_r27_every_kind_goes_to_hospital_cnas_cnse_and_cpam_alone(build: Build, role: Role) -> None:
    """No addressee can be typed: a message goes to partners of the configuration, of its own case's hospital."""
    others = [partner(other) for other in ADDRESSES if other is not role]
    cpam = replace(others[0], id="cpam", role=Role.CPAM, addresses=("ri@cpam.test",))
    world = await build(role, partners=(*others, cpam, _other_hospital()))
    for kind in KINDS.values():
        if kind.route(role) is None:
            with pytest.raises(NotAllowed):
                world.composer.addressees(kind, "hospital")
            continue
        to, copy = world.composer.addressees(kind, "hospital")
        assert to
        for each in (*to, *copy):
            assert each in (*others, cpam), kind.id
            assert each.role is not role, kind.id


async def test_r27_a_repaired_copy_goes_to_no_stranger_and_no_other_hospital(build: Build) -> None:
    """Not even when a row is wrong: another hospital, a partner that left, or one that the texts do not name."""
    other = _other_hospital()
    world = await build(Role.CNSE, partners=(partner(Role.HOSPITAL), other, partner(Role.CNAS)))
    await world.take(request_mail())
    request = await world.request()
    row = await world.take(answer_mail(request.hash, to=(ADDRESSES[Role.CNSE],)))
    assert [owed.partner for owed in await world.all(OwedCopy)] == ["hospital"]
    await world.repair.round()
    for stranger in ("autre", "cnas", "presse"):
        async with world.store.act() as act:
            await act.add(OwedCopy(site="s", message=row.message or 0, partner=stranger, reason="x", noticed_at=START))
    assert await world.repair.round() == 0
    assert {each.partner for each in await world.all(Message, kind="REPAIRED_COPY")} == {"hospital"}
    assert len(await world.events("alarm.copy_not_repaired")) == 3


async def test_r27_every_way_out_ends_at_a_partner(build: Build) -> None:
    """Request, answers, notices, receipts, copies: each envelope and each header names partners and ourselves only."""
    hospital, cnas, cnse = await build(), await build(Role.CNAS), await build(Role.CNSE)
    submitted = await hospital.to_running()
    await hospital.take(answer_to(submitted, Role.HOSPITAL))
    await hospital.deadlines.tick()
    await cnas.take(only(Role.CNAS))
    await cnas.answer(EXTENSION_REFUSAL)
    await cnse.take(request_mail())
    await cnse.take(answer_mail((await cnse.request()).hash, to=(ADDRESSES[Role.CNSE],)))
    for world in (hospital, cnas, cnse):
        await world.repair.round()
        await world.send_all()
        known = {partner.address for partner in world.directory.partners} | {world.party.address}
        assert world.courier.taken
        for envelope in world.courier.taken:
            mail = message_from_bytes(envelope.data, policy=default)
            named = [
                address.addr_spec
                for field in ("To", "Cc")
                for address in (mail[field].addresses if mail[field] else ())
            ]
            assert {envelope.recipient, *named} <= known
    assert {row.kind for row in await hospital.all(Message, direction=Direction.OUT)} >= {
        *("EXTENSION_REQUEST", "STATUS_NOTICE", "RECEIPT_ACK", "REPAIRED_COPY")
    }


def test_r27_one_place_alone_hands_mail_over() -> None:
    """The sender, to the address of a partner of the configuration; and the doctor, whose trial goes to ourselves."""
    sources = Path(gateway.__file__).parent
    calls = {
        str(path.relative_to(sources))
        for path in sources.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "hand_over"
    }
    assert calls == {"services/send.py", "doctor/probe.py"}


def test_the_forgotten_are_computed_for_every_kind_and_author() -> None:
    """Whoever the catalogue names and was not reached, never the author; repaired only on a route of the catalogue."""
    directory = Directory(tuple(partner(role) for role in ADDRESSES))
    for kind in KINDS.values():
        for author in directory.partners:
            found = forgotten(kind, author, hospital="hospital", reached=(), directory=directory)
            route = kind.route(author.role)
            wanted = {function.role for function in (*route.to, *route.copy)} if route else set()
            assert {each.role for each in found} == wanted & set(ADDRESSES)
            everyone = {each.id for each in directory.partners}
            assert forgotten(kind, author, hospital="hospital", reached=everyone, directory=directory) == ()
    assert {
        role for role in Role if any(may_repair(role, each) for each in directory.partners)
    } == REPAIRED_COPY.senders


# --- what the tests need


def _with_whole(seen: Any, whole: bytes) -> Any:
    return replace(seen, whole=whole)


def _cnse(name: str, functions: set[Function], address: str) -> Any:
    return replace(partner(Role.CNSE), id=name, functions=frozenset(functions), addresses=(address,))


def _other_hospital() -> Any:
    return replace(partner(Role.HOSPITAL, kind=PartnerKind.MAIL), id="autre", addresses=("soins@autre.test",))


async def entity_of(world: World, message: Message) -> bytes:
    """What was signed."""
    async with world.store.view() as view:
        return await world.cabinet.get(view, message.entity or "")


async def copy_in(world: World, message: Message) -> Attachment:
    """The one piece of a repaired copy."""
    (piece,) = read_payload(await entity_of(world, message)).attachments
    return piece
