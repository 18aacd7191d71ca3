"""Delivery reports as real servers write them, and the marks of automatic mail."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import automatic, dsn
from gateway.wire.automatic import has_null_return_path, is_answerable, is_auto_submitted, is_notice
from gateway.wire.dsn import Dsn, DsnRecipient, read_report
from gateway.wire.mime import parse, parse_headers

POSTFIX = b"""\
Date: Mon, 03 Jun 2024 10:00:05 +0000
Content-Type: multipart/report; report-type=delivery-status; boundary="d"

--d

human
--d
Content-Type: message/delivery-status

Reporting-MTA: dns; MX.hopital.fr
Original-Envelope-Id: 7F3K
X-Postfix-Queue-ID: 1
Arrival-Date: Mon,  3 Jun 2024 12:00:00 +0200 (CEST)


Final-Recipient: rfc822; Contact@CNAS.dz
Original-Recipient: rfc822;contact@cnas.dz
Action: relayed
Status: 2.0.0 (ok)
Last-Attempt-Date: Mon, 03 Jun 2024 10:00:04 +0000

Final-Recipient: rfc822; x@cnse.fr
Action: Failed (bounced)
Status: 5.1.1
--d
Content-Type: message/rfc822

Message-ID: <1@hopital.fr>
Subject: neutral

