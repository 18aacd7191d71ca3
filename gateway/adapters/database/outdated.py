"""What is kept longer than it is needed: mails that wait for nobody any more, and mails that were sent and read."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, and_, exists, or_, select

from gateway import storage
from gateway.adapters.database.tables import TABLES
from gateway.domain import transmission
from gateway.ports import SpoolFile


def _table(kind: type) -> Table:
    return TABLES[kind].__table__


def mails(site: str, strangers: datetime, settled: datetime) -> Select[Any]:
    """See :meth:`gateway.storage.View.stale`."""
    table = _table(storage.Mail)
    cases, keys = _table(storage.Case), _table(storage.VaultKey)
    proofs = (_table(storage.StoredEvidence), _table(storage.EnteredProof))
    destroyed = select(keys.c.id).where(keys.c.destroyed_at.is_not(None))
    forgotten = select(cases.c.id).where(cases.c.vault_key.in_(destroyed))
    query = select(table).where(
        table.c.site == site,
        table.c.file.is_not(None),
        table.c.case_id.is_(None),
        table.c.verdict.in_(storage.FOR_A_PERSON),
        table.c.likely_case.is_(None) | table.c.likely_case.in_(forgotten),
        *(~exists().where(proof.c.mail == table.c.id) for proof in proofs),
        or_(
            and_(table.c.held_back.is_(False), table.c.recorded_at < strangers),
            and_(table.c.held_back.is_(True), table.c.settled_at < settled),
        ),
    )
    return query.order_by(table.c.id)


def transmissions(site: str, kind: str, before: datetime) -> Select[Any]:
    """See :meth:`gateway.storage.View.served`."""
    table, messages, files = _table(storage.Transmission), _table(storage.Message), _table(SpoolFile)
    undecided = and_(table.c.state == transmission.State.UNKNOWN, table.c.doubts < transmission.MAX_DOUBTS)
    query = (
        select(table)
        .join(messages, messages.c.id == table.c.message)
        .join(files, files.c.name == table.c.file)
        .where(
            table.c.site == site,
            messages.c.kind == kind,
            messages.c.at < before,
            files.c.wrapped != b"",
            table.c.state.not_in(transmission.NOT_GONE),
            ~undecided,
        )
    )
    return query.order_by(table.c.id)
