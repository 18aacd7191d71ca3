"""What the API shows: the shapes that it describes, page by page, nothing of a patient, and its own trace."""

import json
from base64 import urlsafe_b64encode as b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from gateway.domain.kinds import KINDS
from gateway.domain.plain import plain
from gateway.domain.scopes import Scope
from gateway.services.dossier import CaseView
from gateway.services.fiche import Fiche
from gateway.services.once import digest
from gateway.services.seen import of_case
from gateway.services.shapes.cases import case_json
from gateway.services.shapes.todo import item_json
from gateway.web.api import house_models, models
from gateway.web.app import make
from tests.services.mails import VALUES, answer_mail
from tests.services.world import World
from tests.web.browsing import hall_of
from tests.web.programs import Client, program


@pytest.fixture
async def reader(app: FastAPI, hospital: World) -> AsyncIterator[Client]:
    """A program that reads cases and the log, of a hospital where a request runs and a mail waits."""
    await hospital.poll()
    client = await program(app, hospital, Scope.CASES, Scope.AUDIT)
    yield client
    await client.http.aclose()


def fits(shape: type[BaseModel], found: Any) -> None:
    """What is shown is exactly what is described."""
    shape.model_validate_json(json.dumps(found), strict=False)


async def test_a_case_is_shown_as_the_command_shows_it(reader: Client, hospital: World) -> None:
    """The same document as ``gateway case show --json``: instants in UTC, no name, no content."""
    submitted = await hospital.to_running()
    ref = submitted.case.ref

    answer_ = await reader.get(f"/cases/{ref}")

    found = answer_.json()
    assert found == json.loads(json.dumps(plain(case_json(await hospital.archive.case(ref)))))
    assert found["requests"][0]["started_at"].endswith("Z")
    assert VALUES["patient_name"] not in answer_.text
    fits(models.Case, found)


async def test_every_list_fits_its_description(reader: Client, hospital: World) -> None:
    """Worklist, timeline, cover, period, mails, proofs, calendar, alarms, partners, health, log."""
    submitted = await hospital.to_running()
    ref, hash_ = submitted.case.ref, submitted.message.mic

    shown = {path: (await reader.get(path)).json() for path in (
        "/worklist", f"/cases/{ref}/timeline", f"/cases/{ref}/coverage", f"/requests/{hash_}/period", "/triage",
        "/proofs", "/calendar/days", "/alarms", "/partners", "/health", "/audit", "/cases",
    )}  # fmt: skip

    fits(models.Page[models.Task], shown["/worklist"])
    fits(models.Listed[models.Event], shown[f"/cases/{ref}/timeline"])
    fits(models.Coverage, shown[f"/cases/{ref}/coverage"])
    fits(models.Explained, shown[f"/requests/{hash_}/period"])
    fits(models.Listed[house_models.Mail], shown["/triage"])
    fits(models.Listed[house_models.Proof], shown["/proofs"])
    fits(house_models.Days, shown["/calendar/days"])
    fits(models.Listed[house_models.Alarm], shown["/alarms"])
    fits(models.Listed[house_models.Partner], shown["/partners"])
    fits(house_models.Health, shown["/health"])
    fits(models.Page[house_models.LogRecord], shown["/audit"])
    fits(models.Page[models.Case], shown["/cases"])
    assert VALUES["patient_name"] not in json.dumps(shown)
    assert shown[f"/requests/{hash_}/period"]["latest_tacit_at"] == "2026-01-28T23:00:00Z"
    assert len(shown["/partners"]["items"]) == len(hospital.directory.partners)


async def test_cases_come_page_by_page_while_others_are_opened(reader: Client, hospital: World) -> None:
    """Nothing is shown twice or skipped; the last page leads nowhere."""
    refs = [(await hospital.submit()).case.ref for _ in range(5)]
    first = (await reader.get("/cases", limit=2)).json()
    await hospital.submit()
    second = (await reader.get("/cases", limit=2, cursor=first["next"])).json()
    third = (await reader.get("/cases", limit=2, cursor=second["next"])).json()

    seen = [item["case"] for page in (first, second, third) for item in page["items"]]
    assert seen == refs[::-1]
    assert third["next"] is None


async def test_the_log_is_read_page_by_page_and_each_reading_is_in_it(reader: Client, hospital: World) -> None:
    """The program reads as itself; both directions give every record once."""
    await hospital.to_running()
    before = len(await hospital.events())
    seen: list[int] = []
    whole = (await reader.get("/audit", limit=before)).json()
    page = (await reader.get("/audit", limit=3)).json()
    while True:
        seen += [item["index"] for item in page["items"] if item["index"] < before]
        if page["next"] is None or seen[-1] >= before - 1:
            break
        page = (await reader.get("/audit", limit=3, cursor=page["next"])).json()

    assert seen == list(range(before)) == [item["index"] for item in whole["items"]]
    readings = await hospital.events("log.read")
    assert {entry.actor for entry in readings} == {"programme:dpi"}
    assert len(readings) >= 3


