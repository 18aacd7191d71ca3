"""What every request passes: its size by who sends it, a defect of ours, a token that is none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from gateway.domain.parties import Function, Role
from gateway.domain.readers import Reader, Way
from gateway.domain.rights import Post
from gateway.services.entered import Shown
from gateway.web import threshold
from gateway.web.threshold import LARGE_AT_ONCE, SMALL_BODY
from tests.services.mails import ADDRESSES, START, plain_mail
from tests.services.world import open_world
from tests.web.browsing import SAME_ORIGIN, Browser, console, hall_of, signed_in

POLICY = "content-security-policy"


async def test_a_stranger_brings_no_large_body(secretary: Browser) -> None:
    """Told before it is read; with a length and without one. Who is signed in may bring files."""
    body = b"login=a&password=" + b"x" * SMALL_BODY

    async def dribbled() -> AsyncIterator[bytes]:
        yield body

    form = {"content-type": "application/x-www-form-urlencoded", **SAME_ORIGIN}
    secretary.client.cookies.clear()
    said = await secretary.client.post("/connexion", content=body, headers=form)
    dribble = await secretary.client.post("/connexion", content=dribbled(), headers=form)
    programs = await secretary.client.post("/api/v1/requests", content=body, headers={"authorization": "Bearer no"})

    assert [answer.status_code for answer in (said, dribble, programs)] == [413, 413, 413]
    assert programs.headers["content-type"] == "application/problem+json"


async def test_a_body_that_grows_beyond_its_length_is_cut(secretary: Browser) -> None:
    """A small one by its own word, from somebody who is known to nobody."""
    secretary.client.cookies.clear()
    headers = {"content-length": "10", "content-type": "application/x-www-form-urlencoded", **SAME_ORIGIN}

    answer = await secretary.client.post("/connexion", content=b"x" * (SMALL_BODY + 1), headers=headers)

    assert answer.status_code == 413


async def test_who_stops_sending_keeps_nobody_else_from_it(secretary: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are read at one time fall silent in the middle of a file: the next one is taken all the same."""
    monkeypatch.setattr(threshold, "STILL_SECONDS", 0.05)
    never = asyncio.Event()

    async def breaking_off() -> AsyncIterator[bytes]:
        yield b"retour=%2F&login=a&password=" + b"x" * SMALL_BODY
        await never.wait()

    async def whole() -> AsyncIterator[bytes]:
        yield b"retour=%2F&login=a&password=" + b"x" * SMALL_BODY

    form = {"content-type": "application/x-www-form-urlencoded", **SAME_ORIGIN}
    bodies = [*(breaking_off() for _ in range(LARGE_AT_ONCE)), whole()]
    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(secretary.client.post("/connexion", content=body, headers=form) for body in bodies)
        )

    assert [answer.status_code for answer in answers] == [*[408] * LARGE_AT_ONCE, 403]


async def test_a_defect_of_ours_is_a_page_with_our_headers_and_tells_nothing(
    app: FastAPI, secretary: Browser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the answer nor any log holds what the error says: it may quote what was typed."""
    hall = app.state.hall

    async def breaks(*_args: Any, **_named: Any) -> None:
        raise ValueError("leucémie")

    monkeypatch.setattr(type(hall.agenda), "today", breaks)

    answer = await secretary.client.get("/")

    assert answer.status_code == 500
    assert "Référence de l" in answer.text
    assert "default-src 'none'" in answer.headers[POLICY]
    assert answer.headers["cache-control"] == "no-store"
    assert "leucémie" not in answer.text + "".join(capsys.readouterr())


async def test_a_token_that_is_none_is_no_defect(secretary: Browser) -> None:
    """Letters beyond ASCII are a wrong token like any other."""
    await secretary.get("/")

    answer = await secretary.send("/etat/alarmes/1", token="é.é")

    assert answer.status_code == 404


async def test_who_leafs_through_the_house_is_stopped_and_keeps_what_was_typed(secretary: Browser) -> None:
    """Thirty searches a minute are more than anybody needs."""
    for _search in range(30):
        assert (await secretary.send("/dossiers/recherche", ref="AAAA-AA")).status_code == 200

    answer = await secretary.send("/dossiers/recherche", ref="BBBB-BB")

    assert answer.status_code == 429
    assert 'value="BBBB-BB"' in answer.text


async def test_a_mail_opens_no_more_widely_because_it_is_called_a_proof(tmp_path: Path) -> None:
    """A secretary who enters a kept mail, and the second one, read its date from the physician, never its bytes."""
    doctor = Reader(
        id="vasseur",
        functions=frozenset({Function.TREATING_PHYSICIAN}),
        way=Way.FOLDER,
        place=str(tmp_path / "lecteur"),
        people=frozenset({"Dr Vasseur"}),
    )
    async with open_world(tmp_path, once=True, persons=2, readers=(doctor,)) as world:
        app = console(world)
        claire = await signed_in(app, world, "Claire Morel", Post.SECRETARIAT)
        physician = await signed_in(app, world, "Dr Vasseur", Post.PHYSICIAN)
        submitted = await world.submit()
        await world.send_all()
        mail = await world.take(plain_mail(ADDRESSES[Role.CNAS]), raw=b"Subject: x\r\n\r\nDiagnostic\r\n")
        shown = Shown(ref=submitted.case.ref, received=START, mail=mail.id)
        proof = await hall_of(world).proofs.enter(shown, actor="Claire Morel")

        closed = await claire.get(f"/preuves/{proof.id}/fichier")
        page = (await claire.get(f"/preuves/{proof.id}")).text
        opened = await physician.get(f"/preuves/{proof.id}/fichier")

        assert closed.status_code == 404
        assert f"/preuves/{proof.id}/fichier" not in page
        assert b"Diagnostic" in opened.content
        assert [entry.actor for entry in await world.events("proof.read")] == ["Dr Vasseur"]
