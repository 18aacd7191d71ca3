"""A disk that is full, fails or takes nothing more, at any write; a process that has no more files or memory.

Each call below the gateway's folder can fail, once or from then on. Nothing is acknowledged that is not in the
records, and the next run that nothing disturbs ends as if nothing had happened.
"""

import errno
from collections.abc import Callable, Sequence

import pytest

from gateway.databank import SQLITE_FILE
from tests.faults.kernel import NAMES, SENDS, SYNCS, Fault
from tests.faults.moments import (
    ACKNOWLEDGED,
    RECEIVING,
    SENDING,
    Moment,
    Outcome,
    compare,
    faulted,
    recovered,
    undisturbed,
)
from tests.faults.stage import Stage
from tests.faults.sweep import WHOLE, some

Property = Callable[[str, object], None]

DISK = frozenset(NAMES) - SENDS
WRITES = DISK - SYNCS
REQUEST = "SELECT 1 FROM requests"
NOTED = "SELECT 1 FROM transmissions WHERE state IN ('sending', 'handed_over')"
AT_CLOSING = 2
"""Syncs of SQLite when a database is closed: it moves what is committed from its journal into the file."""

UNDER_WAY = 1
"""Syncs of something else that a thread was at when the first one failed: one keeps a mail while another commits. Who
has not asked the kernel by then asks no more (:mod:`gateway.reliance`)."""

UNHEARD = AT_CLOSING + 1
"""Failures that SQLite keeps to itself: those, and that of the folder when its journal is new."""

STEP = 3
"""In a long run, of the thousands of writes one of so many."""


def on_disk(calls: Sequence[str], kinds: frozenset[str]) -> list[int]:
    """Of the calls of these kinds: each third in a long run, a few in a short one."""
    points = range(1, sum(call in kinds for call in calls) + 1)
    return list(points[::STEP]) if WHOLE else some(points, 3)


def survived(stage: Stage, moment: Moment, expected: Outcome, where: object) -> None:
    """Nothing was acknowledged that was not durable; when the disk works again, all is as it should be."""
    if moment is RECEIVING:
        assert not stage.posts or stage.count(moment.role, REQUEST), where
    else:
        assert len(stage.posts) <= stage.count(moment.role, NOTED), where
    compare(expected, recovered(stage, moment), where)


@pytest.mark.fault("F7", "F9")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("moment", [RECEIVING, SENDING], ids=lambda moment: moment.name)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
def test_a_disk_that_takes_nothing_more_loses_nothing(
    stage: Stage, record_property: Property, moment: Moment, error: int
) -> None:
    """From some write on nothing is written any more: the gateway says so, or was done already."""
    expected, calls = undisturbed(stage, moment)
    points = on_disk(calls, WRITES)
    for point in points:
        seen = faulted(stage, moment, Fault(at=point, error=error, ever=True, only=WRITES))
        assert seen.code == 0 or seen.told.startswith((b"StorageFailed", b"DatabaseDamaged")), (point, seen)
        survived(stage, moment, expected, point)
    record_property("points", len(points))


@pytest.mark.fault("F7")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("moment", [RECEIVING, ACKNOWLEDGED], ids=lambda moment: moment.name)
def test_work_goes_on_by_itself_when_there_is_room_again(
    stage: Stage, record_property: Property, moment: Moment
) -> None:
    """One write fails; the daemon's tasks try again, and nobody has to start anything."""
    expected, calls = undisturbed(stage, moment)
    beginning = len(started(stage, moment))
    points = [point for point in on_disk(calls, WRITES) if point > beginning]
    for point in points:
        seen = faulted(stage, moment, Fault(at=point, error=errno.ENOSPC, only=WRITES), work="live")
        assert seen.code == 0, (point, seen, stage.log())
        survived(stage, moment, expected, point)
    record_property("points", len(points))


@pytest.mark.fault("F8")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("moment", [RECEIVING, ACKNOWLEDGED], ids=lambda moment: moment.name)
@pytest.mark.parametrize("ever", [False, True], ids=["once", "for-ever"])
def test_a_disk_that_confirms_nothing_ends_the_daemon(
    stage: Stage, record_property: Property, moment: Moment, *, ever: bool
) -> None:
    """No second sync could be believed: it stops, and the next start reads what the disk really holds."""
    expected, _ = undisturbed(stage, moment)
    alive = faulted(stage, moment, Fault(at=10**9, only=SYNCS), work="live")
    syncs = range(1, len(alive.calls) + 1)
    unheard = 0
    for point in syncs if WHOLE else some(syncs, 4):
        seen = faulted(stage, moment, Fault(at=point, error=errno.EIO, ever=ever, only=SYNCS), work="live")
        if seen.code == 0:
            unheard += seen.fired
        else:
            assert seen.told.startswith(b"DiskUnreliable"), (point, seen, stage.log())
            assert len(seen.calls) <= point + AT_CLOSING + UNDER_WAY, (point, seen)
            # What was not confirmed is not asked for again, but by SQLite, which closes its journal with what was.
            failed, later = seen.targets[point - 1], seen.targets[point:]
            assert later.count(failed) <= (SQLITE_FILE in failed), (point, seen)
        survived(stage, moment, expected, point)
    assert unheard <= UNHEARD
    record_property("points", len(syncs if WHOLE else some(syncs, 4)))


def started(stage: Stage, moment: Moment) -> list[str]:
    """The calls of a start and a stop alone, with nothing done."""
    stage.put_back(moment.role, moment.name)
    seen = stage.run(moment.role, "nothing", Fault(at=10**9), ahead=moment.ahead)
    assert seen.code == 0, seen
    return seen.calls


@pytest.mark.fault("F10")
@pytest.mark.parametrize("moment", [RECEIVING, SENDING], ids=lambda moment: moment.name)
def test_a_process_without_files_loses_nothing(stage: Stage, record_property: Property, moment: Moment) -> None:
    """From so few that it cannot start to so many that it notices nothing."""
    expected, _ = undisturbed(stage, moment)
    allowed = range(8, 64, 1 if WHOLE else 18)
    ends = set()
    for files in allowed:
        stage.put_back(moment.role, moment.name)
        ends.add(stage.run(moment.role, moment.work, limits={"NOFILE": files}).code)
        survived(stage, moment, expected, files)
    assert ends >= {0, 1}
    record_property("points", len(allowed))


@pytest.mark.fault("F12")
@pytest.mark.parametrize("moment", [RECEIVING, SENDING], ids=lambda moment: moment.name)
def test_a_process_without_memory_loses_nothing(stage: Stage, record_property: Property, moment: Moment) -> None:
    """From no byte more than it was born with to enough."""
    expected, _ = undisturbed(stage, moment)
    allowed = [1 << power for power in range(16, 30, 1 if WHOLE else 7)] + [1 << 30]
    ends = set()
    for more in allowed:
        stage.put_back(moment.role, moment.name)
        ends.add(stage.run(moment.role, moment.work, limits={"AS": more}).code)
        survived(stage, moment, expected, more)
    assert 0 in ends
    assert ends - {0}
    record_property("points", len(allowed))
