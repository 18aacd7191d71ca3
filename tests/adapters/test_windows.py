"""What is asked at every tick, of a folder, a window or a message, is found without reading what lies years before."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from gateway import storage
from gateway.adapters.database import create, windows
from gateway.adapters.database.statements import Statement, form_of, selecting
from gateway.domain.watching import Place

AT = datetime(2026, 1, 25, 9, tzinfo=UTC)


def newest(kind: Any, **equal: object) -> Statement:
    """What ``all`` asks for the newest value."""
    return selecting("sqlite", kind, form_of(equal), newest=True, limited=True)


PLACE = Place(mailbox="m", folder="f")


@pytest.mark.parametrize(
    ("query", "found_by"),
    [
        (windows.looks_at("s", PLACE, AT), "last_at>?"),
        (windows.vanished("s", AT), "recorded_at>?"),
        (windows.highest("s", PLACE, 1, 20), "uidvalidity=?"),
        (newest(storage.Poll, site="s", mailbox="m", folder="f"), "polls_newest"),
        (newest(storage.Mail, site="s", reason=("a", "b"), settled_at=None), "mails_by_reason"),
        (newest(storage.Mail, site="s", message=1), "ix_mails_message"),
        (newest(storage.Mail, site="s", case_id=None, likely_case=1), "ix_mails_likely_case"),
    ],
)
def test_what_every_tick_asks_is_found_by_its_index(tmp_path: Path, query: Any, found_by: str) -> None:
    """It must not read, nor sort, what lies years before; of one row, or of a few that wait, sorting costs nothing."""
    text = query.text if isinstance(query, Statement) else str(query.compile(dialect=sqlite_dialect()))
    path = tmp_path / "gateway.sqlite3"
    create(f"sqlite+aiosqlite:///{path}", {"party": "chu-essai", "role": "hospital", "site": "s"})
    connection = sqlite3.connect(path)
    plan = "\n".join(row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", ["1"] * text.count("?")))
    connection.close()
    assert found_by in plan, plan
    assert "SCAN" not in plan, plan
    assert "mails_by_reason" in plan or "last_at" in plan or "recorded_at" in plan or "TEMP B-TREE" not in plan, plan
