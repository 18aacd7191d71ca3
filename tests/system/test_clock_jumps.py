"""The clock of one machine jumps under its running gateway; those of its mail servers and partners do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.mailserver import Machine
from tests.system.gateways import Gateway, Trio, together, until
from tests.system.steps import counted, instant, now, settles, submit, ticked_again

pytestmark = pytest.mark.system

TEN_DAYS_ON, A_DAY_BACK = 864_000, -86_400


@dataclass
class Adrift(Gateway):
    """A gateway on a machine with a clock of its own."""

    def environment(self) -> dict[str, str]:
        """As of its machine, but for where the clock reads how far it is off."""
        return {**super().environment(), "FAKETIME_TIMESTAMP_FILE": str(self.offset_file)}

    @property
    def offset_file(self) -> Path:
        """Where this machine's clock reads it."""
        return self.folder / "offset"

    def jump(self, offset: str) -> None:
        """Set the clock, as somebody who mistypes a date."""
        draft = self.offset_file.with_suffix(".new")
        draft.write_text(f"{offset}\n")
        draft.replace(self.offset_file)


@pytest.fixture
def hospital(trio: Trio) -> Iterator[Adrift]:
    """The hospital of a trio, with a clock of its own."""
    of_trio = trio.hospital
    own = Adrift(role=of_trio.role, folder=of_trio.folder, account=of_trio.account, machine=of_trio.machine)
    own.jump("+0")
    yield own
    own.kill()


@pytest.mark.fault("F17", "F18")
def test_a_clock_that_jumps_records_no_silence_and_stops_no_mail(
    trio: Trio, hospital: Adrift, place: Path, mail_machine: Machine
) -> None:
    """Ten days on, past the end of the period; then back. Told once; the end of the period stays where it was."""
    assert not mail_machine.offset
    together([hospital.start, trio.cnas.start, trio.cnse.start])
    first = submit(hospital, place)["request"]
    settles(hospital, first, "running")
    ends = "SELECT nominal_at, latest_at, started_at FROM requests WHERE hash = ?"
    before = hospital.peek(ends, first)
    for offset in (TEN_DAYS_ON, A_DAY_BACK):
        hospital.jump(f"{offset:+d}")
        until(partial(_lives_at, hospital, offset), f"its clock is off by {offset} seconds")
        ticked_again(hospital)
        # One alarm, until the clock is right again.
        assert hospital.peek("SELECT 1 FROM audit WHERE event LIKE 'alarm.clock%'") == [(1,)]
        assert hospital.peek("SELECT suspended_at FROM clock") != [(None,)]
        assert hospital.peek("SELECT 1 FROM acceptances") == []
        assert hospital.peek(ends, first) == before
    hospital.jump("+0")
    folder = place / "second"
    folder.mkdir()
    second = submit(hospital, folder)["request"]
    settles(hospital, second, "running")
    assert hospital.peek("SELECT 1 FROM acceptances") == []
    events = counted(hospital)
    assert events["request.silence_recorded"] == 0
    indexes = [int(index) for (index,) in hospital.peek('SELECT "index" FROM audit ORDER BY "index"')]
    assert indexes == list(range(len(indexes)))
    assert hospital.stop() == 0


def _lives_at(gateway: Gateway, offset: int) -> bool:
    """Whether it has looked at its clock since."""
    ((wall,),) = gateway.peek("SELECT wall FROM clock")
    return abs(instant(wall) - now(gateway.machine) - timedelta(seconds=offset)) < timedelta(minutes=5)