async def test_the_log_backwards_and_by_family(reader: Client, hospital: World) -> None:
    """Filters hold on every page, and a page's word does not serve another question."""
    await hospital.to_running()
    first = (await reader.get("/audit", event="request.*", newest="true", limit=1)).json()
    second = (await reader.get("/audit", event="request.*", newest="true", limit=1, cursor=first["next"])).json()
    other = await reader.get("/audit", event="case.*", newest="true", limit=1, cursor=first["next"])

    assert first["items"][0]["index"] > second["items"][0]["index"]
    assert all(item["event"].startswith("request.") for item in (*first["items"], *second["items"]))
    assert other.status_code == 422


async def test_a_refused_request_still_shows_its_period(reader: Client, hospital: World) -> None:
    """And its answer, by what it was taken as."""
    submitted = await hospital.to_running()
    await hospital.take(answer_mail(submitted.message.mic, accepts=False, ref=submitted.case.ref))

    found = (await reader.get(f"/cases/{submitted.case.ref}")).json()

    fits(models.Case, found)
    assert found["requests"][0]["answers"]


async def test_unknown_references_are_absent(reader: Client) -> None:
    """A case, a request, a mail, a proof, an alarm that is not there; whatever the letter case and shape."""
    paths = (
        *("/cases/7F3K-Q2", "/cases/7f3kq2/timeline", "/cases/ZZZZ-ZZ/coverage", f"/requests/{'0' * 64}/period"),
        *("/triage/1", "/proofs/1", "/alarms/9223372036854775807"),
    )

    assert {(await reader.get(path)).status_code for path in paths} == {404}


async def test_a_dossier_leaves_without_content_and_is_recorded(hospital: World) -> None:
    """A machine asks in its own name, and never for what is medical."""
    submitted = await hospital.to_running()
    asked: list[dict[str, Any]] = []

    async def dossier(ref: str, **named: Any) -> bytes:
        asked.append({"ref": ref, **named})
        return b"PK"

    reader = await program(make(replace(hall_of(hospital), dossier=dossier)), hospital, Scope.CASES)
    found = await reader.get(f"/cases/{submitted.case.ref}/export")

    assert found.content == b"PK"
    assert asked == [{"ref": submitted.case.ref, "actor": "programme:dpi", "with_content": False}]


async def test_the_worklist_goes_on_page_by_page_as_the_command_tells_it(reader: Client, hospital: World) -> None:
    """Nothing twice, nothing left out; a cursor of another list, or of nobody, is refused."""
    for number in range(3):
        await hospital.submit(care=f"soin {number}")
    hospital.clock.advance(timedelta(days=1))

    first = (await reader.get("/worklist", limit=2)).json()
    second = (await reader.get("/worklist", limit=2, cursor=first["next"])).json()
    other = (await reader.get("/cases", limit=2)).json()["next"]
    forged = b64encode(f"x {digest(b'x', repr([('list', 'worklist')]).encode())[:16]}".encode()).decode().rstrip("=")

    told = [item_json(item) for item in await hospital.archive.worklist.todo()]
    assert [*first["items"], *second["items"]] == json.loads(json.dumps(plain(told)))
    assert second["next"] is None
    refused = [(await reader.get("/worklist", cursor=word)).status_code for word in (other, "x", forged)]
    assert refused == [422, 422, 422]


async def test_the_version_of_a_case_is_that_of_what_is_shown_and_of_nothing_later(
    reader: Client, hospital: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fact that is kept while the answer is made is in neither: who acts on this answer is told that it is stale."""
    submitted = await hospital.to_running()
    ref, read = submitted.case.ref, hospital.archive.case

    async def then_changed(ref: str) -> CaseView:
        found = await read(ref)
        await hospital.desk.note(
            Fiche(path="", kind=KINDS["PROVISIONAL_ID"], ref=ref, values={"provisional_number": "1" * 13}),
            actor="alice",
        )
        return found

    monkeypatch.setattr(hospital.archive, "case", then_changed)
    shown = await reader.get(f"/cases/{ref}")
    async with hospital.store.view() as view:
        now = await of_case(view, hospital.party.site, ref)

    assert len(shown.json()["facts"]) + 1 == len((await read(ref)).facts)
    assert shown.headers["etag"] not in {f'"{now}"', ""}
