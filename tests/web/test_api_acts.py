"""What programs do by the API: in their own name, once for each key, and never what needs a person."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.domain.errors import NotAllowed, StorageFailed
from gateway.domain.kinds import EXTENSION_REQUEST
from gateway.domain.parties import Role
from gateway.domain.rights import Right
from gateway.domain.scopes import Scope
from gateway.services.rights import entitled
from gateway.storage import AskedOnce, Case, EnteredProof, Fact, Mail, Request, Token
from gateway.web import threshold
from tests.services.mails import ROLES, VALUES, letter, request_mail
from tests.services.world import World, open_world
from tests.web.browsing import console
from tests.web.programs import Client, program
from tests.web.test_api_frame import kind

EVERYTHING = tuple(scope for scope in Scope if scope is not Scope.KEYS)
FICHE = {field.fiche: VALUES[field.id] for field in EXTENSION_REQUEST.fields if field.id in VALUES}
SECRET = "leucemie"
"""What must never come back."""


@pytest.fixture
async def dpi(app: FastAPI, hospital: World) -> AsyncIterator[Client]:
    """A program that may do everything that a program may."""
    client = await program(app, hospital, *EVERYTHING)
    yield client
    await client.http.aclose()


def sent(part: str, told: dict[str, Any], pieces: dict[str, bytes]) -> dict[str, Any]:
    """A JSON part and files, as a form."""
    files = {part: (None, json.dumps(told), "application/json")}
    return {"files": files | {name: (f"{name}.pdf", data, "application/pdf") for name, data in pieces.items()}}


def request(**changes: Any) -> dict[str, Any]:
    """An extension request, complete."""
    told = {"kind": "EXTENSION_REQUEST", "fields": FICHE} | changes
    return sent("request", told, {role: role.encode() for role in ROLES})


async def test_a_request_is_sent_as_a_person_sends_it(dpi: Client, hospital: World) -> None:
    """It is sealed, queued and recorded in the program's name; where it can be seen is told."""
    answer = await dpi.post("/requests", **request())

    assert answer.status_code == 201, answer.text
    told = answer.json()
    row = await hospital.request()
    assert told["request"] == row.hash
    assert answer.headers["location"] == f"/api/v1/cases/{told['case']}"
    assert {entry.actor for entry in await hospital.events("request.submitted")} == {"programme:dpi"}


async def test_the_same_key_sends_once_and_gets_the_first_answer(dpi: Client, hospital: World) -> None:
    """Byte for byte, although the form is written anew; and it says so."""
    first = await dpi.post("/requests", key="one-key-1", **request())
    again = await dpi.post("/requests", key="one-key-1", **request())

    assert again.content == first.content
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert len(await hospital.all(Request)) == 1


async def test_two_at_the_same_time_are_one_act(dpi: Client, hospital: World) -> None:
    """One is answered; the other gets the same answer, or is told that it is being done."""
    answers = await asyncio.gather(*(dpi.post("/requests", key="one-key-2", **request()) for _ in range(4)))

    assert len(await hospital.all(Request)) == 1
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 201
    assert set(statuses) <= {201, 409}
    assert {kind(answer) for answer in answers if answer.status_code == 409} <= {"being-done"}


async def test_a_key_serves_for_one_thing(dpi: Client, hospital: World) -> None:
    """Another body, or another address, under the same key is refused."""
    await dpi.post("/requests", key="one-key-3", **request())
    other = await dpi.post("/requests", key="one-key-3", **request(hospital="x"))
    elsewhere = await dpi.post("/alarms/1/owner", key="one-key-3")

    assert {(other.status_code, kind(other)), (elsewhere.status_code, kind(elsewhere))} == {(422, "key-reused")}
    assert len(await hospital.all(Request)) == 1


async def test_keys_of_two_programs_do_not_meet(app: FastAPI, dpi: Client, hospital: World) -> None:
    """Each has its own."""
    other = await program(app, hospital, Scope.REQUESTS, name="pmsi")
    first = await dpi.post("/requests", key="one-key-4", **request())
    second = await other.post("/requests", key="one-key-4", **request())

    assert first.json()["request"] != second.json()["request"]


