"""R14 to R31: what is agreed, who may say it, who may read it. One test a rule, with the line that says so."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import config
from gateway.domain import request as life
from gateway.domain.case import TRANSITIONS, Event
from gateway.domain.case import State as CaseState
from gateway.domain.coverage import Payer, Reason
from gateway.domain.errors import (
    ConfigInvalid,
    FicheInvalid,
    IllegalTransition,
    NoCorrespondent,
    NotAllowed,
    PreconditionMissing,
    Unknown,
)
from gateway.domain.kinds import (
    EXTENSION_REQUEST,
    EXTENSION_REQUEST_VITAL,
    KINDS,
    REPAIRED_COPY,
    addressees,
    faults,
    recipients,
)
from gateway.domain.parties import Function, Role
from gateway.domain.request import State
from gateway.domain.territory import outside
from gateway.services.cabinet import wrapped
from gateway.services.compose import Draft, current_pins
from gateway.services.fiche import by_place
from gateway.storage import Acceptance, Case, Fact, Message, Request, Transmission, Verdict
from tests.law.papers import cover, fact, fiche, mail, values
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, FINGERPRINTS, REF, START, plain_mail, receipt
from tests.services.world import END, World, partner

EXAMPLE = Path(__file__).parents[2] / "config" / "gateway.example.toml"


async def certified(hospital: World, **changes: str) -> None:
    """The hospital has copy 2, and the patient."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS, changes=changes))
    await hospital.desk.note(fact("ADMISSION", on="2026-01-26"), actor="alice")


async def disputed(hospital: World) -> str:
    """A vital request, made and acknowledged, whose emergency the CNAS disputes; returns its hash."""
    await certified(hospital)
    sent = await hospital.desk.submit(fiche("EXTENSION_REQUEST.vital"), actor="alice")
    await hospital.take(mail("VITAL_DISPUTE", Role.CNAS, request=sent.request.hash))
    assert (await hospital.request()).state is State.VITAL_DISPUTED
    return sent.request.hash


@pytest.mark.law("R14", "M12")
async def test_r14_only_what_was_unforeseen_and_is_medically_justified_prolongs(hospital: World) -> None:
    """003:L202. Without its medical reason a request neither leaves nor is taken in; with it, both."""
    with pytest.raises(FicheInvalid, match=r"demande\.motif"):
        await hospital.submit(reason="")
    assert await hospital.all(Message) == ()
    field = EXTENSION_REQUEST.field("reason")
    assert field is not None
    assert field.required
    assert field.medical
    assert "imprévu" in field.title
    assert (await hospital.submit()).request.state is State.SUBMITTED


@pytest.mark.law("R15", "M12")
async def test_r15_costly_products_that_were_not_quoted_ask_by_the_same_procedure(hospital: World) -> None:
    """003:L262. A modification beside an open prolongation: its own delay, its own silence, and nothing prolonged."""
    first = await hospital.to_running()
    costly = {"nature": "modification", "costly_items": "cellules CAR-T", "requested_from": "2026-01-26"}
    second = await hospital.to_running(ref=first.case.ref, **costly)

    for row in await hospital.all(Request):
        assert (row.state, row.nominal_at) == (State.RUNNING, END)
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    accepted = {row.request_hash for row in await hospital.all(Acceptance)}
    assert accepted == {first.request.hash, second.request.hash}
    assert {piece.role for piece in EXTENSION_REQUEST.pieces if piece.required} >= {"form", "quote", "care_protocol"}


@pytest.mark.law("R16", "M21")
@pytest.mark.parametrize("lacks", ["form", "medical_report", "quote", "length_days"])
async def test_r16_a_vital_emergency_never_dispenses_from_the_form(hospital: World, lacks: str) -> None:
    """003:L300-304. Form, detailed report, complementary quote and foreseeable length are owed at once."""
    changes = {"length_days": ""} if lacks == "length_days" else {}
    with pytest.raises(FicheInvalid):
        await hospital.desk.submit(fiche("EXTENSION_REQUEST.vital", ref=None, without=lacks, **changes), actor="alice")
    assert await hospital.all(Message) == ()


