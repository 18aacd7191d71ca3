"""``gateway tokens`` as an administrator uses it, on a real database."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.commands import app
from gateway.domain.errors import AccessInvalid, GatewayError
from tests.cli.conftest import Gateway
from tests.cli.installed import Installed, install
from tests.services.fakes import FakeClock

NOW = datetime(2027, 3, 8, 8, 12, tzinfo=UTC)
Call = Callable[..., Result]


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A hospital that names Claire in [people]."""
    clock = FakeClock(NOW)
    monkeypatch.setattr("gateway.records.SystemClock", lambda: clock)
    return install(tmp_path / "h", clock, people=("claire",))


@pytest.fixture
def call(hospital: Installed, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command as an account of the machine that [people] does not name, or as who is told."""

    def run(*arguments: str, who: str = "passerelle") -> Result:
        monkeypatch.setenv("SUDO_USER", who)
        result = CliRunner().invoke(app, [*arguments, "--config", str(hospital.config)])
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    return run


def test_a_program_gets_its_secret_once_and_is_listed_without_it(call: Call) -> None:
    """What is shown later tells what it may do and until when; the log, who gave it."""
    made = call("tokens", "create", "dpi", "--scope", "cases:read", "--scope", "requests:write", "--days", "30")
    secret = made.stdout.split()[-1]
    listed = call("tokens", "list").stdout

    assert made.stdout.startswith("Programme dpi : accès jusqu'au mer. 07/04/2027 à 10 h 12.\n")
    assert secret.startswith("passerelle_")
    assert "dpi        cases:read, requests:write  mer. 07/04/2027 à 10 h 12" in listed
    assert "cases:read : lire les dossiers" in listed
    assert secret not in listed
    (record,) = json.loads(call("audit", "query", "--event", "token.created", "--json", who="claire").stdout)
    assert record["actor"] == "passerelle"


def test_a_revoked_program_stays_in_the_list(call: Call) -> None:
    """What it did is in the log under its name."""
    call("tokens", "create", "dpi", "--scope", "audit:read", "--json", who="claire")

    assert call("tokens", "revoke", "dpi", who="claire").stdout == "Programme dpi : il n'a plus accès.\n"
    assert "révoqué lun. 08/03/2027 à 09 h 12" in call("tokens", "list").stdout
    (row,) = json.loads(call("tokens", "list", "--json").stdout)
    assert (row["created_by"], row["scopes"]) == ("Claire", ["audit:read"])
    assert "secret" not in row


def test_a_scope_of_nothing_is_refused_where_it_is_typed(call: Call) -> None:
    """Medical content is none."""
    refused = call("tokens", "create", "dpi", "--scope", "content:read")

    assert refused.exit_code == 2
    with pytest.raises(AccessInvalid, match="365"):
        call("tokens", "create", "dpi", "--scope", "cases:read", "--days", "400")


def test_it_speaks_english(gateway: Gateway, hospital: Installed) -> None:
    """Words and dates; JSON stays the same."""
    made = gateway(
        *("tokens", "create", "dpi", "--scope", "cases:read"), "--config", str(hospital.config), "--lang", "en"
    )
    refused = gateway("tokens", "revoke", "autre", "--config", str(hospital.config), "--lang", "en")

    assert "Programme" not in made.out
    assert made.out.startswith("Program dpi: access until ")
    assert (refused.code, refused.err.splitlines()[0]) == (2, "Unknown reference: program access autre.")
