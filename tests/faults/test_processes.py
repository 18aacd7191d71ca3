"""Processes beside the gateway, and the gateway as one of several: agents that die, stops, locks that are held."""

import asyncio
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.adapters.database import engines
from gateway.domain.errors import StorageFailed
from tests.faults.kernel import Fault
from tests.faults.moments import ACKNOWLEDGED, RECEIVING, Moment, compare, faulted, recovered, undisturbed
from tests.faults.stage import Stage
from tests.faults.sweep import WHOLE, some
from tests.services.world import open_world

Property = Callable[[str, object], None]

MOMENTS = pytest.mark.parametrize("moment", [RECEIVING, ACKNOWLEDGED], ids=lambda moment: moment.name)


@pytest.mark.fault("F35")
@pytest.mark.timeout(1800)
@MOMENTS
def test_a_stop_in_the_middle_of_anything_is_clean(stage: Stage, record_property: Property, moment: Moment) -> None:
    """SIGTERM at a write, a sync or a send: exit code 0 within the time of a stop, and nothing lost."""
    expected, _ = undisturbed(stage, moment)
    alive = faulted(stage, moment, Fault(at=10**9), work="live")
    points = some(range(1, len(alive.calls)), 40 if WHOLE else 3)
    for point in points:
        seen = faulted(stage, moment, Fault(at=point, signal=signal.SIGTERM), work="live")
        # Before it listens to signals, it has done nothing that could be lost.
        assert seen.code in {0, -signal.SIGTERM}, (point, seen, stage.log())
        compare(expected, recovered(stage, moment), point)
    record_property("points", len(points))


@pytest.mark.fault("F36")
@MOMENTS
def test_the_death_of_the_agent_of_our_key_mends_itself(stage: Stage, moment: Moment) -> None:
    """Mail comes and goes as if nothing had been: nobody has to start the daemon again."""
    expected, _ = undisturbed(stage, moment)
    stage.put_back(moment.role, moment.name)
    seen = stage.run(moment.role, "bereft")
    assert seen.code == 0, (seen, stage.log())
    compare(expected, recovered(stage, moment), moment.name)


@pytest.mark.fault("F13")
async def test_a_lock_that_is_held_too_long_fails_one_act_and_stops_no_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else writes for longer than we wait: told as the disk's refusal; afterwards the same act is done."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.6)
    async with open_world(tmp_path) as world:
        turns = 0
        with closing(sqlite3.connect(tmp_path / "hospital.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            acting = asyncio.ensure_future(world.submit())
            while not acting.done():
                await asyncio.wait({acting}, timeout=0.01)
                turns += 1
            with pytest.raises(StorageFailed, match="trop longtemps"):
                await acting
            other.execute("ROLLBACK")
        # A loop that stood still for the wait would have turned once or twice.
        assert turns > 5
        await world.submit()
        assert (await world.request()).state.value == "submitted"
