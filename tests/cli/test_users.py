"""``gateway users`` as the first administrator is made, and as a locked-out house is opened again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.commands import app
from gateway.domain.errors import AccessInvalid, GatewayError, NotAllowed
from tests.cli.conftest import Gateway
from tests.cli.installed import Installed, install
from tests.services.fakes import FakeClock

NOW = datetime(2027, 3, 8, 8, 12, tzinfo=UTC)
Call = Callable[..., Result]
ADAM = ("users", "add", "amin", "--name", "Adam Amin", "--post", "administrator")


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A hospital with a console, that names Claire in [people]."""
    clock = FakeClock(NOW)
    monkeypatch.setattr("gateway.records.SystemClock", lambda: clock)
    made = install(tmp_path / "h", clock, people=("claire",))
    with made.config.open("a", encoding="utf-8") as file:
        file.write('\n[web]\naddress = "https://soins.hopital.test"\n')
    return made


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


def test_the_first_administrator_gets_an_address_and_its_end(call: Call) -> None:
    """Shown this once: the list does not repeat it, and the log says who invited whom."""
    made = call(*ADAM).stdout
    listed = call("users", "list").stdout

    assert made.startswith(
        "Adam Amin (amin) : administrateur.\n"
        "Invitation, montrée cette seule fois, valable jusqu'au mer. 10/03/2027 à 09 h 12 :\n"
        "  https://soins.hopital.test/invitation/"
    )
    code = made.strip().rpartition("/")[2]
    assert len(code) == 32
    assert code not in listed
    assert "amin         Adam Amin  administrateur  invité jusqu'au mer. 10/03/2027 à 09 h 12" in listed
    call("users", "add", "claire", "--name", "Claire", "--post", "administrator")
    records = json.loads(call("audit", "query", "--event", "account.added", "--json", who="claire").stdout)
    assert [(one["actor"], one["outcome"]) for one in records] == [("passerelle", "machine")] * 2


def test_a_house_is_opened_again_by_who_runs_its_commands(call: Call) -> None:
    """Its only administrator left: the commands ask for no account, and say whose system account it was."""
    call(*ADAM)
    assert call("users", "disable", "amin").stdout == "Adam Amin : compte désactivé.\n"
    assert "désactivé lun. 08/03/2027 à 09 h 12" in call("users", "list").stdout
    with pytest.raises(NotAllowed):
        call("users", "disable", "amin")

    again = json.loads(call("users", "invite", "amin", "--json").stdout)

    assert again["disabled_at"] is None
    assert again["invitation"].endswith(again["code"])


def test_functions_are_replaced(call: Call) -> None:
    """By those that are given; a function that this party has not is refused."""
    call(*ADAM)

    changed = call("users", "posts", "amin", "--post", "auditor", "--post", "secretariat")

    assert changed.stdout == "Adam Amin : secrétariat, auditeur.\n"
    with pytest.raises(AccessInvalid, match="secretariat, physician, administrator, auditor"):
        call("users", "posts", "amin", "--post", "agent")


def test_an_account_is_linked_to_a_person_of_the_provider(call: Call, hospital: Installed) -> None:
    """By a lasting id that no other account has; only where the configuration names a provider."""
    call(*ADAM)
    assert call("users", "link", "amin", "4f1c").exit_code == 2
    with hospital.config.open("a", encoding="utf-8") as file:
        file.write('[web.oidc]\nissuer = "https://id.hopital.test"\nclient_id = "p"\nclient_secret = { env = "X" }\n')

    assert call("users", "link", "amin", "4f1c").stdout == "Adam Amin : compte relié au fournisseur d'identité.\n"
    assert "ouvert" in call("users", "list").stdout
    call("users", "add", "autre", "--name", "Autre Personne", "--post", "auditor")
    for subject in ("4f1c", " "):
        with pytest.raises(AccessInvalid):
            call("users", "link", "autre", subject)
    again = json.loads(call("users", "invite", "amin", "--json").stdout)
    assert again["subject"] is None


def test_without_a_console_the_invitation_waits_for_one(call: Call, hospital: Installed) -> None:
    """The path is given, and what lacks."""
    text = hospital.config.read_text(encoding="utf-8")
    hospital.config.write_text(text.partition("\n[web]")[0] + "\n", encoding="utf-8")

    made = call(*ADAM).stdout

    assert "n'a pas de section [web]" in made
    assert "\n  /invitation/" in made
    assert call("users", "list").exit_code == 0


def test_no_account_is_told_for_what_it_means(call: Call) -> None:
    """Rights are asked as soon as there is one."""
    assert call("users", "list").stdout == "Aucun compte : qui peut lancer ces commandes peut tout faire.\n"


def test_it_speaks_english(gateway: Gateway, hospital: Installed) -> None:
    """What is printed and what is refused."""
    made = gateway(*ADAM, "--config", str(hospital.config), "--lang", "en")
    refused = gateway("users", "invite", "nobody", "--config", str(hospital.config), "--lang", "en")
    faulty = gateway(
        *("users", "add", "a", "--name", "1", "--post", "agent"), "--config", str(hospital.config), "--lang", "en"
    )

    assert made.out.startswith("Adam Amin (amin): administrator.\nInvitation, shown this once, valid until Wed 10 Mar")
    assert (refused.code, refused.err.splitlines()[0]) == (2, "Unknown reference: account nobody.")
    assert faulty.err.splitlines()[0] == "Nothing is done; to correct:"
    assert len(faulty.err.splitlines()) == 5
