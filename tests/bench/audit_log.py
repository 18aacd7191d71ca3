"""Makes an audit log of any size, as acts would have made it, but without waiting for a commit each."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import create_engine, insert, make_url, text, update

from gateway.adapters.database.tables import METADATA
from gateway.domain.audit import instant, parse
from gateway.domain.merkle import Growing, leaf_hash

START = datetime(2023, 1, 1, tzinfo=UTC)
BETWEEN = timedelta(seconds=9)
"""Ten million records in three years, for the whole country."""

EVENTS = (
    *("mail.accepted", "mail.receipt", "transmission.accepted", "transmission.evidence", "evidence.recorded"),
    *("request.received", "request.submitted", "request.followed", "log.read", "message.read"),
)
PARTNERS = ("cnas", "cnse", "cpam-13", None)
ACTORS = ("gateway", "gateway", "gateway", "alice", "bob")
RECORDS_A_CASE = 100
BATCH = 20_000
INSERT = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)"

Row = tuple[int, str, str, str, str | None, str | None, str | None, str | None, str | None, bytes, bytes]


@lru_cache(maxsize=1000)
def request_hash(case: str) -> str:
    """The request of a case."""
    return sha256(case.encode()).hexdigest()


def case_ref(number: int) -> str:
    """The reference of a case."""
    return f"{number:05X}-Q2"


def row(index: int) -> Row:
    """One row of the table: a hundred cases are open at a time, and each record is of one of them."""
    case = case_ref(index // (RECORDS_A_CASE * 100) * 100 + index % 100)
    at, event, actor = instant(START + index * BETWEEN), EVENTS[index * 7 % len(EVENTS)], ACTORS[index % len(ACTORS)]
    request = request_hash(case) if index % 3 else None
    message, partner = str(index // 5), PARTNERS[index % len(PARTNERS)]
    outcome = "accepted" if index % 11 else "refused"
    data = (
        f'{{"actor":"{actor}","at":"{at}","case":"{case}","details":{{"attempt":1,"code":250,"doubts":0,'
        f'"envid":"{index:032x}"}},"event":"{event}","index":{index},"message":"{message}","outcome":"{outcome}",'
        f'"partner":{_json(partner)},"party":"chu-essai","request":{_json(request)},'
        f'"salt":"{index * 0x9E3779B97F4A7C15 % 2**128:032x}","site":"s","v":1}}'
    ).encode()
    if index % BATCH == 0:
        # What is written without the product's own writer is at least read by its strict reader, now and then.
        parse(data, position=index)
    return index, at, event, actor, case, request, message, partner, outcome, data, leaf_hash(data)


def _json(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'


def rows(first: int, last: int, tree: Growing) -> Iterator[Row]:
    """Rows from ``first`` up to, not with, ``last``; their leaves go into ``tree``."""
    for index in range(first, last):
        made = row(index)
        tree.append(made[-1])
        yield made


def fill(url: str, size: int, tree: Growing) -> None:
    """Bring a log to ``size`` records."""
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        _fill_file(str(place.database), size, tree)
    else:
        _fill_server(url, size, tree)


def _fill_file(path: str, size: int, tree: Growing) -> None:
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA synchronous=OFF")
        base.execute("PRAGMA cache_size=-2000000")
        while tree.size < size:
            with base:
                base.executemany(INSERT, rows(tree.size, min(size, tree.size + BATCH), tree))
                last = instant(START + (tree.size - 1) * BETWEEN)
                head = (tree.size, tree.frontier().encode(), last)
                base.execute("UPDATE log_head SET size = ?, frontier = ?, last_at = ?", head)
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_server(url: str, size: int, tree: Growing) -> None:
    table, heads = METADATA.tables["audit"], METADATA.tables["log_head"]
    engine = create_engine(url)
    while tree.size < size:
        made = [_named(each) for each in rows(tree.size, min(size, tree.size + BATCH), tree)]
        with engine.begin() as connection:
            connection.execute(insert(table), made)
            last = START + (tree.size - 1) * BETWEEN
            head = {"size": tree.size, "frontier": tree.frontier().encode(), "last_at": last}
            connection.execute(update(heads).values(**head))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE audit"))
    engine.dispose()


def _named(made: Row) -> dict[str, Any]:
    names = ("index", "at", "event", "actor", "case", "request", "message", "partner", "outcome", "canonical", "leaf")
    return dict(zip(names, made, strict=True)) | {"at": datetime.fromisoformat(made[1]), "purged_by": None}