@pytest.mark.law("R16", "M21", "K1", "C-matrix-vital")
async def test_r16_a_vital_emergency_runs_the_same_four_days_under_the_eyes_of_the_cnse(hospital: World) -> None:
    """003:L300-304. To the medical service, the CNSE in copy of this and of every mail that follows."""
    sent = await hospital.desk.submit(fiche("EXTENSION_REQUEST.vital", ref=None), actor="alice")
    await hospital.send_all()
    assert sent.message.partner == "cnas+cnse"
    assert addressees(EXTENSION_REQUEST_VITAL, Role.HOSPITAL)[0] is Function.MEDICAL_SERVICE
    for kind in KINDS.values():
        if kind.number in {"M21", "M22", "M23", "M24", "M25", "M26"}:
            assert all(Role.CNSE in recipients(kind, route.sender) for route in kind.routes), kind.id

    await hospital.take(receipt(sent.message, received_at=START))
    request = await hospital.request()
    assert (request.state, request.nominal_at) == (State.RUNNING, END)
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED


@pytest.mark.law("R17", "M25", "M26", "S-vital-expertise")
async def test_r17_an_expert_is_independent_comes_last_and_binds(hospital: World) -> None:
    """003:L310-326. Not before mediation failed, not one of the carers, and no event takes back what he found."""
    request = await disputed(hospital)
    asked = fact("EXPERT_REQUEST", request=request)
    with pytest.raises(PreconditionMissing, match="dernier recours"):
        await hospital.desk.note(asked, actor="alice")
    assert [str(fault) for fault in faults(asked.kind, {**asked.values, "independent": "non"})] == [
        "expertise.expert_independant : un de ces mots : oui"
    ]

    await hospital.desk.note(fact("MEDIATION", request=request, result="echec"), actor="alice")
    await hospital.desk.note(asked, actor="alice")
    await hospital.desk.note(fact("EXPERT_OPINION", request=request, result="niee"), actor="alice")

    assert (await hospital.request()).state is State.VITAL_DENIED
    for found in (State.VITAL_CONFIRMED, State.VITAL_DENIED):
        assert {after for (state, _), (after, _) in life.TRANSITIONS.items() if state is found} == {found}


@pytest.mark.law("R18", "M24", "M26")
@pytest.mark.parametrize("denied", [False, True], ids=["mediation-failed", "expert-denies"])
async def test_r18_the_hospital_pays_after_a_failed_mediation_or_a_denied_emergency(
    hospital: World, *, denied: bool
) -> None:
    """003:L312-314, L326. From the end of the authorisation; after the expert's decision the CNAS pays again."""
    request = await disputed(hospital)
    assert (await cover(hospital, "2026-02-25")).payer is Payer.UNDECIDED
    await hospital.desk.note(fact("MEDIATION", request=request, result="echec", on="2026-02-22"), actor="alice")
    if not denied:
        found = await cover(hospital, "2026-02-25")
        assert (found.payer, found.reason) == (Payer.HOSPITAL, Reason.FAILED_MEDIATION)
        return
    await hospital.desk.note(fact("EXPERT_REQUEST", request=request), actor="alice")
    opinion = fact("EXPERT_OPINION", request=request, result="niee", on="2026-03-02")
    await hospital.desk.note(opinion, actor="alice")
    assert (await cover(hospital, "2026-02-20")).reason is Reason.AUTHORISED
    assert (await cover(hospital, "2026-03-01")).reason is Reason.EXPERT_DECISION
    assert (await cover(hospital, "2026-03-01")).payer is Payer.HOSPITAL
    assert (await cover(hospital, "2026-03-02")).payer is Payer.CNAS


@pytest.mark.law("R19", "M08", "M42", "X-000-no-authorisation")
async def test_r19_a_certificate_of_anyone_but_the_cnas_is_void(hospital: World) -> None:
    """003:L232. Another sender's is quarantined, nobody at the hospital can enter one, and its refusal is noted."""
    assert KINDS["ENTITLEMENT_CERTIFICATE"].senders == {Role.CNAS}
    forged = replace(
        mail("ENTITLEMENT_CERTIFICATE", Role.CNAS),
        fingerprint=FINGERPRINTS[Role.CNSE],
    )
    assert forged.inner is not None
    assert forged.outer is not None
    sender = (ADDRESSES[Role.CNSE],)
    forged = replace(forged, inner=replace(forged.inner, senders=sender), outer=replace(forged.outer, senders=sender))
    row = await hospital.take(forged)
    assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "sender-role")
    with pytest.raises(NotAllowed):
        await hospital.desk.note(fact("ENTITLEMENT_CERTIFICATE"), actor="alice")
    with pytest.raises(NotAllowed):
        await hospital.desk.submit(fiche("ENTITLEMENT_CERTIFICATE", ref=None), actor="alice")
    assert await hospital.all(Case) == ()

    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    await hospital.desk.note(fact("OUT_OF_PROTOCOL", issuer="une mutuelle", refused="annulee"), actor="alice")
    with pytest.raises(IllegalTransition):
        await hospital.desk.note(fact("ADMISSION"), actor="alice")
    assert (await cover(hospital, "2026-02-01")).payer is Payer.PATIENT


