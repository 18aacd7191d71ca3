"""Composes the console and serves it: its own records and keys, opened as a command opens them, beside the service.

It listens on the loopback only. Its acts keep the key under which they were asked for, so that none happens twice.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

import uvicorn
from fastapi import FastAPI

from gateway import exhibits, legal_time, records
from gateway.access import WebSection
from gateway.adapters.authenticator import TimeCodes
from gateway.adapters.passwords import Argon2Passwords
from gateway.config import Settings
from gateway.core import Core, open_core
from gateway.domain.errors import CannotListen
from gateway.domain.reasons import system_reason
from gateway.ports import Clock
from gateway.services.accounts import Accounts
from gateway.services.agenda import Agenda
from gateway.services.calendar_view import CalendarReader
from gateway.services.case_files import CaseFiles
from gateway.services.clock_view import ClockReader
from gateway.services.control import ControlRoom
from gateway.services.drafts import Drafts
from gateway.services.forms import Forms
from gateway.services.journal import Journal
from gateway.services.local_sign_in import LocalSignIn
from gateway.services.messages import Messages
from gateway.services.notes import Notes
from gateway.services.oidc_sign_in import OidcSignIn
from gateway.services.once import OnceStore
from gateway.services.proof_view import ProofPages
from gateway.services.questions import Questions
from gateway.services.resend import Resend
from gateway.services.rights import Actor
from gateway.services.sign_ins import SignIns
from gateway.services.sorting import Sorting
from gateway.services.tokens import Tokens
from gateway.web import app
from gateway.web.hall import Hall
from gateway.web.ways import BACK

GRACE_SECONDS = 5
"""How long a page that is being made may still take when the console stops."""


class _Server(uvicorn.Server):
    """One whose signals are the composition's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """A demonstration that goes on: its clock, and the persons whom anybody may be, by the codes of their doors."""

    clock: Clock
    persons: Mapping[str, str]


@asynccontextmanager
async def open_console(settings: Settings, *, playing: Playing | None = None) -> AsyncIterator[FastAPI]:
    """The console, ready to be served.

    Raises:
        ConfigError, DatabaseDamaged, OwnKeyUnusable.
    """
    clock, persons = (playing.clock, playing.persons) if playing is not None else (None, None)
    async with open_core(settings, clock=clock, once=True) as core:
        yield app.make(hall(core, playing=playing is not None), persons=persons)


