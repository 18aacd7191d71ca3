"""What leaves the worker: bounded facts, and no word of a stranger where we log and record."""

from dataclasses import replace

import pytest

from gateway.wire import dsn, incoming
from gateway.wire.incoming import ACTIONS, DISPOSITIONS, MAX_FOUND, read_outer, read_unsigned
from gateway.wire.mime import parse, parse_headers
from tests.wire.test_dsn import POSTFIX


def outer(*lines: str) -> incoming.Outer:
    """The facts of these header lines."""
    return read_outer(parse_headers("\r\n".join(lines).encode("utf-8") + b"\r\n"))


def mdn(disposition: str) -> bytes:
    """A receipt of a mail program."""
    return (
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        "--b\r\n\r\nLu.\r\n"
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"Original-Message-ID: <1@hopital.test>\r\n{disposition}"
        "--b--\r\n"
    ).encode()


def words(disposition: str) -> tuple[str, str]:
    """Kind and modifiers of a disposition, as they leave."""
    receipt = read_unsigned(parse(mdn(disposition))).receipt
    assert receipt is not None
    return receipt.kind, receipt.modifiers


@pytest.mark.parametrize("kind", sorted(DISPOSITIONS))
def test_known_dispositions_stay(kind: str) -> None:
    """In lower case."""
    assert words(f"Disposition: manual-action/MDN-sent-manually; {kind.upper()}\r\n") == (kind, "")


@pytest.mark.parametrize("disposition", ["", "Disposition: x\r\n", "Disposition: a/b; Mme Secrete\r\n"])
def test_any_other_disposition_is_other(disposition: str) -> None:
    """Absent, incomplete, or words of a stranger."""
    assert words(disposition) == ("other", "")


@pytest.mark.parametrize(
    ("text", "modifier"),
    [
        ("error", "error"),
        ("Error: decryption-failed", "error"),
        ("warning", "warning"),
        ("warning,error", "error"),
        ("superseded", "other"),
        ("Mme Secrete", "other"),
        ("x" * 5000, "other"),
    ],
)
def test_modifiers_are_reduced(text: str, modifier: str) -> None:
    """The gravest of those that we tell apart."""
    disposition = "Disposition: manual-action/MDN-sent-manually;\r\n processed/" + text[:4000] + "\r\n"
    assert words(disposition) == ("processed", modifier)


@pytest.mark.parametrize("action", [*sorted(ACTIONS), "mme-secrete", ""])
def test_actions_of_a_delivery_report_are_reduced(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known ones stay, any other is OTHER."""
    found = dsn.read_report(parse(POSTFIX))
    changed = replace(found, recipients=tuple(replace(each, action=action) for each in found.recipients))
    monkeypatch.setattr(dsn, "read_report", lambda _: changed)
    report = read_unsigned(parse(POSTFIX)).report
    assert report is not None
    assert {each.action for each in report.recipients} == {action if action in ACTIONS else "other"}


@pytest.mark.parametrize(
    "line",
    [
        "From: CNAS <conv@cnas.test>",
        "From: conv@CNAS.test, ;;; <",
        'From: "conv@cnas.test',
        "From: conv@ cnas.test",
        "From: Contrôle médical <conv@cnas.test>",
        "Sender: <conv@cnas.test>",
        "Reply-To: x <conv@cnas.test.>",
        "Return-Path: <conv@cnas.test>",
    ],
)
def test_the_domain_of_a_sender_is_found_even_where_no_address_can_be_read(line: str) -> None:
    """A mail whose sender we cannot read may still be a partner's."""
    assert "cnas.test" in outer(line).domains


def test_domains_of_other_fields_are_not_the_sender_s() -> None:
    """A recipient, or a subject."""
    assert outer("From: x@ailleurs.test", "To: conv@cnas.test", "Subject: a@b.test").domains == ("ailleurs.test",)


def test_domains_are_bounded() -> None:
    """In number and in length, each once."""
    many = ", ".join(f"x@d{number % 60}.test" for number in range(120))
    assert len(outer(f"From: {many}").domains) == MAX_FOUND
    assert all(len(name) <= 253 for name in outer("From: x@" + "a" * 3000).domains)


@pytest.mark.parametrize(
    "subject",
    [
        "Re: dossier 7F3K-Q2",
        "re: [7f3k-q2] accord",
        "=?utf-8?Q?R=C3=A9ponse_7F3K-Q2?=",
        "=?utf-8?B?UsOpcG9uc2UgN0YzSy1RMg==?=",
    ],
)
def test_the_token_of_a_case_is_found_in_the_subject(subject: str) -> None:
    """As it stands, retyped in small letters, or inside encoded words."""
    assert outer(f"Subject: {subject}").tokens == ("7F3K-Q2",)


@pytest.mark.parametrize("subject", ["", "A7F3K-Q2", "7F3K-Q2Z", "7F3K-QU", "7F3KQ2", "=?utf-8?B?!!!?="])
def test_what_is_no_token_is_not_found(subject: str) -> None:
    """Longer words, letters that no token has."""
    assert outer(f"Subject: {subject}").tokens == ()


def test_tokens_are_bounded() -> None:
    """However many subjects there are."""
    lines = [f"Subject: 7F3K-{first}{second}" for first in "0123456789" for second in "0123456789"]
    assert len(outer(*lines).tokens) == MAX_FOUND
