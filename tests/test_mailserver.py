"""The throw-away mail server itself: what other system tests rely on, above all that its time moves."""

import imaplib
import os
import re
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests import mailserver
from tests.bench.processes import cpu_seconds
from tests.mailserver import GONE, SMALL_SIZE_LIMIT, Account, Machine

TOLERANCE = timedelta(seconds=10)
MAIL = b"Subject: essai\r\n\r\nBonjour\r\n"


def real_now() -> datetime:
    """The machine's own time, which the tests of a moved clock compare with."""
    return datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)


def tls(machine: Machine) -> ssl.SSLContext:
    """A client context that trusts the throw-away authority only."""
    return ssl.create_default_context(cafile=machine.ca)


@contextmanager
def submission(machine: Machine, account: Account) -> Iterator[smtplib.SMTP]:
    """A logged-in submission session with STARTTLS."""
    with smtplib.SMTP(machine.host, machine.ports.submission) as smtp:
        smtp.starttls(context=tls(machine))
        smtp.login(account.address, account.password)
        yield smtp


def stored(machine: Machine, account: Account, count: int) -> list[tuple[datetime, Message]]:
    """INTERNALDATE and message of the first ``count`` mails of INBOX, once they are all there."""
    found = []
    with imaplib.IMAP4_SSL(machine.host, machine.ports.imaps, ssl_context=tls(machine)) as imap:
        imap.login(account.address, account.password)
        deadline = time.monotonic() + 10
        while int(imap.select()[1][0] or b"0") < count:
            if time.monotonic() > deadline:
                pytest.fail(f"mail did not arrive:\n{machine.logs()}")
            time.sleep(0.02)
        for number in range(1, count + 1):
            _, data = imap.fetch(str(number), "(INTERNALDATE BODY.PEEK[])")
            assert isinstance(data[0], tuple)
            date = re.search(rb'INTERNALDATE "([^"]+)"', data[0][0])
            assert date
            instant = datetime.strptime(date[1].decode(), "%d-%b-%Y %H:%M:%S %z")
            found.append((instant, message_from_bytes(data[0][1])))
    return found


def received_dates(message: Message) -> dict[str, datetime]:
    """Date of each Received header by the name of the host that wrote it."""
    dates = {}
    for header in message.get_all("Received", []):
        host = re.search(r"\bby (\S+)", header)
        assert host
        dates[host[1]] = parsedate_to_datetime(header.rpartition(";")[2].strip())
    return dates


@pytest.mark.system
def test_every_date_that_the_servers_write_follows_the_moved_clock(mail_machine: Machine) -> None:
    """Received of Postfix, Received of Dovecot and INTERNALDATE all move, forth and back, and stay as written."""
    account = mail_machine.fresh_account()
    steps = (
        ("+0", timedelta(0)),
        ("+10d", timedelta(days=10)),
        ("+20d", timedelta(days=20)),
        ("-3h", timedelta(hours=-3)),
    )
    expected = []
    try:
        for offset, moved in steps:
            mail_machine.set_offset(offset)
            with submission(mail_machine, mail_machine.account()) as smtp:
                smtp.sendmail(mail_machine.account().address, [account.address], MAIL)
            expected.append(real_now() + moved)
            stored(mail_machine, account, len(expected))
    finally:
        mail_machine.set_offset("+0")

    for wanted, (internaldate, message) in zip(expected, stored(mail_machine, account, len(steps)), strict=True):
        written = received_dates(message)
        assert set(written) == {mail_machine.mta_name, mail_machine.lmtp_name}
        assert all(abs(date - wanted) < TOLERANCE for date in (internaldate, *written.values()))


