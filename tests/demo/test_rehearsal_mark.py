"""A database in which time was virtual and one of the world are never taken for each other."""

from pathlib import Path

import pytest

from gateway.adapters.database import REHEARSAL, create, recognise, upgrade
from gateway.domain.errors import DatabaseDamaged, RehearsalOnly

OURS = {"party": "chu-demo", "role": "hospital", "site": "principal"}
REHEARSED = OURS | {REHEARSAL: "true"}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where a database may be made."""
    return f"sqlite+aiosqlite:///{tmp_path / 'gateway.sqlite3'}"


def test_a_rehearsals_database_is_refused_where_a_real_one_is_wanted(url: str) -> None:
    """By commands that act, and by the daemon; the error names the reason."""
    create(url, REHEARSED)

    with pytest.raises(RehearsalOnly, match="démonstration"):
        recognise(url, OURS)
    with pytest.raises(RehearsalOnly, match="démonstration"):
        upgrade(url, OURS)


def test_a_real_database_is_refused_where_a_rehearsals_is_wanted(url: str) -> None:
    """A virtual clock never touches it."""
    create(url, OURS)

    with pytest.raises(DatabaseDamaged):
        recognise(url, REHEARSED)
    with pytest.raises(DatabaseDamaged):
        upgrade(url, REHEARSED)


@pytest.mark.parametrize("made", [OURS, REHEARSED])
def test_a_command_that_only_reads_takes_either(url: str, made: dict[str, str]) -> None:
    """But nobody else's."""
    create(url, made)

    recognise(url, OURS, REHEARSED)
    with pytest.raises(DatabaseDamaged):
        recognise(url, OURS | {"party": "autre"})
