"""A fact noted, corrected, withdrawn; a case closed: by who may, with what is wrong said at its place."""

from fastapi import FastAPI

from gateway.domain.case import State
from gateway.domain.request import Event
from gateway.domain.rights import Post
from gateway.storage import Case, Fact
from tests.services.world import World
from tests.web.browsing import Browser, signed_in, without_its_path


async def noted(secretary: Browser, ref: str, kind: str, **fields: str) -> str:
    """Note a fact; where it leads."""
    path = f"/dossiers/{ref}/noter/{kind}"
    await secretary.get(path)
    answer = await secretary.send(path, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_fact_is_noted_corrected_and_withdrawn(hospital: World, secretary: Browser) -> None:
    """Each leads to the case; the case's state follows from the facts that stand."""
    ref = (await hospital.submit()).case.ref
    place = await noted(secretary, ref, "INTERRUPTION", **{"f-on": "25/01/2026"})
    fact = (await hospital.all(Fact, kind="INTERRUPTION"))[0]
    path = f"/dossiers/{ref}/corriger/{fact.id}"
    page = (await secretary.get(path)).text
    await secretary.send(path, suite="garder", **{"f-on": "24/01/2026"})
    second = (await hospital.all(Fact, kind="INTERRUPTION"))[1]
    path = f"/dossiers/{ref}/corriger/{second.id}"
    interrupted = (await hospital.only(Case)).state
    await secretary.get(path)
    await secretary.send(path, suite="retirer", **{"f-on": "24/01/2026"})

    assert place == f"/dossiers/{ref}"
    assert 'value="25/01/2026"' in page
    assert (second.day.isoformat(), interrupted) == ("2026-01-24", State.INTERRUPTED)
    assert (await hospital.only(Case)).state is State.ADMITTED
    assert (await secretary.get(path)).status_code == 404


async def test_a_wrong_date_is_said_at_its_field_and_kept(hospital: World, secretary: Browser) -> None:
    """With the form's own words, not the fiche's."""
    ref = (await hospital.submit()).case.ref
    path = f"/dossiers/{ref}/noter/DISCHARGE"
    await secretary.get(path)
    answer = await secretary.send(path, **{"f-on": "<b>hier"})

    assert answer.status_code == 422
    assert "Écrivez une date comme 13/03/2027." in answer.text
    assert 'value="&lt;b&gt;hier"' in answer.text
    assert "fait.date" not in answer.text
    assert not await hospital.all(Fact, kind="DISCHARGE")


async def test_what_cannot_happen_now_is_said(hospital: World, secretary: Browser) -> None:
    """A patient who is in cannot be readmitted; nothing is kept."""
    ref = (await hospital.submit()).case.ref
    path = f"/dossiers/{ref}/noter/READMISSION"
    await secretary.get(path)
    answer = await secretary.send(path, **{"f-on": "25/01/2026"})

    assert answer.status_code == 422
    assert "Impossible maintenant : « réadmission » (dossier dans l&#39;état « patient admis »)." in answer.text


async def test_a_rule_that_warns_wants_a_reason_before_a_fact_is_noted(hospital: World, secretary: Browser) -> None:
    """The certificate goes to the CPAM once it is there; who insists says why."""
    ref = (await hospital.submit()).case.ref
    path = f"/dossiers/{ref}/noter/ENTITLEMENT_TO_CPAM"
    typed = {"f-covered_from": "02/01/2026", "f-covered_until": "20/02/2026"}
    await secretary.get(path)
    held = await secretary.send(path, **typed)
    done = await secretary.send(path, parce_que="reçue par fax", **typed)

    assert held.status_code == 422
    assert "Aucune attestation SE 352-301" in held.text
    assert 'value="02/01/2026"' in held.text
    assert done.status_code == 303


async def test_a_medical_note_is_hidden_from_who_is_no_physician(
    hospital: World, secretary: Browser, app: FastAPI
) -> None:
    """She may correct its date without reading it; a physician's reading is recorded."""
    ref = (await hospital.submit()).case.ref
    await noted(secretary, ref, "NOTE", **{"f-on": "25/01/2026", "f-note": "leucémie"})
    fact = (await hospital.all(Fact, kind="NOTE"))[0]
    path = f"/dossiers/{ref}/corriger/{fact.id}"
    hidden = (await secretary.get(path)).text
    wrong = await secretary.send(path, suite="garder", **{"f-on": "x", "f-note": ""})
    await secretary.send(path, suite="garder", **{"f-on": "24/01/2026", "f-note": ""})
    second = (await hospital.all(Fact, kind="NOTE"))[1]
    both = await signed_in(app, hospital, "Dr Seul", Post.SECRETARIAT, Post.PHYSICIAN)
    shown = (await both.get(f"/dossiers/{ref}/corriger/{second.id}")).text

    assert "leucémie" not in hidden
    assert "À remplir : note" not in wrong.text
    assert "leucémie" in shown
    assert [entry.actor for entry in await hospital.events("fact.read")] == ["Dr Seul"]
    await both.client.aclose()


async def test_a_case_says_why_it_stays_open_and_then_closes(hospital: World, secretary: Browser) -> None:
    """Once: a second click finds it closed."""
    ref = (await hospital.submit()).case.ref
    path = f"/dossiers/{ref}/clore"
    early = (await secretary.get(path)).text
    secretary.page = (await secretary.get(f"/dossiers/{ref}/noter/NOTE")).text
    forced = await secretary.send(path)
    request = await hospital.request()
    async with hospital.store.act() as act:
        await hospital.requests.advance(act, request, Event.REFUSED, actor="gateway", message=None)
    await noted(secretary, ref, "DISCHARGE", **{"f-on": "25/01/2026"})
    page = (await secretary.get(path)).text
    done = await secretary.send(path)
    secretary.page = page
    again = await secretary.send(path)

    assert "Une demande ou un désaccord y est encore ouvert." in early
    assert "notez d&#39;abord la sortie" in early
    assert forced.status_code == 422
    assert done.headers["location"] == again.headers["location"] == f"/dossiers/{ref}"
    assert (await hospital.only(Case)).state is State.CLOSED
    assert len(await hospital.events("case.closed")) == 1


async def test_other_roles_and_other_cases_find_no_such_page(hospital: World, secretary: Browser, app: FastAPI) -> None:
    """A physician alone notes nothing; a fact of another case, or one that a message brought, is not there."""
    ref = (await hospital.submit()).case.ref
    fact = (await hospital.all(Fact))[0]
    doctor = await signed_in(app, hospital, "Dr Vasseur", Post.PHYSICIAN)
    paths = [f"/dossiers/{ref}/noter", f"/dossiers/{ref}/noter/DISCHARGE", f"/dossiers/{ref}/clore"]
    answers = [await doctor.get(path) for path in [*paths, "/dossiers/7F3K-Q2/noter"]]
    sent = (await secretary.get(f"/dossiers/{ref}/corriger/{fact.id}")).status_code
    unknown = (await secretary.get(f"/dossiers/{ref}/noter/EXTENSION_REQUEST")).status_code
    doctor.page = (await doctor.get("/")).text
    posted = await doctor.send(f"/dossiers/{ref}/clore")

    assert {answer.status_code for answer in answers} == {404}
    assert len({without_its_path(answer) for answer in answers}) == 1
    assert (sent, unknown, posted.status_code) == (404, 404, 404)
    await doctor.client.aclose()
