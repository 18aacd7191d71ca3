"""Refuses a database in which something stands in a state that this version does not know.

Whoever reads such a row later would fail on it in the middle of its work, and again at each try. docs/message-states.md
publishes the states.
"""

from sqlalchemy import Connection, String, select, type_coerce

from gateway.adapters.database.columns import Choice
from gateway.adapters.database.tables import METADATA
from gateway.domain.errors import DatabaseDamaged
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
