"""``gateway forget`` as persons use it: the list, the number typed again, and the case that is gone."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.adapters.daemon_lock import held
from gateway.cli.commands import app
from gateway.domain.errors import GatewayError, NotAllowed, Unknown
from tests.cli.installed import Installed, closed_case, install
from tests.services.fakes import FakeClock

CLOSED = datetime(2027, 3, 14, 9, tzinfo=UTC)
Call = Callable[..., Result]


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A hospital four years after it closed a case."""
    clock = FakeClock(CLOSED + timedelta(days=4 * 365))
    monkeypatch.setattr("gateway.records.SystemClock", lambda: clock)
    monkeypatch.setenv("SUDO_USER", "claire")
    made = install(tmp_path / "h", clock, people=("claire",))
    assert closed_case(made, CLOSED) == "7F3K-Q1"
    return made


@pytest.fixture
def call(hospital: Installed) -> Call:
    """Run a command, with what is typed when it asks."""

    def run(*arguments: str, typed: str | None = None) -> Result:
        result = CliRunner().invoke(app, ["forget", *arguments, "--config", str(hospital.config)], input=typed)
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    return run


def files(hospital: Installed) -> list[Path]:
    """What lies in the spool."""
    return [path for path in (hospital.settings.gateway.data / "spool").rglob("*") if path.is_file()]


def test_the_list_says_until_when_a_closed_case_is_kept(call: Call, hospital: Installed) -> None:
    """And what prevents it; as data with dates of RFC 3339."""
    shown = call().stdout
    assert "7F3K-Q1" in shown
    assert "14/03/2030" in shown
    assert json.loads(call("--json").stdout) == [
        {"case": "7F3K-Q1", "closed_on": "2027-03-14", "due_on": "2030-03-14", "obstacles": []}
    ]
    hospital.clock.go_to(CLOSED + timedelta(days=5000))
    assert files(hospital)


@pytest.mark.parametrize("typed", ["", "\n", "oui\n", "7F3K-Q2\n"])
def test_the_number_is_typed_again(call: Call, hospital: Installed, typed: str) -> None:
    """Anything else is no."""
    result = call("7F3K-Q1", typed=typed)
    assert result.exit_code == 1
    assert files(hospital)
    assert len(json.loads(call("--json").stdout)) == 1


def test_it_is_forgotten_and_said_what_stays(call: Call, hospital: Installed) -> None:
    """The case is still listed, its mail is not on the disk; a second time is refused."""
    said = call("7f3k-q1", typed="7f3k-q1\n").stdout
    assert "Dossier 7F3K-Q1 oublié ; fichiers qui ne se rouvrent plus : 1." in said
    assert "sauvegardes d'avant" in said
    assert "anciennes pages" not in said
    assert files(hospital) == []
    assert "Aucun dossier clos" in call().stdout
    with pytest.raises(NotAllowed, match="déjà oublié"):
        call("7F3K-Q1", "--yes")
    shown = CliRunner().invoke(app, ["case", "show", "7F3K-Q1", "--config", str(hospital.config)])
    assert shown.exit_code == 0, shown.output
    assert "Oublié le " in shown.stdout


def test_data_for_programs(call: Call) -> None:
    """Without a question."""
    assert json.loads(call("7F3K-Q1", "--yes", "--json").stdout) == {"case": "7F3K-Q1", "files": 1, "scrubbed": True}


def test_an_unknown_case_is_named(call: Call) -> None:
    """As everywhere."""
    with pytest.raises(Unknown):
        call("7F3K-Q9", "--yes")


def test_a_new_master_key_takes_over_once_the_service_knows_it(hospital: Installed) -> None:
    """Refused without the former key in the configuration, and while a service runs that was not restarted."""
    folder = hospital.config.parent

    def keys(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["keys", *arguments])
        if isinstance(result.exception, GatewayError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    rewrap = ("rewrap", "--config", str(hospital.config))
    with pytest.raises(NotAllowed, match="former_master_key manque"):
        keys(*rewrap)
    assert "former_master_key" in keys("new-master", str(folder / "master-2.key")).stdout
    text = hospital.config.read_text()
    both = 'master_key = { file = "master-2.key" }\nformer_master_key = { file = "master.key" }'
    with held(hospital.settings.gateway.data):
        hospital.config.write_text(text.replace('master_key = { file = "master.key" }', both))
        started = (hospital.settings.gateway.data / "daemon.lock").stat().st_mtime
        os.utime(hospital.config, (started + 5, started + 5))
        with pytest.raises(NotAllowed, match="redémarrez-le d'abord"):
            keys(*rewrap)
    assert "1 sur 1" in keys(*rewrap).stdout
    hospital.config.write_text(text.replace('file = "master.key"', 'file = "master-2.key"'))
    forgotten = CliRunner().invoke(app, ["forget", "7F3K-Q1", "--yes", "--config", str(hospital.config)])
    assert forgotten.exit_code == 0, forgotten.output