def hall(core: Core, *, playing: bool = False) -> Hall:
    """Everything that pages ask.

    Raises:
        TypeError: the core's acts keep no key (a defect of ours).
    """
    base, settings = core.base, core.base.settings
    store, cabinet, clock, us = base.store, base.cabinet, base.clock, settings.party
    if not isinstance(store, OnceStore):
        raise TypeError("the console's acts keep their keys")
    questions = Questions(store=store, party=us, readership=settings.readership, recorded=playing or not base.rehearsal)
    archive, almanac = records.archive(base), legal_time.almanac(settings)
    drafts = Drafts(
        store=store,
        cabinet=cabinet,
        desk=core.desk,
        clock=clock,
        noise=secrets.token_bytes,
        party=us,
        readership=settings.readership,
        persons_needed=2 if settings.four_eyes else 1,
    )
    forms = Forms(
        store=store,
        cabinet=cabinet,
        drafts=drafts,
        placing=core.placing,
        casework=core.casework,
        composer=core.composer,
        almanac=almanac,
        clock=clock,
        party=us,
        directory=settings.directory,
        max_bytes=settings.smtp.max_bytes,
    )

    async def dossier(ref: str, *, actor: str, with_content: bool = False) -> bytes:
        return await exhibits.exporter(base, playing=playing).export(ref, actor=actor, with_content=with_content)

    async def printed(number: int, *, actor: str, language: str) -> bytes:
        return (await exhibits.printed_message(base, number, actor=actor, language=language))[1]

    async def certificate(ref: str, *, actor: str, request: str | None, language: str, identity: bool = True) -> bytes:
        certifier = exhibits.certifier(base, playing=playing)
        issued = await certifier.issue(ref, actor=actor, language=language, identity=identity, request_hash=request)
        return issued.pdf

    agenda = Agenda(
        store=store,
        cabinet=cabinet,
        clock=clock,
        party=us,
        almanac=almanac,
        worklist=archive.worklist,
        watched=settings.watched,
        forms=forms.under_way,
    )
    clocks = ClockReader(
        store=store,
        cabinet=cabinet,
        clock=clock,
        party=us,
        almanac=almanac,
        grace=timedelta(hours=settings.deadlines.grace_hours),
        names=agenda.names,
        standing=core.deadlines.standing,
        persons_needed=2 if settings.four_eyes else 1,
    )

    calendar = legal_time.calendar_acts(settings, store, clock)

    async def explanation(ref: str, *, request: str, actor: Actor, language: str) -> bytes:
        return exhibits.printed_clock(base, await clocks.of(ref, request, actor), actor=actor.name, language=language)

    sign_ins = SignIns(store=store, clock=clock, noise=secrets.token_bytes, party=us)
    return Hall(
        settings=settings.web or WebSection(),
        party=us,
        directory=settings.directory,
        four_eyes=settings.four_eyes,
        rehearsal=base.rehearsal,
        version=version("soins-gateway"),
        clock=clock,
        noise=secrets.token_bytes,
        once=store,
        sign_ins=sign_ins,
        local=LocalSignIn(
            store=store,
            cabinet=cabinet,
            clock=clock,
            passwords=Argon2Passwords(),
            factors=TimeCodes(),
            sign_ins=sign_ins,
            party=us,
        ),
        oidc=_oidc(settings, core, sign_ins),
        accounts=Accounts(store=store, vault=cabinet.vault, clock=clock, noise=secrets.token_bytes, party=us),
        tokens=Tokens(store=store, clock=clock, noise=secrets.token_bytes, party=us),
        agenda=agenda,
        archive=archive,
        clocks=clocks,
        cases=CaseFiles(store=store, cabinet=cabinet, clock=clock, party=us, archive=archive, watched=settings.watched),
        desk=core.desk,
        drafts=drafts,
        forms=forms,
        messages=Messages(store=store, archive=archive, party=us),
        notes=Notes(store=store, cabinet=cabinet, casework=core.casework, desk=core.desk, party=us, reads=drafts.reads),
        resend=Resend(store=store, clock=clock, party=us),
        triage=core.triage,
        sorting=Sorting(
            store=store,
            cabinet=cabinet,
            triage=core.triage,
            party=us,
            directory=settings.directory,
            reads=drafts.reads,
        ),
        confirmations=core.confirmations,
        proofs=legal_time.entered_proofs(settings, store, cabinet, clock),
        proof_pages=ProofPages(
            store=store,
            cabinet=cabinet,
            party=us,
            directory=settings.directory,
            almanac=legal_time.almanac(settings),
            names=agenda.names,
        ),
        calendar=calendar,
        months=CalendarReader(store=store, acts=calendar, clock=clock),
        challenges=legal_time.challenges(settings, store, cabinet, clock),
        disputes=legal_time.disputes(settings, store, cabinet, clock),
        alarms=records.alarm_book(base),
        health=records.health(base),
        control=ControlRoom(health=records.health(base), alarms=records.alarm_book(base)),
        journal=Journal(store=store, questions=questions),
        questions=questions,
        dossier=dossier,
        certificate=certificate,
        printed=printed,
        explanation=explanation,
    )


def _oidc(settings: Settings, core: Core, sign_ins: SignIns) -> OidcSignIn | None:
    """Coming in by the identity provider, where the configuration names one."""
    section = settings.web.oidc if settings.web is not None else None
    if settings.web is None or section is None:
        return None
    # Loaded where it is used: most houses have none at first.
    from gateway.adapters.openid import OpenIdProvider

    provider = OpenIdProvider(
        issuer=section.issuer,
        client_id=section.client_id,
        client_secret=section.client_secret.read(),
        back=f"{settings.web.origin}{BACK}",
    )
    return OidcSignIn(
        store=core.base.store,
        clock=core.base.clock,
        noise=secrets.token_bytes,
        sign_ins=sign_ins,
        party=settings.party,
        provider=provider,
        issuer=section.issuer,
    )


@asynccontextmanager
async def served(settings: Settings, *, playing: Playing | None = None) -> AsyncIterator[str]:
    """The console, listening until the end of the block; gives the address that people type.

    Raises:
        CannotListen: the port is taken. GatewayError: it could not start.
    """
    section = settings.web or WebSection()
    async with open_console(settings, playing=playing) as console:
        with _listening(section) as door:
            server = _Server(
                uvicorn.Config(
                    console,
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    proxy_headers=False,
                    timeout_graceful_shutdown=GRACE_SECONDS,
                )
            )
            serving = asyncio.create_task(server.serve(sockets=[door]))
            try:
                yield section.origin
            finally:
                server.should_exit = True
                await serving


def _listening(section: WebSection) -> socket.socket:
    family = socket.AF_INET6 if ":" in section.listen else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((section.listen, section.port))
    except OSError as error:
        door.close()
        raise CannotListen(place=f"{section.listen}:{section.port}", reason=system_reason(error)) from error
    return door
