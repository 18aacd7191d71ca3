"""The doors of the console: sign-in, invitation, fresh proof, leaving, and the accounts page."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from fastapi import FastAPI

from gateway.domain.rights import Post
from gateway.storage import Account, AskedOnce
from gateway.web.hall import Hall
from gateway.web.visit import COOKIE
from gateway.web.ways import ours
from tests.services.world import World
from tests.web.browsing import ORIGIN, SAME_ORIGIN, Browser, signed_in

PASSWORD = "quatre jours ouvrables"
INVITATION = re.compile(r"/invitation/([0-9a-f]{32})")


@dataclass(kw_only=True)
class Someone:
    """A person with a telephone and a fresh browser."""

    browser: Browser
    secret: str

    @property
    def code(self) -> str:
        """What the telephone shows."""
        return pyotp.TOTP(self.secret).at(self.browser.world.clock.now())

    async def come_in(self, back: str = "/", **typed: str) -> httpx.Response:
        """Fill the form of the sign-in page in."""
        await self.browser.get("/connexion")
        fields = {"login": "amin", "password": PASSWORD, "code": self.code, "retour": back, **typed}
        return await self.browser.send("/connexion", **fields)


def stranger(app: FastAPI, world: World) -> Browser:
    """A browser in which nobody ever was."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN, follow_redirects=False)
    return Browser(client=client, world=world)


@pytest.fixture
async def adam(app: FastAPI, hospital: World) -> AsyncIterator[Someone]:
    """The administrator: invited, ready, and not in."""
    hall: Hall = app.state.hall
    row = Account(
        site=hospital.party.site,
        login="root",
        name="Racine",
        posts=(Post.ADMINISTRATOR,),
        created_at=hospital.clock.now(),
        created_by="root",
    )
    async with hospital.store.act() as act:
        await act.add(row)
    invited = await hall.accounts.add("amin", name="Adam Amin", posts=[Post.ADMINISTRATOR], actor="Racine")
    secret = (await hall.local.invited(invited.code)).secret
    digits = pyotp.TOTP(secret).at(hospital.clock.now())
    await hall.local.accept(invited.code, password=PASSWORD, again=PASSWORD, digits=digits)
    hospital.clock.advance(timedelta(seconds=30))
    browser = stranger(app, hospital)
    yield Someone(browser=browser, secret=secret)
    await browser.client.aclose()


async def test_password_and_code_open_the_page_that_was_wanted(adam: Someone) -> None:
    """With a cookie that only this server, over TLS, in this browser, ever sees; no script reads it."""
    wanted = await adam.browser.get("/comptes?x=1")
    assert wanted.headers["location"] == "/connexion?retour=/comptes%3Fx%3D1"
    form = await adam.browser.get(wanted.headers["location"])
    assert 'name="retour" value="/comptes?x=1"' in form.text

    entered = await adam.come_in("/comptes?x=1")

    assert (entered.status_code, entered.headers["location"]) == (303, "/comptes?x=1")
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {"httponly", "path=/", "samesite=lax", "secure"}
    page = await adam.browser.get("/comptes")
    assert "Adam Amin" in page.text
    assert entered.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "place",
    [
        "https://ailleurs.test/",
        "//ailleurs.test/",
        "/\\ailleurs.test/",
        "/\t/ailleurs.test/",
        "\\\\ailleurs.test",
        "/%0d%0aSet-Cookie:x\r\n",
        "javascript:alert(1)",
        "/connexion",
        "/deconnexion",
        "/dossiers/é",
        "",
    ],
)
async def test_nobody_is_led_to_another_site(adam: Someone, place: str) -> None:
    """Whatever the address of the sign-in page says."""
    assert (await adam.come_in(place)).headers["location"] == "/"


def test_places_of_ours_are_kept() -> None:
    """With what they ask for."""
    for place in ("/", "/dossiers/7F3K-Q2", "/dossiers/7F3K-Q2/envoyer/REPORT?demande=ab12", "/journal?de=2027-03-08"):
        assert ours(place) == place


async def test_a_refusal_says_the_same_whatever_was_wrong(adam: Someone) -> None:
    """Unknown login, wrong password, wrong code; what was typed as a password is not shown again."""
    told = set()
    for typed in ({"login": "personne"}, {"password": "un faux mot de passe"}, {"code": "000000"}):
        answer = await adam.come_in(**typed)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert PASSWORD not in answer.text
        told.add(re.sub(r'value="[^"]*"', "", answer.text))

    assert len(told) == 1
    assert "n&#39;est pas le bon" in told.pop()


