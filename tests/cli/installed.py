"""A hospital as ``gateway init`` leaves it, without mail servers, and requests whose period runs."""

import asyncio
import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from gateway import legal_time, records
from gateway.adapters import database
from gateway.adapters.vault import FileVault
from gateway.config import Settings, load
from gateway.domain.case import State as Stay
from gateway.domain.kinds import EXTENSION_REFUSAL, Answer
from gateway.domain.parties import Grade
from gateway.domain.request import Event, State
from gateway.services.cabinet import Cabinet
from gateway.services.replies import AnswerTimes, Reply
from gateway.storage import Acceptance, Case, Request, StoredEvidence, VaultKey
from tests.services.fakes import FakeClock

CONFIG = """
[gateway]
party = "chu-essai"
role = "hospital"
name = "CHU d'essai"
address = "soins@hopital.test"
data = "data"

[imap]
host = "localhost"
user = "soins"
password = {{ file = "secret" }}

[smtp]
host = "localhost"
user = "soins"
password = {{ file = "secret" }}

[vault]
master_key = {{ file = "master.key" }}

[openpgp]
folder = "openpgp"
passphrase = {{ file = "secret" }}

[reception]
own_mta = ["mx.hopital.test"]

[people]
{people}

[partners.cnas]
role = "cnas"
kind = "gateway"
address = "soins@cnas.test"

[partners.cnse]
role = "cnse"
kind = "gateway"
address = "soins@cnse.test"
"""


MASTER = b"m" * 32


@dataclass(kw_only=True)
class Installed:
    """Where it is, and the clock that its commands look at."""

    config: Path
    clock: FakeClock

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return load(self.config)

    @property
    def database(self) -> Path:
        """The database file."""
        return self.config.parent / "data" / "gateway.sqlite3"


