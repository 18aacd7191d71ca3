"""Refuses a database in which something stands in a state that this version does not know, or that no step leads to.

Whoever reads such a row later would fail on it in the middle of its work, and again at each try. docs/message-states.md
publishes the states.
"""

from sqlalchemy import Connection, String, select, type_coerce

from gateway.adapters.database.columns import Choice
from gateway.adapters.database.tables import METADATA, TransmissionRow
from gateway.domain.errors import DatabaseDamaged
from gateway.domain.transmission import State
from gateway.domain.words import said

SHOWN = 40
"""Characters of an unknown state that are told: what stands there may be anything."""


def require_legal_states(connection: Connection) -> None:
    """Look at every state of every row, in the database.

    Raises:
        DatabaseDamaged: one is not legal.
    """
    for table in METADATA.sorted_tables:
        for column in table.columns:
            if not isinstance(column.type, Choice):
                continue
            stored = type_coerce(column, String)
            known = [str(choice.value) for choice in column.type.choices]
            found = connection.execute(select(stored).where(stored.not_in(known)).limit(1)).scalar()
            if found is not None:
                state = "".join(sign if sign.isprintable() else "?" for sign in str(found))[:SHOWN]
                raise DatabaseDamaged(
                    reason=said(
                        "Une ligne de la table {table} est dans un état que cette version ne connaît pas "
                        "({column} : « {state} »).",
                        table=table.name,
                        column=column.name,
                        state=state,
                    )
                )
    _require_instants(connection)


def _require_instants(connection: Connection) -> None:
    """A mail that the server took was taken at some instant: evidence of reception is measured from it."""
    mails = METADATA.tables[str(TransmissionRow.__tablename__)]
    lacking = mails.c.state == State.HANDED_OVER, mails.c.handed_over_at.is_(None)
    if connection.execute(select(mails.c.id).where(*lacking).limit(1)).first() is not None:
        raise DatabaseDamaged(
            reason=said("Un courrier de la table {table} est parti sans que l'on sache quand.", table=mails.name)
        )
