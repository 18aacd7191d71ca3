"""What a mail seems to be, and what a person says that it is: suggestions, every kind, four eyes, automatic mail."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gateway.domain import case as stay
from gateway.domain.errors import IllegalTransition, NotAllowed
from gateway.domain.kinds import EXTENSION_REQUEST_VITAL, Subject
from gateway.domain.parties import Function, Grade, PartnerKind, Role
from gateway.domain.readers import Reader, Share, Way
from gateway.domain.request import State
from gateway.domain.settlements import receivable
from gateway.ports import SpoolFile
from gateway.services.desk import Submitted
from gateway.services.fiche import Fiche
from gateway.storage import (
    Case,
    Challenge,
    Direction,
    Fact,
    Hint,
    Letter,
    Mail,
    Message,
    ReaderHandover,
    Request,
    StoredEvidence,
    Verdict,
)
from gateway.wire import payload
from gateway.wire.fields import Mailbox
from tests.services.conftest import Build
from tests.services.mails import (
    ADDRESSES,
    START,
    VALUES,
    answer_mail,
    delivery_report,
    letter,
    plain_mail,
    plain_mdn,
    request_mail,
)
from tests.services.opened import message as written_message
from tests.services.world import END, MINUTE, PIECES, World, partner

CNAS = ADDRESSES[Role.CNAS]
DAY = timedelta(days=1)
M08 = {
    "attestation.delivree_le": "2026-01-02",
    "attestation.debut": "2026-01-05",
    "attestation.fin": "2026-02-20",
    "attestation.duree_jours": "47",
    "attestation.rapatriement_accepte": "oui",
    "attestation.devis_accepte": "oui",
}
PATIENT = {
    "patient.nom": "BENALI",
    "patient.prenom": "Amine",
    "patient.naissance": "1980-05-01",
    "patient.numero_assure": "démuni",
}
CARE = {**PATIENT, "patient.nationalite": "algerienne"}


async def details(world: World, fact: Fact) -> dict[str, str]:
    """The fields that were kept of a fact."""
    case = await world.only(Case, id=fact.case_id)
    async with world.store.view() as view:
        return world.casework.details(fact, await world.cabinet.case_key(view, case))


# --- what it seems to be


async def test_a_signed_reference_suggests_the_request(by_mail: World) -> None:
    """Our Message-ID in the signed header: the case, the request and how we know stand beside the mail."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(letter(submitted.message.message_id))
    assert (row.verdict, row.held_back) == (Verdict.TRIAGE, True)
    assert (row.likely_case, row.likely_request) == (submitted.case.id, submitted.request.hash)
    assert row.likely_by is Hint.SIGNED_REFERENCE


@pytest.mark.parametrize("shape", ["plain", "quarantined"])
async def test_an_unsigned_reference_only_suggests(by_mail: World, shape: str) -> None:
    """Anyone can cite: also what was signed by a stranger's key is no more than a hint."""
    submitted = await by_mail.to_running_by_mdn()
    cited = (submitted.message.message_id,)
    seen = plain_mail(CNAS, cited=cited) if shape == "plain" else letter(*cited, fingerprint="E" * 40)
    row = await by_mail.take(seen)
    assert row.verdict in {Verdict.PLAIN, Verdict.QUARANTINE}
    assert (row.likely_request, row.likely_by) == (submitted.request.hash, Hint.UNSIGNED_REFERENCE)
    assert (await by_mail.request()).state is State.RUNNING


async def test_the_number_in_the_subject_only_suggests(by_mail: World) -> None:
    """The case, and its request when only one is open."""
    submitted = await by_mail.to_running_by_mdn()
    seen = plain_mail(CNAS, tokens=(submitted.case.ref,))
    first = await by_mail.take(seen)
    await by_mail.submit(ref=submitted.case.ref, care="autre")
    second = await by_mail.take(seen)
    assert (first.likely_case, first.likely_request) == (submitted.case.id, submitted.request.hash)
    assert (second.likely_case, second.likely_request) == (submitted.case.id, None)
    assert {first.likely_by, second.likely_by} == {Hint.SUBJECT_TOKEN}


