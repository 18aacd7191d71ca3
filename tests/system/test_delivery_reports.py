"""What real servers and mail programs report of a request: relayed, failed, displayed; and what each of them starts."""

import shutil
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import pytest

from tests.mailserver import GONE, Account, Machine
from tests.system.gateways import Gateway, Trio, until
from tests.system.steps import instant, mails, move_to, now, over_at, polled_again, reaches, settles, submit

pytestmark = pytest.mark.system

REPORTS = "SELECT 1 FROM mails WHERE verdict = 'report' AND reason = ? AND partner = 'cnas'"


@contextmanager
def hospital_of(trio: Trio, folder: Path, cnas: str) -> Iterator[Gateway]:
    """A hospital with a mailbox of its own, to which the CNAS is this address, with a mail program behind it."""
    whole, machine = trio.hospital, trio.hospital.machine
    place = folder / "hospital"
    shutil.copytree(whole.folder, place)
    account = machine.fresh_account("hopital.test")
    made = Gateway(role="hospital", folder=place, account=account, machine=machine)
    text = made.config.read_text()
    for old, new in (
        (str(whole.folder), str(place)),
        (whole.account.address, account.address),
        (trio.cnas.account.address, cnas),
    ):
        text = text.replace(old, new)
    before, section, after = text.partition("[partners.cnas]")
    after = after.replace('"gateway"', '"mail"', 1).replace('"signed_receipt"', '"mdn"', 1)
    made.config.write_text(before + section + after)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def reports(hospital: Gateway, reason: str) -> None:
    """Wait until a report of this kind on the CNAS's copy was taken in."""
    until(lambda: hospital.peek(REPORTS, reason), reason)


def test_a_mail_that_could_not_be_delivered_is_told_at_once(trio: Trio, tmp_path: Path) -> None:
    """A real failure report of Postfix, matched by our envelope id: the request was not delivered, one alarm."""
    with hospital_of(trio, tmp_path, f"{GONE}@cnas.test") as hospital:
        told = submit(hospital, tmp_path)
        settles(hospital, told["request"], "delivery_failed")
        reports(hospital, "dsn-failed-address")
        (alarm,) = hospital.events("alarm.delivery_failed")
        assert alarm["request"] == told["request"]
        assert "receipt_missing" in [duty["code"] for duty in hospital.json("todo")]


def test_a_relayed_mail_proves_no_reception_and_a_displayed_one_does(
    trio: Trio, tmp_path: Path, mail_machine: Machine
) -> None:
    """Postfix handed it on, to a server that promises nothing. The clerk opens it: his program says so, and it runs."""
    clerk = mail_machine.fresh_account("cnas.test")
    with hospital_of(trio, tmp_path, clerk.address) as hospital:
        told = submit(hospital, tmp_path)
        reports(hospital, "dsn-relayed")
        assert reaches(hospital, told["request"], "sent")["evidence"] == []
        (request,) = until(lambda: mails(clerk, mail_machine), "the request lies in the clerk's mailbox")
        assert str(request["Disposition-Notification-To"]).strip("<>") == hospital.account.address
        _displayed(clerk, mail_machine, request["Message-ID"], hospital.account.address)
        running = reaches(hospital, told["request"], "running")
        (evidence,) = running["evidence"]
        assert (evidence["kind"], running["grade"], running["asks_person"]) == ("mdn", "mdn", ["grade_below_policy"])
        assert instant(evidence["sent_at"]) <= instant(running["started_at"]) <= instant(evidence["recorded_at"])
        move_to(mail_machine, over_at(running))
        polled_again(hospital)
        assert hospital.peek("SELECT 1 FROM acceptances") == []
        assert _asked(hospital, told["case"]) == {"other_way", "poll_gap", "grade_below_policy"}
        hospital.call("confirm", told["case"])
        recorded = reaches(hospital, told["request"], "tacitly_accepted")
        assert recorded["acceptance"]["effective_at"] == running["latest_tacit_at"]


def _asked(hospital: Gateway, case: str) -> set[str]:
    """What a person is asked."""
    found: list[dict[str, Any]] = hospital.json("confirm", case, "--list")
    return {row["asks"] for row in found if not row["holds"]}


def _displayed(clerk: Account, machine: Machine, message_id: str, to: str) -> None:
    """The notice of a mail program (RFC 8098), sent by the clerk through the real servers."""
    fields = MIMENonMultipart("message", "disposition-notification")
    fields.set_payload(
        f"Reporting-UA: poste.cnas.test; Thunderbird\r\nFinal-Recipient: rfc822;{clerk.address}\r\n"
        f"Original-Message-ID: {message_id}\r\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\r\n"
    )
    notice = MIMEMultipart("report", report_type="disposition-notification")
    notice["From"], notice["To"], notice["Subject"] = clerk.address, to, "Lu : Soins programmés"
    notice["Date"], notice["Message-ID"] = format_datetime(now(machine)), make_msgid(domain="cnas.test")
    notice.attach(MIMEText("Le message a été affiché.", "plain", "utf-8"))
    notice.attach(fields)
    context = ssl.create_default_context(cafile=str(machine.ca))
    with smtplib.SMTP(machine.host, machine.ports.submission) as session:
        session.starttls(context=context)
        session.login(clerk.address, clerk.password)
        session.sendmail(clerk.address, [to], notice.as_bytes())