@pytest.mark.law("R20", "M08")
async def test_r20_a_certificate_states_its_length(hospital: World, cnas: World) -> None:
    """003:L236. Without it none leaves the CNAS, and one that arrives is quarantined."""
    with pytest.raises(FicheInvalid, match=r"attestation\.duree_jours"):
        await cnas.desk.submit(fiche("ENTITLEMENT_CERTIFICATE", ref=None, length_days=""), actor="carol")
    row = await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS, changes={"length_days": ""}))
    assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "fields")
    assert (await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))).verdict is Verdict.ACCEPTED


@pytest.mark.law("R21", "M08", "M09", "C-copy-2", "C-copies-alarm")
@pytest.mark.parametrize("signed", ["oui", "non", None], ids=["signed", "not-signed", "never-presented"])
async def test_r21_copy_2_binds_the_cnas_without_the_patients_original(hospital: World, signed: str | None) -> None:
    """003:L248. The cover is the same in the three cases; what lacks is told to a person, once."""
    await certified(hospital)
    if signed is not None:
        await hospital.desk.note(fact("ENTITLEMENT_PRESENTED", signed=signed, on="2026-01-26"), actor="alice")
    found = await cover(hospital, "2026-02-20")
    assert (found.payer, found.reason) == (Payer.CNAS, Reason.AUTHORISED)
    assert len(await hospital.events("alarm.certificate_not_signed")) == (signed == "non")

    for day in (1, 2, 3):
        hospital.clock.go_to(START.replace(day=25 + day))
        await hospital.watch()
    assert len(await hospital.events("alarm.copy_1_not_presented")) == (signed is None)
    assert await hospital.events("alarm.copy_2_not_received") == ()


NUMBERED = [kind.id for kind in KINDS.values() if kind.field("insurance_number")]


@pytest.mark.law("R22")
@pytest.mark.parametrize("number", ["démuni", "Démuni", "DÉMUNI", "80 05 16 001 234 56"])
@pytest.mark.parametrize("kind", NUMBERED)
def test_r22_a_destitute_patient_has_a_word_for_a_number(kind: str, number: str) -> None:
    """003:L124. Taken wherever a number stands; an empty field is not the word."""
    assert faults(KINDS[kind], values(KINDS[kind], insurance_number=number)) == ()
    assert [str(fault) for fault in faults(KINDS[kind], values(KINDS[kind], insurance_number=""))] == [
        "patient.numero_assure : manque (numéro d'assuré, ou « démuni »)"
    ]


@pytest.mark.law("R22")
@pytest.mark.parametrize("kind", [kind for kind in NUMBERED if Role.CNAS in KINDS[kind].senders])
async def test_r22_the_word_is_kept_as_the_patients_number(hospital: World, kind: str) -> None:
    """003:L124. It comes from the CNAS on its forms, and the case shows it as it came."""
    await hospital.take(mail(kind, Role.CNAS, changes={"insurance_number": "démuni"}))
    case = await hospital.only(Case)
    async with hospital.store.view() as view:
        key = await hospital.cabinet.case_key(view, case)
    told = json.loads(hospital.vault.open_text(case.identity or b"", wrapped(key)))
    assert told["insurance_number"] == "démuni"


@pytest.mark.law("R23", "M01")
async def test_r23_only_algerian_nationals_are_concerned(hospital: World, cnas: World) -> None:
    """003:L122. A request for someone of another nationality neither leaves the CNAS nor is taken in."""
    for nationality in ("française", ""):
        with pytest.raises(FicheInvalid, match=r"patient\.nationalite"):
            await cnas.desk.submit(fiche("CARE_REQUEST", ref=None, nationality=nationality), actor="carol")
        row = await hospital.take(mail("CARE_REQUEST", Role.CNAS, changes={"nationality": nationality}))
        assert (row.verdict, row.reason) == (Verdict.QUARANTINE, "fields")
    assert (await cnas.desk.submit(fiche("CARE_REQUEST", ref=None), actor="carol")).case.ref


