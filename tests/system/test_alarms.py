"""A request that nobody acknowledges, on real mail and a clock that moves: people are told, by mail and otherwise."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.mailserver import Account, Machine
from tests.system.documents import fiche, papers
from tests.system.gateways import Gateway, Trio, until
from tests.system.search import occurrences
from tests.system.steps import attached, counted, move_to, now, raw_mails

pytestmark = pytest.mark.system

MARKERS = {"patient": "Qanarïenne-Vexilla", "care": "curiethérapie-zoltrique", "attachment": "Hémostase-Brumaflore"}
HOUR = timedelta(hours=1)

STAFF = """
[alarms]
command = ["{command}"]

[staff.accueil]
address = "{accueil}"
functions = ["secretariat"]

[staff.direction]
address = "{direction}"
functions = ["secretariat"]
"""


def told(account: Account, machine: Machine) -> list[tuple[str, str]]:
    """Subject and text of each mail of a person."""
    mails = [message_from_bytes(raw, policy=policy.default) for raw in raw_mails(account, machine)]
    return [(str(mail["Subject"]), str(mail.get_content())) for mail in mails]


def about_receipts(mails: Sequence[tuple[str, str]]) -> list[str]:
    """The lines of these mails that say which alarm about a receipt started or ended."""
    found = []
    for _subject, text in mails:
        for head, sentence in re.findall(r"(?m)^(\S.* – alarme n° \d+)[^\n]*\n([^\n]+)", text):
            if "accusé de réception" in sentence:
                found.append(head.partition(" – ")[0])
    return found


def standing(hospital: Gateway) -> dict[str, Any]:
    """The alarms that stand, by kind."""
    return {row["kind"]: row for row in hospital.json("alarms")}


def calls(path: Path) -> list[dict[str, Any]]:
    """What the command of the house was given about receipts."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    return [call for call in found if call["kind"].startswith("receipt_")]


def configure(hospital: Gateway, given: Path, office: Account, board: Account) -> None:
    """Two people, and a command that keeps what it is given."""
    script = given.with_name("call")
    script.write_text(f'#!/bin/sh\ncat >> "{given}"\n', encoding="utf-8")
    script.chmod(0o700)
    with hospital.config.open("a", encoding="utf-8") as config:
        config.write(STAFF.format(command=script, accueil=office.address, direction=board.address))


def test_a_request_that_nobody_acknowledges_is_chased_over_real_mail(
    trio: Trio, tmp_path: Path, mail_machine: Machine
) -> None:
    """An hour, a crash, a day: a mail each; mail down: the command; the receipt at last: all hear that it is over."""
    hospital = trio.hospital
    office, board = (mail_machine.fresh_account("hopital.test") for _ in range(2))
    given = tmp_path / "calls"
    configure(hospital, given, office, board)
    words = {"patient.nom": MARKERS["patient"], "demande.soins": MARKERS["care"]}
    form = fiche(tmp_path / "fiche.toml", now(mail_machine).date(), words)
    hospital.start()
    sent = hospital.json("submit", str(form), *attached(papers(tmp_path, word=MARKERS["attachment"])))
    until(lambda: hospital.peek("SELECT 1 FROM requests WHERE state = 'sent'"), "the request has left")

    move_to(mail_machine, now(mail_machine) + HOUR)
    until(lambda: about_receipts(told(office, mail_machine)), "the office is told")
    hospital.kill()
    hospital.start()
    move_to(mail_machine, now(mail_machine) + 24 * HOUR)
    until(lambda: len(about_receipts(told(office, mail_machine))) > 1, "the office is told again")
    assert about_receipts(told(office, mail_machine)) == ["À SAVOIR", "URGENT"]
    assert "receipt_uncertain" in standing(hospital)
    move_to(mail_machine, now(mail_machine) + 2 * HOUR)
    until(lambda: about_receipts(told(board, mail_machine)), "nobody took it: the next person is told")
    assert calls(given) == []

    assert "message" in hospital.call("message", "resend", str(sent["message"])).stdout.lower()
    ours = hospital.config.read_text(encoding="utf-8")
    hospital.stop()
    hospital.config.write_text(ours.replace(f"port = {mail_machine.ports.submission}", "port = 9"), encoding="utf-8")
    hospital.start()
    move_to(mail_machine, now(mail_machine) + 2 * HOUR)
    until(lambda: calls(given), "the other path is taken")
    assert [(call["kind"], call["event"]) for call in calls(given)] == [("receipt_uncertain", "start")]
    number = standing(hospital)["receipt_uncertain"]["number"]
    assert "prise par" in hospital.call("alarms", "take", str(number)).stdout

    hospital.stop()
    hospital.config.write_text(ours, encoding="utf-8")
    hospital.start()
    trio.cnas.start()
    trio.cnse.start()
    until(lambda: len(calls(given)) == 2, "the other path hears of the end")
    until(lambda: about_receipts(told(board, mail_machine))[-1:] == ["TERMINÉE"], "and so does who was told")
    assert calls(given)[1]["event"] == "end"
    assert about_receipts(told(office, mail_machine)) == ["À SAVOIR", "URGENT", "TERMINÉE"]
    assert "receipt_uncertain" not in standing(hospital)
    events = counted(hospital)
    assert (events["alarm.receipt_late"], events["alarm.receipt_uncertain"]) == (2, 2)
    assert trio.stop() == [0, 0, 0]
    seen = tmp_path / "seen"
    seen.mkdir()
    for name, account in (("office", office), ("board", board)):
        (seen / name).write_text(str(told(account, mail_machine)), encoding="utf-8")
    (seen / "calls").write_bytes(given.read_bytes())
    assert occurrences(MARKERS, [seen]) == []
