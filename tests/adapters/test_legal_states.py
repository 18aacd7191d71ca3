"""No gateway starts on a row in a state that nobody knows; every state that the tables lead to is one."""

import re
from pathlib import Path

import pytest

from gateway.adapters import database
from gateway.adapters.database.columns import Choice
from gateway.adapters.database.schema import connected
from gateway.adapters.database.tables import METADATA
from gateway.domain.errors import DatabaseDamaged
from gateway.domain.parties import Role
from gateway.domain.transmission import TRANSITIONS, State
from tests.postgres import Server
from tests.services.mails import receipt
from tests.services.world import Where, identity, in_a_file, open_world

CHOICES = sorted(
    f"{table.name}.{column.name}"
    for table in METADATA.sorted_tables
    for column in table.columns
    if isinstance(column.type, Choice)
)
WHOSE = identity(Role.HOSPITAL)


async def lived(folder: Path, place: Where) -> str:
    """The database of a hospital whose request was acknowledged; closed."""
    async with open_world(folder, place=place) as world:
        submitted = await world.submit()
        await world.send_all()
        await world.take(receipt(submitted.message, received_at=world.clock.now()))
        await world.poll()
        return world.url


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Where:
    """On SQLite, or on a server."""
    if request.param == "sqlite":
        return in_a_file
    server: Server = request.getfixturevalue("postgres")
    return lambda _folder, role: server.made(identity(role))


both = pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)


@both
async def test_what_a_gateway_leaves_is_legal(tmp_path: Path, place: Where) -> None:
    """It starts again on its own records."""
    database.upgrade(await lived(tmp_path, place), WHOSE)


@both
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE transmissions SET state = 'envolé'", "table transmissions est dans un état"),
        ("UPDATE requests SET state = ''", "table requests est dans un état"),
        ("UPDATE mails SET verdict = 'Accepted'", "table mails est dans un état"),
        ("UPDATE cases SET state = 'a\x07' || 'b'", re.escape("« a?b »")),
    ],
    ids=["sending", "request", "mail", "case"],
)
async def test_a_row_in_an_unknown_state_refuses_the_start(
    tmp_path: Path, place: Where, change: str, told: str
) -> None:
    """In a sentence that names the table and what stands there, cleaned."""
    url = await lived(tmp_path, place)
    with connected(url, writes=True) as connection:
        connection.exec_driver_sql(change)
    with pytest.raises(DatabaseDamaged, match=told):
        database.upgrade(url, WHOSE)


def test_every_state_that_is_stored_is_looked_at() -> None:
    """A column of choices that is added later is looked at as well; these are there now."""
    assert {"transmissions.state", "requests.state", "cases.state", "mails.verdict"} <= set(CHOICES)
    assert set(TRANSITIONS.values()) <= set(State)
