"""Coming in by the hospital's identity provider, over real HTTP; and every answer of it that is not to be believed."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.access import OidcSection, WebSection
from gateway.adapters.openid import OpenIdProvider
from gateway.domain.rights import Post
from gateway.services.oidc_sign_in import OidcSignIn
from gateway.setting import Secret
from gateway.storage import Account, SignIn
from gateway.web.app import make
from gateway.web.hall import Hall
from gateway.web.visit import COOKIE
from gateway.web.ways import BACK
from tests.services.fakes import FakeClock
from tests.services.world import World
from tests.web.browsing import ORIGIN, Browser, hall_of
from tests.web.provider import CLIENT, OTHER_KEY, SECRET, Provider, listening


@pytest.fixture
def provider(hospital: World) -> Iterator[Provider]:
    """The hospital's."""
    assert isinstance(hospital.clock, FakeClock)
    with listening(hospital.clock) as found:
        yield found


@pytest.fixture
def app(hospital: World, provider: Provider) -> FastAPI:
    """A console that knows it."""
    hall = hall_of(hospital)
    section = OidcSection(
        issuer=provider.issuer, client_id=CLIENT, client_secret=Secret(env="X"), label="Compte du CHU"
    )
    oidc = OidcSignIn(
        store=hospital.store,
        clock=hospital.clock,
        noise=secrets.token_bytes,
        sign_ins=hall.sign_ins,
        party=hospital.party,
        provider=OpenIdProvider(issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, back=f"{ORIGIN}{BACK}"),
        issuer=provider.issuer,
    )
    return make(replace(hall, settings=WebSection(address=ORIGIN, oidc=section), oidc=oidc))


@pytest.fixture
async def claire(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """A browser in which nobody is signed in; Claire was invited a moment ago."""
    hall: Hall = app.state.hall
    await hall.accounts.add("cmorel", name="Claire Morel", posts=[Post.ADMINISTRATOR], actor="alice")
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN, follow_redirects=False)
    yield Browser(client=client, world=hospital)
    await client.aclose()


async def come_in(browser: Browser, provider: Provider, path: str = "/oidc/aller?retour=/journal") -> httpx.Response:
    """The whole way, there and back."""
    leaving = await browser.get(path)
    assert leaving.status_code == 303, leaving.text
    state, code = provider.authorise(leaving.headers["location"])
    return await browser.get(f"{BACK}?state={state}&code={code}")


async def test_who_is_invited_comes_in_by_the_provider_and_is_known_by_their_lasting_id(
    claire: Browser, provider: Provider, hospital: World
) -> None:
    """First by the login while the invitation runs; afterwards by the id, whatever they are called over there."""
    page = await claire.get("/connexion?retour=/journal")
    assert 'href="/oidc/aller?retour=/journal"' in page.text
    assert "Compte du CHU" in page.text

    first = await come_in(claire, provider)

    assert (first.status_code, first.headers["location"]) == (303, "/journal")
    assert "Claire Morel" in (await claire.get("/")).text
    account = await hospital.only(Account, login="cmorel")
    assert (account.subject, account.invitation) == (f"{provider.issuer} sub-1", None)
    provider.login = "c.morel-dupont"
    again = await come_in(claire, provider)
    assert again.headers["location"] == "/journal"
    assert [entry.outcome for entry in await hospital.events("console.signed_in")] == ["oidc", "oidc"]
    (linked,) = await hospital.events("account.linked")
    assert linked.actor == "Claire Morel"


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "0" * 64}},
    "no nonce": {"claims": {"nonce": None}},
    "another audience": {"claims": {"aud": "autre"}},
    "two audiences, authorised for another": {"claims": {"aud": [CLIENT, "autre"], "azp": "autre"}},
    "two audiences, for nobody in particular": {"claims": {"aud": [CLIENT, "autre"]}},
    "authorised for another": {"claims": {"azp": "autre"}},
    "another issuer": {"claims": {"iss": "https://ailleurs.test"}},
    "expired": {"claims": {"exp": 1}},
    "without an end": {"claims": {"exp": None}},
    "an end that is no date": {"claims": {"exp": "9999999999"}},
    "made tomorrow": {"claims": {"iat": 3_999_999_999}},
    "nobody": {"claims": {"sub": ""}},
    "a number for a person": {"claims": {"sub": 1}},
    "signed by another key": {"key": OTHER_KEY},
    "not a token": {"raw_token": "x"},
    "out of order": {"status": 500},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_an_answer_that_is_not_to_be_believed_lets_nobody_in(
    claire: Browser, provider: Provider, hospital: World, lie: dict[str, Any]
) -> None:
    """No session, no link; the refusal is on record."""
    leaving = await claire.get("/oidc/aller")
    state, code = provider.authorise(leaving.headers["location"])
    for name, value in lie.items():
        setattr(provider, name, value)

    answer = await claire.get(f"{BACK}?state={state}&code={code}")

    assert answer.status_code == 403
    assert COOKIE not in claire.client.cookies
    assert await hospital.all(SignIn) == ()
    assert (await hospital.only(Account, login="cmorel")).subject is None
    assert [entry.outcome for entry in await hospital.events("console.refused")] == ["oidc"]


