"""The door of the API: who comes in, how often, and how what is wrong is told."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from gateway.domain.scopes import Scope
from gateway.storage import Token
from tests.services.world import World
from tests.web.programs import Client, program


@pytest.fixture
async def reader(app: FastAPI, hospital: World) -> AsyncIterator[Client]:
    """A program that reads cases."""
    client = await program(app, hospital, Scope.CASES)
    yield client
    await client.http.aclose()


def kind(answer: httpx.Response) -> str:
    """Which problem it is, told as RFC 9457 wants it."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return str(answer.json()["type"]).removeprefix("/api/v1/docs#")


@pytest.mark.parametrize("word", ["", "Bearer", "Bearer ", "Basic passerelle_dpi", "Bearer wrong", "passerelle_dpi"])
async def test_nobody_comes_in_without_a_token(reader: Client, word: str) -> None:
    """No token, another scheme or a wrong secret: the same answer, and how to ask."""
    reader.http.headers["Authorization"] = word

    answer = await reader.get("/cases")

    assert (answer.status_code, kind(answer)) == (401, "no-token")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_ends(reader: Client, hospital: World) -> None:
    """After its last day, and from the moment when it is revoked."""
    assert (await reader.get("/cases")).status_code == 200

    hospital.clock.advance(timedelta(days=31))

    assert (await reader.get("/cases")).status_code == 401


async def test_a_revoked_token_is_nobodys(reader: Client, hospital: World) -> None:
    """At once."""
    from dataclasses import replace

    async with hospital.store.act() as act:
        token = await act.one(Token, name="dpi")
        assert token is not None
        await act.save(replace(token, revoked_at=hospital.clock.now()))

    assert (await reader.get("/cases")).status_code == 401


async def test_a_scope_opens_what_it_names_only(reader: Client) -> None:
    """The scope that lacks is told; a cookie of a person helps nothing."""
    answer = await reader.get("/audit")

    assert (answer.status_code, kind(answer)) == (403, "scope")
    assert "audit:read" in answer.json()["detail"]


async def test_a_token_asks_sixty_times_a_minute(reader: Client, hospital: World) -> None:
    """The next one is told when to come again, and may then."""
    for _ in range(60):
        assert (await reader.get("/health")).status_code == 200
    refused = await reader.get("/health")
    seconds = int(refused.headers["retry-after"])
    hospital.clock.advance(timedelta(seconds=seconds))

    assert (refused.status_code, kind(refused)) == (429, "too-many")
    assert 0 < seconds <= 61
    assert (await reader.get("/health")).status_code == 200


async def test_what_is_unknown_is_told_in_the_readers_language(reader: Client) -> None:
    """French by default, English on demand; each problem leads to the page that explains it."""
    french = await reader.get("/cases/7F3K-Q2")
    english = await reader.http.get("/api/v1/cases/7F3K-Q2", headers={"Accept-Language": "en"})
    page = (await reader.http.get("/api/v1/docs")).text

    assert kind(french) == "absent"
    assert french.json()["title"] == "Rien n'a cette référence, ou elle n'est pas à vous."
    assert english.json()["title"] != french.json()["title"]
    assert 'id="absent"' in page


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/cases?limit=0", "/limit"),
        ("/cases?limit=leucemie", "/limit"),
        ("/cases?cursor=leucemie", "/cursor"),
        ("/cases?leucemie=1", ""),
        ("/cases?limit=1&limit=2", "/limit"),
        ("/calendar/days?from=leucemie", "/from"),
        ("/calendar/days?from=2027-02-30", "/from"),
        ("/calendar/days?from=2027-01-02&until=2027-01-01", "/until"),
    ],
)
async def test_wrong_parameters_are_told_without_what_was_sent(reader: Client, path: str, place: str) -> None:
    """Where and what is expected; the value does not come back."""
    answer = await reader.http.get(f"/api/v1{path}")

    assert (answer.status_code, kind(answer)) == (422, "invalid")
    assert [(fault["in"], fault["pointer"]) for fault in answer.json()["errors"]] == [("query", place)]
    assert "leucemie" not in answer.text


async def test_no_path_of_the_api_answers_with_a_page(reader: Client) -> None:
    """An unknown path, a method that does not exist, another host: problems too. Nothing is deleted here."""
    assert kind(await reader.get("/nothing")) == kind(await reader.get("/cases/7F3K%0AQ2")) == "absent"
    assert kind(await reader.get("/")) == "absent"
    deleted = await reader.http.delete("/api/v1/cases/7F3K-Q2")
    stranger = await reader.http.get("/api/v1/health", headers={"Host": "evil.test"})

    assert (deleted.status_code, kind(deleted)) == (405, "method")
    assert (stranger.status_code, kind(stranger)) == (421, "host")


async def test_each_answer_has_a_number_of_its_own(reader: Client) -> None:
    """What the technical log says of a failure is found by it."""
    found = {(await reader.get("/health")).headers["x-request-id"] for _ in range(3)}

    assert len(found) == 3


async def test_the_description_needs_no_other_server(reader: Client) -> None:
    """OpenAPI 3.1 and its page come from here, and name no other host."""
    document = (await reader.http.get("/api/v1/openapi.json")).json()
    page = (await reader.http.get("/api/v1/docs")).text

    assert document["openapi"].startswith("3.1")
    assert "https://" not in page.replace("https://json-schema.org", "")
    assert "delete" not in {method for path in document["paths"].values() for method in path}
    for path in document["paths"].values():
        for operation in path.values():
            assert {"401", "403", "422", "429"} <= set(operation["responses"])