@pytest.mark.law("R23")
@pytest.mark.parametrize(
    ("postcode", "inside"),
    [
        *((code, True) for code in ("01000", "20000", "31059", "75013", "95000")),
        *((code, True) for code in ("97110", "97200", "97300", "97400", "97600")),
        *((code, False) for code in ("97133", "97150", "97500", "97700", "97800", "98600", "98713", "98800", "98000")),
        *((code, False) for code in ("97054", "00100", "99000", "3100", "31 000", "2A004", "", "310000", "３１０００")),
    ],
)
def test_r23_the_protocol_holds_in_france_and_its_departments_overseas(
    tmp_path: Path, postcode: str, *, inside: bool
) -> None:
    """003:L126-132. A configuration that says that the hospital lies elsewhere is refused with its reason."""
    text = EXAMPLE.read_text(encoding="utf-8").replace('#postcode = "31000"', f'postcode = "{postcode}"')
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")

    assert (outside(postcode) is None) is inside
    if inside:
        assert config.load(path).gateway.postcode == postcode
        return
    with pytest.raises(ConfigInvalid, match="postcode"):
        config.load(path)


@pytest.mark.law("R23")
def test_r23_only_a_hospital_has_a_place_to_check(tmp_path: Path) -> None:
    """The CNAS lies in Algeria, which has postal codes of five digits too."""
    text = EXAMPLE.read_text(encoding="utf-8").replace('#postcode = "31000"', 'postcode = "16000"')
    path = tmp_path / "gateway.toml"
    path.write_text(text.replace('role = "hospital"', 'role = "cnse"', 1), encoding="utf-8")

    with pytest.raises(ConfigInvalid, match="celui d'un hôpital"):
        config.load(path)


@pytest.mark.law("R24", "M06", "S-case-quoted")
async def test_r24_acceptance_quote_and_appointment_go_together(hospital: World, cnas: World) -> None:
    """003:L204. One mail or none: the gateway sends no acceptance without the other two, and takes none in."""
    kind = "CARE_ACCEPTANCE_WITH_QUOTE"
    asked = await cnas.desk.submit(fiche("CARE_REQUEST", ref=None), actor="carol")
    await hospital.take(mail("CARE_REQUEST", Role.CNAS, ref=asked.case.ref))
    for lacking in ({"without": "quote"}, {"appointment": ""}, {"quote_eur": ""}):
        with pytest.raises(FicheInvalid):
            await hospital.desk.submit(fiche(kind, ref=asked.case.ref, **lacking), actor="alice")
    assert await hospital.all(Message, kind=kind) == ()

    refused = await cnas.take(mail(kind, Role.HOSPITAL, ref=asked.case.ref, without="quote"))
    assert (refused.verdict, refused.reason) == (Verdict.QUARANTINE, "missing-attachment")
    refused = await cnas.take(mail(kind, Role.HOSPITAL, ref=asked.case.ref, changes={"appointment": ""}))
    assert (refused.verdict, refused.reason) == (Verdict.QUARANTINE, "fields")
    assert (await cnas.only(Case)).state is CaseState.RECEIVED

    await hospital.desk.submit(fiche(kind, ref=asked.case.ref), actor="alice")
    await cnas.take(mail(kind, Role.HOSPITAL, ref=asked.case.ref))
    assert (await hospital.only(Case)).state is (await cnas.only(Case)).state is CaseState.QUOTED
    assert [row.id for row in KINDS.values() if row.outcome.case is Event.QUOTED] == [kind]


@pytest.mark.law("R25", "M06", "M08")
async def test_r25_the_length_granted_is_the_length_foreseen(hospital: World, cnas: World) -> None:
    """003:L198-200. On either side another length is warned of; who insists says why, and that is kept."""
    asked = await cnas.desk.submit(fiche("CARE_REQUEST", ref=None, length_days="26"), actor="carol")
    ref = asked.case.ref
    await hospital.take(mail("CARE_REQUEST", Role.CNAS, ref=ref, changes={"length_days": "26"}))
    with pytest.raises(PreconditionMissing, match="26 jours"):
        await hospital.desk.submit(fiche("CARE_ACCEPTANCE_WITH_QUOTE", ref=ref, length_days="40"), actor="alice")
    await hospital.desk.submit(fiche("CARE_ACCEPTANCE_WITH_QUOTE", ref=ref, length_days="26"), actor="alice")

    await cnas.take(mail("CARE_ACCEPTANCE_WITH_QUOTE", Role.HOSPITAL, ref=ref, changes={"length_days": "26"}))
    with pytest.raises(PreconditionMissing, match="26 jours"):
        await cnas.desk.submit(fiche("ENTITLEMENT_CERTIFICATE", ref=ref, length_days="20"), actor="carol")
    insisted = fiche("ENTITLEMENT_CERTIFICATE", ref=ref, length_days="20", because="accord par téléphone")
    await cnas.desk.submit(insisted, actor="carol")
    (record,) = await cnas.events("case.entitled")
    assert b'"insisted":true' in record.canonical


