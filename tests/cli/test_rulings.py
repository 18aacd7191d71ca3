"""``gateway challenge`` and ``gateway settle`` as persons use them, on a real database with two persons named."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.commands import app
from gateway.domain.errors import GatewayError, NotAllowed
from tests.cli.installed import Installed, install, record_silence, refuse, run_requests
from tests.services.fakes import FakeClock

REF = "7F3K-Q1"
RECEIVED = datetime(2027, 3, 14, 9, tzinfo=UTC)
END = datetime(2027, 3, 17, 23, tzinfo=UTC)
"""T: 24:00 in Algiers of the Wednesday."""

MINUTE = timedelta(minutes=1)
WHY = ("--because", "la télécopie du 17 a été retrouvée")
Call = Callable[..., Result]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of all commands, some days after the end."""
    made = FakeClock(END + timedelta(days=3))
    monkeypatch.setattr("gateway.records.SystemClock", lambda: made)
    monkeypatch.setattr("gateway.adapters.clock.SystemClock", lambda: made)
    return made


@pytest.fixture
def hospital(tmp_path: Path, clock: FakeClock) -> Installed:
    """A hospital with two persons and a period that is over."""
    made = install(tmp_path / "h", clock, people=("claire", "luc"))
    run_requests(made, [RECEIVED])
    return made


@pytest.fixture
def call(hospital: Installed, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command as Claire, or as who is told; a refusal is raised as the command line would print it."""

    def run(*arguments: str, who: str = "claire") -> Result:
        monkeypatch.setenv("SUDO_USER", who)
        result = CliRunner().invoke(app, [*arguments, "--config", str(hospital.config)])
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    return run


def told(result: Result) -> str:
    """What it printed for a person."""
    assert result.exit_code == 0, result.output
    return result.stdout


def data(result: Result) -> Any:
    """What it printed as JSON."""
    return json.loads(told(result))


def challenged(hospital: Installed) -> None:
    """A silence is on record, and a refusal that came a minute before the end is found."""
    record_silence(hospital)
    refuse(hospital, received=END - MINUTE, stated=END - MINUTE)


def test_every_later_print_says_that_an_acceptance_is_challenged(hospital: Installed, call: Call) -> None:
    """The case, the explanation of its period, who pays, the worklist, the state; for persons and as data."""
    challenged(hospital)
    doubt = "une réponse reçue dans le délai a été trouvée depuis"
    assert f"MISE EN CAUSE : {doubt}" in told(call("case", "show", REF))
    assert f"MISE EN CAUSE : {doubt}" in told(call("clock", "explain", REF))
    assert "MISE EN CAUSE" in told(call("coverage", REF, "--at", "2027-07-15"))
    assert "gateway challenge withdraw" in told(call("todo"))
    assert "ACCEPTATIONS MISES EN CAUSE : 1" in call("status").stdout
    request = data(call("case", "show", REF, "--json"))["requests"][0]
    assert request["acceptance"]["contested"]
    assert request["acceptances"][0]["challenges"][0]["ground"] == "answer_in_time"
    assert data(call("clock", "explain", REF, "--json"))[0]["acceptances"][0]["contested"]
    assert data(call("coverage", REF, "--at", "2027-07-15", "--json"))["decides"]["contested"]


def test_the_list_tells_what_was_found_and_what_was_said_of_it(hospital: Installed, call: Call) -> None:
    """With who, when and why; once ruled on, only with --all."""
    challenged(hospital)
    first = told(call("challenge", "list"))
    assert "Dossier 7F3K-Q1, demande" in first
    assert "réputée acceptée à la fin du délai, mer. 17/03/2027 à 23 h 59, heure d'Alger" in first
    assert "par gateway : une réponse reçue dans le délai a été trouvée depuis (answer-1)" in first
    assert "gateway challenge uphold 7F3K-Q1 --because RAISON" in first
    call("challenge", "uphold", REF, *WHY)
    waiting = told(call("challenge", "list", REF))
    assert "« maintenue » selon Claire" in waiting
    assert "« la télécopie du 17 a été retrouvée »" in waiting
    call("challenge", "uphold", REF, *WHY, who="luc")
    assert "Aucune acceptation" in told(call("challenge", "list"))
    (row,) = data(call("challenge", "list", "--all", "--json"))
    assert (row["case"], row["open"], [each["person"] for each in row["rulings"]]) == (REF, False, ["Claire", "Luc"])
    assert row["rulings"][0]["words"] == WHY[1]


def test_a_withdrawal_takes_two_persons_and_says_where_the_request_stands(hospital: Installed, call: Call) -> None:
    """The record stays, and is shown as withdrawn ever after."""
    challenged(hospital)
    proposed = told(call("challenge", "withdraw", REF, *WHY))
    assert "« retirée », dit en votre nom ; une seconde personne doit dire la même chose" in proposed
    assert "Confirmer ce que Claire a dit de la demande" in told(call("todo"))
    done = told(call("challenge", "withdraw", REF, *WHY, who="luc"))
    assert "acceptation retirée, son enregistrement reste. La demande : refusée." in done
    assert "Ceux qui en avaient reçu l'avis reçoivent son retrait." in done
    assert "RETIRÉE" in told(call("case", "show", REF))
    request = data(call("case", "show", REF, "--json"))["requests"][0]
    assert (request["state"], request["acceptance"]) == ("refused", None)
    assert request["acceptances"][0]["withdrawn_at"] is not None


def test_a_person_challenges_what_no_machine_sees(hospital: Installed, call: Call) -> None:
    """One person, with a reason."""
    record_silence(hospital)
    said = told(call("challenge", "raise", REF, *WHY))
    assert "acceptation mise en cause en votre nom. Rien n'est défait." in said
    assert "par Claire : une personne met l'acceptation en cause" in told(call("challenge", "list"))
    with pytest.raises(NotAllowed, match="pourquoi"):
        call("challenge", "raise", REF, "--because", " ")


def test_a_dispute_shows_its_answer_and_how_to_settle_it(hospital: Installed, call: Call) -> None:
    """The two instants of the answer, and one command for each way."""
    refuse(hospital, received=END + MINUTE, stated=END - MINUTE)
    shown = told(call("case", "show", REF))
    assert "réponse n° 1 à départager : reçue entre jeu. 18/03/2027 à 00 h 01" in shown
    assert "datée mer. 17/03/2027 à 23 h 59" in shown
    duties = told(call("todo", REF))
    assert "gateway settle 7F3K-Q1 --in-time --because RAISON" in duties
    assert "gateway settle 7F3K-Q1 --late --because RAISON" in duties
    (answer,) = data(call("case", "show", REF, "--json"))["requests"][0]["answers"]
    assert (answer["in_dispute"], answer["says"]) == (True, "refused")


def test_late_waits_for_a_second_person_and_in_time_for_nobody(hospital: Installed, call: Call) -> None:
    """As each is told."""
    refuse(hospital, received=END + MINUTE, stated=END - MINUTE)
    assert "une seconde personne" in told(call("settle", REF, "--late", *WHY))
    done = told(call("settle", REF, "--in-time", *WHY, who="luc"))
    assert done == "Dossier 7F3K-Q1 : réponse comptée « à temps ». La demande : refusée.\n"
    with pytest.raises(NotAllowed, match="Aucune demande n'y est ouverte"):
        call("settle", REF, "--in-time", *WHY)
