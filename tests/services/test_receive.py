"""A mail comes in: one decision, one commit, and a receipt only for what was accepted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.ports import SpoolFile
from gateway.storage import Case, Direction, Mail, Message, Request, Transmission, VaultKey, Verdict
from tests.services.conftest import Build
from tests.services.mails import (
    ADDRESSES,
    FINGERPRINTS,
    REF,
    ROLES,
    START,
    VALUES,
    answer_mail,
    outer,
    plain_mail,
    request_mail,
    sealed_message,
)
from tests.services.world import END, World, partner

pytestmark = pytest.mark.both_databases

TABLES = (Mail, Message, Request, Case, Transmission, SpoolFile)


async def rows(world: World) -> dict[str, int]:
    """How many rows each table has."""
    return {kind.__name__: len(await world.all(kind)) for kind in TABLES}


async def test_a_sealed_request_is_accepted_in_one_commit(cnas: World) -> None:
    """Mail, message, case, request, audit records and the receipt in the outbox, all about each other."""
    row = await cnas.take(request_mail())
    request, case = await cnas.request(), await cnas.only(Case)
    message = await cnas.only(Message, direction=Direction.IN)
    receipt = await cnas.only(Message, direction=Direction.OUT)
    sent = await cnas.only(Transmission)
    assert (row.verdict, row.partner, row.held_back) == (Verdict.ACCEPTED, "hospital", False)
    assert (row.message, row.case_id) == (message.id, case.id)
    assert (request.state, request.hash, request.case_id) == (State.RUNNING, message.mic, case.id)
    assert (request.started_at, request.nominal_at) == (START, END)
    assert (case.ref, case.hospital) == (REF, "hospital")
    assert (receipt.kind, receipt.about, receipt.request_hash) == ("RECEIPT_ACK", message.id, request.hash)
    assert (sent.message, sent.receipt, sent.partner) == (receipt.id, True, "hospital")
    assert (await cnas.names())[-3:] == ("request.received", "case.extension_asked", "mail.accepted")


async def test_the_identity_is_kept_sealed(cnas: World) -> None:
    """No column and no record holds the patient's name; the keyed hash finds it again."""
    await cnas.take(request_mail())
    case = await cnas.only(Case)
    assert case.identity is not None
    assert VALUES["patient_name"].encode() not in case.identity
    assert case.identity_lookup == cnas.vault.lookup("BENALI Amine 1980-05-01")
    assert all(VALUES["patient_name"].encode() not in entry.canonical for entry in await cnas.events())


async def test_an_accepted_mail_goes_under_the_key_of_its_case(cnas: World) -> None:
    """The raw mail leaves the quarantine's key, so that forgetting the case forgets it too."""
    row = await cnas.take(request_mail())
    file, case = await cnas.only(SpoolFile, name=row.file), await cnas.only(Case)
    assert file.vault_key == case.vault_key


async def test_the_cnse_follows_the_request_without_a_period(cnse: World) -> None:
    """It got a copy: it knows the request, and what the hospital tells it later."""
    row = await cnse.take(request_mail())
    request = await cnse.request()
    assert row.verdict is Verdict.ACCEPTED
    assert (request.state, request.started_at, request.due_at) == (State.SENT, None, None)


@pytest.mark.fault("F32")
async def test_the_same_bytes_again_are_one_act(cnas: World) -> None:
    """The same mail in another folder or after a rescan: noted as a duplicate, no second request, no second receipt."""
    first = await cnas.take(request_mail(), raw=b"same")
    opened = len(cnas.opener.opened)
    again = await cnas.take(request_mail(), raw=b"same", folder="Junk")
    assert (again.verdict, again.reason, again.message) == (Verdict.DUPLICATE, "same-bytes", first.message)
    assert len(cnas.opener.opened) == opened
    assert len(await cnas.all(Request)) == len(await cnas.all(Transmission)) == 1


@pytest.mark.fault("F32")
async def test_a_copy_sent_again_repeats_the_stored_receipt(cnas: World) -> None:
    """Other outer bytes, the same signed entity: the partner lost our receipt, and gets its very bytes again."""
    mail = request_mail(entity=b"one entity", message_id="<a@hopital.test>")
    await cnas.take(mail)
    await cnas.send_all()
    again = await cnas.take(mail)
    assert (again.verdict, again.reason) == (Verdict.DUPLICATE, "receipt-repeated")
    await cnas.send_all()
    first, second = cnas.courier.taken
    assert first.data == second.data
    assert first.envid != second.envid
    assert len(await cnas.all(Request)) == 1


