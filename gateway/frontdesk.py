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
from functools import partial

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
from gateway.furnishing import House, furnished
from gateway.ports import Clock
from gateway.services.oidc_sign_in import OidcSignIn
from gateway.services.once import OnceStore
from gateway.services.sign_ins import SignIns
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
    store, cabinet, clock = base.store, base.cabinet, base.clock
    if not isinstance(store, OnceStore):
        raise TypeError("the console's acts keep their keys")

    async def dossier(ref: str, *, actor: str, with_content: bool = False) -> bytes:
        return await exhibits.exporter(base, playing=playing).export(ref, actor=actor, with_content=with_content)

    async def printed(number: int, *, actor: str, language: str) -> bytes:
        return (await exhibits.printed_message(base, number, actor=actor, language=language))[1]

    async def certificate(ref: str, *, actor: str, request: str | None, language: str, identity: bool = True) -> bytes:
        certifier = exhibits.certifier(base, playing=playing)
        issued = await certifier.issue(ref, actor=actor, language=language, identity=identity, request_hash=request)
        return issued.pdf

    return furnished(
        House(
            settings=settings.web or WebSection(),
            party=settings.party,
            directory=settings.directory,
            readership=settings.readership,
            watched=settings.watched,
            grace=timedelta(hours=settings.deadlines.grace_hours),
            persons_needed=2 if settings.four_eyes else 1,
            max_bytes=settings.smtp.max_bytes,
            rehearsal=base.rehearsal,
            recorded=playing or not base.rehearsal,
            store=store,
            cabinet=cabinet,
            clock=clock,
            noise=secrets.token_bytes,
            almanac=legal_time.almanac(settings),
            casework=core.casework,
            composer=core.composer,
            placing=core.placing,
            desk=core.desk,
            triage=core.triage,
            deadlines=core.deadlines,
            confirmations=core.confirmations,
            proofs=legal_time.entered_proofs(settings, store, cabinet, clock),
            challenges=legal_time.challenges(settings, store, cabinet, clock),
            disputes=legal_time.disputes(settings, store, cabinet, clock),
            calendar=legal_time.calendar_acts(settings, store, clock),
            archive=records.archive(base),
            alarms=records.alarm_book(base),
            health=records.health(base),
            passwords=Argon2Passwords(),
            factors=TimeCodes(),
            oidc=partial(_oidc, core),
            dossier=dossier,
            certificate=certificate,
            printed=printed,
            printed_clock=partial(exhibits.printed_clock, base),
        )
    )


def _oidc(core: Core, sign_ins: SignIns) -> OidcSignIn | None:
    """Coming in by the identity provider, where the configuration names one."""
    settings = core.base.settings
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
