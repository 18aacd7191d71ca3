"""Makes an audit log of any size, as acts would have made it, but without waiting for a commit each."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import create_engine, make_url, text

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
CHECKED = 20_000
COLUMNS = '"index", at, event, actor, "case", request, message, partner, outcome, canonical, leaf'
INSERT = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)"

Row = tuple[int, str, str, str, str | None, str | None, str | None, str | None, str | None, bytes, bytes]


@lru_cache(maxsize=1000)
def request_hash(case: str) -> str:
    """The request of a case."""
    return sha256(case.encode()).hexdigest()


def case_ref(number: int) -> str:
    """The reference of a case."""
    return f"{number:05X}-Q2"


Name = Callable[[int], str]
"""The reference of each case, by its number."""


def row(index: int, refs: Name = case_ref, a_case: int = RECORDS_A_CASE) -> Row:
    """One row of the table: a hundred cases are open at a time, and each record is of one of them."""
    case = refs(index // (a_case * 100) * 100 + index % 100)
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
    if index % CHECKED == 0:
        # What is written without the product's own writer is at least read by its strict reader, now and then.
        parse(data, position=index)
    return index, at, event, actor, case, request, message, partner, outcome, data, leaf_hash(data)


def _json(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'


def rows(first: int, last: int, tree: Growing, refs: Name = case_ref, a_case: int = RECORDS_A_CASE) -> Iterator[Row]:
    """Rows from ``first`` up to, not with, ``last``; their leaves go into ``tree``."""
    for index in range(first, last):
        made = row(index, refs, a_case)
        tree.append(made[-1])
        yield made


def fill(url: str, size: int, tree: Growing, refs: Name = case_ref, a_case: int = RECORDS_A_CASE) -> None:
    """Bring a log to ``size`` records, ``a_case`` of them of each case."""
    place, made = make_url(url), rows(tree.size, size, tree, refs, a_case)
    if place.get_backend_name() == "sqlite":
        _fill_file(str(place.database), made, tree)
    else:
        _fill_server(url, made, tree)


def _fill_file(path: str, made: Iterator[Row], tree: Growing) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode=OFF")
        base.execute("PRAGMA synchronous=OFF")
        base.execute("PRAGMA cache_size=-500000")
        indexes = base.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'audit'"
        ).fetchall()
        with _without(indexes, base.execute):
            base.execute("BEGIN")
            base.executemany(INSERT, made)
            base.execute("UPDATE log_head SET size = ?, frontier = ?, last_at = ?", _head(tree))
            base.execute("COMMIT")
        base.execute("PRAGMA journal_mode=WAL")


def _fill_server(url: str, made: Iterator[Row], tree: Growing) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'audit' AND indexname NOT LIKE '%pkey'"
        indexes = connection.execute(text(query)).all()
        raw: Any = connection.connection.driver_connection
        with _without(indexes, connection.exec_driver_sql):
            with raw.cursor() as cursor, cursor.copy(f"COPY audit ({COLUMNS}) FROM STDIN") as copy:
                for each in made:
                    copy.write_row(each)
            raw.execute("UPDATE log_head SET size = %s, frontier = %s, last_at = %s", _head(tree))
        connection.exec_driver_sql("VACUUM ANALYZE audit")
    engine.dispose()


def _head(tree: Growing) -> tuple[int, bytes, str]:
    return tree.size, tree.frontier().encode(), instant(START + (tree.size - 1) * BETWEEN)


@contextmanager
def _without(indexes: Sequence[Any], execute: Callable[[str], object]) -> Iterator[None]:
    """Indexes are made at the end, all at once: growing them row by row takes most of the time."""
    for name, _ in indexes:
        execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in indexes:
        execute(statement)