@pytest.mark.parametrize("alg", ["none", "HS256"])
async def test_a_token_without_a_signature_of_the_providers_key_is_refused(
    claire: Browser, provider: Provider, alg: str
) -> None:
    """Neither none, nor a secret that both know."""
    leaving = await claire.get("/oidc/aller")
    state, code = provider.authorise(leaving.headers["location"])
    claims = {"iss": provider.issuer, "aud": CLIENT, "sub": "sub-1", "nonce": provider.asked[code]["nonce"]}
    parts = ({"alg": alg, "kid": "a"}, {**claims, "iat": 1, "exp": 3_999_999_999})
    provider.raw_token = (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."
    )

    assert (await claire.get(f"{BACK}?state={state}&code={code}")).status_code == 403


async def test_a_state_serves_once_in_its_browser_and_for_ten_minutes(
    claire: Browser, provider: Provider, app: FastAPI, hospital: World
) -> None:
    """A replayed answer, one that another browser brings, a late one, a made-up one."""
    leaving = await claire.get("/oidc/aller")
    state, code = provider.authorise(leaving.headers["location"])
    assert (await claire.get(f"{BACK}?state={state}&code={code}")).status_code == 303
    provider.asked[code] = {"nonce": "x"}
    assert (await claire.get(f"{BACK}?state={state}&code={code}")).status_code == 403

    stolen = await claire.get("/oidc/aller")
    state, code = provider.authorise(stolen.headers["location"])
    other = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN, follow_redirects=False)
    assert (await other.get(f"{BACK}?state={state}&code={code}")).status_code == 403
    assert COOKIE not in other.cookies
    await other.aclose()

    late = await claire.get("/oidc/aller")
    state, code = provider.authorise(late.headers["location"])
    hospital.clock.advance(timedelta(minutes=10))
    assert (await claire.get(f"{BACK}?state={state}&code={code}")).status_code == 403
    assert (await claire.get(f"{BACK}?state=&code=")).status_code == 403
    assert await hospital.events("console.refused") == ()


async def test_a_login_over_there_opens_no_account_that_lives_here(
    claire: Browser, provider: Provider, hospital: World
) -> None:
    """Neither one that has a password, nor a linked one, nor one whose invitation is over, nor a closed one."""
    account = await hospital.only(Account, login="cmorel")
    others: list[Account] = [
        replace(account, password="kept"),
        replace(account, subject=f"{provider.issuer} somebody-else"),
        replace(account, invited_until=hospital.clock.now()),
        replace(account, disabled_at=hospital.clock.now()),
    ]
    for other in others:
        await hospital.change(other)
        assert (await come_in(claire, provider)).status_code == 403
    provider.login = "personne"
    await hospital.change(account)
    assert (await come_in(claire, provider)).status_code == 403

    assert await hospital.all(SignIn) == ()


async def test_a_provider_that_is_another_or_unprotected_is_left_alone(claire: Browser, provider: Provider) -> None:
    """It is told on the page, and nobody is sent there."""
    for published in (
        {"issuer": "https://ailleurs.test"},
        {"authorization_endpoint": "http://ailleurs.test/a"},
        {"authorization_endpoint": None},
    ):
        provider.published = published
        answer = await claire.get("/oidc/aller")
        assert answer.status_code == 403
        assert "fournisseur" in answer.text


async def test_what_matters_is_proved_afresh_over_there(claire: Browser, provider: Provider, hospital: World) -> None:
    """The provider is told to ask again; a proof from before, or another person's, is none."""
    await come_in(claire, provider)
    hospital.clock.advance(timedelta(minutes=11))
    stale = await claire.get("/comptes")
    assert stale.headers["location"] == "/connexion/confirmer?retour=/comptes"
    page = await claire.get(stale.headers["location"])
    assert 'href="/oidc/confirmer?retour=/comptes"' in page.text
    assert 'name="password"' not in page.text
    address = (await claire.get("/oidc/confirmer?retour=/comptes")).headers["location"]
    assert "prompt=login" in address
    assert "max_age=0" in address

    for lie in ({"auth_time": 1}, {"auth_time": None}, {"sub": "sub-2", "preferred_username": "alice"}):
        provider.claims = lie
        assert (await come_in(claire, provider, "/oidc/confirmer?retour=/comptes")).status_code == 403
        assert (await claire.get("/comptes")).status_code == 303
    provider.claims = {}
    back = await come_in(claire, provider, "/oidc/confirmer?retour=/comptes")

    assert back.headers["location"] == "/comptes"
    assert (await claire.get("/comptes")).status_code == 200


async def test_without_a_provider_there_is_no_such_door(secretary: Browser, hospital: World) -> None:
    """Its pages are absent, and the sign-in page does not speak of it."""
    from tests.web.browsing import console

    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=console(hospital)), base_url=ORIGIN, follow_redirects=False
    )
    for path in ("/oidc/aller", f"{BACK}?state=x&code=y"):
        assert (await client.get(path)).status_code == 404
    assert "/oidc/" not in (await client.get("/connexion")).text
    await client.aclose()
    assert secretary.world is hospital
