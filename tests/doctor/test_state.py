"""Database, service and clock as the gateway remembers them: sound, damaged, stopped, stale, in doubt."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from gateway.adapters.daemon_lock import held
from gateway.adapters.database import HEAD, REHEARSAL
from gateway.doctor import state
from gateway.doctor.finding import Level
from gateway.domain.errors import DatabaseDamaged, DatabaseMissing, RehearsalOnly
from gateway.storage import ClockMark, Poll
from tests.doctor.place import NOW, Place, complete, heard, only

MINUTE = timedelta(minutes=1)


def poll(folder: str, at: datetime) -> Poll:
    """A successful poll."""
    return Poll(
        site="principal",
        mailbox="soins@hopital.test",
        folder=folder,
        uidvalidity=1,
        uidnext=1,
        first_at=at,
        last_at=at,
        answered_at=at,
        count=1,
        longest_gap=0,
    )


def mark(**changes: datetime) -> ClockMark:
    """The clock as last seen."""
    return ClockMark(id=0, site="principal", wall=NOW, uptime=1000.0, boot="boot-1", **changes)


# --- The database.


async def test_a_whole_database_is_fine(place: Place) -> None:
    """With its version and the size of its log."""
    place.create()

    finding = only(await heard(state.integrity(place.installation())), "state.database")

    assert (finding.level, finding.facts["version"], finding.facts["audit_size"]) == (Level.OK, HEAD, 0)


async def test_an_absent_database_is_an_error_and_stays_absent(place: Place) -> None:
    """Looking at it must not make one."""
    for check in (state.integrity, state.service, state.clock):
        with pytest.raises(DatabaseMissing):
            await heard(check(place.installation()))
    assert list(place.data.iterdir()) == []


async def test_a_damaged_database_is_an_error(place: Place) -> None:
    """Rubbish in the middle of the file."""
    place.create()
    path = place.data / "gateway.sqlite3"
    data = bytearray(path.read_bytes())
    data[4096 : 9 * 4096] = b"\xa5" * 8 * 4096
    path.write_bytes(data)

    with pytest.raises(DatabaseDamaged):
        await heard(state.integrity(place.installation()))


@pytest.mark.parametrize("changes", [{"party": "autre"}, {"site": "autre"}])
async def test_somebody_elses_database_is_an_error(place: Place, changes: dict[str, str]) -> None:
    """A wrong path of data."""
    place.create(**changes)

    with pytest.raises(DatabaseDamaged):
        await heard(state.integrity(place.installation()))


async def test_a_demonstrations_database_is_an_error(place: Place) -> None:
    """Nothing real may be done with it."""
    place.create(**{REHEARSAL: "true"})

    with pytest.raises(RehearsalOnly):
        await heard(state.integrity(place.installation()))


async def test_a_database_of_an_older_version_is_something_to_know(place: Place) -> None:
    """The next start brings it up; one without a schema is no database of ours."""
    place.create()
    with closing(sqlite3.connect(place.data / "gateway.sqlite3")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()

        finding = only(await heard(state.integrity(place.installation())), "state.database")
        connection.execute("DROP TABLE alembic_version")
        connection.commit()

    assert finding.level is Level.TO_KNOW
    assert complete(finding)
    with pytest.raises(DatabaseDamaged):
        await heard(state.integrity(place.installation()))


# --- The service.


async def test_a_running_service_that_reads_everything_is_fine(place: Place) -> None:
    """The last poll of each folder is told."""
    place.create()
    await place.store(poll("INBOX", NOW - MINUTE), poll("Junk", NOW - MINUTE))
    with held(place.data):
        finding = only(await heard(state.service(place.installation())), "state.service")

    assert finding.level is Level.OK
    assert finding.facts["running"] is True
    assert finding.facts["polled_at"] == {"INBOX": NOW - MINUTE, "Junk": NOW - MINUTE}


@pytest.mark.parametrize("junk", [None, NOW - timedelta(hours=1)], ids=["never", "an hour ago"])
async def test_a_running_service_that_leaves_a_folder_unread_is_told(place: Place, junk: datetime | None) -> None:
    """The folder is named."""
    place.create()
    await place.store(poll("INBOX", NOW - MINUTE), *([poll("Junk", junk)] if junk else []))
    with held(place.data):
        finding = only(await heard(state.service(place.installation())), "state.service")

    assert finding.level is Level.TO_MEND
    assert str(finding.what).endswith(": Junk.")
    assert complete(finding)


@pytest.mark.parametrize(
    ("last", "level"),
    [
        (None, Level.TO_KNOW),
        (NOW - timedelta(hours=2), Level.TO_KNOW),
        (NOW - timedelta(days=3), Level.TO_MEND),
    ],
    ids=["new", "stopped", "forgotten"],
)
async def test_a_stopped_service_is_told(place: Place, last: datetime | None, level: Level) -> None:
    """A new installation is not started yet; one that was stopped for days was forgotten."""
    place.create()
    await place.store(*([poll("INBOX", last)] if last else []))

    finding = only(await heard(state.service(place.installation())), "state.service")

    assert (finding.level, finding.facts["running"]) == (level, False)
    assert complete(finding)


# --- The clock.


async def test_a_clock_that_nobody_doubts_is_fine(place: Place) -> None:
    """Before the first start, and after an agreement."""
    place.create()
    assert only(await heard(state.clock(place.installation())), "state.clock").level is Level.OK

    await place.store(mark(agreed_at=NOW - MINUTE))
    finding = only(await heard(state.clock(place.installation())), "state.clock")
    assert (finding.level, finding.facts["agreed_at"]) == (Level.OK, NOW - MINUTE)


async def test_a_suspended_clock_is_told(place: Place) -> None:
    """Since when."""
    place.create()
    await place.store(mark(suspended_at=NOW - MINUTE))

    finding = only(await heard(state.clock(place.installation())), "state.clock")

    assert (finding.level, finding.facts["suspended_at"]) == (Level.TO_MEND, NOW - MINUTE)
    assert complete(finding)


async def test_a_clock_behind_the_log_is_told(place: Place) -> None:
    """The log's last record is tomorrow's."""
    place.create()
    place.clock.advance(timedelta(days=1))
    await place.record()
    place.clock.advance(-timedelta(days=1))

    finding = only(await heard(state.clock(place.installation())), "state.clock")

    assert finding.level is Level.TO_MEND
    assert complete(finding)
