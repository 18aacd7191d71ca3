"""``gateway proof`` as persons use it, on a real database: two persons named, a request without any acknowledgement."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway import records
from gateway.cli.commands import app
from gateway.domain.errors import FileUnreadable, GatewayError, NotAllowed, Unknown
from gateway.services.attested import UNMATCHED
from gateway.storage import Case, Direction, Mail, Message, Request, Verdict
from tests.cli.installed import Installed, install, run_requests
from tests.services.fakes import FakeClock

NOW = datetime(2027, 3, 10, 9, tzinfo=UTC)
RECEIVED = NOW - timedelta(days=3)
REF = "7F3K-Q1"
Call = Callable[..., Result]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of all commands."""
    made = FakeClock(NOW)
    monkeypatch.setattr("gateway.records.SystemClock", lambda: made)
    monkeypatch.setattr("gateway.adapters.clock.SystemClock", lambda: made)
    return made


@pytest.fixture
def hospital(tmp_path: Path, clock: FakeClock) -> Installed:
    """A hospital with two persons, and a request whose period runs from a signed receipt."""
    made = install(tmp_path / "h", clock, people=("claire", "luc"))
    clock.at = RECEIVED
    run_requests(made, [RECEIVED])
    clock.at = NOW
    asyncio.run(_mails(made))
    return made


async def _mails(made: Installed) -> None:
    """A key for the case, the message of the request, and a mail for each reason for which nothing moved."""
    async with records.open_base(made.settings, clock=None) as base, base.store.act() as act:
        key, (case,) = await act.add(base.cabinet.new_case_key()), await act.all(Case)
        await act.save(replace(case, vault_key=key.id))
        request_hash = (await act.all(Request))[0].hash
        await act.add(
            Message(
                site=base.settings.gateway.site,
                direction=Direction.OUT,
                kind="EXTENSION_REQUEST",
                partner="cnas+cnse",
                message_id="<1@hopital.test>",
                mic=request_hash,
                at=RECEIVED - timedelta(days=3),
                case_id=1,
                request_hash=request_hash,
            )
        )
        for number, reason in enumerate((*UNMATCHED, "not-sealed"), 1):
            await act.add(
                Mail(
                    site=base.settings.gateway.site,
                    mailbox="m",
                    folder="INBOX",
                    uidvalidity=1,
                    uid=number,
                    verdict=Verdict.AUTOMATIC if reason.startswith("bounce") else Verdict.TRIAGE,
                    step=None,
                    reason=reason,
                    partner="cnas",
                    held_back=reason == "matches-nothing",
                    internaldate=NOW,
                    received_earliest=NOW,
                    received_latest=NOW,
                    recorded_at=NOW,
                    likely_case=1 if reason == "bounce-address" else None,
                )
            )


@pytest.fixture
def call(hospital: Installed, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command as Claire, or as who is told; a refusal is raised as the command line would print it."""

    def run(*arguments: str, who: str = "claire") -> Result:
        monkeypatch.setenv("SUDO_USER", who)
        result = CliRunner().invoke(app, ["proof", *arguments, "--config", str(hospital.config)])
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    return run


def data(result: Result) -> Any:
    """What a command printed as JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def scan(tmp_path: Path) -> str:
    """A scan of a stamped page."""
    path = tmp_path / "tampon.pdf"
    path.write_bytes(b"%PDF-1.4 tampon")
    return str(path)


def test_two_persons_bring_a_proof(call: Call, scan: str, tmp_path: Path) -> None:
    """One brings it, the other looks at it and confirms it; the list says who, when and what it is worth."""
    brought = call("enter", REF, "--received", "2027-03-06", "--scan", scan)
    assert "Preuve 1 apportée par Claire : réception sam. 06/03/2027 à 23 h 59." in brought.output
    assert "gateway proof confirm 1" in brought.output
    with pytest.raises(NotAllowed, match="seconde personne"):
        call("confirm", "1")
    saved = call("save", "1", "--to", str(tmp_path / "out"), who="luc")
    assert Path(saved.output.strip()).name == "preuve-1.pdf"
    assert Path(saved.output.strip()).read_bytes() == b"%PDF-1.4 tampon"
    assert "Elle compte ; confirmée par Luc." in call("confirm", "1", who="luc").output
    listed = call("list", REF).output
    assert "preuve apportée par une personne" in listed
    assert "début du délai" in next(line for line in listed.splitlines() if "preuve apportée" in line)
    told = data(call("list", REF, "--json"))
    assert [(row["kind"], row["starts"]) for row in told["evidence"]] == [("receipt", False), ("entered", True)]
    assert [(row["id"], row["counted"], row["settled_by"]) for row in told["entered"]] == [(1, True, "Luc")]


def test_a_proof_may_be_put_aside(call: Call, scan: str) -> None:
    """And says so."""
    call("enter", REF, "--received", "06/03/2027", "--scan", scan)
    assert "Écartée par Luc." in call("decline", "1", who="luc").output
    with pytest.raises(Unknown, match="preuve en attente 1"):
        call("confirm", "1", who="luc")


def test_an_instant_has_its_zone(call: Call, scan: str) -> None:
    """Typed exactly, it is kept exactly."""
    told = data(call("enter", REF, "--received", "2027-03-06T10:05+01:00", "--scan", scan, "--json"))
    assert told["received_at"] == "2027-03-06T09:05:00Z"


@pytest.mark.parametrize("typed", ["hier", "2027-03-06T10:05", "1027-03-06", "9999-01-01"])
def test_what_is_no_day_or_instant_is_refused(call: Call, scan: str, typed: str) -> None:
    """Before anything is opened."""
    assert call("enter", REF, "--received", typed, "--scan", scan).exit_code == 2


def test_a_scan_that_is_not_there_is_said(call: Call) -> None:
    """With its path."""
    with pytest.raises(FileUnreadable, match=r"absent\.pdf"):
        call("enter", REF, "--received", "2027-03-06", "--scan", "absent.pdf")


def test_what_fits_nothing_is_listed(call: Call) -> None:
    """Every reason, what each is, the case that it seems to be about, and whether it holds a silence back."""
    told = data(call("unmatched", "--json"))
    assert sorted(row["reason"] for row in told) == sorted(UNMATCHED)
    assert [row["likely_case"] for row in told if row["reason"] == "bounce-address"] == [REF]
    printed = call("unmatched").output
    assert "accusé qui ne répond à aucun de nos courriers" in printed
    assert "avis de non-remise en texte libre : cette adresse n'existe pas là-bas" in printed
    assert printed.count("retient") == 1
    assert "not-sealed" not in printed


def test_a_report_of_a_case_is_listed_with_it(call: Call) -> None:
    """Although it attests nothing."""
    printed = call("list", REF).output
    assert "Aussi reçu, qui ne prouve rien :" in printed
    assert "cette adresse n'existe pas là-bas" in printed


def test_an_unknown_case_is_said(call: Call) -> None:
    """As everywhere."""
    with pytest.raises(Unknown, match="dossier ZZZZ-ZZ"):
        call("list", "ZZZZ-ZZ")