async def test_an_answer_that_was_lost_is_not_made_up(dpi: Client, hospital: World) -> None:
    """A crash between the commit and its answer: the act is not done again, and the asker is told to look."""
    await dpi.post("/requests", key="one-key-5", **request())
    row = await hospital.only(AskedOnce)
    await hospital.change(replace(row, answer=None))

    again = await dpi.post("/requests", key="one-key-5", **request())

    assert (again.status_code, kind(again)) == (409, "being-done")
    assert len(await hospital.all(Request)) == 1


async def test_what_was_refused_keeps_no_key(dpi: Client) -> None:
    """Nothing was done, so the mended request may use the same key."""
    refused = await dpi.post("/requests", key="one-key-6", **request(fields={}))
    mended = await dpi.post("/requests", key="one-key-6", **request())

    assert refused.status_code == 422
    assert mended.status_code == 201


@pytest.mark.parametrize("key", [None, "", "short", "x" * 201, "with space", "é" * 10])
async def test_an_act_needs_a_key(dpi: Client, key: str | None) -> None:
    """Of a shape that is not chosen by accident."""
    headers = httpx.Headers({} if key is None else {"Idempotency-Key": key}, encoding="latin-1")
    answer = await dpi.http.post("/api/v1/alarms/1/owner", headers=headers)

    assert (answer.status_code, kind(answer)) == (400, "key-missing")


async def test_every_fault_of_a_request_is_told_at_once(dpi: Client) -> None:
    """Fields, pieces and strangers, each at its place; no value of them comes back."""
    fields = FICHE | {"demande.au": SECRET, "patient.nom": ""}
    answer = await dpi.post("/requests", **sent("request", {"kind": "EXTENSION_REQUEST", "fields": fields}, {}))
    strange = await dpi.post("/requests", **request(fields=FICHE | {f"patient.{SECRET}": SECRET}))

    places = {(fault["in"], fault["pointer"]) for fault in answer.json()["errors"]}
    assert answer.status_code == strange.status_code == 422
    assert {("body", "/fields/demande.au"), ("body", "/fields/patient.nom")} <= places
    assert any(place == "parts" for place, _ in places)
    assert ("body", "/fields") in {(fault["in"], fault["pointer"]) for fault in strange.json()["errors"]}
    assert SECRET not in answer.text + strange.text


HOSTILE = [
    (b"\xff\xfe{}", 400),
    (b"{", 400),
    (b'{"kind":"DISCHARGE","kind":"DISCHARGE"}', 400),
    (b'{"kind": NaN}', 400),
    (b"[" * 5000 + b"]" * 5000, 400),
    (b'{"kind": "\\ud800"}', 400),
    (b'{"kind": "a\\u0000b"}', 400),
    (b"[]", 422),
    (b"null", 422),
    (b'{"kind": 1}', 422),
    (b'{"kind": "DISCHARGE", "fields": {"leucemie": 1}}', 422),
    (b'{"kind": "DISCHARGE", "leucemie": "leucemie"}', 422),
    (b'{"kind": "leucemie"}', 422),
    (b'{"kind": "DISCHARGE", "fields": {"fait.date": "leucemie"}}', 422),
    (b'{"kind": "DISCHARGE", "request": "leucemie"}', 422),
    (b" " * (1024 * 1024 + 1), 413),
]


@pytest.mark.parametrize(("body", "status"), HOSTILE)
async def test_hostile_bodies_are_told_and_never_echoed(dpi: Client, hospital: World, body: bytes, status: int) -> None:
    """Not UTF-8, not JSON, too deep, too large, a key twice, wrong types, strangers: each has its answer."""
    ref = (await hospital.submit()).case.ref
    headers = {"Content-Type": "application/json"}
    answer = await dpi.post(f"/cases/{ref}/facts", content=body, headers=headers)

    assert answer.status_code == status, answer.text
    assert SECRET not in answer.text