@pytest.mark.fault("F32")
async def test_a_copy_of_an_accepted_mail_never_restarts_the_clock(cnas: World) -> None:
    """Three days later the first reception still counts."""
    mail = request_mail(entity=b"one entity", message_id="<a@hopital.test>")
    await cnas.take(mail)
    cnas.clock.advance(timedelta(days=3))
    await cnas.take(mail)
    assert (await cnas.request()).started_at == START


async def test_a_known_id_with_another_content_is_quarantined(cnas: World) -> None:
    """Whoever has the key: a correction has an id of its own."""
    await cnas.take(request_mail(message_id="<a@hopital.test>"))
    row = await cnas.take(request_mail(message_id="<a@hopital.test>"))
    assert (row.verdict, row.step, row.reason) == (Verdict.QUARANTINE, "replay", "same-id-other-content")
    assert row.held_back
    assert len(await cnas.all(Request)) == 1


async def test_the_same_content_under_another_id_is_no_second_request(cnas: World) -> None:
    """The request hash is the request: the same bytes are recorded once."""
    await cnas.take(request_mail(entity=b"one entity", message_id="<a@hopital.test>"))
    row = await cnas.take(request_mail(entity=b"one entity", message_id="<b@hopital.test>"))
    assert (row.verdict, row.step, row.reason) == (Verdict.QUARANTINE, "replay", "already-recorded")
    assert len(await cnas.all(Request)) == 1


REFUSED = [
    ({"fingerprint": FINGERPRINTS[Role.CNSE]}, "pin", "key-not-pinned"),
    ({"fingerprint": "E" * 40}, "pin", "key-not-pinned"),
    ({"address": "soins@inconnu.test"}, "sender", "unknown-partner"),
    ({"kind": "NOUVEAU"}, "catalogue", "unknown-kind"),
    ({"kind": "EXTENSION_ACCEPTANCE", "request_hash": "0" * 64}, "catalogue", "sender-role"),
    ({"kind": "STATUS_NOTICE", "values": {"state": "sent"}, "request_hash": "0" * 64}, "catalogue", "addressee-role"),
    ({"to": (ADDRESSES[Role.CNSE],)}, "recipients", "not-for-us"),
    ({"roles": ROLES[1:]}, "catalogue", "missing-attachment"),
    ({"roles": ()}, "catalogue", "missing-attachment"),
    ({"values": {**VALUES, "requested_until": ""}}, "catalogue", "fields"),
    ({"values": {**VALUES, "requested_until": "2026-01-01"}}, "catalogue", "fields"),
    ({"values": {}}, "catalogue", "fields"),
    ({"ref": "pas-un-jeton"}, "catalogue", "case-token"),
]


@pytest.mark.parametrize(("change", "step", "reason"), REFUSED)
async def test_a_mail_that_fails_a_check_is_kept_and_unanswered(
    cnas: World, change: dict[str, object], step: str, reason: str
) -> None:
    """One thing wrong: quarantine with its reason, the raw mail kept, no request, no receipt, no case."""
    options = {"kind": "EXTENSION_REQUEST", "values": VALUES, "roles": ROLES, "to": (ADDRESSES[Role.CNAS],)} | change
    row = await cnas.take(sealed_message(sender=Role.HOSPITAL, **options))  # type: ignore[arg-type]  # rows of a table
    assert (row.verdict, row.step, row.reason) == (Verdict.QUARANTINE, step, reason)
    assert row.file is not None
    assert await rows(cnas) == {"Mail": 1, "Message": 0, "Request": 0, "Case": 0, "Transmission": 0, "SpoolFile": 1}
    assert (await cnas.names())[-1] == "mail.quarantine"


async def test_a_notice_that_names_no_request_is_refused(cnas: World) -> None:
    """Whatever is about a request names its hash."""
    values = {"started_at": "2026-01-25T09:00:00Z", "effective_at": "2026-01-28T23:00:00Z"}
    values |= {"requested_from": "2026-02-21", "requested_until": "2026-03-20"}
    seen = sealed_message("TACIT_ACCEPTANCE_NOTICE", sender=Role.HOSPITAL, to=(ADDRESSES[Role.CNAS],), values=values)
    row = await cnas.take(seen)
    assert (row.step, row.reason) == ("catalogue", "names-no-request")


async def test_a_hospital_cannot_tell_of_the_request_of_another(build: Build) -> None:
    """The hash of a request travels in clear in receipts: knowing it gives no right over it."""
    other = replace(partner(Role.HOSPITAL), id="autre", addresses=("soins@autre.test",))
    cnas = await build(Role.CNAS, partners=(partner(Role.HOSPITAL), other, partner(Role.CNSE)))
    await cnas.take(request_mail())
    request = await cnas.request()
    notice = sealed_message(
        "TACIT_ACCEPTANCE_NOTICE",
        sender=Role.HOSPITAL,
        to=(ADDRESSES[Role.CNAS],),
        address="soins@autre.test",
        fingerprint="D" * 40,
        request_hash=request.hash,
        values={
            "started_at": "2026-01-25T09:00:00Z",
            "effective_at": "2026-01-28T23:00:00Z",
            "requested_from": "2026-02-21",
            "requested_until": "2026-03-20",
        },
    )
    row = await cnas.take(notice)
    assert row.verdict in {Verdict.QUARANTINE, Verdict.TRIAGE}
    assert await cnas.request() == request


