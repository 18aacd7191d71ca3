"""Commands about readers, as a person types them on an installed gateway."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import records
from gateway.adapters.openpgp.keyfiles import export_public, own_fingerprint
from gateway.cli.commands import app
from gateway.cli.readers import show_handovers, summary
from gateway.config import load
from gateway.domain.readers import Share, State, Way
from gateway.storage import Case, Direction, Message, ReaderHandover

REF = "7F3K-Q2"
AT = datetime(2027, 3, 13, 9, 0, tzinfo=UTC)
READERS = """
[people]
{account} = "Camille Martin"

[readers.dr-fabre]
functions = ["hospital.treating_physician"]
folder = "fabre"

[readers.dr-leroy]
functions = ["hospital.treating_physician"]
address = "leroy@hopital.test"

[readers.bureau]
functions = ["hospital.administration"]
notice = "bureau@hopital.test"
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital as ``gateway init`` makes it, with readers, and a case that received a mail."""
    folder = tmp_path_factory.mktemp("hopital")
    (folder / "password").write_text("secret")
    (folder / "password").chmod(0o600)
    path = folder / "gateway.toml"
    options = ["init", "--role", "hospital", "--party", "chu-essai", "--name", "CHU", "--address", "soins@hopital.test"]
    options += ["--imap-host", "imap.test", "--smtp-host", "smtp.test", "--password-file", str(folder / "password")]
    options += ["--own-mta", "mx.test", "--cnas", "conv@cnas.test", "--cnse", "med@cnse.test", "--config", str(path)]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    from gateway.cli.session import system_user

    path.write_text(path.read_text(encoding="utf-8") + READERS.format(account=system_user()), encoding="utf-8")
    asyncio.run(_fill(path))
    return path


async def _fill(path: Path) -> None:
    async with records.open_base(load(path)) as base, base.store.act() as act:
        key = await act.add(base.cabinet.new_case_key())
        site = base.settings.gateway.site
        case = await act.add(
            Case(site=site, ref=REF, hospital="chu-essai", vault_key=key.id, opened_at=AT, authorised_until=None)
        )
        message = await act.add(
            Message(
                site=site,
                direction=Direction.IN,
                kind="CARE_REQUEST",
                partner="cnas",
                message_id="<a@cnas.test>",
                mic="0" * 64,
                at=AT,
                case_id=case.id,
            )
        )
        await act.add(handover(message=message.id, site=site, reader=None, way=None, state=State.WAITING))


def handover(**changes: Any) -> ReaderHandover:
    """What the physician is owed."""
    options: dict[str, Any] = {
        "site": "s",
        "message": 1,
        "reader": "dr-fabre",
        "share": Share.WHOLE,
        "way": Way.FOLDER,
        "state": State.DONE,
        "due_at": AT,
        "handed_at": AT,
    }
    return ReaderHandover(**(options | changes))


def run(config: Path, *arguments: str, code: int = 0) -> str:
    """What the command prints; refusals of ours are exceptions that the main program prints."""
    done = CliRunner().invoke(app, [*arguments, "--config", str(config)])
    assert done.exit_code == code, done.output
    return done.output if code == 0 else done.output + str(done.exception)


def test_a_person_names_the_physician_of_a_case(config: Path) -> None:
    """The case shows them, what waited is owed to them, and the log names who decided."""
    assert "– " in run(config, "case", "show", REF)
    assert run(config, "case", "assign", REF, "dr-leroy") == f"Dossier {REF} : confié à dr-leroy.\n"
    shown = run(config, "case", "show", REF)
    assert "Médecin : dr-leroy" in shown
    assert "1        dr-leroy  tout  courrier scellé  à remettre  –" in shown
    assert "dr-leroy : à remettre" in run(config, "message", "list")
    told = json.loads(run(config, "case", "assign", REF, "dr-fabre", "--json"))
    assert told == {"case": REF, "physician": "dr-fabre"}
    data = json.loads(run(config, "case", "show", REF, "--json"))
    assert data["physician"] == "dr-fabre"
    assert {(row["reader"], row["state"]) for row in data["handovers"]} == {
        (None, "cancelled"),
        ("dr-leroy", "cancelled"),
        ("dr-fabre", "pending"),
    }
    records = json.loads(run(config, "audit", "query", "--event", "case.assigned", "--json"))
    assert [record["actor"] for record in records] == ["Camille Martin", "Camille Martin"]
    (first,) = json.loads(run(config, "message", "list", "--json"))
    assert len(first["handovers"]) == 3


def test_an_unknown_reader_and_one_who_is_no_physician_are_refused(config: Path) -> None:
    """In words; the case stays as it is."""
    assert "lecteur dr-inconnu" in run(config, "case", "assign", REF, "dr-inconnu", code=1)
    assert "fonction médicale" in run(config, "case", "assign", REF, "bureau", code=1)


def test_the_key_of_a_reader_is_imported_like_a_partners(config: Path) -> None:
    """By its full fingerprint; it says whose it is, partner or reader, and never both."""
    own = load(config).openpgp.folder
    key = config.parent / "leroy.asc"
    key.write_text(export_public(own))
    fingerprint = own_fingerprint(own)
    told = run(config, "keys", "import", str(key), "--reader", "dr-leroy", "--fingerprint", fingerprint)
    assert told.startswith("Clé de reader:dr-leroy enregistrée")
    assert "reader:dr-leroy" in run(config, "keys", "list")
    assert "--partner ou --reader" in run(config, "keys", "import", str(key), code=2)
    both = run(config, "keys", "import", str(key), "--reader", "dr-leroy", "--partner", "cnas", code=2)
    assert "--partner ou --reader" in both
    unknown = run(config, "keys", "import", str(key), "--reader", "dr-fabre", "--fingerprint", fingerprint, code=1)
    assert "reader:dr-fabre" in unknown


def test_status_counts_hand_overs_that_fail_and_those_that_wait(config: Path) -> None:
    """Only when there are any; they do not make the gateway unwell by themselves."""
    assert (
        json.loads(CliRunner().invoke(app, ["status", "--json", "--config", str(config)]).stdout)["failing_handovers"]
        == 0
    )
    asyncio.run(_add_failed(config))
    shown = CliRunner().invoke(app, ["status", "--config", str(config)]).stdout
    assert "Remises aux lecteurs : 1 en échec, " in shown


async def _add_failed(path: Path) -> None:
    async with records.open_base(load(path)) as base, base.store.act() as act:
        site = base.settings.gateway.site
        await act.add(handover(site=site, reader="bureau", share=Share.NOTICE, state=State.FAILED, handed_at=None))


def test_who_got_a_notice_was_told_and_has_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A notice is no hand-over; what was cancelled is not shown."""
    rows = [
        handover(),
        handover(reader="bureau", share=Share.WITHOUT_MEDICAL, way=Way.NOTICE),
        handover(reader="dr-leroy", share=Share.NOTICE, way=Way.MAIL, state=State.ERASED),
        handover(reader="dr-parti", state=State.CANCELLED),
    ]
    show_handovers(rows)
    _, _, first, second, third = capsys.readouterr().out.splitlines()
    assert first.split("  ")[0:1] == ["1"]
    assert "dr-fabre" in first
    assert " remis " in first
    assert "rien, un avis" in second
    assert "prévenu" in second
    assert "prévenu" in third
    assert summary(rows) == "dr-fabre : remis, bureau : prévenu, dr-leroy : prévenu"


def test_without_readers_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A gateway without readers looks as before."""
    show_handovers([])
    assert capsys.readouterr().out == ""