@pytest.mark.parametrize("content", ["text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_another_type_of_content_is_refused(dpi: Client, content: str) -> None:
    """A page of another site can send these; JSON it cannot."""
    answer = await dpi.post("/cases/7F3K-Q2/facts", content=b"{}", headers={"Content-Type": content})

    assert (answer.status_code, kind(answer)) == (415, "content-type")


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"--x\r\n\r\n" * 100, b"\xff" * 100]
)
async def test_a_broken_form_is_told(dpi: Client, body: bytes) -> None:
    """No form, half a form, a form without names."""
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await dpi.post("/requests", content=body, headers=headers)

    assert answer.status_code in {400, 422}, answer.text
    assert kind(answer) in {"malformed", "invalid"}


async def test_a_fact_is_noted_once_and_a_stale_one_not_at_all(dpi: Client, hospital: World) -> None:
    """If-Match is looked at in the act: who read before the change is told to read again, and keeps no key."""
    ref = (await hospital.to_running()).case.ref
    seen = (await dpi.get(f"/cases/{ref}")).headers["etag"]
    told = {"kind": "DISCHARGE", "fields": {"fait.date": "2026-01-25"}}
    noted = await dpi.post(f"/cases/{ref}/facts", json=told, headers={"If-Match": seen})
    stale = await dpi.post(f"/cases/{ref}/facts", key="stale-key", json=told, headers={"If-Match": seen})

    assert noted.status_code == 201, noted.text
    assert (stale.status_code, kind(stale)) == (412, "stale")
    facts = [fact for fact in await hospital.all(Fact) if fact.kind == "DISCHARGE"]
    assert [fact.by for fact in facts] == ["programme:dpi"]
    assert await hospital.all(AskedOnce, answer=None) == ()


async def test_what_the_state_forbids_is_refused(dpi: Client, hospital: World) -> None:
    """As the desk refuses it to a person."""
    ref = (await hospital.submit()).case.ref
    told = {"kind": "DISCHARGE", "fields": {"fait.date": "2026-01-25"}}
    first = await dpi.post(f"/cases/{ref}/facts", json=told)
    again = await dpi.post(f"/cases/{ref}/facts", json=told)

    assert first.status_code == 201, first.text
    assert again.status_code == 409
    assert kind(again) in {"illegal-event", "refused"}


async def test_a_mail_is_sorted_and_the_second_word_is_a_persons(dpi: Client, hospital: World) -> None:
    """What would let a silence be recorded waits; the program proposes, and cannot second a person."""
    submitted = await hospital.to_running()
    mail = await hospital.take(letter(submitted.message.message_id))
    version = (await dpi.get(f"/triage/{mail.id}")).headers["etag"]
    path = f"/triage/{mail.id}/classification"
    proposed = await dpi.post(path, json={"what": "not-an-answer"}, headers={"If-Match": version})
    stale = await dpi.post(path, json={"what": "not-an-answer"}, headers={"If-Match": version})
    again = await dpi.post(path, json={"what": "not-an-answer"})

    assert proposed.status_code == 200, proposed.text
    assert (proposed.json()["settled_by"], proposed.json()["settled_at"]) == ("programme:dpi", None)
    assert stale.status_code == 412
    assert (again.status_code, kind(again)) == (409, "refused")
    await hospital.triage.classify(mail.id, "not-an-answer", actor="bob")
    assert (await hospital.only(Mail, id=mail.id)).settled_by == "bob"


@pytest.mark.parametrize("told", ["abc", "", '"a" "b"', '"a', '*, "a"'])
async def test_a_version_that_cannot_be_read_lets_nothing_be_done(dpi: Client, hospital: World, told: str) -> None:
    """RFC 9110 §13.1.1: an act that was to depend on it must not be done as if nothing had been said."""
    ref = (await hospital.submit()).case.ref
    day = await dpi.http.put(
        "/api/v1/calendar/days/2026-02-03", json={"status": "official", "source": "x"}, headers={"If-Match": told}
    )
    noted = await dpi.post(f"/cases/{ref}/facts", json={}, headers={"If-Match": told})

    assert [(each.status_code, kind(each)) for each in (day, noted)] == [(400, "malformed")] * 2