async def test_who_guesses_waits(adam: Someone) -> None:
    """The sixth try within a minute is not looked at, right or wrong; forged forwarding does not help."""
    for number in range(5):
        await adam.come_in(code="000000", login="amin", retour="/" * number)

    answer = await adam.come_in()

    assert answer.status_code == 429
    assert "Attendez" in answer.text


async def test_a_page_of_another_site_signs_nobody_in(adam: Someone) -> None:
    """Else a stranger could have somebody work under the stranger's name."""
    fields = {"login": "amin", "password": PASSWORD, "code": adam.code}

    answer = await adam.browser.client.post("/connexion", data=fields, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_leaving_ends_it_here_and_on_the_server(adam: Someone) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    await adam.come_in()
    kept = adam.browser.client.cookies[COOKIE]
    await adam.browser.get("/comptes")

    left = await adam.browser.send("/deconnexion")

    assert (left.status_code, left.headers["location"]) == (303, "/connexion")
    assert COOKIE not in adam.browser.client.cookies
    again = await adam.browser.client.get("/comptes", headers={"cookie": f"{COOKIE}={kept}"})
    assert again.status_code == 303


async def test_leaving_needs_a_form_of_ours(adam: Someone) -> None:
    """A link does nothing, nor a form with another token."""
    await adam.come_in()

    assert (await adam.browser.get("/deconnexion")).status_code == 405
    assert (await adam.browser.send("/deconnexion", token="x.y")).status_code == 404
    assert (await adam.browser.get("/comptes")).status_code == 200


async def test_every_page_says_how_long_the_sign_in_lasts_and_staying_prolongs_it(adam: Someone) -> None:
    """The warning is there for who uses a screen reader too; a stranger prolongs nothing."""
    await adam.come_in()
    page = await adam.browser.get("/comptes")
    assert 'role="alertdialog"' in page.text
    assert 'data-left="1800"' in page.text
    adam.browser.world.clock.advance(timedelta(minutes=29))
    assert (await adam.browser.get("/presence")).json() == {"left": 1800, "last": False}
    adam.browser.world.clock.advance(timedelta(minutes=31))

    assert (await adam.browser.get("/presence")).status_code == 303


# --- A fresh proof.


async def test_what_matters_asks_for_a_fresh_proof_and_goes_on(adam: Someone) -> None:
    """Ten minutes later: password and a new code, then the page; a form that was opened in time is still sent."""
    await adam.come_in()
    opened = await adam.browser.get("/comptes")
    adam.browser.world.clock.advance(timedelta(minutes=11))
    late = await adam.browser.get("/comptes")
    assert late.headers["location"] == "/connexion/confirmer?retour=/comptes"
    adam.browser.page = opened.text
    sent = await adam.browser.send("/comptes", login="cmorel", name="Claire Morel", posts="secretariat")
    assert "Invitation de Claire Morel" in sent.text
    adam.browser.world.clock.advance(timedelta(minutes=10))
    adam.browser.page = opened.text
    too_late = await adam.browser.send("/comptes", login="x", name="X", posts="auditor")
    assert too_late.headers["location"] == "/connexion/confirmer?retour=/comptes"

    await adam.browser.get("/connexion/confirmer?retour=/comptes")
    wrong = await adam.browser.send("/connexion/confirmer", password=PASSWORD, code="000000", retour="/comptes")
    right = await adam.browser.send("/connexion/confirmer", password=PASSWORD, code=adam.code, retour="/comptes")

    assert wrong.status_code == 403
    assert (right.status_code, right.headers["location"]) == (303, "/comptes")
    assert (await adam.browser.get("/comptes")).status_code == 200


# --- Accounts and invitations.


async def added(adam: Someone, **typed: Any) -> httpx.Response:
    """The administrator fills the form in."""
    await adam.come_in()
    await adam.browser.get("/comptes")
    fields = {"login": "cmorel", "name": "Claire Morel", "posts": "secretariat", **typed}
    return await adam.browser.send("/comptes", **fields)


async def test_an_invited_person_comes_in_by_the_address_that_was_shown(
    adam: Someone, app: FastAPI, hospital: World
) -> None:
    """The whole way: invited, password and picture, a first code, in; the address is worth nothing afterwards."""
    shown = await added(adam)
    found = INVITATION.search(shown.text)
    assert found is not None
    claire = stranger(app, hospital)
    page = await claire.get(found[0])
    assert "<svg" in page.text
    assert "style=" not in page.text
    secret = re.search(r'<code class="long">([A-Z2-7]{32})</code>', page.text)
    assert secret is not None
    assert "otpauth://totp/" in page.text

    code = pyotp.TOTP(secret[1]).at(hospital.clock.now())
    short = await claire.send(found[0], password="court", again="court", code=code)
    done = await claire.send(found[0], password=PASSWORD, again=PASSWORD, code=code)

    assert short.status_code == 422
    assert 'id="password-faute"' in short.text
    assert secret[1] in short.text
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "<bdi>Claire Morel</bdi> · secrétariat" in (await claire.get("/")).text
    assert (await claire.get(found[0])).status_code == 410
    assert (await claire.get("/comptes")).status_code == 404
    await claire.client.aclose()


async def test_an_invitation_is_shown_once_whatever_is_sent_again(adam: Someone, hospital: World) -> None:
    """The same form sent twice makes one account, and the code lies nowhere."""
    shown = await added(adam)
    found = INVITATION.search(shown.text)
    assert found is not None
    await adam.browser.get("/comptes")
    fields = {"login": "nora", "name": "Nora", "posts": "auditor"}
    page = adam.browser.page
    await adam.browser.send("/comptes", **fields)
    adam.browser.page = page
    twice = await adam.browser.send("/comptes", **fields)

    assert (twice.status_code, twice.headers["location"]) == (303, "/comptes")
    assert len(await hospital.all(Account, name="Nora")) == 1
    assert found[1] not in repr(await hospital.all(AskedOnce)) + repr(await hospital.all(Account))
    assert not INVITATION.search((await adam.browser.get("/comptes")).text)


async def test_a_refused_form_keeps_what_was_typed_and_names_each_field(adam: Someone) -> None:
    """Nothing is lost, and nothing is done."""
    answer = await added(adam, login="amin", name="<b>Claire</b>", posts="agent")

    assert answer.status_code == 422
    for name in ("login", "name", "posts"):
        assert f'id="{name}-faute"' in answer.text
    assert 'value="amin"' in answer.text
    assert "&lt;b&gt;Claire" in answer.text
    assert "<b>Claire" not in answer.text


async def test_functions_change_and_an_account_closes_from_the_page(
    adam: Someone, app: FastAPI, hospital: World
) -> None:
    """What the person sees changes with their next page; closed, they are out."""
    await added(adam)
    claire = await signed_in(app, hospital, "Claire Morel")
    assert "<bdi>Claire Morel</bdi> · secrétariat" in (await claire.get("/")).text
    await adam.browser.get("/comptes")
    changed = await adam.browser.send("/comptes/cmorel/fonctions", posts="auditor")
    assert changed.headers["location"] == "/comptes"
    assert "<bdi>Claire Morel</bdi> · auditeur" in (await claire.get("/")).text
    await adam.browser.get("/comptes")
    again = await adam.browser.send("/comptes/cmorel/invitation")
    assert INVITATION.search(again.text)
    assert (await claire.get("/")).status_code == 303
    await adam.browser.get("/comptes")
    closed = await adam.browser.send("/comptes/cmorel/fin")

    assert closed.headers["location"] == "/comptes"
    assert "désactivé" in (await adam.browser.get("/comptes")).text
    await claire.client.aclose()


async def test_nobody_else_finds_the_accounts(secretary: Browser) -> None:
    """A secretary's page is absent, and so are its acts."""
    await secretary.get("/")
    assert "/comptes" not in secretary.page

    for path in ("/comptes", "/comptes/amin/invitation", "/comptes/amin/fonctions", "/comptes/amin/fin"):
        page = secretary.page
        answer = await secretary.send(path, login="x1", name="Xavier", posts="administrator")
        assert answer.status_code == 404
        secretary.page = page
    assert (await secretary.get("/comptes")).status_code == 404


async def test_the_doors_speak_english(app: FastAPI, hospital: World) -> None:
    """For who asks for it, before anybody is signed in."""
    browser = stranger(app, hospital)

    page = await browser.client.get("/connexion", headers={"accept-language": "en-GB,en;q=0.8"})

    assert "<h1>Sign in</h1>" in page.text
    assert 'href="/langue/fr?retour=/connexion"' in page.text
    chosen = await browser.client.get("/langue/fr?retour=/connexion", headers=SAME_ORIGIN)
    assert chosen.headers["location"] == "/connexion"
    await browser.client.aclose()