async def test_a_reference_outranks_the_subject_and_the_newest_the_older(by_mail: World) -> None:
    """A thread cites its beginning too: what it answers is the last of ours."""
    first = await by_mail.to_running_by_mdn()
    other = await by_mail.submit(care="autre")
    seen = plain_mail(CNAS, cited=(first.message.message_id, other.message.message_id), tokens=(first.case.ref,))
    row = await by_mail.take(seen)
    assert (row.likely_case, row.likely_request) == (other.case.id, other.request.hash)


async def test_a_mail_about_nothing_of_ours_suggests_nothing(by_mail: World) -> None:
    """Unknown ids and unknown numbers."""
    row = await by_mail.take(plain_mail(CNAS, cited=("<x@ailleurs.test>",), tokens=("ZZZZ-ZZ",)))
    assert (row.likely_case, row.likely_request, row.likely_by) == (None, None, None)


async def test_two_hospitals_with_the_same_number_are_not_confused(build: Build) -> None:
    """At the CNAS a number alone names a case only where one hospital has it, or the sender is that hospital."""
    other = replace(partner(Role.HOSPITAL), id="autre", addresses=("soins@autre.test",))
    cnas = await build(Role.CNAS, partners=(partner(Role.HOSPITAL), other, partner(Role.CNSE)))
    await cnas.take(request_mail())
    await cnas.take(request_mail(address="soins@autre.test", fingerprint="D" * 40))
    ref = (await cnas.all(Case))[0].ref
    stranger = await cnas.take(plain_mail("x@ailleurs.test", tokens=(ref,)))
    assert stranger.likely_case is None


async def test_what_is_suggested_is_the_default_and_what_is_typed_outranks_it(by_mail: World) -> None:
    """The person still says what it is, and may say of what."""
    first = await by_mail.to_running_by_mdn()
    second = await by_mail.submit(care="autre")
    row = await by_mail.take(plain_mail(CNAS, cited=(first.message.message_id,)))
    settled = await by_mail.triage.classify(row.id, "refusal", actor="alice")
    assert settled.case_id == first.case.id
    again = await by_mail.take(plain_mail(CNAS, cited=(first.message.message_id,)))
    settled = await by_mail.triage.classify(again.id, "refusal", actor="alice", ref=second.case.ref)
    assert settled.case_id == second.case.id
    assert {row.state for row in await by_mail.all(Request)} == {State.REFUSED}
    (_, record) = await by_mail.events("triage.classified")
    assert b'"as_suggested":false' in record.canonical


# --- what a signature proves


async def test_a_signed_reply_is_evidence_of_reception(by_mail: World) -> None:
    """It cites the request: the later of its signed date and of its signature bounds the reception."""
    submitted = await by_mail.submit()
    await by_mail.send_all()
    by_mail.clock.advance(2 * MINUTE)
    seen = letter(submitted.message.message_id, signed_at=START + MINUTE, date=START)
    row = await by_mail.take(seen)
    request, evidence = await by_mail.request(), await by_mail.only(StoredEvidence)
    assert (evidence.grade, evidence.dated_at, evidence.statement) == (Grade.SIGNED_REPLY, START + MINUTE, False)
    assert (evidence.mail, evidence.stated_at) == (row.id, None)
    assert (request.state, request.started_at, request.grade) == (State.RUNNING, START + MINUTE, Grade.SIGNED_REPLY)
    assert request.asks_person == ()