def install(folder: Path, clock: FakeClock, *, people: Iterable[str] = ()) -> Installed:
    """Write it all; each of ``people`` is an account of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "gateway.toml"
    config.write_text(CONFIG.format(people="\n".join(f'{who} = "{who.title()}"' for who in people)), encoding="utf-8")
    for name, text in (("secret", "s\n"), ("master.key", base64.b64encode(MASTER).decode() + "\n")):
        (folder / name).write_text(text, encoding="ascii")
        (folder / name).chmod(0o600)
    (folder / "data").mkdir(mode=0o700)
    made = Installed(config=config, clock=clock)
    database.create(made.settings.database_url, records.identity(made.settings))
    return made


def open_case(made: Installed, opened: datetime) -> str:
    """A case of a patient who is admitted, and of whom nothing was asked yet; returns its number."""
    return asyncio.run(_open_case(made, opened))


async def _open_case(made: Installed, opened: datetime) -> str:
    store = _store(made)
    try:
        async with store.act() as act:
            await act.add(VaultKey(id="k", purpose="case", wrapped=b"w", created_at=opened))
            return (await act.add(_case(made.settings, "7F3K-Q1", opened))).ref
    finally:
        await store.close()


def _store(made: Installed) -> database.DatabaseStore:
    conf = made.settings
    return database.DatabaseStore(conf.database_url, clock=made.clock, site=conf.gateway.site, party=conf.gateway.party)


def _case(conf: Settings, ref: str, opened: datetime) -> Case:
    return Case(
        site=conf.gateway.site,
        ref=ref,
        hospital=conf.gateway.party,
        vault_key="k",
        opened_at=opened,
        authorised_until=date(2027, 6, 30),
    )


def closed_case(made: Installed, closed: datetime) -> str:
    """A case that was closed then, with a file under its key; returns its number."""
    return asyncio.run(_closed_case(made, closed))


async def _closed_case(made: Installed, closed: datetime) -> str:
    conf, store = made.settings, _store(made)
    try:
        vault = FileVault(folder=conf.gateway.data / "spool", master=MASTER)
        cabinet = Cabinet(store=store, vault=vault, clock=made.clock)
        async with store.act() as act:
            key = await act.add(cabinet.new_case_key())
            await act.add(await cabinet.put(b"sealed mail", key))
            case = replace(_case(conf, "7F3K-Q1", closed), vault_key=key.id, state=Stay.CLOSED, closed_at=closed)
            return (await act.add(case)).ref
    finally:
        await store.close()


def run_requests(made: Installed, received: Iterable[datetime]) -> list[str]:
    """Requests that the CNAS acknowledged at these instants, their period not computed yet; returns their cases."""
    return asyncio.run(_run_requests(made, list(received)))


async def _run_requests(made: Installed, received: list[datetime]) -> list[str]:
    conf = made.settings
    store = _store(made)
    refs = []
    try:
        vault = FileVault(folder=conf.gateway.data / "spool", master=MASTER)
        async with store.act() as act:
            key = await act.add(Cabinet(store=store, vault=vault, clock=made.clock).new_case_key())
            for number, at in enumerate(received, start=1):
                refs.append(f"7F3K-Q{number}")
                case = await act.add(replace(_case(conf, refs[-1], at), vault_key=key.id))
                await act.add(
                    Request(
                        site=conf.gateway.site,
                        case_id=case.id,
                        hash=sha256(bytes([number])).hexdigest(),
                        state=State.SENT,
                        authorised_until=date(2027, 6, 30),
                        requested_from=date(2027, 7, 1),
                        requested_until=date(2027, 7, 31),
                        submitted_at=at - timedelta(minutes=1),
                        complete=True,
                        handed_over_at=at - timedelta(minutes=1),
                    )
                )
        requests = legal_time.requests(conf, made.clock)
        async with store.act() as act:
            for request in await act.all(Request, site=conf.gateway.site):
                at = received[request.id - 1]
                found = StoredEvidence(
                    site=conf.gateway.site,
                    request_hash=request.hash,
                    partner="cnas",
                    kind="receipt",
                    grade=Grade.SIGNED_RECEIPT,
                    statement=True,
                    sent_at=request.submitted_at,
                    stated_at=at,
                    dated_at=at,
                    arrived_at=at,
                    recorded_at=at,
                    mail=None,
                )
                await requests.add_evidence(act, request, found)
                await requests.recompute(act, request)
    finally:
        await store.close()
    return refs


def record_silence(made: Installed) -> None:
    """Every request that runs ends without an answer, and its silence is on record."""
    asyncio.run(_record_silence(made))


async def _record_silence(made: Installed) -> None:
    conf, requests = made.settings, legal_time.requests(made.settings, made.clock)
    store = _store(made)
    try:
        async with store.act() as act:
            for running in await act.all(Request, site=conf.gateway.site, state=State.RUNNING):
                over = await requests.advance(act, running, Event.PERIOD_OVER, actor="gateway")
                await act.add(
                    Acceptance(
                        site=over.site,
                        request_hash=over.hash,
                        effective_at=over.latest_at or made.clock.now(),
                        recorded_at=made.clock.now(),
                    )
                )
                await requests.advance(act, over, Event.SILENCE_RECORDED, actor="gateway", due_at=None)
    finally:
        await store.close()


def refuse(made: Installed, *, received: datetime, stated: datetime) -> None:
    """The CNAS's refusal of the first request is taken in."""
    asyncio.run(_refuse(made, received, stated))


async def _refuse(made: Installed, received: datetime, stated: datetime) -> None:
    conf, requests = made.settings, legal_time.requests(made.settings, made.clock)
    store = _store(made)
    try:
        async with store.act() as act:
            request = (await act.all(Request, site=conf.gateway.site))[0]
            told = Reply(answer=Answer.REFUSED, kind=EXTENSION_REFUSAL, values={}, has_form=False)
            times = AnswerTimes(earliest=received, latest=received, stated=stated)
            await requests.answers.hear(act, request, told, times, actor="gateway", partner="cnas", message="9")
    finally:
        await store.close()
