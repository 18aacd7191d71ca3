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
from gateway.services.accounts import Accounts
from gateway.services.agenda import Agenda
from gateway.services.almanac import Almanac
from gateway.services.calendar_view import CalendarReader
from gateway.services.case_files import CaseFiles
from gateway.services.clock_view import ClockReader
from gateway.services.control import ControlRoom
from gateway.services.drafts import Drafts
from gateway.services.entered import EnteredProofs
from gateway.services.forms import Forms
from gateway.services.journal import Journal
from gateway.services.local_sign_in import LocalSignIn
from gateway.services.messages import Messages
from gateway.services.notes import Notes
from gateway.services.once import OnceStore
from gateway.services.proof_view import ProofPages
from gateway.services.questions import Questions
from gateway.services.resend import Resend
from gateway.services.sign_ins import SignIns
from gateway.services.sorting import Sorting
from gateway.services.tokens import Tokens
from gateway.storage import Account
from gateway.web.app import make
from gateway.web.hall import Hall
from gateway.web.visit import COOKIE
from tests.services.world import GRACE, World, places

ORIGIN = "http://127.0.0.1:8480"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
TOKEN = re.compile(r'name="token" value="([^"]+)"')


def hall_of(world: World) -> Hall:
    """The services of this gateway, as its composition would give them to the console."""
    store = world.store
    assert isinstance(store, OnceStore)
    almanac = Almanac(base=world.calendar, site=world.party.site)
    questions = Questions(store=store, party=world.party, readership=world.readers.readership, recorded=True)
    drafts = Drafts(
        store=store,
        cabinet=world.cabinet,
        desk=world.desk,
        clock=world.clock,
        noise=secrets.token_bytes,
        party=world.party,
        readership=world.readership,
        persons_needed=world.persons,
    )
    forms = Forms(
        store=store,
        cabinet=world.cabinet,
        drafts=drafts,
        placing=world.placing,
        casework=world.casework,
        composer=world.composer,
        almanac=almanac,
        clock=world.clock,
        party=world.party,
        directory=world.directory,
        max_bytes=25_000_000,
    )

    async def document(*_args: Any, **named: Any) -> bytes:
        return b"%PDF-made-up with identity" if named.get("identity") else b"%PDF-made-up"

    agenda = Agenda(
        store=store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        almanac=almanac,
        worklist=world.archive.worklist,
        watched=places(world.party),
        forms=forms.under_way,
    )
    sign_ins = SignIns(store=store, clock=world.clock, noise=secrets.token_bytes, party=world.party)
    return Hall(
        settings=WebSection(),
        party=world.party,
        directory=world.directory,
        four_eyes=world.persons > 1,
        rehearsal=False,
        version="0",
        clock=world.clock,
        noise=secrets.token_bytes,
        once=store,
        sign_ins=sign_ins,
        local=LocalSignIn(
            store=store,
            cabinet=world.cabinet,
            clock=world.clock,
            passwords=Argon2Passwords(memory_kib=64, passes=1),
            factors=TimeCodes(),
            sign_ins=sign_ins,
            party=world.party,
        ),
        oidc=None,
        accounts=Accounts(
            store=store, vault=world.vault, clock=world.clock, noise=secrets.token_bytes, party=world.party
        ),
        tokens=Tokens(store=store, clock=world.clock, noise=secrets.token_bytes, party=world.party),
        agenda=agenda,
        clocks=ClockReader(
            store=store,
            cabinet=world.cabinet,
            clock=world.clock,
            party=world.party,
            almanac=almanac,
            grace=GRACE,
            names=agenda.names,
            standing=world.deadlines.standing,
            persons_needed=world.persons,
        ),
        archive=world.archive,
        cases=CaseFiles(
            store=store,
            cabinet=world.cabinet,
            clock=world.clock,
            party=world.party,
            archive=world.archive,
            watched=places(world.party),
        ),
        desk=world.desk,
        drafts=drafts,
        forms=forms,
        messages=Messages(store=store, archive=world.archive, party=world.party),
        notes=Notes(
            store=store,
            cabinet=world.cabinet,
            casework=world.casework,
            desk=world.desk,
            party=world.party,
            reads=drafts.reads,
        ),
        resend=Resend(store=store, clock=world.clock, party=world.party),
        triage=world.triage,
        sorting=Sorting(
            store=store,
            cabinet=world.cabinet,
            triage=world.triage,
            party=world.party,
            directory=world.directory,
            reads=drafts.reads,
        ),
        confirmations=world.confirmations,
        proofs=EnteredProofs(
            store=store,
            cabinet=world.cabinet,
            requests=world.requests,
            clock=world.clock,
            party=world.party,
            directory=world.directory,
            persons_needed=world.persons,
            readership=world.readers.readership,
        ),
        proof_pages=ProofPages(
            store=store,
            cabinet=world.cabinet,
            party=world.party,
            directory=world.directory,
            almanac=almanac,
            names=agenda.names,
        ),
        calendar=world.calendar_acts,
        months=CalendarReader(store=store, acts=world.calendar_acts, clock=world.clock),
        challenges=world.challenges,
        disputes=world.disputes,
        alarms=world.book,
        health=world.health,
        control=ControlRoom(health=world.health, alarms=world.book),
        journal=Journal(store=store, questions=questions),
        questions=questions,
        dossier=document,
        certificate=document,
        printed=document,
        explanation=document,
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
