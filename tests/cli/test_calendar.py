"""``gateway calendar`` as persons use it, on a real database: the eve of a feast that may move, two persons named."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.cli.commands import app
from gateway.domain.errors import ConfigUnreadable, GatewayError
from tests.cli.installed import Installed, install, run_requests
from tests.services.fakes import FakeClock

EVE = datetime(2027, 3, 8, 8, 12, tzinfo=UTC)
"""The eve of the day on which Eid al-Fitr is expected: Tuesday 9 March 2027."""

RECEIVED = [datetime(2027, 3, day, 9, tzinfo=UTC) for day in (4, 7, 8, 3)]
ANNOUNCED = ("set", "2027-03-10", "--days", "3", "--feast", "fitr-1448", "--source", "communiqué du 8 mars")
Call = Callable[..., Result]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of all commands."""
    made = FakeClock(EVE)
    monkeypatch.setattr("gateway.records.SystemClock", lambda: made)
    monkeypatch.setattr("gateway.adapters.clock.SystemClock", lambda: made)
    return made


@pytest.fixture
def hospital(tmp_path: Path, clock: FakeClock) -> Installed:
    """A hospital with two persons and four periods open."""
    made = install(tmp_path / "h", clock, people=("claire", "luc"))
    run_requests(made, RECEIVED)
    return made