async def test_two_hospitals_may_use_the_same_case_token(build: Build) -> None:
    """Tokens are drawn by each hospital: the same one is another case."""
    other = replace(partner(Role.HOSPITAL), id="autre", addresses=("soins@autre.test",))
    cnas = await build(Role.CNAS, partners=(partner(Role.HOSPITAL), other, partner(Role.CNSE)))
    await cnas.take(request_mail())
    await cnas.take(request_mail(address="soins@autre.test", fingerprint="D" * 40))
    assert {case.hospital for case in await cnas.all(Case)} == {"hospital", "autre"}


async def test_a_signed_mail_without_manifest_waits_for_a_person(by_mail: World) -> None:
    """A clerk wrote it: nothing acts on it, nothing answers it, and silence waits for it."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(answer_mail(submitted.request.hash, told=False))
    assert (row.verdict, row.reason, row.held_back) == (Verdict.TRIAGE, "no-manifest", True)
    assert await by_mail.all(Transmission, receipt=True) == ()


async def test_an_answer_to_an_unknown_request_waits_for_a_person(hospital: World) -> None:
    """It names a hash that we never made."""
    row = await hospital.take(answer_mail("9" * 64))
    assert (row.verdict, row.reason, row.held_back) == (Verdict.TRIAGE, "unknown-request", True)


# --- what holds a silence back


@pytest.mark.parametrize(
    ("sender", "cites", "held"),
    [
        (ADDRESSES[Role.CNAS], False, True),
        ("autre.personne@cnas.test", False, True),
        ("medical@cnse.test", False, True),
        ("clerc@ailleurs.test", True, True),
        ("clerc@ailleurs.test", False, False),
        ("clerc@cnas.test.ailleurs.test", False, False),
    ],
)
async def test_plain_mail_is_held_back_when_it_may_be_an_answer(
    hospital: World, sender: str, *, cites: bool, held: bool
) -> None:
    """From a partner's domain, or citing one of our ids: verified or not, a person must look at it."""
    submitted = await hospital.submit()
    row = await hospital.take(plain_mail(sender, cited=(submitted.message.message_id,) if cites else ()))
    assert (row.verdict, row.held_back) == (Verdict.PLAIN, held)


async def test_a_quarantined_mail_that_cites_us_is_held_back(hospital: World) -> None:
    """Sealed by a stranger, and citing our request."""
    submitted = await hospital.submit()
    seen = replace(
        request_mail(address="x@ailleurs.test"),
        outer=outer("x@ailleurs.test", cited=(submitted.message.message_id,)),
    )
    row = await hospital.take(seen)
    assert (row.verdict, row.held_back) == (Verdict.QUARANTINE, True)
    stranger = await hospital.take(request_mail(address="x@ailleurs.test"))
    assert (stranger.verdict, stranger.held_back) == (Verdict.QUARANTINE, False)


async def test_our_receipt_states_the_latest_candidate_when_sources_disagree(cnas: World) -> None:
    """The stamp of our server is an hour before INTERNALDATE: the period starts at the later one."""
    await cnas.take(request_mail(), at=START - timedelta(hours=1), internaldate=START)
    assert (await cnas.request()).started_at == START
    mail = await cnas.only(Mail)
    assert (mail.received_earliest, mail.received_latest) == (START - timedelta(hours=1), START)


async def test_every_partner_of_the_directory_speaks_only_with_its_own_key(cnas: World) -> None:
    """The CNSE's key under the hospital's address, and the other way round."""
    for address, fingerprint in (("soins@hopital.test", "C" * 40), ("medical@cnse.test", "A" * 40)):
        row = await cnas.take(request_mail(address=address, fingerprint=fingerprint))
        assert (row.step, row.reason) == ("pin", "key-not-pinned")
    assert await cnas.all(Request) == ()


async def test_standing_keys_are_made_once(cnas: World) -> None:
    """One quarantine key, one evidence key, one key for each case."""
    for number in range(3):
        await cnas.take(plain_mail(f"x{number}@ailleurs.test"))
    await cnas.take(request_mail())
    await cnas.take(request_mail(ref="7F3K-Q3"))
    purposes = sorted(key.purpose for key in await cnas.all(VaultKey))
    assert purposes == ["case", "case", "evidence", "quarantine"]
