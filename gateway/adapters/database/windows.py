"""What is asked of one folder or one window, out of years of polls and mails: found by their own indexes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, func, literal, select

from gateway import storage
from gateway.adapters.database.tables import TABLES
from gateway.domain.watching import Place
from gateway.storage import Verdict


def _table(kind: type) -> Table:
    return TABLES[kind].__table__


def looks(site: str, since: datetime) -> Select[Any]:
    """See :meth:`gateway.storage.View.looks`."""
    table = _table(storage.Poll)
    return select(table).where(table.c.site == site, table.c.last_at >= since).order_by(table.c.id)


def looks_at(site: str, place: Place, since: datetime) -> Select[Any]:
    """The same of one place, and the last one before."""
    table = _table(storage.Poll)
    there = (table.c.site == site, table.c.mailbox == place.mailbox, table.c.folder == place.folder)
    before = select(func.max(table.c.last_at)).where(*there, table.c.last_at < since).scalar_subquery()
    first = func.coalesce(before, literal(since, table.c.last_at.type))
    return select(table).where(*there, table.c.last_at >= first).order_by(table.c.id)


def vanished(site: str, since: datetime) -> Select[Any]:
    """See :meth:`gateway.storage.View.vanished`."""
    table = _table(storage.Mail)
    gone = (table.c.site == site, table.c.verdict == Verdict.VANISHED, table.c.recorded_at >= since)
    return select(table).where(*gone).order_by(table.c.id)


def highest(site: str, place: Place, uidvalidity: int, limit: int) -> Select[Any]:
    """See :meth:`gateway.storage.View.highest`."""
    table = _table(storage.Mail)
    there = (table.c.site == site, table.c.mailbox == place.mailbox, table.c.folder == place.folder)
    query = select(table).where(*there, table.c.uidvalidity == uidvalidity)
    return query.order_by(table.c.uid.desc()).limit(limit)