@pytest.mark.law("R26", "M08", "X-000-no-authorisation")
async def test_r26_a_stay_without_prior_agreement_is_not_put_right_afterwards(hospital: World, cnas: World) -> None:
    """003:L166. No admission before a certificate, no certificate for days that are gone, no form without a silence."""
    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    with pytest.raises(IllegalTransition):
        await hospital.desk.note(fact("ADMISSION"), actor="alice")
    found = await cover(hospital, "2026-02-01")
    assert found.payer is Payer.PATIENT
    admitted = {state for (state, event) in TRANSITIONS if event is Event.ADMITTED}
    assert admitted == {CaseState.AUTHORISED}

    with pytest.raises(PreconditionMissing, match="ne régularise pas"):
        await cnas.desk.submit(fiche("ENTITLEMENT_CERTIFICATE", ref=None, covered_from="2026-01-10"), actor="carol")
    assert await cnas.all(Message) == ()
    await cnas.desk.submit(fiche("ENTITLEMENT_CERTIFICATE", ref=None, covered_from="2026-01-24"), actor="carol")
    with pytest.raises(NotAllowed):
        await cnas.desk.submit(fiche("EXTENSION_REGULARISATION", ref=(await cnas.only(Case)).ref), actor="carol")


@pytest.mark.law("R27")
async def test_r27_nothing_leaves_for_anyone_outside_the_protocol(hospital: World, tmp_path: Path) -> None:
    """003:L406. No address is typed; each way out refuses a stranger; what leaves goes to the texts' readers."""
    assert {role.value for role in Role} == {"hospital", "cnas", "cnse", "cpam"}
    assert {function.role for function in Function} == set(Role)

    # a role that the protocol does not know
    path = tmp_path / "gateway.toml"
    text = EXAMPLE.read_text(encoding="utf-8")
    path.write_text(text.replace('role = "cnas"', 'role = "mutuelle"', 1), encoding="utf-8")
    with pytest.raises(ConfigInvalid, match=r"partners\.cnas\.role"):
        config.load(path)
    # a key of somebody who is no partner
    with pytest.raises(Unknown):
        await hospital.pins.pin("mutuelle", "openpgp", "E" * 40, "key", actor="alice")
    # an addressee in a fiche
    with pytest.raises(FicheInvalid, match="clé inconnue"):
        by_place(EXTENSION_REQUEST, {"envoi.destinataire": "medecin@ailleurs.test"})
    # a copy for somebody whom no text names
    copy = Draft(
        kind=REPAIRED_COPY, ref=REF, hospital=hospital.party.id, values=values(REPAIRED_COPY), only=("mutuelle",)
    )
    async with hospital.store.view() as view:
        pins = await current_pins(view, "s")
    with pytest.raises(NoCorrespondent):
        await hospital.composer.seal(copy, pins)

    submitted = await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    await hospital.send_all()
    left = {envelope.recipient for envelope in hospital.courier.tried}
    assert left == {ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE]}
    assert submitted.message.partner == "cnas+cnse"


@pytest.mark.law("R27")
async def test_r27_what_concerns_one_hospital_never_reaches_another(build: Build) -> None:
    """003:L406. Every exchange of the CNAS that goes to a hospital goes to the one whose patient it is."""
    other = replace(partner(Role.HOSPITAL), id="autre", addresses=("soins@autre.test",))
    cnas = await build(Role.CNAS, partners=(partner(Role.HOSPITAL), other, partner(Role.CNSE)))
    for kind in KINDS.values():
        if kind.route(Role.CNAS) is not None:
            to, copies = cnas.composer.addressees(kind, "hospital")
            assert "autre" not in {each.id for each in (*to, *copies)}, kind.id