async def test_a_program_is_no_second_person(dpi: Client, hospital: World) -> None:
    """It brings a proof, and may not confirm one of its own, nor a person's."""
    ref = (await hospital.submit()).case.ref
    await hospital.send_all()
    told = {"case": ref, "received": "2026-01-25"}
    brought = await dpi.post("/proofs", **sent("proof", told, {"scan": b"%PDF-1.4"}))
    number = brought.json()["id"]
    confirmed = await dpi.post(f"/proofs/{number}/confirmation", json={"decision": "confirmed"})

    assert brought.status_code == 201, brought.text
    assert brought.json()["entered_by"] == "programme:dpi"
    assert (confirmed.status_code, kind(confirmed)) == (409, "refused")
    assert (await hospital.only(EnteredProof)).settled_at is None
    declined = await dpi.post(f"/proofs/{number}/confirmation", json={"decision": "declined"})
    assert (declined.status_code, declined.json()["counted"]) == (200, False)


async def test_a_day_is_stated_and_a_stale_calendar_refused(dpi: Client, hospital: World) -> None:
    """A preview records nothing; a change that hastens waits for a person."""
    seen = (await dpi.get("/calendar/days")).headers["etag"]
    body = {"status": "official", "source": "communiqué", "name": "Deuil national"}
    preview = await dpi.post("/calendar/previews", json={"set": {**body, "date": "2026-02-03"}})
    path = "/api/v1/calendar/days/2026-02-03"
    stated = await dpi.http.put(path, json=body, headers={"If-Match": seen})
    stale = await dpi.http.put("/api/v1/calendar/days/2026-02-04", json=body, headers={"If-Match": seen})

    assert (preview.status_code, preview.json()["standing"]) == (200, "previewed")
    assert (stated.status_code, stated.json()["standing"]) == (200, "in_force")
    assert (stale.status_code, kind(stale)) == (412, "stale")
    acts = await hospital.events("calendar.set")
    assert [entry.actor for entry in acts] == ["programme:dpi"]


async def test_a_proposal_is_not_confirmed_by_a_program_that_says_the_same(dpi: Client) -> None:
    """Four eyes are eyes."""
    body = {"status": "official", "source": "x", "off": False}
    path = "/api/v1/calendar/days/2026-11-01"
    proposed = await dpi.http.put(path, json=body)
    again = await dpi.http.put(path, json=body)

    assert (proposed.status_code, proposed.json()["standing"]) == (200, "proposed"), proposed.text
    assert (again.status_code, kind(again)) == (409, "refused")


async def test_a_period_is_computed_for_any_reception(dpi: Client) -> None:
    """The explanation, day by day, without a case."""
    answer = await dpi.post("/clock/computations", json={"received": "2026-01-25T10:00:00+01:00"})

    assert answer.status_code == 200, answer.text
    assert [day["rule"] for day in answer.json()["days"]]
    assert len(answer.json()["counted_days"]) == 4


async def test_a_request_goes_again_and_an_alarm_is_taken(dpi: Client, hospital: World) -> None:
    """Both in the program's name."""
    submitted = await hospital.submit()
    await hospital.send_all()
    resent = await dpi.post(f"/requests/{submitted.message.mic}/resend")
    unknown = await dpi.post(f"/requests/{'0' * 64}/resend")

    assert (resent.status_code, resent.json()["message"]) == (200, submitted.message.id)
    assert unknown.status_code == 404
    assert {entry.actor for entry in await hospital.events("transmission.resent")} == {"programme:dpi"}


async def test_a_scope_is_a_right_inside_the_act(hospital: World, dpi: Client) -> None:
    """Also where no person has an account; a revoked token has none, whatever it is asked for."""
    assert dpi is not None
    async with hospital.store.view() as view:
        await entitled(view, hospital.party, "programme:dpi", Right.SEND)
        for actor, right in (
            ("programme:dpi", Right.KEYS),
            ("programme:dpi", Right.CONFIRM),
            ("programme:x", Right.SEND),
        ):
            with pytest.raises(NotAllowed):
                await entitled(view, hospital.party, actor, right)
    token = await hospital.only(Token)
    await hospital.change(replace(token, revoked_at=hospital.clock.now()))
    async with hospital.store.view() as view:
        with pytest.raises(NotAllowed):
            await entitled(view, hospital.party, "programme:dpi", Right.SEND)


