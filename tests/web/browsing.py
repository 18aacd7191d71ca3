"""A browser without a screen: the console of a made-up gateway, and persons who are signed in there."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import FastAPI

from gateway.access import WebSection
from gateway.adapters.authenticator import TimeCodes
from gateway.adapters.passwords import Argon2Passwords
from gateway.domain.rights import POSTS, RIGHTS, Post, Right
from gateway.furnishing import House, furnished
from gateway.services.almanac import Almanac
from gateway.services.entered import EnteredProofs
from gateway.services.once import OnceStore
from gateway.storage import Account
from gateway.web.app import make
from gateway.web.hall import Hall
from gateway.web.visit import COOKIE
from tests.services.world import GRACE, World, places

ORIGIN = "http://127.0.0.1:8480"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
TOKEN = re.compile(r'name="token" value="([^"]+)"')


async def _paper(*_args: Any, **named: Any) -> bytes:
    return b"%PDF-made-up with identity" if named.get("identity") else b"%PDF-made-up"


def hall_of(world: World) -> Hall:
    """The services of this gateway, as its composition gives them to the console; only papers are made up."""
    store = world.store
    assert isinstance(store, OnceStore)
    return furnished(
        House(
            settings=WebSection(),
            party=world.party,
            directory=world.directory,
            readership=world.readership,
            watched=places(world.party),
            grace=GRACE,
            persons_needed=world.persons,
            max_bytes=25_000_000,
            rehearsal=False,
            recorded=True,
            store=store,
            cabinet=world.cabinet,
            clock=world.clock,
            noise=secrets.token_bytes,
            almanac=Almanac(base=world.calendar, site=world.party.site),
            casework=world.casework,
            composer=world.composer,
            placing=world.placing,
            desk=world.desk,
            triage=world.triage,
            deadlines=world.deadlines,
            confirmations=world.confirmations,
            proofs=EnteredProofs(
                store=store,
                cabinet=world.cabinet,
                requests=world.requests,
                clock=world.clock,
                party=world.party,
                directory=world.directory,
                persons_needed=world.persons,
                readership=world.readership,
            ),
            challenges=world.challenges,
            disputes=world.disputes,
            calendar=world.calendar_acts,
            archive=world.archive,
            alarms=world.book,
            health=world.health,
            passwords=Argon2Passwords(memory_kib=64, passes=1),
            factors=TimeCodes(),
            oidc=lambda _sign_ins: None,
            dossier=_paper,
            certificate=_paper,
            printed=_paper,
            printed_clock=lambda *_args, **_named: b"%PDF-made-up",
        )
    )


@dataclass(kw_only=True)
class Browser:
    """One person's browser."""

    client: httpx.AsyncClient
    world: World
    page: str = field(default="")

    async def get(self, path: str) -> httpx.Response:
        """Open a page; it is remembered, for the form on it."""
        return self._kept(await self.client.get(path))

    async def send(self, path: str, *, files: Any = None, **fields: Any) -> httpx.Response:
        """Send the form of the page that is open, with its token."""
        found = TOKEN.search(self.page)
        token = fields.pop("token", found.group(1) if found else "")
        data = {"token": token, **fields}
        return self._kept(await self.client.post(path, data=data, files=files, headers=SAME_ORIGIN))

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        """The page stays open; to a browser the loopback is as good as TLS, and a person sees only spaces."""
        for cookie in self.client.cookies.jar:
            cookie.secure = False
        if answer.headers.get("content-type", "").startswith("text/html"):
            answer._content = answer.content.replace("\N{NO-BREAK SPACE}".encode(), b" ")
        self.page = answer.text
        return answer


async def housed(world: World) -> None:
    """Accounts of those who act beside the console: once one person has an account, nobody acts without one."""
    both = tuple(post for post in POSTS[world.party.role] if Right.SEND in RIGHTS[world.party.role][post])[:1]
    async with world.store.act() as act:
        for name in ("alice", "bob", "carol"):
            if await act.one(Account, site=world.party.site, name=name) is not None:
                continue
            row = Account(
                site=world.party.site,
                login=name,
                name=name,
                posts=(*both, Post.ADMINISTRATOR),
                created_at=world.clock.now(),
                created_by="root",
            )
            await act.add(row)


def without_its_path(answer: httpx.Response) -> str:
    """A page but for the address that was asked for, which the choice of a language leads back to."""
    path: str = answer.request.url.raw_path.decode()
    return answer.text.replace(quote(path, safe="/"), "").replace(path, "")


async def signed_in(app: FastAPI, world: World, name: str, *posts: Post) -> Browser:
    """The browser of a person who has signed in; their account is made where there is none."""
    hall: Hall = app.state.hall
    await housed(world)
    async with world.store.act() as act:
        account = await act.one(Account, site=world.party.site, name=name)
        if account is None:
            row = Account(
                site=world.party.site,
                login=name,
                name=name,
                posts=posts,
                created_at=world.clock.now(),
                created_by="root",
            )
            account = await act.add(row)
        secret = await hall.sign_ins.begin(act, account)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=ORIGIN, cookies={COOKIE: secret}, follow_redirects=False
    )
    return Browser(client=client, world=world)


def console(world: World) -> FastAPI:
    """The console of this gateway."""
    return make(hall_of(world))