body
Message-ID: <other@x>
--d--
"""


def test_a_report_for_two_recipients_is_read() -> None:
    """Each recipient has its own outcome; the original is known by its own header."""
    assert read_report(parse(POSTFIX)) == Dsn(
        original_envelope_id="7F3K",
        arrival_date=datetime(2024, 6, 3, 10, tzinfo=UTC),
        reporting_mta="mx.hopital.fr",
        recipients=(
            DsnRecipient(
                final="contact@cnas.dz",
                original="contact@cnas.dz",
                action="relayed",
                status="2.0.0",
                last_attempt=datetime(2024, 6, 3, 10, 0, 4, tzinfo=UTC),
            ),
            DsnRecipient(final="x@cnse.fr", original=None, action="failed", status="5.1.1", last_attempt=None),
        ),
        original_message_id="<1@hopital.fr>",
        date=datetime(2024, 6, 3, 10, 0, 5, tzinfo=UTC),
    )


def test_a_damaged_returned_header_identifies_nothing() -> None:
    """The outcome still stands; two identifiers are none."""
    for damage in (b"Message-ID: <1@hopital.fr>\nMessage-ID: <2@x>", b"no field at all", b"Message-ID: <a@b> <c@d>"):
        report = read_report(parse(POSTFIX.replace(b"Message-ID: <1@hopital.fr>", damage)))

        assert report.original_message_id is None
        assert len(report.recipients) == 2


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"multipart/report", b"multipart/mixed", "not-such-report"),
        (b"message/delivery-status", b"text/plain", "not-such-report"),
        (b"Action", b"X", "no-recipient"),
    ],
)
def test_what_is_no_report_is_refused(old: bytes, new: bytes, reason: str) -> None:
    """Nothing is guessed from human text."""
    raw = POSTFIX.replace(old, new)
    if reason == "no-recipient":
        raw = raw.replace(b"Final-Recipient", b"X-Recipient").replace(b"Original-Recipient", b"X-Original")
    with pytest.raises(MailMalformed, match=reason):
        read_report(parse(raw))


def test_limits_of_reports_hold() -> None:
    """One recipient or one byte more than allowed."""
    block = b"\nFinal-Recipient: rfc822; a@b.c\nAction: failed\n"
    with pytest.raises(MailMalformed, match="too-many-recipients"):
        read_report(
            parse(POSTFIX.replace(b"\n--d\nContent-Type: message/rfc", block * dsn.MAX_RECIPIENTS + b"\n--d\nA: "))
        )
    with pytest.raises(MailMalformed, match="too-many-recipients"):
        read_report(
            parse(POSTFIX.replace(b"\n--d\nContent-Type: message/rfc", b"\nX: y\n" * dsn.MAX_BLOCKS + b"\n--d\nA: "))
        )
    with pytest.raises(MailMalformed, match="machine-part"):
        read_report(parse(POSTFIX.replace(b"(ok)", b"x" * dsn.MAX_MACHINE_PART)))


@given(st.binary(max_size=600))
def test_arbitrary_reports_raise_nothing_but_mail_malformed(data: bytes) -> None:
    """No other exception leaks."""
    with contextlib.suppress(MailMalformed):
        read_report(parse(POSTFIX.replace(b"Status: 5.1.1", data)))
    with contextlib.suppress(MailMalformed):
        read_report(parse(POSTFIX.replace(b"Subject: neutral", data)))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"Auto-Submitted: auto-replied", True),
        (b"Auto-Submitted: Auto-Generated; x=y", True),
        (b"Auto-Submitted: frobnicated", True),
        (b"Auto-Submitted: no", False),
        (b"Auto-Submitted: No (a person)", False),
        (b"Precedence: Bulk", True),
        (b"Precedence: first-class", False),
        (b"List-Id: <x>", True),
        (b"Subject: Absence du bureau", False),
    ],
)
def test_automatic_mail_is_known_by_its_header(line: bytes, expected: bool) -> None:  # noqa: FBT001 - a table
    """Never by its subject."""
    assert is_auto_submitted(parse_headers(line)) is expected


def test_the_null_return_path_is_seen() -> None:
    """With blanks, but not for an address."""
    assert has_null_return_path(parse_headers(b"Return-Path: < >"))
    assert not has_null_return_path(parse_headers(b"Return-Path: <a@b.c>"))


@pytest.mark.parametrize(
    "block",
    [b"Auto-Submitted: auto-replied", b"Return-Path: <>", b"Received: x\r\n" * (automatic.MAX_HOPS + 1)],
)
def test_a_mail_that_could_loop_is_not_answered(block: bytes) -> None:
    """Each mark alone is enough."""
    assert not is_answerable(parse_headers(block))


def test_a_person_may_be_answered() -> None:
    """No mark, few hops."""
    assert is_answerable(parse_headers(b"From: a@b.c\r\n" + b"Received: x\r\n" * automatic.MAX_HOPS))


NULL = b"Return-Path: <>\r\n"
REPLIED = b"Auto-Submitted: auto-replied\r\n"
GENERATED = b"Auto-Submitted: auto-generated\r\n"
WORDS = b"Content-Type: text/plain\r\n\r\nJe suis absent.\r\n"
BOTH = (
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nAbsent.\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n"
)
SCAN = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\n.\r\n--b\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--b--\r\n"
)
FILE = WORDS.replace(b"text/plain", b"text/plain\r\nContent-Disposition: attachment")
EMPTY = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n"
REPORT = POSTFIX[POSTFIX.index(b"Content-Type: multipart/report") :]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (REPLIED + WORDS, True),
        (REPLIED + BOTH, True),
        (GENERATED + NULL + WORDS, True),
        (GENERATED + WORDS, False),
        (NULL + WORDS, False),
        (b"Auto-Submitted: no\r\n" + NULL + WORDS, False),
        (b"Precedence: bulk\r\n" + NULL + WORDS, False),
        (b"Precedence: auto_reply\r\n" + WORDS, False),
        (b"List-Id: <x>\r\n" + WORDS, False),
        (b"Subject: Absence\r\n" + WORDS, False),
        (REPLIED + SCAN, False),
        (REPLIED + FILE, False),
        (REPLIED + EMPTY, False),
        (NULL + REPORT, True),
        (REPORT, False),
        (NULL + SCAN, False),
    ],
)
def test_an_out_of_office_or_a_report_is_known_by_header_and_content(raw: bytes, expected: bool) -> None:  # noqa: FBT001
    """A machine that answers, and nothing but words: any doubt leaves the mail to a person."""
    assert is_notice(parse(raw)) is expected