@pytest.fixture
def call(hospital: Installed, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command as Claire, or as who is told; a refusal is raised as the command line would print it."""

    def run(*arguments: str, who: str = "claire", group: str = "calendar") -> Result:
        monkeypatch.setenv("SUDO_USER", who)
        result = CliRunner().invoke(app, [group, *arguments, "--config", str(hospital.config)])
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    return run


def data(result: Result) -> Any:
    """What a command printed as JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def told(result: Result) -> list[str]:
    """What it printed for a person."""
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


# --- show


def test_a_month_shows_each_day_with_its_source_and_the_feast_that_may_move(call: Call) -> None:
    """In words."""
    assert told(call("show", "--month", "2027-03")) == [
        "Jour             Compté     Nom               Statut  Source          Saisi par",
        "mar. 09/03/2027  incertain  Aïd el-Fitr 1448  prévu   holidays 0.109  distribution",
        "mer. 10/03/2027  non        Aïd el-Fitr 1448  prévu   holidays 0.109  distribution",
        "jeu. 11/03/2027  incertain  Aïd el-Fitr 1448  prévu   holidays 0.109  distribution",
        "Le vendredi et le samedi ne comptent jamais.",
        "À confirmer : Aïd el-Fitr 1448 (fitr-1448), à partir du lun. 08/03/2027, mar. 09/03/2027 ou mer. 10/03/2027.",
        "Le calendrier est complet jusqu'au ven. 31/12/2027.",
    ]


def test_a_year_from_today_is_shown_when_nothing_is_asked(call: Call) -> None:
    """As data; and a month, a year or a range when one is."""
    plain = data(call("show", "--json"))

    assert (plain["from"], plain["until"]) == ("2027-03-08", "2028-03-07")
    assert (plain["covers_from"], plain["covers_until"]) == ("2023-01-01", "2027-12-31")
    assert plain["days"][0] == {
        "date": "2027-03-09",
        "name": "Aïd el-Fitr 1448",
        "feast": "fitr-1448",
        "status": "forecast",
        "off": True,
        "source": "holidays 0.109",
        "recorded_at": "2026-11-22T12:00:00Z",
        "recorded_by": "distribution",
        "counted": False,
        "uncertain": True,
    }
    assert [feast["feast"] for feast in plain["uncertain_feasts"]][:2] == ["fitr-1448", "adha-1448"]
    assert plain["uncertain_feasts"][0]["moves"] == [-1, 0, 1]
    assert plain["proposals"] == []
    ranges = [("--month", "2026-12"), ("--year", "2026"), ("--from", "2026-03-20", "--until", "22/03/2026")]
    seen = [data(call("show", *each, "--json")) for each in ranges]
    assert [(each["from"], each["until"]) for each in seen] == [
        ("2026-12-01", "2026-12-31"),
        ("2026-01-01", "2026-12-31"),
        ("2026-03-20", "2026-03-22"),
    ]


def test_without_an_installation_the_shipped_calendar_is_shown(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And exported, and used by ``clock compute``; but a configuration that was named must be there."""
    assert clock.now() == EVE
    monkeypatch.setattr("gateway.cli.session.DEFAULT_CONFIG", tmp_path / "absent.toml")
    nowhere = ("--config", str(tmp_path / "absent.toml"))
    run = CliRunner().invoke

    shown = data(run(app, ["calendar", "show", "--json", *nowhere]))
    exported = run(app, ["calendar", "export", *nowhere])
    computed = data(run(app, ["clock", "compute", "--received", "2027-03-04T10:00:00+01:00", "--json", *nowhere]))

    shipped = load_calendar(SHIPPED_CALENDAR)
    assert shown["version"] == computed["calendar"] == shipped.version
    assert exported.stdout.startswith("covers_from = 2023-01-01\n")
    named = run(app, ["calendar", "show", "--config", str(tmp_path / "other.toml")])
    assert isinstance(named.exception, ConfigUnreadable)


# --- what if


def test_a_feast_moved_by_a_day_shows_what_the_open_periods_would_become(call: Call, hospital: Installed) -> None:
    """Eid on Wednesday the 10th: five days sooner, one day sooner twice, one end that stays; nothing is recorded."""
    before = hospital.database.read_bytes()

    lines = told(call("show", "--what-if", "fitr-1448=+1"))
    plain = data(call("show", "--what-if", "fitr-1448=+1", "--json"))

    assert lines[0] == "Et si… Rien n'est enregistré."
    assert "Délais en cours : 4, dont 4 à la fin changée." in lines
    rows = [line.split("  ") for line in lines if line.startswith("7F3K")]
    assert [(row[0], row[4].strip(), row[5].strip()) for row in rows] == [
        ("7F3K-Q1", "mar. 09/03/2027", "5 jours plus tôt"),
        ("7F3K-Q2", "dim. 14/03/2027", "1 jour plus tôt"),
        ("7F3K-Q3", "lun. 15/03/2027", "1 jour plus tôt"),
        ("7F3K-Q4", "lun. 08/03/2027", "même fin, certaine"),
    ]
    assert rows[0][3].strip() == "dim. 14/03/2027, entre mar. 09/03/2027 et dim. 14/03/2027"
    assert (plain["standing"], plain["act"], plain["needs_second_person"]) == ("previewed", None, True)
    assert [period["after"]["tacit_at"][:10] for period in plain["periods"]] == [
        *("2027-03-09", "2027-03-14", "2027-03-15", "2027-03-08"),
    ]
    assert hospital.database.read_bytes() == before


@pytest.mark.parametrize("wrong", ["fitr-1448", "fitr-1448=", "=+1", "fitr-1448=+999", "fitr-1448=demain"])
def test_a_move_that_is_none_is_explained(call: Call, wrong: str) -> None:
    """Usage, with an example."""
    result = call("show", "--what-if", wrong)

    assert result.exit_code == 2
    assert "fitr-1448=+1" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ANNOUNCED,
        ("remove", "2027-05-01", "--source", "loi abrogée"),
        ("import", "FILE"),
        ("propose", "2028"),
        ("show", "--what-if", "adha-1448=-1"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_preview_changes_no_byte(call: Call, hospital: Installed, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Every command that can preview."""
    file = tmp_path / "rows.json"
    row = {"date": "2027-03-15", "name": "Deuil", "feast": "deuil", "status": "official", "source": "JO"}
    file.write_text(json.dumps([row]), encoding="utf-8")
    before = hospital.database.read_bytes()
    words = [str(file) if word == "FILE" else word for word in arguments]
    if arguments[0] not in {"propose", "show"}:
        words.append("--what-if")

    plain = data(call(*words, "--json"))
    call(*words)

    assert plain["standing"] == "previewed"
    assert hospital.database.read_bytes() == before
    assert not hospital.database.with_name("gateway.sqlite3-wal").exists()


# --- acts


def test_an_announcement_is_proposed_by_one_and_confirmed_by_the_other(call: Call) -> None:
    """Claire cannot confirm herself; Luc does, and every open period follows."""
    proposed = told(call(*ANNOUNCED))
    assert proposed[0] == "Proposition n° 1, enregistrée : elle attend une seconde personne."
    assert proposed[-1] == "La seconde personne : gateway calendar confirm 1"
    shown = told(call("show", "--month", "2027-03"))
    assert "Proposition n° 1, de Claire : communiqué du 8 mars" in shown
    assert data(call("show", "7F3K-Q1", "--json", group="case"))["requests"][0]["tacit_at"] == "2027-03-14T23:00:00Z"
    for again in (("confirm", "1"), ANNOUNCED):
        with pytest.raises(GatewayError, match="seconde personne"):
            call(*again)

    looked = data(call("confirm", "1", "--what-if", "--json", who="luc"))
    confirmed = told(call("confirm", "1", who="luc"))

    assert looked["periods"][0]["after"]["tacit_at"] == "2027-03-09T23:00:00Z"
    assert confirmed[0] == "Acte n° 1, enregistré et en vigueur."
    assert any("5 jours plus tôt" in line for line in confirmed)
    request = data(call("show", "7F3K-Q1", "--json", group="case"))["requests"][0]
    assert (request["tacit_at"], request["latest_tacit_at"]) == ("2027-03-09T23:00:00Z", "2027-03-09T23:00:00Z")
    assert "mer. 10/03/2027  non     Aïd el-Fitr 1448  officiel  communiqué du 8 mars  Claire & Luc" in told(
        call("show", "--month", "2027-03")
    )


def test_what_explains_a_period_uses_the_calendar_in_force(call: Call) -> None:
    """``clock explain``, ``case show`` and ``clock compute``; ``--calendar`` still takes a file."""
    call("set", "2027-03-08", "--name", "Deuil national", "--feast", "deuil", "--source", "JO")

    (explained,) = data(call("explain", "7F3K-Q1", "--json", group="clock"))
    shown = call("show", "7F3K-Q1", group="case").stdout
    received = ("compute", "--received", RECEIVED[0].isoformat(), "--json")
    computed = data(call(*received, group="clock"))
    shipped = data(call(*received, "--calendar", str(SHIPPED_CALENDAR), group="clock"))

    names = [[day["name"] for day in told["days"]] for told in (explained, computed, shipped)]
    assert ["Deuil national" in each for each in names] == [True, True, False]
    assert "Deuil national" in shown
    assert explained["tacit_at"] == computed["tacit_at"]


def test_a_delay_is_in_force_at_once_and_taken_back_by_two(call: Call) -> None:
    """A second person may also say that it was right: the proposal is put aside."""
    delayed = data(call("set", "15/03/2027", "--name", "Deuil", "--feast", "deuil", "--source", "JO", "--json"))
    assert (delayed["standing"], delayed["act"]) == ("in_force", 1)
    moved = [period["case"] for period in delayed["periods"] if period["moved"]]
    assert moved == ["7F3K-Q2", "7F3K-Q3"]

    proposed = data(call("remove", "2027-03-15", "--source", "erreur", "--json"))
    declined = told(call("decline", "2", "--source", "le JO le dit bien", who="luc"))

    assert proposed["standing"] == "proposed"
    assert declined == ["Proposition n° 2 écartée ; le calendrier ne change pas."]
    assert data(call("show", "--json"))["proposals"] == []


def test_a_past_day_is_observed(call: Call, clock: FakeClock) -> None:
    """Yesterday was worked: the feast did not come a day early, which ends one hypothesis, and one period sooner."""
    clock.advance(timedelta(days=1))

    effect = data(
        call("set", "2027-03-08", "--status", "observed", "--worked", "--source", "Dr Z., par téléphone", "--json")
    )

    call("confirm", "1", who="luc")

    assert [row["name"] for row in effect["stated"]] == ["Jour ordinaire"]
    assert effect["standing"] == "proposed"
    assert data(call("show", "--json"))["uncertain_feasts"][0]["moves"] == [0, 1]


def test_a_year_is_proposed_shown_and_recorded_by_two(call: Call) -> None:
    """2028: shown without a trace, then recorded; complete to its end once confirmed."""
    shown = told(call("propose", "2028"))
    assert shown[:2] == [
        "Ce calcul s'est trompé pour 5 fêtes sur 10 en 2024 et 2025 : chaque fête reste à confirmer.",
        "Et si… Rien n'est enregistré.",
    ]
    assert "  + sam. 26/02/2028  Aïd el-Fitr 1449 (fitr-1449), prévu" in shown
    assert "  Complet jusqu'au dim. 31/12/2028" in shown

    recorded = data(call("propose", "2028", "--record", "--json"))
    call("confirm", str(recorded["act"]), who="luc")

    assert (recorded["verb"], recorded["standing"]) == ("forecast", "proposed")
    assert {row["status"] for row in recorded["stated"]} == {"fixed", "forecast"}
    assert data(call("show", "--json"))["covers_until"] == "2028-12-31"
    with pytest.raises(GatewayError, match="déjà"):
        call("propose", "2028")


@pytest.mark.parametrize("form", ["toml", "json"])
def test_what_is_exported_can_be_imported_and_configured(
    call: Call, hospital: Installed, tmp_path: Path, form: str
) -> None:
    """Here it adds nothing; elsewhere all of it; as a configured file it is the same calendar to the last bit."""
    call("set", "15/03/2027", "--name", 'Deuil « 1 » \\ "2"', "--feast", "deuil", "--source", "JO")
    version = data(call("show", "--json"))["version"]
    file = tmp_path / f"calendar.{form}"

    call("export", "--format", form, "--output", str(file))

    assert load_calendar(file).version == version
    assert call("export", "--format", form).stdout == file.read_text(encoding="utf-8")
    with pytest.raises(GatewayError, match="déjà"):
        call("import", str(file))
    other = install(tmp_path / "other", hospital.clock, people=("claire",))
    imported = data(CliRunner().invoke(app, ["calendar", "import", str(file), "--json", "--config", str(other.config)]))
    assert [(row["name"], row["source"]) for row in imported["stated"]] == [('Deuil « 1 » \\ "2"', "JO")]
    assert (imported["standing"], imported["source"]) == ("in_force", file.name)


def test_a_list_of_rows_is_imported_without_extending_the_calendar(call: Call, tmp_path: Path) -> None:
    """As the vectors have them: it says nothing of how complete it is."""
    file = tmp_path / "rows.json"
    file.write_text('[{"date": "2029-01-01", "name": "An", "status": "fixed", "source": "loi"}]', encoding="utf-8")

    effect = data(call("import", str(file), "--source", "courrier du ministère", "--json"))

    assert (effect["covers_until"], effect["standing"]) == (None, "in_force")
    assert data(call("show", "--json"))["covers_until"] == "2027-12-31"


# --- refusals


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "2027-03-10", "--days", "3", "--source", "c"), "--feast fitr-1448"),
        (("set", "2027-03-10", "--feast", "fitr-1448", "--source", "c"), "donnez-les tous"),
        (("set", "2027-04-07", "--name", "J", "--status", "observed", "--source", "c"), "seul un jour passé"),
        (("set", "2027-04-07", "--source", "c"), "--name"),
        (("remove", "2027-04-07", "--source", "c"), "07/04/2027"),
        (("confirm", "7"), "proposition de calendrier 7"),
        (("decline", "7", "--source", "c"), "calendar show"),
        (("show", "--what-if", "nawak=+1"), "fitr-1448"),
        (("import", "/absent.toml"), "/absent.toml"),
        (("export", "--output", "/absent/file"), "/absent/file"),
    ],
    ids=lambda told: " ".join(told[:2]) if isinstance(told, tuple) else "",
)
def test_a_refusal_says_why_and_changes_nothing(
    call: Call, hospital: Installed, arguments: tuple[str, ...], words: str
) -> None:
    """What, why, the mend."""
    before = hospital.database.read_bytes()

    with pytest.raises(GatewayError) as caught:
        call(*arguments)

    assert words in caught.value.sentence()
    assert hospital.database.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "2027-04-07"),
        ("set", "demain", "--source", "c"),
        ("set", "2027-04-07", "--source", "  "),
        ("set", "2027-04-07", "--source", "c", "--status", "sure"),
        ("remove", "--source", "c"),
        ("show", "--from", "2027-03-02", "--until", "2027-03-01"),
        ("show", "--month", "mars"),
        ("propose", "1789"),
    ],
    ids=" ".join,
)
def test_a_slip_in_the_command_is_a_matter_of_usage(call: Call, arguments: tuple[str, ...]) -> None:
    """Exit code 2, no traceback."""
    assert call(*arguments).exit_code == 2


def test_only_a_person_of_the_configuration_acts(call: Call) -> None:
    """Anybody who may run the command may look."""
    with pytest.raises(GatewayError, match="people"):
        call(*ANNOUNCED, who="inconnu")
    assert call(*ANNOUNCED, "--what-if", who="inconnu").exit_code == 0


# --- status


def test_status_tells_the_horizon_and_what_waits(call: Call, clock: FakeClock) -> None:
    """Ninety days before the end it asks for the next year; the calendar alone never makes the gateway unwell."""
    call(*ANNOUNCED)
    lines = call(group="status").stdout
    assert "Calendrier algérien complet jusqu'au ven. 31/12/2027" in lines
    assert "Propositions de calendrier en attente d'une seconde personne : 1" in lines

    clock.go_to(datetime(2027, 10, 3, tzinfo=UTC))
    late = call(group="status").stdout
    plain = json.loads(call("--json", group="status").stdout)

    assert "LE CALENDRIER S'ÉPUISE : après le ven. 31/12/2027, aucun silence ne s'enregistre." in late
    assert "gateway calendar propose 2028 --record" in late
    seen = [plain[f"calendar_{name}"] for name in ("covers_until", "short", "proposals")]
    assert seen == ["2027-12-31", True, 1]
