"""Every shape of receipt and report is read as what it is, whatever its writer got wrong; nothing raises."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire.failure import MAX_WORDS, Failure, read_failure, returned_ids
from gateway.wire.incoming import Incoming, read_unsigned
from gateway.wire.mime import parse
from tests.receipts.shapes import MAILS, OURS, SHAPES, Shape, raw

RETURNING = ("bounce-qmail", "bounce-exim", "dsn-failed", "dsn-report-without-recipient", "dsn-utf8")


def shape(seen: Incoming) -> Shape:
    """What was read, as the table has it."""
    receipt, report = seen.receipt, seen.report
    named = receipt.original_message_id if receipt else report.original_message_id if report else None
    return Shape(
        disposition="/".join(filter(None, (receipt.kind, receipt.modifiers))) if receipt else None,
        actions=tuple((line.final or line.original or "", line.action) for line in report.recipients) if report else (),
        original=named == OURS,
        notice=seen.notice,
        failure=seen.failure,
    )


def test_every_mail_has_its_line() -> None:
    """And every line its mail."""
    assert {path.stem for path in MAILS.glob("*.eml")} == set(SHAPES)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_mail_is_read_as_what_it_is(name: str) -> None:
    """Receipt, report, notice by a machine or a person's mail; and what failed, by code or by words."""
    assert shape(read_unsigned(parse(raw(name)))) == SHAPES[name]


@pytest.mark.parametrize("name", RETURNING)
def test_what_a_report_returns_suggests_which_mail_failed(name: str) -> None:
    """In a part of its own, or below the words of the server."""
    assert read_unsigned(parse(raw(name))).returned == (OURS,)


def test_returned_ids_are_few() -> None:
    """A report that lists a thousand says nothing."""
    listed = b"".join(b"Message-ID: <%d@hopital.test>\r\n" % number for number in range(1000))
    assert len(returned_ids(parse(b"Content-Type: text/plain\r\n\r\n" + listed))) == 10


@pytest.mark.parametrize(
    ("code", "answer", "expected"),
    [
        ("5.1.1", "user unknown", Failure.ADDRESS),
        ("5.1.1", "mailbox full", Failure.FINAL),
        ("5.1.1", "blocked by the policy of this server", Failure.FINAL),
        ("5.4.4", "", Failure.ADDRESS),
        ("5.0.0", "No such user here", Failure.ADDRESS),
        ("5.0.0", "550 User unknown (in reply to end of DATA command)", Failure.FINAL),
        ("5.0.0", "The account is disabled", Failure.FINAL),
        ("5.7.1", "user unknown", Failure.FINAL),
        ("5.2.2", "", Failure.FINAL),
        ("4.4.1", "user unknown", Failure.PASSING),
        ("", "450 try again", Failure.PASSING),
        ("", "550 refused", Failure.FINAL),
        ("", "nothing that we know", Failure.FINAL),
    ],
)
def test_the_code_comes_first_and_words_where_it_says_nothing(code: str, answer: str, expected: Failure) -> None:
    """A full mailbox is there; whoever took the address and then refused knew it; class 4 may pass."""
    text = raw("dsn-failed").replace(b"Status: 5.1.1 (bad destination mailbox address)", f"Status: {code}".encode())
    start, end = text.index(b"smtp; 550 5.1.1"), text.index(b"virtual mailbox table")
    told = text[:start] + b"smtp; " + answer.encode() + text[end + len(b"virtual mailbox table") :]
    assert read_failure(parse(told)) is expected


@pytest.mark.parametrize(
    "head",
    [
        b"From: Mme Aziz <conv@cnas.test>\r\nSubject: Undeliverable parcel\r\n",
        b"From: mailer-daemon@cnas.test\r\nSubject: Bonjour\r\n",
        b"From: conv@cnas.test\r\nReturn-Path: <>\r\nSubject: Absence\r\n",
    ],
)
def test_a_mail_that_only_looks_like_a_failure_is_none(head: bytes) -> None:
    """It takes a server as the sender, and its words."""
    assert read_failure(parse(head + b"Content-Type: text/plain\r\n\r\nBonjour.\r\n")) is Failure.NONE


@pytest.mark.parametrize("filler", [b"no such ", b"user ", b"a.aa", b"doesn't have a ", b"5.1 ", b"-", b"name "])
def test_only_the_first_words_are_read(filler: bytes) -> None:
    """However often they begin like one that we look for; what a server says stands at the top."""
    body = filler * (4 * MAX_WORDS // len(filler)) + b"\r\nuser unknown\r\n"
    head = b"Return-Path: <>\r\nSubject: failure notice\r\nContent-Type: text/plain\r\n\r\n"
    assert read_failure(parse(head + body)) is Failure.FINAL


@given(st.sampled_from(sorted(SHAPES)), st.integers(0, 2000), st.binary(max_size=60))
def test_a_damaged_mail_raises_nothing_but_mail_malformed(name: str, at: int, junk: bytes) -> None:
    """Cut and overwritten anywhere."""
    text = raw(name)
    with contextlib.suppress(MailMalformed):
        read_unsigned(parse(text[:at] + junk + text[at + len(junk) :]))
    with contextlib.suppress(MailMalformed):
        read_unsigned(parse(text[:at]))
