"""Makes a hospital of any size by bulk inserts, as of one instant: cases with what each is owed, mails, the log."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count, islice
from typing import Any

from sqlalchemy import Connection, Table, create_engine, func, insert, select, text

from gateway.adapters.database.tables import TABLES
from gateway.adapters.vault import FileVault
from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.case import ALPHABET, State
from gateway.domain.kinds import KINDS
from gateway.domain.merkle import Growing
from gateway.domain.parties import Grade, Party, Role
from gateway.domain.period import compute
from gateway.ports import SpoolFile, WrappedKey
from gateway.storage import (
    Alarm,
    Case,
    Direction,
    EnteredProof,
    Fact,
    Mail,
    Message,
    Poll,
    Request,
    StoredEvidence,
    Transmission,
    V,
    VaultKey,
    Verdict,
)
from tests.bench.audit_log import fill
from tests.services.world import SHIPPED, places

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
"""A Wednesday in the morning, and no feast near it."""

RECORDS_A_CASE = 10
AT_ONCE = 2000
DAY = timedelta(days=1)

SHARES = {"closed": 0.2, "to_cpam": 0.03, "ends": 0.02, "running": 0.005, "unreceived": 0.002, "over": 0.001}
"""Of all cases; the others are open and wait, with nothing due."""

MAILS_A_CASE, TO_SORT, TO_CONFIRM, ALARMS = 0.3, 0.003, 0.0005, 0.003
"""For each case: old mails, mails to sort, proofs to confirm, alarms that stand."""


def ref_of(number: int) -> str:
    """The reference of a case."""
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return f"{digits[:4]}-{digits[4:]}"


def name_of(number: int) -> dict[str, str]:
    """The identity of its patient."""
    return {
        "patient_name": f"PATIENT{number}",
        "patient_first_name": "Amine",
        "patient_born": "1980-05-01",
        "insurance_number": "démuni",
    }


def lot(number: int, cases: int) -> str:
    """What kind of case it is: each kind is spread over all of them."""
    place = number * 7919 % cases / cases
    for name, share in SHARES.items():
        if place < share:
            return name
        place -= share
    return "waiting"


class _Numbers:
    """Rows of one table, numbered as the database would number them."""

    def __init__(self) -> None:
        self._next = {kind: count(1) for kind in TABLES}

    def of(self, kind: type[V]) -> int:
        return next(self._next[kind])


def _request(case: Case, number: int, kind: str) -> Request | None:
    states = {
        "running": life.State.RUNNING,
        "unreceived": life.State.SENT,
        "over": life.State.ELAPSED,
    }
    if kind not in states and number % 4:
        return None
    state = states.get(kind, life.State.ACCEPTED)
    left = NOW - (DAY * 9 if kind == "over" else timedelta(hours=30 + number % 24))
    started = None if kind == "unreceived" else left
    found = None if started is None else compute(started, SHIPPED)
    until = case.authorised_until or NOW.date()
    settled = state is life.State.ACCEPTED
    return Request(
        site="s",
        case_id=case.id,
        hash=sha256(case.ref.encode()).hexdigest(),
        state=state,
        authorised_until=until,
        requested_from=until + DAY,
        requested_until=until + 30 * DAY,
        granted_until=until + 30 * DAY if settled else None,
        submitted_at=left,
        handed_over_at=left,
        complete=True,
        nature="prolongation",
        started_at=started,
        grade=Grade.SIGNED_RECEIPT if started else Grade.NONE,
        nominal_at=found.tacit_at if found else None,
        earliest_at=found.earliest_tacit_at if found else None,
        latest_at=found.latest_tacit_at if found else None,
        calendar_version=found.calendar_version if found else None,
        due_at=found.tacit_at if found and not settled else None,
        elapsed_at=found.tacit_at if found and kind == "over" else None,
        settled_at=left if settled else None,
    )


def _kinds(kind: str, request: Request | None) -> Iterator[str]:
    """The facts of a case, in their order."""
    yield from ("CARE_REQUEST", "CARE_ACCEPTANCE_WITH_QUOTE", "ENTITLEMENT_CERTIFICATE", "ENTITLEMENT_PRESENTED")
    if kind != "to_cpam":
        yield from ("ENTITLEMENT_TO_CPAM", "PROVISIONAL_ID")
    yield "ADMISSION"
    if request is not None:
        yield "EXTENSION_REQUEST"
        if request.state is life.State.ACCEPTED:
            yield from ("EXTENSION_ACCEPTANCE", "EXTENSION_TO_CPAM", "RIGHTS_EXTENDED")
    if kind == "closed":
        yield from ("DISCHARGE", "MEDICAL_REPORT")


_TOLD = {
    "CARE_ACCEPTANCE_WITH_QUOTE": {"length_days": "30"},
    "ENTITLEMENT_CERTIFICATE": {"length_days": "30", "repatriation_accepted": "oui"},
    "ENTITLEMENT_PRESENTED": {"signed": "oui"},
}


def _case(vault: FileVault, numbers: _Numbers, number: int, cases: int) -> Iterator[Any]:
    kind = lot(number, cases)
    opened = NOW - timedelta(days=40 + number % 300)
    made = vault.new_key("case")
    key, identity = WrappedKey(id=made.id, wrapped=made.wrapped), name_of(number)
    ends = NOW.date() + (DAY * (number % 8) if kind == "ends" else DAY * (20 + number % 160))
    case = Case(
        id=number,
        site="s",
        ref=ref_of(number),
        hospital="hospital-essai",
        vault_key=key.id,
        opened_at=opened,
        authorised_until=ends,
        state=State.CLOSED if kind == "closed" else State.ADMITTED,
        identity=vault.seal_text(json.dumps(identity), key),
        identity_lookup=vault.lookup(" ".join(list(identity.values())[:3])),
        closed_at=NOW - DAY if kind == "closed" else None,
    )
    yield VaultKey(id=key.id, purpose="case", wrapped=key.wrapped, created_at=opened)
    yield case
    request = _request(case, number, kind)
    if request is not None:
        request = Request(**_columns(request) | {"id": numbers.of(Request)})
        yield request
        if request.started_at is not None:
            yield _evidence(numbers, request, request.started_at)
    for name in _kinds(kind, request):
        about = request.hash if request and name.startswith(("EXTENSION", "RIGHTS")) else None
        details = vault.seal_text(json.dumps(_TOLD[name]), key) if name in _TOLD else None
        yield from _fact(numbers, case, name, about, details)


def _fact(numbers: _Numbers, case: Case, name: str, request: str | None, details: bytes | None) -> Iterator[Any]:
    """A fact; with the message that brought it or told it, and how that went out, where it is one."""
    number, message = numbers.of(Fact), None
    if name in {"ENTITLEMENT_TO_CPAM", "EXTENSION_REQUEST", "EXTENSION_TO_CPAM", "CARE_REQUEST"}:
        message = numbers.of(Message)
        out = name != "CARE_REQUEST"
        yield Message(
            id=message,
            site="s",
            direction=Direction.OUT if out else Direction.IN,
            kind=name,
            partner="cnas" if name in {"EXTENSION_REQUEST", "CARE_REQUEST"} else "cpam",
            message_id=f"<{message}@essai>",
            mic=request if name == "EXTENSION_REQUEST" and request else sha256(str(message).encode()).hexdigest(),
            at=case.opened_at,
            case_id=case.id,
            request_hash=request,
        )
        if out:
            yield _transmission(numbers, message)
    yield Fact(
        id=number,
        site="s",
        case_id=case.id,
        kind=KINDS[name].id,
        day=case.opened_at.date(),
        last=case.authorised_until if name == "ENTITLEMENT_CERTIFICATE" else None,
        request_hash=request,
        message=message,
        details=details,
        recorded_at=case.opened_at,
        by="alice",
    )


def _transmission(numbers: _Numbers, message: int) -> Transmission:
    return Transmission(
        id=numbers.of(Transmission),
        site="s",
        message=message,
        partner="cnas",
        receipt=False,
        envid=f"{message:032x}",
        file="bench",
        fingerprint=None,
        state=sending.State.EVIDENCED,
        next_at=NOW - 2 * DAY,
        handed_over_at=NOW - 2 * DAY,
    )


def _evidence(numbers: _Numbers, request: Request, at: datetime) -> StoredEvidence:
    return StoredEvidence(
        id=numbers.of(StoredEvidence),
        site="s",
        request_hash=request.hash,
        partner="cnas",
        kind="receipt",
        grade=Grade.SIGNED_RECEIPT,
        statement=True,
        sent_at=at,
        stated_at=at,
        dated_at=at,
        arrived_at=at,
        recorded_at=at,
        mail=None,
    )


def _mail(number: int, case: int, *, waits: bool) -> Mail:
    return Mail(
        id=number,
        site="s",
        mailbox="soins@hopital.test",
        folder="INBOX",
        uidvalidity=1,
        uid=number,
        verdict=Verdict.PLAIN if waits else Verdict.ACCEPTED,
        step=None,
        reason=None,
        partner="cnas",
        held_back=waits,
        internaldate=NOW - DAY,
        received_earliest=NOW - DAY,
        received_latest=NOW - DAY,
        recorded_at=NOW - DAY,
        sha256=sha256(str(number).encode()).hexdigest(),
        size=1000,
        case_id=None if waits else case,
        settled_at=None,
        likely_case=case if waits else None,
    )


def _others(vault: FileVault, cases: int) -> Iterator[Any]:
    """What is not of one case alone."""
    to_sort, old = int(cases * TO_SORT), int(cases * MAILS_A_CASE)
    for number in range(1, to_sort + old + 1):
        yield _mail(number, number % cases + 1, waits=number > old)
    key = vault.new_key("quarantine")
    yield VaultKey(id=key.id, purpose="quarantine", wrapped=key.wrapped, created_at=NOW)
    yield SpoolFile(name="bench", vault_key=key.id, wrapped=b"none", size=1, sha256="0" * 64)
    for place, each in enumerate(places_of()):
        yield Poll(
            id=place + 1,
            site="s",
            mailbox=each[0],
            folder=each[1],
            uidvalidity=1,
            uidnext=to_sort + old + 1,
            first_at=NOW - 60 * DAY,
            last_at=NOW,
            answered_at=NOW,
            count=10_000,
            longest_gap=60,
        )
    running = [number for number in range(1, cases + 1) if lot(number, cases) in {"running", "unreceived"}]
    for number, case in enumerate(islice(running, int(cases * TO_CONFIRM)), start=1):
        yield EnteredProof(
            id=number,
            site="s",
            case_id=case,
            request_hash=sha256(ref_of(case).encode()).hexdigest(),
            partner="cnas",
            received_at=NOW - DAY,
            file="bench",
            sha256="0" * 64,
            mail=None,
            entered_at=NOW - DAY,
            entered_by="alice",
        )
    for number in range(1, int(cases * ALARMS) + 1):
        yield Alarm(
            id=number,
            site="s",
            kind="no_receipt_soft",
            about=f"request-{number}",
            case=ref_of(number),
            request=None,
            message=None,
            partner="cnas",
            words="{}",
            started_at=NOW - DAY,
        )


def places_of() -> Iterator[tuple[str, str]]:
    """The watched folders."""
    party = Party(id="hospital-essai", role=Role.HOSPITAL, name="", address="soins@hopital.test", site="s")
    return ((place.mailbox, place.folder) for place in places(party))


def _columns(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def hospital(url: str, vault: FileVault, *, cases: int, events: int) -> None:
    """Fill an empty database of a hospital."""
    numbers = _Numbers()
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))
        everything = (row for number in range(1, cases + 1) for row in _case(vault, numbers, number, cases))
        _insert(connection, everything)
        _insert(connection, _others(vault, cases))
    fill(url, events, Growing(), ref_of, max(1, events // cases))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            for kind in TABLES:
                table = _table(kind)
                if "id" in table.c and table.c.id.type.python_type is int:
                    last = select(func.coalesce(func.max(table.c.id), 1)).scalar_subquery()
                    connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))
            # As its own service does after a while; SQLite never looks at what is in its tables by itself.
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _table(kind: type) -> Table:
    found: Table = TABLES[kind].__table__
    return found


def _insert(connection: Connection, values: Iterable[Any]) -> None:
    """Many rows of a table at once; what refers to another row may come before it where the database lets it."""
    waiting: dict[type, list[dict[str, Any]]] = {}

    def flush() -> None:
        for table in TABLES[Case].metadata.sorted_tables:
            for kind, rows in waiting.items():
                if _table(kind) is table:
                    connection.execute(insert(table), rows)
        waiting.clear()

    for number, value in enumerate(values):
        waiting.setdefault(type(value), []).append(_columns(value))
        if number % AT_ONCE == AT_ONCE - 1:
            flush()
    flush()
