"""What persons do: everything is checked and sealed before anything is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.errors import (
    FicheInvalid,
    KeyMissing,
    KeyUnusable,
    MailTooLarge,
    NoCorrespondent,
    NotAllowed,
    OwnKeyUnusable,
    PreconditionMissing,
    RequestTooLate,
    Unknown,
)
from gateway.domain.guards import Known
from gateway.domain.kinds import EXTENSION_ACCEPTANCE, EXTENSION_REFUSAL, EXTENSION_REQUEST, KINDS
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.ports import SpoolFile
from gateway.services.casework import Casework
from gateway.services.fiche import Fiche
from gateway.storage import Case, Fact, Mail, Message, Request, Transmission, VaultKey, Verdict
from gateway.wire.payload import Attachment
from tests.services.conftest import Build
from tests.services.mails import START, VALUES, plain_mail, receipt, request_mail
from tests.services.world import END, MINUTE, PIECES, SECOND, World, partner

TABLES = (Case, Fact, Request, Message, Transmission, SpoolFile, VaultKey)


async def empty(world: World) -> bool:
    """Nothing was kept: no row, no record, no spool file."""
    counts = [len(await world.all(kind)) for kind in TABLES]
    return not any(counts) and not await world.events() and not world.vault.names()


async def test_a_request_is_submitted(hospital: World) -> None:
    """Case, request, message, one sealed copy for each recipient, and a record by name."""
    submitted = await hospital.submit()
    assert submitted.request.state is State.SUBMITTED
    assert submitted.message.partner == "cnas+cnse"
    assert submitted.message.mic == submitted.request.hash
    assert {row.partner for row in await hospital.all(Transmission)} == {"cnas", "cnse"}
    assert len(hospital.vault.names()) == 3
    (record,) = await hospital.events("request.submitted")
    assert (record.actor, record.case, record.request) == ("alice", submitted.case.ref, submitted.request.hash)


async def test_every_fault_of_a_form_is_told_at_once(hospital: World) -> None:
    """Fields and attachments together, by their place in the form; nothing is kept."""
    values = {**VALUES, "patient_name": "", "requested_until": "2026-02-30", "nature": "autre"}
    pieces = (*PIECES[1:], PIECES[1], Attachment(name="vide.pdf", media_type="application/pdf", data=b"", role="quote"))
    fiche = Fiche(path="fiche.toml", kind=EXTENSION_REQUEST, ref=None, values=values, attachments=pieces)
    with pytest.raises(FicheInvalid) as caught:
        await hospital.desk.submit(fiche, actor="alice")
    told = str(caught.value.fields["faults"])
    for place in (
        "patient.nom : manque",
        "demande.au : date",
        "demande.nature :",
        "pieces.formulaire : manque",
        "pieces.compte_rendu : donné deux fois",
        "pieces.devis : donné deux fois",
        "vide.pdf est vide",
    ):
        assert place in told
    assert await empty(hospital)


async def test_a_correction_that_names_no_case_does_not_leave(hospital: World) -> None:
    """It would open a case of its own, and the request that it corrects would stay in force, silence and all."""
    wrong = await hospital.submit()
    values = {**VALUES, "supersedes": wrong.request.hash[:6]}
    lost = Fiche(path="fiche.toml", kind=EXTENSION_REQUEST, ref=None, values=values, attachments=PIECES)
    with pytest.raises(FicheInvalid, match="dossier : manque"):
        await hospital.desk.submit(lost, actor="alice")
    assert len(await hospital.all(Case)) == 1

    await hospital.desk.submit(replace(lost, ref=wrong.case.ref), actor="alice")
    assert [row.state for row in await hospital.all(Request)] == [State.SUPERSEDED, State.SUBMITTED]


@pytest.mark.law("K2")
async def test_a_request_after_the_end_of_the_authorisation_does_not_leave(build: Build) -> None:
    """Until the last second of the last day in Paris it does."""
    end = datetime(2026, 2, 20, 23, 0, tzinfo=UTC)
    world = await build(at=end)
    with pytest.raises(RequestTooLate, match="20/02/2026"):
        await world.submit()
    assert await empty(world)
    world.clock.at = end - SECOND
    assert (await world.submit()).request.state is State.SUBMITTED


async def test_a_partner_without_key_leaves_nothing(build: Build) -> None:
    """No row, no record, no file: nothing is ever kept to be sent in clear."""
    world = await build(pinned=False)
    with pytest.raises(KeyMissing):
        await world.submit()
    assert await empty(world)
    await world.pin(partner(Role.CNAS), "B" * 40)
    with pytest.raises(KeyMissing, match="cnse"):
        await world.submit()
    assert await empty(world)


@pytest.mark.parametrize("who", ["cnas", "cnse"])
async def test_a_key_that_cannot_encrypt_leaves_nothing(hospital: World, who: str) -> None:
    """A missing copy is a refusal, whoever's it is."""
    hospital.sealer.unusable = {who}
    with pytest.raises(KeyUnusable):
        await hospital.submit()
    assert await empty(hospital)


