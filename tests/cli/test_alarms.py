"""``gateway alarms`` as persons use it, on a real database: what stands, who takes it, what is over."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.adapters import database
from gateway.cli.commands import app
from gateway.domain.alarms import Sighting
from gateway.domain.errors import GatewayError, NotAllowed, RehearsalOnly
from gateway.services.alarms.words import kept
from gateway.storage import Alarm
from tests.cli.conftest import Gateway
from tests.cli.installed import Installed, install
from tests.services.fakes import FakeClock

NOW = datetime(2027, 3, 8, 8, 12, tzinfo=UTC)
Call = Callable[..., Result]

SEEN = (
    Sighting(kind="key_ends", partner="cnas", values={"suite": "openpgp", "day": date(2027, 4, 1)}),
    Sighting(
        kind="receipt_missing_at_end",
        case="7F3K-Q2",
        request="ab12cd" * 10,
        values={"day": date(2027, 3, 12), "number": "4"},
    ),
    Sighting(kind="late_answer", case="7F3K-Q2", request="ab12cd" * 10, signal=3, once=True),
    Sighting(kind="outbox_stuck", values={"count": 3}),
)


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A hospital with two persons and four alarms, of which the last is over."""
    clock = FakeClock(NOW)
    monkeypatch.setattr("gateway.records.SystemClock", lambda: clock)
    made = install(tmp_path / "h", clock, people=("claire", "luc"))
    asyncio.run(_alarms(made))
    return made


async def _alarms(made: Installed) -> None:
    conf = made.settings
    store = database.DatabaseStore(conf.database_url, clock=made.clock, site=conf.gateway.site, party="x")
    try:
        async with store.act() as act:
            for number, seen in enumerate(SEEN):
                await act.add(
                    Alarm(
                        site=conf.gateway.site,
                        kind=seen.kind,
                        about=seen.key[1],
                        case=seen.case,
                        request=seen.request,
                        message=seen.message,
                        partner=seen.partner,
                        words=kept(seen),
                        started_at=NOW - timedelta(hours=number),
                        ended_at=NOW if number == 3 else None,
                        told=("accueil",) if number == 1 else (),
                    )
                )
    finally:
        await store.close()


@pytest.fixture
def call(hospital: Installed, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command as Claire, or as who is told."""

    def run(*arguments: str, who: str = "claire") -> Result:
        monkeypatch.setenv("SUDO_USER", who)
        result = CliRunner().invoke(app, [*arguments, "--config", str(hospital.config)])
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    return run


def data(result: Result) -> Any:
    """What a command printed as JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_stands_is_listed_the_loudest_first_with_its_mend(call: Call) -> None:
    """Number, how loud, since when, who was told; a date as people write it; what is over is not there."""
    shown = call("alarms").stdout

    assert shown.startswith(
        "n° 2  [URGENT]  depuis lun. 08/03/2027 à 08 h 12  prévenus : accueil\n"
        "    Dossier 7F3K-Q2 : la demande ab12cd n'a pas d'accusé de réception, aucun délai ne court, et "
        "l'autorisation finit le 12/03/2027.\n"
        "    → Appelez la CNAS."
    )
    assert [line.split("  ")[0] for line in shown.splitlines() if line.startswith("n°")] == ["n° 2", "n° 3", "n° 1"]
    assert "personne n'est prévenu par courrier" in shown
    assert "Aucun courrier ne part" not in shown


def test_with_all_what_is_over_is_there_too(call: Call) -> None:
    """The newest first; nothing to do about what is over."""
    shown = call("alarms", "--all").stdout

    assert [line.split("  ")[0] for line in shown.splitlines() if line.startswith("n°")] == [
        "n° 4",
        "n° 3",
        "n° 2",
        "n° 1",
    ]
    first = shown.partition("n° 3")[0]
    assert "terminée lun. 08/03/2027 à 09 h 12" in first
    assert "→" not in first


def test_as_data_it_is_the_same_in_every_language(call: Call, hospital: Installed, gateway: Gateway) -> None:
    """A supervision reads it; sentences are French, as in the log."""
    found = data(call("alarms", "--json"))

    assert [(row["number"], row["kind"], row["severity"]) for row in found] == [
        (2, "receipt_missing_at_end", "urgent"),
        (3, "late_answer", "warning"),
        (1, "key_ends", "warning"),
    ]
    assert found[0]["case"] == "7F3K-Q2"
    assert found[0]["started_at"] == "2027-03-08T07:12:00Z"
    english = gateway("alarms", "--json", "--config", str(hospital.config), "--lang", "en")
    assert json.loads(english.out) == found
    told = gateway("alarms", "--config", str(hospital.config), "--lang", "en").out
    assert "The openpgp key or certificate of cnas ends on 01 Apr 2027." in told


def test_who_takes_an_alarm_does_it_by_name(call: Call) -> None:
    """It lasts as long as its cause; the log says who."""
    assert call("alarms", "take", "2").stdout == "Alarme n° 2 prise par Claire.\nElle dure tant que sa cause dure.\n"
    assert "prise par Claire" in call("alarms").stdout
    taken = data(call("alarms", "take", "2", "--json", who="luc"))
    assert (taken["taken_by"], taken["ended_at"]) == ("Luc", None)
    (first, second) = data(call("audit", "query", "--event", "watch.taken", "--json"))
    assert (first["actor"], second["actor"]) == ("Claire", "Luc")
    assert (first["outcome"], second["case"]) == ("receipt_missing_at_end", "7F3K-Q2")


def test_what_happened_once_is_over_when_somebody_takes_it(call: Call) -> None:
    """And cannot be taken twice."""
    assert call("alarms", "take", "3").stdout == "Alarme n° 3 prise par Claire.\nElle est terminée.\n"
    assert "n° 3" not in call("alarms").stdout
    with pytest.raises(NotAllowed, match="terminée"):
        call("alarms", "take", "3")


def test_an_account_that_is_nobody_takes_nothing(call: Call) -> None:
    """Whoever takes an alarm answers for it."""
    with pytest.raises(NotAllowed):
        call("alarms", "take", "2", who="passant")


def test_the_file_may_be_named_before_the_command(hospital: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the alarm of another gateway could be taken."""
    monkeypatch.setenv("SUDO_USER", "claire")
    result = CliRunner().invoke(app, ["alarms", "--config", str(hospital.config), "take", "2"])

    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Alarme n° 2 prise par Claire.")


def test_the_state_counts_them(call: Call) -> None:
    """How many stand, how many are urgent, how many nobody took."""
    status = call("status")
    told = json.loads(call("status", "--json").stdout)

    assert "ALARMES : 3, dont urgentes : 1 ; que personne n'a prises : 3 (gateway alarms)" in status.stdout
    assert told["alarms"] == {"standing": 3, "urgent": 1, "untaken": 3, "mail_fails": False}
    call("alarms", "take", "2")
    assert json.loads(call("status", "--json").stdout)["alarms"]["untaken"] == 2


def test_reading_alarms_writes_nothing(call: Call, hospital: Installed) -> None:
    """Listing is no act."""
    before = hospital.database.read_bytes()
    call("alarms")
    call("alarms", "--all")
    call("status")

    assert hospital.database.read_bytes() == before


def test_the_alarms_of_a_demonstration_are_read_and_never_taken(hospital: Installed, call: Call) -> None:
    """Nobody acts on it."""
    with closing(sqlite3.connect(hospital.database)) as connection, connection:
        connection.execute("INSERT INTO meta VALUES ('rehearsal', 'true')")

    assert "n° 2" in call("alarms").stdout
    with pytest.raises(RehearsalOnly):
        call("alarms", "take", "2")