async def test_a_program_without_the_scope_changes_nothing(app: FastAPI, hospital: World) -> None:
    """Reading is not writing, one resource is not another."""
    reader = await program(app, hospital, Scope.CASES, name="lecteur")
    answers: list[httpx.Response] = [
        await reader.post("/requests", **request()),
        await reader.post("/alarms/1/owner"),
        await reader.post("/triage/1/classification", json={"what": "refusal"}),
        await reader.post("/proofs/1/confirmation", json={"decision": "declined"}),
        await reader.http.put("/api/v1/calendar/days/2026-02-03", json={"source": "x"}),
    ]

    assert {(answer.status_code, kind(answer)) for answer in answers} == {(403, "scope")}
    assert await hospital.all(Case) == ()


async def test_a_body_without_a_length_is_measured_as_it_comes(dpi: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as too large, and nothing more of it is read."""
    read = 0
    monkeypatch.setattr(threshold, "MAX_BODY", 100_000)

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--x\r\nContent-Disposition: form-data; name="request"\r\n\r\n'
        while True:
            read += 10_000
            yield b"x" * 10_000

    form = await dpi.post("/requests", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    told = await dpi.post("/requests", content=b"", headers={"Content-Length": "100001"})
    plain = await dpi.post("/cases/7F3K-Q2/facts", content=endless(), headers={"Content-Type": "application/json"})

    assert {(answer.status_code, kind(answer)) for answer in (form, told, plain)} == {(413, "too-large")}
    assert read < 300_000


async def test_a_failure_is_told_by_a_number_and_nothing_else(
    hospital: World, dpi: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full: later, with the same key. A defect of ours: its kind and place stay in our own log."""

    async def full(*_args: object, **_named: object) -> None:
        raise StorageFailed(place="/secret/place", reason=SECRET)

    async def defect(*_args: object, **_named: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as patch:
        patch.setattr(hospital.desk, "submit", full)
        unavailable = await dpi.post("/requests", key="one-key-9", **request())
    with monkeypatch.context() as patch:
        patch.setattr(hospital.desk, "submit", defect)
        dpi.http._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
        failed = await dpi.post("/requests", key="one-key-9", **request())
    done = await dpi.post("/requests", key="one-key-9", **request())

    assert (unavailable.status_code, kind(unavailable)) == (503, "unavailable")
    assert unavailable.headers["retry-after"]
    assert (failed.status_code, kind(failed)) == (500, "failed")
    assert failed.json()["request"] == failed.headers["x-request-id"]
    assert not {SECRET, "place"} & set(unavailable.text.split('"') + failed.text.split('"'))
    assert done.status_code == 201


async def test_a_program_of_the_cnas_answers_a_request(tmp_path: Path) -> None:
    """Once, with the kinds that answer; the other end of the same act."""
    async with open_world(tmp_path, Role.CNAS, once=True, persons=2) as cnas:
        await cnas.take(request_mail())
        asked = (await cnas.request()).hash
        convention = await program(console(cnas), cnas, Scope.REQUESTS)
        wrong = await convention.post(f"/requests/{asked}/answer", **sent("answer", {"kind": "EXTENSION_REQUEST"}, {}))
        place = f"/requests/{asked}/answer"
        motive = {"kind": "EXTENSION_REFUSAL", "fields": {"decision.motif": "soins possibles sur place"}}
        medical = await convention.post(place, key="with-a-motive", **sent("answer", motive, {}))
        told: dict[str, object] = {"kind": "EXTENSION_REFUSAL", "fields": {}}
        answered = await convention.post(place, key="one-answer", **sent("answer", told, {}))
        again = await convention.post(place, key="one-answer", **sent("answer", told, {}))
        settled = await cnas.request()

    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/kind")
    # A medical motive is a physician's to state, never a program's.
    assert medical.status_code == 409, medical.text
    assert answered.status_code == 201, answered.text
    assert answered.json()["request"] == asked
    assert again.content == answered.content
    assert settled.state.value == "refused"