async def test_our_own_key_that_fails_leaves_nothing(hospital: World) -> None:
    """Nothing leaves unsigned."""
    hospital.sealer.own_key_fails = True
    with pytest.raises(OwnKeyUnusable):
        await hospital.submit()
    assert await empty(hospital)


async def test_a_mail_that_a_partner_cannot_take_leaves_nothing(build: Build) -> None:
    """Its limit is asked before sealing."""
    world = await build(partners=(partner(Role.CNAS), replace(partner(Role.CNSE), max_bytes=2000)))
    with pytest.raises(MailTooLarge, match="cnse"):
        await world.submit()
    assert await empty(world)


async def test_a_partner_of_no_role_is_missed(build: Build) -> None:
    """The CNSE's copy is demanded by the texts: without it configured, nothing leaves."""
    world = await build(partners=(partner(Role.CNAS),))
    with pytest.raises(NoCorrespondent):
        await world.submit()
    assert await empty(world)


async def test_a_crash_in_the_commit_leaves_no_row(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files without a row are swept later; rows without files never exist."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    commit = hospital.desk._send

    async def commit_then_fail(*args: Any) -> None:
        await commit(*args)
        await fail()

    monkeypatch.setattr(hospital.desk, "_send", commit_then_fail)
    with pytest.raises(RuntimeError):
        await hospital.submit()
    assert [len(await hospital.all(kind)) for kind in TABLES] == [0] * len(TABLES)
    assert await hospital.events() == ()
    assert len(hospital.vault.names()) == 3
    assert await hospital.cabinet.sweep() == 0
    hospital.clock.advance(timedelta(hours=2))
    assert await hospital.cabinet.sweep() == 3
    assert not hospital.vault.names()


async def test_a_second_request_joins_its_case(hospital: World) -> None:
    """By its token, as a person types it; the same key, another hash."""
    first = await hospital.submit()
    second = await hospital.submit(ref=first.case.ref.replace("-", "").lower(), care="autre")
    assert second.case.id == first.case.id
    assert second.request.hash != first.request.hash
    assert len(await hospital.all(Case)) == 1
    with pytest.raises(Unknown):
        await hospital.submit(ref="0000-00")


async def test_what_is_known_of_a_case_is_read_for_a_guard_alone(
    hospital: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case may hold hundreds of facts, each of them sealed, and most exchanges have nothing to ask them."""
    opened = await hospital.submit()
    asked = []

    async def known(*_: object) -> Known:
        asked.append(True)
        return Known(facts={})

    monkeypatch.setattr(Casework, "known", known)
    await hospital.submit(ref=opened.case.ref, care="autre")
    assert asked == []
    refusal = Fiche(path="", kind=KINDS["CARE_REFUSAL"], ref=opened.case.ref, values={"motive": "complet"})
    with pytest.raises(PreconditionMissing):
        await hospital.desk.submit(refusal, actor="alice")
    assert asked == [True]


async def test_each_role_does_only_what_is_its_own(hospital: World, cnas: World) -> None:
    """The CNAS asks nothing, the hospital answers nothing."""
    with pytest.raises(NotAllowed):
        await cnas.submit()
    with pytest.raises(NotAllowed):
        await hospital.answer(EXTENSION_ACCEPTANCE)
    assert await empty(hospital)


# --- which of two


async def test_two_open_requests_ask_which(hospital: World) -> None:
    """The refusal lists them; the hash, or its beginning, decides."""
    first = await hospital.to_running()
    second = await hospital.submit(ref=first.case.ref, care="autre")
    with pytest.raises(NotAllowed) as caught:
        await hospital.confirmations.asked(first.case.ref)
    for submitted in (first, second):
        assert submitted.request.hash[:12] in str(caught.value.fields["reason"])
        request, _ = await hospital.confirmations.asked(first.case.ref, submitted.request.hash[:12])
        assert request.hash == submitted.request.hash


async def test_the_cnas_says_which_of_two_requests_it_answers(cnas: World) -> None:
    """Never a guess."""
    await cnas.take(request_mail())
    await cnas.take(request_mail())
    first, second = await cnas.all(Request)
    with pytest.raises(NotAllowed):
        await cnas.answer(EXTENSION_REFUSAL)
    await cnas.answer(EXTENSION_REFUSAL, request=second.hash)
    states = {row.hash: row.state for row in await cnas.all(Request)}
    assert states == {first.hash: State.RUNNING, second.hash: State.REFUSED}


async def test_classifying_an_answer_to_one_of_two_requests_changes_nothing_without_a_choice(hospital: World) -> None:
    """The mail stays to be settled, and both requests stay open."""
    first = await hospital.to_running()
    await hospital.submit(ref=first.case.ref, care="autre")
    row = await hospital.take(plain_mail("conv@cnas.test"))
    with pytest.raises(NotAllowed):
        await hospital.triage.classify(row.id, "refusal", actor="alice", ref=first.case.ref)
    assert (await hospital.only(Mail, id=row.id)).settled_at is None
    assert {request.state for request in await hospital.all(Request)} == {State.RUNNING, State.SUBMITTED}


# --- the CNAS answers


@pytest.mark.parametrize(
    ("kind", "state"), [(EXTENSION_ACCEPTANCE, State.ACCEPTED), (EXTENSION_REFUSAL, State.REFUSED)], ids=["yes", "no"]
)
async def test_an_answer_leaves_for_hospital_and_cnse(cnas: World, kind: object, state: State) -> None:
    """Sealed for both, about the request's hash, and our own state moves in the same commit."""
    await cnas.take(request_mail())
    sent = await cnas.answer(kind)  # type: ignore[arg-type]  # a Kind
    assert sent.message.partner == "hospital+cnse"
    assert sent.message.request_hash == sent.request.hash
    assert (await cnas.request()).state is state


async def test_a_second_answer_is_refused(cnas: World) -> None:
    """Nothing of it leaves."""
    await cnas.take(request_mail())
    await cnas.answer(EXTENSION_ACCEPTANCE)
    before = len(await cnas.all(Transmission))
    with pytest.raises(NotAllowed):
        await cnas.answer(EXTENSION_REFUSAL)
    assert len(await cnas.all(Transmission)) == before


async def test_an_answer_whose_copy_cannot_be_sealed_leaves_nothing(cnas: World) -> None:
    """The request stays open, and the person is told."""
    await cnas.take(request_mail())
    cnas.sealer.unusable = {"cnse"}
    with pytest.raises(KeyUnusable):
        await cnas.answer(EXTENSION_ACCEPTANCE)
    assert (await cnas.request()).state is State.RUNNING
    assert await cnas.all(Message, kind="EXTENSION_ACCEPTANCE") == ()


async def test_a_late_answer_of_the_cnas_still_leaves(cnas: World) -> None:
    """After T it is late: sent and flagged; it neither accepts nor refuses."""
    await cnas.take(request_mail())
    cnas.clock.go_to(END)
    await cnas.answer(EXTENSION_REFUSAL)
    assert len(await cnas.all(Message, kind="EXTENSION_REFUSAL")) == 1
    assert (await cnas.request()).state not in {State.REFUSED, State.ACCEPTED}
    assert len(await cnas.events("request.late_answer")) == 1


async def test_an_answer_in_the_last_second_is_in_time(cnas: World) -> None:
    """The CNAS's own clock decides for its own state; the hospital's reception for the hospital."""
    await cnas.take(request_mail())
    cnas.clock.go_to(END - SECOND)
    await cnas.answer(EXTENSION_REFUSAL)
    assert (await cnas.request()).state is State.REFUSED


# --- triage


async def test_a_person_says_that_a_mail_is_the_answer(hospital: World) -> None:
    """It counts as of our reception of the mail, by name; the mail goes under the case's key."""
    submitted = await hospital.to_running()
    row = await hospital.take(plain_mail("conv@cnas.test"))
    hospital.clock.go_to(END + MINUTE)
    settled = await hospital.triage.classify(row.id, "acceptance", actor="alice", ref=submitted.case.ref)
    assert (settled.settled_as, settled.settled_by, settled.case_id) == ("acceptance", "alice", submitted.case.id)
    assert (await hospital.request()).state is State.ACCEPTED
    assert (await hospital.only(SpoolFile, name=row.file)).vault_key == submitted.case.vault_key
    (record,) = await hospital.events("triage.classified")
    assert (record.actor, record.outcome) == ("alice", "acceptance")


async def test_a_mail_is_settled_once(hospital: World) -> None:
    """And only what stands in triage can be."""
    row = await hospital.take(plain_mail("conv@cnas.test"))
    await hospital.triage.classify(row.id, "not-an-answer", actor="alice")
    with pytest.raises(NotAllowed, match="alice"):
        await hospital.triage.classify(row.id, "not-an-answer", actor="bob")
    with pytest.raises(Unknown):
        await hospital.triage.classify(999, "not-an-answer", actor="bob")


async def test_a_receipt_cannot_be_classified(hospital: World) -> None:
    """It was understood."""
    submitted = await hospital.submit()
    await hospital.send_all()
    row = await hospital.take(receipt(submitted.message, received_at=START))
    with pytest.raises(Unknown):
        await hospital.triage.classify(row.id, "refusal", actor="alice", ref=submitted.case.ref)


async def test_saying_that_a_held_mail_is_no_answer_takes_two_persons(build: Build) -> None:
    """It makes a recording possible: one proposes, another settles; the same person twice does not."""
    world = await build(persons=2)
    await world.to_running()
    row = await world.take(plain_mail("conv@cnas.test"))
    await world.triage.classify(row.id, "not-an-answer", actor="alice")
    assert (await world.only(Mail, id=row.id)).settled_at is None
    with pytest.raises(NotAllowed):
        await world.triage.classify(row.id, "not-an-answer", actor="alice")
    assert (await world.only(Mail, id=row.id)).settled_at is None
    await world.triage.classify(row.id, "not-an-answer", actor="bob")
    assert (await world.only(Mail, id=row.id)).settled_by == "bob"


async def test_saying_that_a_vanished_mail_was_no_answer_takes_two_persons(build: Build) -> None:
    """Nobody read it, and it holds the silence back as well: one person alone does not free it."""
    world = await build(persons=2)
    await world.to_running()
    row = await world.take(plain_mail("x@ailleurs.test"))
    await world.change(replace(row, verdict=Verdict.VANISHED, file=None))
    await world.triage.classify(row.id, "not-an-answer", actor="alice")
    assert (await world.only(Mail, id=row.id)).settled_at is None


async def test_one_person_is_enough_for_what_delays(build: Build) -> None:
    """An answer stops the clock at once."""
    world = await build(persons=2)
    submitted = await world.to_running()
    row = await world.take(plain_mail("conv@cnas.test"))
    await world.triage.classify(row.id, "refusal", actor="alice", ref=submitted.case.ref)
    assert (await world.request()).state is State.REFUSED


async def test_an_unknown_settlement_is_refused(hospital: World) -> None:
    """Only the three words of the list; anything else must not pass for a refusal."""
    submitted = await hospital.to_running()
    row = await hospital.take(plain_mail("conv@cnas.test"))
    with pytest.raises(NotAllowed):
        await hospital.triage.classify(row.id, "acceptation", actor="alice", ref=submitted.case.ref)
    assert (await hospital.request()).state is State.RUNNING


async def test_an_answer_needs_its_case(hospital: World) -> None:
    """And a mail that could be read."""
    submitted = await hospital.to_running()
    row = await hospital.take(plain_mail("conv@cnas.test"))
    with pytest.raises(NotAllowed, match="--case"):
        await hospital.triage.classify(row.id, "refusal", actor="alice")
    with pytest.raises(Unknown):
        await hospital.triage.classify(row.id, "refusal", actor="alice", ref="0000-00")
    gone = await hospital.change(replace(row, verdict=Verdict.VANISHED, file=None))
    with pytest.raises(NotAllowed):
        await hospital.triage.classify(gone.id, "refusal", actor="alice", ref=submitted.case.ref)
    assert (await hospital.request()).state is State.RUNNING


# --- confirmations and keys


async def test_only_what_is_asked_can_be_confirmed(hospital: World) -> None:
    """A code that nobody asks is refused, alone or among others."""
    submitted = await hospital.to_running()
    for codes in (("no_answer",), ("time_source", "no_unsettled_mail")):
        with pytest.raises(NotAllowed):
            await hospital.confirmations.confirm(submitted.case.ref, actor="alice", codes=codes)
    assert await hospital.events("request.confirmed") == ()
