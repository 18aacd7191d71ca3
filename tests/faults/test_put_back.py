"""Yesterday's records in place of today's: by a backup that is put back and killed on the way, or by a plain copy."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest

from tests.faults.kernel import Fault
from tests.faults.moments import ACKNOWLEDGED, RECEIVING, SENDING, Moment, compare, outcome, undisturbed
from tests.faults.stage import NEVER, Stage
from tests.faults.sweep import WHOLE, edges, some

Property = Callable[[str, object], None]

RESTORING = Moment(name="restoring", role="hospital", work="restore")


@pytest.fixture(scope="module")
def backup(stage: Stage) -> Path:
    """A backup of the hospital whose request has left, made before the receipt came; the hospital lost everything."""
    folder = stage.folder / "backups"
    folder.mkdir()
    stage.put_back("hospital", ACKNOWLEDGED.name)
    stage.works("hospital", "back_up", to=str(folder))
    data = stage.place("hospital") / "data"
    for path in data.iterdir():
        rmtree(path) if path.is_dir() else path.unlink()
    stage.keep("hospital", RESTORING.name)
    (made,) = folder.iterdir()
    return made


@pytest.mark.fault("F15")
@pytest.mark.timeout(3600)
def test_a_restoration_that_dies_anywhere_is_done_again(stage: Stage, backup: Path, record_property: Property) -> None:
    """Nothing is there, or everything is; then the mailbox tells the rest, once."""

    def put_back(fault: Fault) -> list[str]:
        stage.put_back("hospital", RESTORING.name)
        seen = stage.run("hospital", "restore", fault, file=str(backup))
        assert seen.code == (-9 if seen.fired else 0), (seen, stage.log())
        return seen.calls

    calls = put_back(NEVER)
    stage.works("hospital", "exchange", later=True)
    expected = outcome(stage, RESTORING)
    assert expected.events["request.acknowledged"] == 1
    points = range(1, len(calls) + 1) if WHOLE else some(edges(calls), 3)
    for point in points:
        put_back(Fault(at=point))
        if not (stage.place("hospital") / "data" / "gateway.sqlite3").exists():
            stage.works("hospital", "restore", file=str(backup))
        stage.works("hospital", "exchange", later=True)
        compare(expected, outcome(stage, RESTORING), point)
    record_property("points", len(points))


@pytest.mark.fault("F15")
def test_a_copy_of_before_the_departure_sends_the_same_bytes(stage: Stage) -> None:
    """The partner knows them, and counts them once."""
    first, _ = undisturbed(stage, SENDING)
    again, _ = undisturbed(stage, SENDING)
    assert {who: set(copies) for who, copies in again.sent.items()} == {
        who: set(copies) for who, copies in first.sent.items()
    }


@pytest.mark.fault("F15")
def test_a_copy_of_before_the_reception_moves_no_clock(stage: Stage) -> None:
    """The mail is read again, and its reception is the instant at which the server took it, not this one."""
    started = "SELECT hash, started_at, latest_at, submitted_at FROM requests"
    undisturbed(stage, RECEIVING)
    first = stage.rows("cnas", started)
    stage.put_back("cnas", RECEIVING.name)
    stage.works("cnas", "exchange", ahead=2 * 86400)
    assert stage.rows("cnas", started) == first