@pytest.mark.law("R28", "M06", "M34")
async def test_r28_comfort_has_no_place_in_a_quote_or_a_claim(hospital: World) -> None:
    """002:L289-293, 003:L360. No field takes it, a fiche that names it is refused, and the secretary reads it."""
    quoting = [KINDS[name] for name in ("CARE_ACCEPTANCE_WITH_QUOTE", "EXTENSION_REQUEST", "EXTENSION_REQUEST.vital")]
    claiming = [KINDS[name] for name in ("INVOICE", "CONSOLIDATED_CLAIM", "REIMBURSEMENT", "HALF_YEARLY_STATEMENT")]
    for kind in (*quoting, *claiming):
        assert [field.id for field in kind.fields if "confort" in field.fiche or "comfort" in field.id] == []
        with pytest.raises(FicheInvalid, match="clé inconnue"):
            by_place(kind, {"devis.frais_confort_eur": "240.00"})
    for kind in quoting:
        (quote,) = [piece for piece in kind.pieces if piece.role == "quote"]
        assert "sans frais de confort" in quote.title
    assert "jamais les frais de confort" in KINDS["INVOICE"].effect

    # What a partner adds to its message is not kept.
    await hospital.take(mail("CARE_REQUEST", Role.CNAS, changes={"comfort_eur": "240.00"}))
    kept = await hospital.only(Fact, kind="CARE_REQUEST")
    async with hospital.store.view() as view:
        key = await hospital.cabinet.case_key(view, await hospital.only(Case))
    assert "comfort_eur" not in hospital.casework.details(kept, key)


@pytest.mark.law("R29", "M34")
@pytest.mark.parametrize("amount", ["12500.00", "14250.50", "900.00"])
async def test_r29_an_invoice_may_differ_from_the_quote(hospital: World, amount: str) -> None:
    """003:L104. The list of products in addition is read on the day of the invoice: nobody is asked to insist."""
    await certified(hospital)
    await hospital.to_running(ref=REF, quote_eur="12500.00")
    noted = fact("INVOICE", on="2026-04-02", amount_eur=amount)
    assert noted.because is None
    await hospital.desk.note(noted, actor="alice")
    kept = await hospital.only(Fact, kind="INVOICE")
    async with hospital.store.view() as view:
        key = await hospital.cabinet.case_key(view, await hospital.only(Case))
    assert hospital.casework.details(kept, key)["amount_eur"] == amount
    assert [name for name in await hospital.names() if name.startswith("alarm.")] == []


@pytest.mark.law("R30", "M08")
@pytest.mark.parametrize(("word", "alarms"), [("oui", 0), ("non", 1)])
async def test_r30_the_certificate_says_whether_the_patient_accepts_to_be_taken_home(
    hospital: World, word: str, alarms: int
) -> None:
    """003:L152. Silent, it is not taken in; a refusal is told to a person and leaves the CNAS bound."""
    silent = await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS, changes={"repatriation_accepted": ""}))
    assert (silent.verdict, silent.reason) == (Verdict.QUARANTINE, "fields")
    await certified(hospital, repatriation_accepted=word)
    assert len(await hospital.events("alarm.repatriation_not_accepted")) == alarms
    assert (await cover(hospital, "2026-02-01")).payer is Payer.CNAS


@pytest.mark.law("R31", "M13", "M16")
async def test_r31_our_gateway_acknowledges_too_and_the_cnse_reads_the_answers(hospital: World, cnse: World) -> None:
    """003:L446. One signed receipt for each message that was taken in, none for what was not; the CNSE has its own."""
    submitted = await hospital.to_running()
    about = {"ref": submitted.case.ref, "request": submitted.request.hash}
    await hospital.take(mail("EXTENSION_ACCEPTANCE", Role.CNAS, **about))  # type: ignore[arg-type]  # a table
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS, changes={"length_days": ""}))
    await hospital.take(plain_mail(ADDRESSES[Role.CNAS]))
    receipts = await hospital.all(Transmission, receipt=True)
    assert [row.partner for row in receipts] == ["cnas"]

    for kind in ("EXTENSION_ACCEPTANCE", "EXTENSION_REFUSAL", "EXTENSION_REGULARISATION"):
        to = KINDS[kind].routes[0].to
        assert to == (Function.TREATING_PHYSICIAN, Function.MEDICAL_UNIT)
    await cnse.take(mail("EXTENSION_REQUEST", Role.HOSPITAL))
    request = await cnse.request()
    await cnse.take(mail("EXTENSION_ACCEPTANCE", Role.CNAS, request=request.hash))
    assert (await cnse.request()).state is State.ACCEPTED
    assert sorted(row.partner for row in await cnse.all(Transmission, receipt=True)) == ["cnas", "hospital"]