@pytest.mark.system
def test_a_client_process_shares_the_moved_clock_but_not_its_monotonic_clocks(mail_machine: Machine) -> None:
    """``Machine.env`` moves CLOCK_REALTIME while the process runs, and nothing else."""
    program = (
        "import sys, time\n"
        "for line in sys.stdin:\n"
        "    clocks = (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME)\n"
        "    print(*(time.clock_gettime(clock) for clock in clocks))\n"
        "    sys.stdout.flush()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, env=mail_machine.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin
        assert process.stdout
        clocks = []
        try:
            for offset in ("+0", "+10d"):
                mail_machine.set_offset(offset)
                process.stdin.write("\n")
                clocks.append([float(word) for word in process.stdout.readline().split()])
        finally:
            mail_machine.set_offset("+0")
            process.stdin.close()

    forward = [after - before for before, after in zip(*clocks, strict=True)]
    assert forward[0] == pytest.approx(864_000, abs=10)
    assert forward[1] < 10
    assert forward[2] < 10


@pytest.mark.system
def test_mail_that_the_mailbox_refuses_comes_back_as_a_failure_report(mail_machine: Machine) -> None:
    """Postfix takes it, Dovecot's LMTP refuses it: the sender gets a report with Action failed."""
    account = mail_machine.fresh_account()
    with submission(mail_machine, account) as smtp:
        smtp.sendmail(account.address, [f"{GONE}@cnas.test"], MAIL)

    ((_, report),) = stored(mail_machine, account, 1)

    assert report.get_content_type() == "multipart/report"
    assert "Action: failed" in report.as_string()


@pytest.mark.system
def test_submission_needs_tls_a_login_and_a_known_recipient(mail_machine: Machine) -> None:
    """Each missing thing is refused with its own code."""
    account = mail_machine.account()
    with smtplib.SMTP(mail_machine.host, mail_machine.ports.submission) as smtp:
        assert smtp.docmd("MAIL FROM:<a@hopital.test>")[0] == 530
        smtp.starttls(context=tls(mail_machine))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(account.address, "faux")
    with submission(mail_machine, account) as smtp, pytest.raises(smtplib.SMTPRecipientsRefused):
        smtp.sendmail(account.address, ["inconnu@cnas.test"], MAIL)


@pytest.mark.system
def test_one_port_has_a_small_size_limit_and_takes_a_client_certificate(mail_machine: Machine) -> None:
    """The announced SIZE is the port's own; a certificate replaces the password."""
    context = tls(mail_machine)
    context.load_cert_chain(mail_machine.client_cert, mail_machine.client_key)
    account = mail_machine.fresh_account()
    with smtplib.SMTP_SSL(mail_machine.host, mail_machine.ports.small, context=context) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["size"] == str(SMALL_SIZE_LIMIT)
        smtp.sendmail(account.address, [account.address], MAIL)
        with pytest.raises(smtplib.SMTPException):
            smtp.sendmail(account.address, [account.address], MAIL + b"x" * SMALL_SIZE_LIMIT)

    assert len(stored(mail_machine, account, 1)) == 1


def test_a_missing_server_skips_the_test_but_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system test that could not run must not look like a success in CI."""
    monkeypatch.setattr(mailserver, "missing", lambda: "no Dovecot here")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception):
        mailserver.require()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception):
        mailserver.require()


def test_the_servers_start_whatever_the_umask() -> None:
    """Commands of the gateway that ran in this process before have closed new files to others."""
    mailserver.require()
    before = os.umask(0o077)
    try:
        with mailserver.running() as machine:
            machine.deliver(b"Subject: essai\r\n\r\nx\r\n", machine.account().address)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)


def test_servers_whose_clock_does_not_move_run_as_they_are() -> None:
    """Nothing between them and the clock, in neither of their two families."""
    mailserver.require()
    with mailserver.running(movable=False) as machine:
        with pytest.raises(ValueError, match="moves"):
            machine.set_offset("+1d")
        machine.deliver(MAIL, machine.account().address)
        assert len(machine.roots) == 2
        for process in machine.roots:
            assert b"faketime" not in Path(f"/proc/{process}/environ").read_bytes()
        assert "FAKETIME_TIMESTAMP_FILE" not in machine.env()
        assert cpu_seconds(machine.roots) > 0
    assert not machine.roots
