"""Furnishes the console's hall: every service that its pages ask, made from the open parts and the facts of a house."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from gateway.access import WebSection
from gateway.domain.parties import Directory, Party
from gateway.domain.readers import Readership
from gateway.domain.watching import Place
from gateway.ports import Clock, Factors, Noise, Passwords
from gateway.services.accounts import Accounts
from gateway.services.agenda import Agenda
from gateway.services.alarms.book import AlarmBook
from gateway.services.almanac import Almanac
from gateway.services.cabinet import Cabinet
from gateway.services.calendar_acts import CalendarActs
from gateway.services.calendar_view import CalendarReader
from gateway.services.case_files import CaseFiles
from gateway.services.casework import Casework
from gateway.services.challenges import Challenges
from gateway.services.clock_view import ClockReader
from gateway.services.compose import Composer
from gateway.services.confirm import Confirmations
from gateway.services.control import ControlRoom
from gateway.services.deadlines import Deadlines
from gateway.services.desk import Desk
from gateway.services.disputes import Disputes
from gateway.services.dossier import Archive
from gateway.services.drafts import Drafts
from gateway.services.entered import EnteredProofs
from gateway.services.forms import Forms
from gateway.services.health import HealthReader
from gateway.services.journal import Journal
from gateway.services.local_sign_in import LocalSignIn
from gateway.services.messages import Messages
from gateway.services.notes import Notes
from gateway.services.oidc_sign_in import OidcSignIn
from gateway.services.once import OnceStore
from gateway.services.placing import Placing
from gateway.services.proof_view import ProofPages
from gateway.services.questions import Questions
from gateway.services.resend import Resend
from gateway.services.rights import Actor
from gateway.services.sign_ins import SignIns
from gateway.services.sorting import Sorting
from gateway.services.tokens import Tokens
from gateway.services.triage import Triage
from gateway.web.hall import Document, Hall


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the services stand on. ``recorded``: what persons look for is written down.

    ``dossier``, ``certificate``, ``printed`` and ``printed_clock`` make the papers that a person takes away; ``oidc``
    makes the way in by the identity provider, where there is one.
    """

    settings: WebSection
    party: Party
    directory: Directory
    readership: Readership
    watched: tuple[Place, ...]
    grace: timedelta
    persons_needed: int
    max_bytes: int
    rehearsal: bool
    recorded: bool
    store: OnceStore
    cabinet: Cabinet
    clock: Clock
    noise: Noise
    almanac: Almanac
    casework: Casework
    composer: Composer
    placing: Placing
    desk: Desk
    triage: Triage
    deadlines: Deadlines
    confirmations: Confirmations
    proofs: EnteredProofs
    challenges: Challenges
    disputes: Disputes
    calendar: CalendarActs
    archive: Archive
    alarms: AlarmBook
    health: HealthReader
    passwords: Passwords
    factors: Factors
    oidc: Callable[[SignIns], OidcSignIn | None]
    dossier: Document
    certificate: Document
    printed: Document
    printed_clock: Callable[..., bytes]


def furnished(house: House) -> Hall:
    """The hall of this house."""
    store, cabinet, clock, noise, us = house.store, house.cabinet, house.clock, house.noise, house.party
    questions = Questions(store=store, party=us, readership=house.readership, recorded=house.recorded)
    sign_ins = SignIns(store=store, clock=clock, noise=noise, party=us)
    drafts = _drafts(house)
    forms = _forms(house, drafts)
    agenda = Agenda(
        store=store,
        cabinet=cabinet,
        clock=clock,
        party=us,
        almanac=house.almanac,
        worklist=house.archive.worklist,
        watched=house.watched,
        forms=forms.under_way,
    )
    clocks = _clocks(house, agenda)

    async def explanation(ref: str, *, request: str, actor: Actor, language: str) -> bytes:
        return house.printed_clock(await clocks.of(ref, request, actor), actor=actor.name, language=language)

    return Hall(
        settings=house.settings,
        party=us,
        directory=house.directory,
        four_eyes=house.persons_needed > 1,
        rehearsal=house.rehearsal,
        version=version("soins-gateway"),
        clock=clock,
        noise=noise,
        once=store,
        sign_ins=sign_ins,
        local=LocalSignIn(
            store=store,
            cabinet=cabinet,
            clock=clock,
            passwords=house.passwords,
            factors=house.factors,
            sign_ins=sign_ins,
            party=us,
        ),
        oidc=house.oidc(sign_ins),
        accounts=Accounts(store=store, vault=cabinet.vault, clock=clock, noise=noise, party=us),
        tokens=Tokens(store=store, clock=clock, noise=noise, party=us),
        agenda=agenda,
        archive=house.archive,
        clocks=clocks,
        cases=CaseFiles(
            store=store, cabinet=cabinet, clock=clock, party=us, archive=house.archive, watched=house.watched
        ),
        desk=house.desk,
        drafts=drafts,
        forms=forms,
        messages=Messages(store=store, archive=house.archive, party=us),
        notes=Notes(
            store=store, cabinet=cabinet, casework=house.casework, desk=house.desk, party=us, reads=drafts.reads
        ),
        resend=Resend(store=store, clock=clock, party=us),
        triage=house.triage,
        sorting=Sorting(
            store=store,
            cabinet=cabinet,
            triage=house.triage,
            party=us,
            directory=house.directory,
            reads=drafts.reads,
        ),
        confirmations=house.confirmations,
        proofs=house.proofs,
        proof_pages=ProofPages(
            store=store,
            cabinet=cabinet,
            party=us,
            directory=house.directory,
            almanac=house.almanac,
            names=agenda.names,
        ),
        calendar=house.calendar,
        months=CalendarReader(store=store, acts=house.calendar, clock=clock),
        challenges=house.challenges,
        disputes=house.disputes,
        alarms=house.alarms,
        health=house.health,
        control=ControlRoom(health=house.health, alarms=house.alarms),
        journal=Journal(store=store, questions=questions),
        questions=questions,
        dossier=house.dossier,
        certificate=house.certificate,
        printed=house.printed,
        explanation=explanation,
    )


def _drafts(house: House) -> Drafts:
    return Drafts(
        store=house.store,
        cabinet=house.cabinet,
        desk=house.desk,
        clock=house.clock,
        noise=house.noise,
        party=house.party,
        readership=house.readership,
        persons_needed=house.persons_needed,
    )


def _forms(house: House, drafts: Drafts) -> Forms:
    return Forms(
        store=house.store,
        cabinet=house.cabinet,
        drafts=drafts,
        placing=house.placing,
        casework=house.casework,
        composer=house.composer,
        almanac=house.almanac,
        clock=house.clock,
        party=house.party,
        directory=house.directory,
        max_bytes=house.max_bytes,
    )


def _clocks(house: House, agenda: Agenda) -> ClockReader:
    return ClockReader(
        store=house.store,
        cabinet=house.cabinet,
        clock=house.clock,
        party=house.party,
        almanac=house.almanac,
        grace=house.grace,
        names=agenda.names,
        standing=house.deadlines.standing,
        persons_needed=house.persons_needed,
    )