async def test_a_letter_that_cites_nothing_is_evidence_once_persons_say_what_it_is_about(build: Build) -> None:
    """Its author wrote anew instead of answering: the signature proves when, two persons say of what."""
    world = await build(persons=2, partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    submitted = await world.submit()
    await world.send_all()
    world.clock.advance(2 * MINUTE)
    row = await world.take(letter(signed_at=START + MINUTE))
    told = {"ref": submitted.case.ref, "places": {"demande.informations": "le protocole"}}
    await world.triage.classify(row.id, "question", actor="alice", **told)  # type: ignore[arg-type]  # two options
    assert await world.all(StoredEvidence) == ()
    await world.triage.classify(row.id, "question", actor="bob", **told)  # type: ignore[arg-type]  # two options
    evidence, request = await world.only(StoredEvidence), await world.request()
    assert (evidence.kind, evidence.dated_at, evidence.mail) == ("signed_reply", START + MINUTE, row.id)
    assert (request.state, request.started_at) == (State.RUNNING, START + MINUTE)


async def test_an_unsigned_mail_is_no_evidence_whatever_persons_say(by_mail: World) -> None:
    """It is brought as a proof instead."""
    submitted = await by_mail.submit()
    await by_mail.send_all()
    row = await by_mail.take(plain_mail(CNAS))
    await by_mail.triage.classify(row.id, "question", actor="alice", ref=submitted.case.ref)
    assert await by_mail.all(StoredEvidence) == ()


async def test_a_signed_reply_is_evidence_once(by_mail: World) -> None:
    """A later one says nothing new; an earlier one does."""
    submitted = await by_mail.submit()
    await by_mail.send_all()
    by_mail.clock.advance(10 * MINUTE)
    for minutes in (5, 6, 4):
        await by_mail.take(letter(submitted.message.message_id, signed_at=START + minutes * MINUTE))
    dates = [item.dated_at for item in await by_mail.all(StoredEvidence)]
    assert dates == [START + 5 * MINUTE, START + 4 * MINUTE]
    assert (await by_mail.request()).started_at == START + 4 * MINUTE


async def test_a_signed_reply_of_the_cnse_or_about_nothing_is_no_evidence(by_mail: World) -> None:
    """The CNAS's reception is attested by the CNAS."""
    submitted = await by_mail.submit()
    await by_mail.send_all()
    await by_mail.take(letter(submitted.message.message_id, sender=Role.CNSE, to=(Role.HOSPITAL,)))
    await by_mail.take(letter("<x@ailleurs.test>"))
    assert (await by_mail.request()).state is State.SENT


async def test_a_classified_letter_becomes_a_message(by_mail: World) -> None:
    """With its own id, bytes and signature time; the same mail again is then a duplicate, and nothing waits."""
    submitted = await by_mail.to_running_by_mdn()
    by_mail.clock.advance(MINUTE)
    seen = letter(submitted.message.message_id, signed_at=START + MINUTE, message_id="<a@cnas.test>")
    row = await by_mail.take(seen)
    kept = await by_mail.only(Letter)
    assert (kept.mail, kept.author, kept.mic, kept.reached) == (row.id, "cnas", seen.mic, ("cnse",))
    settled = await by_mail.triage.classify(row.id, "refusal", actor="alice")
    message = await by_mail.only(Message, direction=Direction.IN)
    assert (message.kind, message.partner, message.message_id) == ("EXTENSION_REFUSAL", "cnas", "<a@cnas.test>")
    assert (settled.message, message.request_hash, message.mic) == (message.id, submitted.request.hash, seen.mic)
    assert (await by_mail.only(SpoolFile, name=message.entity)).vault_key == submitted.case.vault_key
    again = await by_mail.take(seen)
    assert (again.verdict, again.held_back) == (Verdict.DUPLICATE, False)


async def test_the_same_letter_twice_waits_once(by_mail: World) -> None:
    """A second copy says nothing new, whether the first was read by then or not."""
    submitted = await by_mail.to_running_by_mdn()
    seen = letter(submitted.message.message_id, message_id="<a@cnas.test>")
    first, second = await by_mail.take(seen), await by_mail.take(seen)
    assert (second.verdict, second.held_back) == (Verdict.DUPLICATE, False)
    await by_mail.triage.classify(first.id, "not-an-answer", actor="alice")
    assert (await by_mail.take(seen)).verdict is Verdict.DUPLICATE
    other = replace(seen, mic="f" * 64)
    assert ((await by_mail.take(other)).reason, len(await by_mail.all(Letter))) == ("same-id-other-content", 1)


async def test_the_same_message_twice_in_triage_is_one_message(by_mail: World) -> None:
    """Two copies of what named an unknown request: the second is not a second answer."""
    submitted = await by_mail.to_running_by_mdn()
    seen = written_message("EXTENSION_REFUSAL", {"motive": "x"}, ref=submitted.case.ref, request_hash="9" * 64)
    first, second = await by_mail.take(seen), await by_mail.take(seen)
    await by_mail.triage.classify(first.id, "refusal", actor="alice", ref=submitted.case.ref)
    with pytest.raises(NotAllowed, match="déjà au dossier"):
        await by_mail.triage.classify(second.id, "acceptance", actor="alice", ref=submitted.case.ref)
    assert (await by_mail.request()).state is State.REFUSED


async def test_a_letter_signed_in_time_and_received_late_is_disputed(by_mail: World) -> None:
    """Its signature says when it was made: a person decides, no silence is recorded."""
    submitted = await by_mail.to_running_by_mdn()
    by_mail.clock.go_to(END + MINUTE)
    await by_mail.deadlines.tick()
    row = await by_mail.take(letter(submitted.message.message_id, signed_at=END - MINUTE))
    await by_mail.triage.classify(row.id, "acceptance", actor="alice")
    assert (await by_mail.request()).state is State.ANSWER_DISPUTED


# --- what a person says


@pytest.mark.parametrize(
    ("word", "places", "form", "state", "kind"),
    [
        ("acceptance", {}, True, State.ACCEPTED, "EXTENSION_ACCEPTANCE"),
        ("partial", {"decision.du": "2026-02-21", "decision.au": "2026-03-01"}, False, State.PARTLY_ACCEPTED, None),
        ("refusal", {"decision.motif": "soins possibles en Algérie"}, False, State.REFUSED, "EXTENSION_REFUSAL"),
        ("question", {"demande.informations": "le protocole"}, False, State.RUNNING, "INFO_REQUEST"),
        ("question", {}, False, State.RUNNING, "INFO_REQUEST"),
        ("regularisation", {}, True, State.ACCEPTED, "EXTENSION_REGULARISATION"),
    ],
)
async def test_each_word_does_what_its_message_does(  # noqa: PLR0917  a table
    by_mail: World,
    word: str,
    places: dict[str, str],
    form: bool,  # noqa: FBT001  a table
    state: State,
    kind: str | None,
) -> None:
    """The request moves, a fact is kept with its day of reception, and the mail is settled by name."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    by_mail.clock.advance(2 * DAY)
    settled = await by_mail.triage.classify(row.id, word, actor="alice", places=places, has_form=form)
    request = await by_mail.request()
    fact = (await by_mail.all(Fact))[-1]
    assert (settled.settled_as, settled.settled_by, settled.case_id) == (word, "alice", submitted.case.id)
    assert request.state is state
    assert (fact.kind, fact.day, fact.by) == (kind or "EXTENSION_PARTIAL_ACCEPTANCE", date(2026, 1, 25), "alice")
    assert request.form_owed is (word == "partial")
    for name, value in places.items():
        assert value in (await details(by_mail, fact)).values(), name


async def test_a_partial_acceptance_has_its_own_dates(by_mail: World) -> None:
    """They are the request's from now on."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    places = {"decision.du": "2026-02-21", "decision.au": "2026-03-01"}
    await by_mail.triage.classify(row.id, "partial", actor="alice", places=places)
    request = await by_mail.request()
    assert (request.granted_from, request.granted_until) == (date(2026, 2, 21), date(2026, 3, 1))


async def test_a_question_does_not_stop_the_clock(by_mail: World) -> None:
    """It is settled, and silence is recorded all the same."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    await by_mail.triage.classify(row.id, "question", actor="alice")
    assert "no_unsettled_mail" not in await by_mail.lacking()
    assert (await by_mail.request()).nominal_at == END


async def test_a_vital_dispute_and_a_question_need_a_vital_request(build: Build) -> None:
    """On an ordinary request a dispute is impossible; on a vital one the question is the physicians' own kind."""
    world = await build(partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    ordinary = await world.to_running_by_mdn()
    row = await world.take(plain_mail(CNAS, cited=(ordinary.message.message_id,)))
    with pytest.raises(IllegalTransition):
        await world.triage.classify(row.id, "vital-dispute", actor="alice")
    values = {**VALUES, "length_days": "10", "vital": "oui"}
    fiche = Fiche(path="", kind=EXTENSION_REQUEST_VITAL, ref=None, values=values, attachments=PIECES[:3])
    vital = await world.desk.submit(fiche, actor="alice")
    await world.send_all()
    await world.take(plain_mdn(vital.message.message_id, at=START))
    question = await world.take(plain_mail(CNAS, cited=(vital.message.message_id,)))
    await world.triage.classify(question.id, "question", actor="alice", places={"demande.informations": "x"})
    assert (await world.all(Fact))[-1].kind == "VITAL_INFO_REQUEST"
    dispute = await world.take(plain_mail(CNAS, cited=(vital.message.message_id,)))
    await world.triage.classify(dispute.id, "vital-dispute", actor="alice")
    assert (await world.only(Request, hash=vital.request.hash)).state is State.VITAL_DISPUTED


async def test_a_regularisation_after_the_silence_ends_what_was_owed(by_mail: World) -> None:
    """M19 by a mail partner: the form is in the mail, and the person says so."""
    submitted = await by_mail.to_running()
    await by_mail.at_ripe()
    await by_mail.confirmations.confirm(submitted.case.ref, actor="alice")
    await by_mail.deadlines.tick()
    assert (await by_mail.request()).state is State.TACITLY_ACCEPTED
    row = await by_mail.take(letter(submitted.message.message_id))
    with pytest.raises(NotAllowed, match="--with-form"):
        await by_mail.triage.classify(row.id, "regularisation", actor="alice")
    await by_mail.triage.classify(row.id, "regularisation", actor="alice", has_form=True)
    assert ((await by_mail.request()).state, (await by_mail.request()).form_owed) == (State.REGULARISED, False)
    assert await by_mail.all(Challenge) == ()


async def test_a_certificate_of_a_mail_partner_is_classified_by_its_kind(by_mail: World) -> None:
    """M08: the patient of the case need not be typed again; its number names it too."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(plain_mail(CNAS, tokens=(submitted.case.ref,)))
    settled = await by_mail.triage.classify(row.id, "m08", actor="alice", places=M08, has_form=True)
    fact = (await by_mail.all(Fact))[-1]
    assert (settled.settled_as, fact.kind) == ("ENTITLEMENT_CERTIFICATE", "ENTITLEMENT_CERTIFICATE")
    assert (fact.day, fact.first, fact.last) == (date(2026, 1, 2), date(2026, 1, 5), date(2026, 2, 20))
    assert (await details(by_mail, fact))["length_days"] == "47"
    assert (await by_mail.request()).state is State.RUNNING


async def test_the_first_demand_of_a_mail_partner_opens_a_case(by_mail: World) -> None:
    """M01 written by hand: a number is drawn, the identity is kept sealed, the mail goes under the case's key."""
    row = await by_mail.take(letter(sender=Role.CNAS))
    await by_mail.triage.classify(row.id, "CARE_REQUEST", actor="alice", places=CARE)
    case = await by_mail.only(Case)
    assert (case.state, case.hospital) == (stay.State.RECEIVED, by_mail.party.id)
    assert case.identity_lookup == by_mail.vault.lookup("BENALI Amine 1980-05-01")
    assert (await by_mail.only(Fact)).kind == "CARE_REQUEST"
    assert (await by_mail.only(SpoolFile, name=row.file)).vault_key == case.vault_key
    assert next(entry.event for entry in await by_mail.events() if entry.case == case.ref) == "case.opened"


async def test_every_fault_is_told_at_once_and_nothing_is_kept(by_mail: World) -> None:
    """Unknown fields, missing ones, wrong ones, the form and the case, in one refusal."""
    row = await by_mail.take(plain_mail(CNAS))
    places = {"attestation.fin": "hier", "couleur": "bleue", "attestation.debut": "2026-01-05"}
    with pytest.raises(NotAllowed) as caught:
        await by_mail.triage.classify(row.id, "ENTITLEMENT_CERTIFICATE", actor="alice", ref=None, places=places)
    told = str(caught.value.fields["reason"])
    for part in (
        "couleur : clé",
        "patient.nom : manque",
        "attestation.fin : date",
        "attestation.duree_jours",
        "--with-",
    ):
        assert part in told
    question = await by_mail.take(plain_mail(CNAS))
    with pytest.raises(NotAllowed) as caught:
        await by_mail.triage.classify(question.id, "question", actor="alice")
    assert "--case" in str(caught.value.fields["reason"])
    assert not await by_mail.all(Case)
    assert not await by_mail.all(Fact)
    assert {mail.settled_at for mail in await by_mail.all(Mail)} == {None}


async def test_only_what_may_be_sent_to_us_can_be_said(hospital: World) -> None:
    """R19 among them: a certificate is the CNAS's alone, and nobody classifies a request, a notice or our own kinds."""
    submitted = await hospital.to_running()
    row = await hospital.take(plain_mail(ADDRESSES[Role.CNSE], tokens=(submitted.case.ref,)))
    with pytest.raises(NotAllowed, match="cnse n'envoie pas"):
        await hospital.triage.classify(row.id, "ENTITLEMENT_CERTIFICATE", actor="alice", places=M08, has_form=True)
    for word in ("EXTENSION_REQUEST", "STATUS_NOTICE", "REPAIRED_COPY", "INFO_RESPONSE", "ADMISSION", "M12", "x"):
        with pytest.raises(NotAllowed, match="acceptance"):
            await hospital.triage.classify(row.id, word, actor="alice")
    await hospital.triage.classify(
        row.id, "CLAIM_DISPUTE", actor="alice", places={"contestation.motif": "pièce manquante"}
    )
    assert (await hospital.all(Fact))[-1].kind == "CLAIM_DISPUTE"


async def test_each_role_sorts_what_is_sent_to_it(cnas: World, cnse: World) -> None:
    """The CNAS gets what hospitals write, the CNSE its copies; a repatriation demand by plain mail is kept as one."""
    await cnas.take(request_mail())
    ref = (await cnas.only(Case)).ref
    row = await cnas.take(plain_mail(ADDRESSES[Role.HOSPITAL], tokens=(ref,)))
    await cnas.triage.classify(row.id, "REPATRIATION_REQUEST", actor="carol")
    assert (await cnas.only(Case)).state is stay.State.REPATRIATION_PENDING
    await cnse.take(request_mail())
    copy = await cnse.take(plain_mail(CNAS, tokens=(ref,)))
    await cnse.triage.classify(copy.id, "refusal", actor="dora")
    assert (await cnse.request()).state is State.REFUSED


def test_what_each_role_may_say_is_computed_from_the_catalogue() -> None:
    """Nothing that travels to a role is left out, nothing else is in."""
    hospital = {kind.id for kind in receivable(Role.HOSPITAL)}
    assert {"CARE_REQUEST", "ENTITLEMENT_CERTIFICATE", "PROVISIONAL_ID", "CLAIM_DISPUTE", "INFO_REQUEST"} <= hospital
    assert not hospital & {"EXTENSION_REQUEST", "CARE_REFUSAL", "ADMISSION", "INVOICE", "STATUS_NOTICE"}
    assert {kind.id for kind in receivable(Role.HOSPITAL, Role.CPAM)} == {"PROVISIONAL_ID", "OVERPAYMENT_RECOVERY"}
    assert all(kind.subject is not Subject.REQUEST for role in Role for kind in receivable(role))


# --- four eyes


async def four_eyes(build: Build) -> tuple[World, Submitted]:
    """A hospital where two persons are needed, with a request under way."""
    world = await build(persons=2, partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    return world, await world.to_running_by_mdn()


async def test_a_question_frees_the_silence_and_takes_two_who_say_the_same(build: Build) -> None:
    """Another word, other fields or the same person do not second it."""
    world, submitted = await four_eyes(build)
    row = await world.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    places = {"demande.informations": "le protocole"}
    await world.triage.classify(row.id, "question", actor="alice", places=places)
    proposed = await world.only(Mail, id=row.id)
    assert (proposed.settled_at, proposed.settled_as, proposed.settled_by) == (None, "question", "alice")
    assert all(fact.kind != "INFO_REQUEST" for fact in await world.all(Fact))
    with pytest.raises(NotAllowed, match="seconde personne"):
        await world.triage.classify(row.id, "question", actor="alice", places=places)
    await world.triage.classify(row.id, "question", actor="bob", places={"demande.informations": "autre chose"})
    assert (await world.only(Mail, id=row.id)).settled_at is None
    await world.triage.classify(row.id, "not-an-answer", actor="alice")
    assert (await world.only(Mail, id=row.id)).settled_at is None
    await world.triage.classify(row.id, "not-an-answer", actor="bob")
    assert (await world.only(Mail, id=row.id)).settled_by == "bob"


async def test_what_stops_the_clock_takes_one(build: Build) -> None:
    """Whatever the answer; the silence that it prevents is the danger, not the one that it would allow."""
    world, submitted = await four_eyes(build)
    row = await world.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    await world.triage.classify(row.id, "acceptance", actor="alice")
    assert (await world.request()).state is State.ACCEPTED


async def test_a_late_answer_frees_the_silence_and_takes_two(build: Build) -> None:
    """It changes nothing of the outcome: only that the mail no longer holds it back."""
    world, submitted = await four_eyes(build)
    world.clock.go_to(END + MINUTE)
    await world.deadlines.tick()
    row = await world.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    await world.triage.classify(row.id, "refusal", actor="alice")
    assert (await world.only(Mail, id=row.id)).settled_at is None
    await world.triage.classify(row.id, "refusal", actor="bob")
    assert len(await world.events("request.late_answer")) == 1


async def test_an_answer_to_another_request_than_it_cites_takes_two(build: Build) -> None:
    """It would stop one period and free the other."""
    world, submitted = await four_eyes(build)
    other = await world.submit(care="autre")
    row = await world.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    await world.triage.classify(row.id, "refusal", actor="alice", ref=other.case.ref)
    assert {request.state for request in await world.all(Request)} == {State.RUNNING, State.SUBMITTED}
    await world.triage.classify(row.id, "refusal", actor="alice", ref=submitted.case.ref)
    assert (await world.only(Request, hash=submitted.request.hash)).state is State.REFUSED


async def test_where_nothing_waits_one_person_is_enough(build: Build) -> None:
    """A first demand holds no silence back."""
    world = await build(persons=2, partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    row = await world.take(plain_mail(CNAS))
    await world.triage.classify(row.id, "CARE_REQUEST", actor="alice", places=CARE)
    assert (await world.only(Mail, id=row.id)).settled_by == "alice"


# --- machines that answer


async def test_an_out_of_office_is_no_answer_and_blocks_nothing(by_mail: World) -> None:
    """It cites the request: the weakest evidence that it arrived, which starts nothing."""
    submitted = await by_mail.submit()
    await by_mail.send_all()
    row = await by_mail.take(plain_mail(CNAS, cited=(submitted.message.message_id,), notice=True))
    assert (row.verdict, row.reason, row.held_back, row.partner) == (Verdict.AUTOMATIC, "auto-reply", False, "cnas")
    request, evidence = await by_mail.request(), await by_mail.only(StoredEvidence)
    assert (evidence.grade, evidence.kind) == (Grade.AUTO_REPLY, "auto_reply")
    assert (request.state, request.grade) == (State.SENT, Grade.NONE)


async def test_a_signed_out_of_office_is_one_too(by_mail: World) -> None:
    """By its signed header; a file in it would be a person's business."""
    submitted = await by_mail.to_running_by_mdn()
    seen = letter(submitted.message.message_id, automatic=True)
    row = await by_mail.take(seen)
    assert (row.verdict, row.held_back) == (Verdict.AUTOMATIC, False)
    assert await by_mail.all(Letter) == ()
    with_file = letter(submitted.message.message_id, automatic=True, roles=("form",))
    held = await by_mail.take(with_file)
    assert (held.verdict, held.held_back) == (Verdict.TRIAGE, True)


async def test_an_out_of_office_of_a_stranger_is_no_evidence(by_mail: World) -> None:
    """Nor is one of a partner that cites nothing."""
    submitted = await by_mail.to_running_by_mdn()
    before = await by_mail.all(StoredEvidence)
    await by_mail.take(plain_mail("x@ailleurs.test", cited=(submitted.message.message_id,), notice=True))
    await by_mail.take(plain_mail(CNAS, notice=True))
    assert await by_mail.all(StoredEvidence) == before


async def test_mail_that_a_machine_generated_without_answering_still_waits_for_a_person(by_mail: World) -> None:
    """A ticket system sends what a person wrote in it under the same word: it may be the answer."""
    submitted = await by_mail.to_running_by_mdn()
    seen = plain_mail(CNAS, cited=(submitted.message.message_id,))
    assert seen.outer is not None
    row = await by_mail.take(replace(seen, outer=replace(seen.outer, automatic=True)))
    assert (row.verdict, row.held_back) == (Verdict.PLAIN, True)


async def test_a_report_on_a_mail_that_is_not_ours_blocks_nothing(by_mail: World) -> None:
    """Persons write from this mailbox too: by its own word it is a machine's."""
    await by_mail.to_running_by_mdn()
    for seen in (
        delivery_report(action="failed", envid="x", reporter="mx.cnas.test"),
        plain_mdn("<x@y.test>", at=START),
    ):
        row = await by_mail.take(replace(seen, notice=True))
        assert (row.verdict, row.held_back) == (Verdict.AUTOMATIC, False)
        unmarked = await by_mail.take(seen)
        assert (unmarked.verdict, unmarked.held_back) == (Verdict.TRIAGE, True)


async def test_a_person_may_find_an_answer_in_an_automatic_mail(by_mail: World) -> None:
    """The machine's word is not the last one."""
    submitted = await by_mail.to_running_by_mdn()
    row = await by_mail.take(plain_mail(CNAS, notice=True))
    await by_mail.triage.classify(row.id, "refusal", actor="alice", ref=submitted.case.ref)
    assert (await by_mail.request()).state is State.REFUSED


async def test_silence_is_recorded_past_an_out_of_office_and_not_past_a_letter(by_mail: World) -> None:
    """The whole difference that the verdict makes."""
    submitted = await by_mail.to_running()
    await by_mail.take(plain_mail(CNAS, cited=(submitted.message.message_id,), notice=True))
    await by_mail.at_ripe()
    await by_mail.confirmations.confirm(submitted.case.ref, actor="alice")
    assert await by_mail.lacking() == ()
    await by_mail.take(plain_mail(CNAS), at=START + DAY)
    assert await by_mail.lacking() == ("no_unsettled_mail",)


async def test_a_message_of_the_protocol_is_accepted_whatever_machine_sent_it(hospital: World) -> None:
    """Gateways are machines: the manifest says what it is."""
    submitted = await hospital.to_running()
    seen = answer_mail(submitted.request.hash, ref=submitted.case.ref, automatic=True)
    assert (await hospital.take(seen)).verdict is Verdict.ACCEPTED
    assert (await hospital.request()).state is State.ACCEPTED


async def test_a_classified_letter_is_handed_to_the_physician_and_no_unsigned_mail_is(build: Build) -> None:
    """A message like any other: what a person wrote may say anything, so that only a physician reads it."""
    doctor = Reader(
        id="dr-fabre", functions=frozenset({Function.TREATING_PHYSICIAN}), way=Way.FOLDER, place="/drop/fabre"
    )
    partners = (partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE))
    world = await build(partners=partners, readers=(doctor,))
    submitted = await world.to_running_by_mdn()
    plain = await world.take(plain_mail(CNAS, cited=(submitted.message.message_id,)))
    await world.triage.classify(plain.id, "question", actor="alice")
    assert await world.all(ReaderHandover) == ()
    written = payload.Payload(
        sender=Mailbox(display="", address=CNAS),
        to=(Mailbox(display="", address=ADDRESSES[Role.HOSPITAL]),),
        date=START,
        message_id="<lettre@cnas.test>",
        subject="Votre demande",
        text="Nous refusons.",
        in_reply_to=submitted.message.message_id,
    )
    entity = payload.build_entity(written, "lettre")
    row = await world.take(letter(submitted.message.message_id, entity=entity, message_id="<lettre@cnas.test>"))
    await world.triage.classify(row.id, "refusal", actor="alice")
    (owed,) = await world.all(ReaderHandover)
    assert (owed.reader, owed.share) == ("dr-fabre", Share.WHOLE)
    assert await world.handovers.round() == 1
    (files,) = world.dropped.of("/drop/fabre").values()
    assert "Nous refusons." in files["lettre.txt"].decode()
