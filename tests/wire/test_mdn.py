"""Receipts: ours byte for byte, and those of other programs as they come."""

import contextlib
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import mdn, sealed
from gateway.wire.mdn import Original, Receipt, ReceiptHeaders, build_receipt_entity, read_receipt, receipt_mail
from gateway.wire.mime import Mailbox, parse

SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n"
HOSPITAL = Mailbox(display="Hôpital", address="soins@hopital.fr")
CNAS = Mailbox(display="", address="contact@cnas.dz")
DIGEST = hashlib.sha256(b"abc").digest()
HEADERS = ReceiptHeaders(
    sender=CNAS,
    to=HOSPITAL,
    date=datetime(2024, 6, 3, 10, 5, tzinfo=UTC),
    message_id="<r1@cnas.dz>",
    subject="Accusé de réception – dossier 7F3K-Q2",
    in_reply_to="<1@hopital.fr>",
)
ORIGINAL = Original(message_id="<1@hopital.fr>", date=datetime(2024, 6, 3, 10, tzinfo=UTC), sender=HOSPITAL, to=(CNAS,))


def _entity(received_at: datetime = datetime(2024, 6, 3, 10, 4, 59, tzinfo=UTC), source: str = "received") -> bytes:
    return build_receipt_entity(
        headers=HEADERS,
        original=ORIGINAL,
        reporting_ua="soins-gateway 0.1.0",
        final_recipient="Contact@CNAS.dz",
        mic=DIGEST,
        received_at=received_at,
        source=source,
        boundary="r0",
    )


MACHINE_AND_ORIGINAL = b"""\
--r0
Content-Type: message/disposition-notification

Reporting-UA: soins-gateway 0.1.0
Final-Recipient: rfc822;contact@cnas.dz
Original-Message-ID: <1@hopital.fr>
Disposition: automatic-action/MDN-sent-automatically; processed
Received-Content-MIC: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=, sha-256
X-Soins-Reception: 2024-06-03T10:04:59Z; source=received

--r0
Content-Type: text/rfc822-headers

Message-ID: <1@hopital.fr>
Date: Mon, 03 Jun 2024 10:00:00 +0000
From: =?utf-8?b?SMO0cGl0YWw=?= <soins@hopital.fr>
To: contact@cnas.dz

--r0--
""".replace(b"\n", b"\r\n")


def test_our_receipt_is_these_bytes() -> None:
    """Golden: the machine part and the four fields of the original, nothing else of it."""
    entity = _entity()

    assert entity.endswith(MACHINE_AND_ORIGINAL)
    assert parse(entity).content_type.params["hp"] == "clear"
    assert "été reçu" in parse(entity).parts[0].text()
    assert _entity(datetime(2024, 6, 3, 12, 4, 59, tzinfo=timezone(timedelta(hours=2)))) == entity


def test_our_receipt_comes_back() -> None:
    """Every fact, from the signed entity alone."""
    assert read_receipt(_entity()) == Receipt(
        reporting_ua="soins-gateway 0.1.0",
        final_recipient="contact@cnas.dz",
        original_recipient=None,
        original_message_id="<1@hopital.fr>",
        disposition="automatic-action/mdn-sent-automatically;processed",
        mic=DIGEST,
        mic_algorithm="sha-256",
        stated_at=datetime(2024, 6, 3, 10, 4, 59, tzinfo=UTC),
        source="received",
        date=HEADERS.date,
        sender=CNAS,
    )


def test_the_receipt_mail_carries_the_entity_verbatim_and_asks_nothing() -> None:
    """Signed in clear, automatic, and never asking for a receipt of the receipt."""
    entity = _entity()
    raw = receipt_mail(HEADERS, entity, SIGNATURE, "pgp-sha256", "s0")
    mail = parse(raw)

    assert sealed.shape_of(mail) is sealed.Shape.SIGNED_REPORT
    assert sealed.read_signed(mail).entity == entity
    assert mail.headers.one("auto-submitted") == "auto-replied"
    assert mail.headers.one("in-reply-to") == mail.headers.one("references") == "<1@hopital.fr>"
    assert mail.headers.get("disposition-notification-to") is None


@pytest.mark.parametrize("value", ["x\r\nBcc: evil@x.y", "<a@b>\r\nBcc: c"])
def test_no_value_of_a_receipt_becomes_a_field(value: str) -> None:
    """What came from a foreign mail is written back only when it is harmless."""
    for hostile in (
        replace(HEADERS, subject=value),
        replace(HEADERS, in_reply_to=value),
        replace(HEADERS, message_id=value),
        replace(HEADERS, to=Mailbox(display=value, address="a@b.c")),
    ):
        with pytest.raises(MailMalformed):
            receipt_mail(hostile, _entity(), SIGNATURE, "pgp-sha256", "s0")
    with pytest.raises(MailMalformed):
        _entity(source=value)


def _report(machine: bytes, head: bytes = b"", third: bytes = b"") -> bytes:
    return (
        head
        + b"Content-Type: Multipart/Report; Report-Type = Disposition-Notification; boundary=q\r\n\r\n"
        + b"--q\r\n\r\nlu\r\n--q\r\nContent-Type: Message/Disposition-Notification\r\n\r\n"
        + machine
        + b"\r\n"
        + third
        + b"--q--\r\n"
    )


def test_a_foreign_receipt_is_read_with_tolerance() -> None:
    """Case, blanks, folding, blank lines, missing agent and missing third part."""
    raw = _report(
        b"\r\nfinal-recipient : RFC822 ; <Contact@CNAS.dz>\r\n\r\n"
        b"ORIGINAL-MESSAGE-ID:\r\n 1@hopital.fr\r\n"
        b"Disposition : Manual-Action / MDN-sent-manually ;\r\n\tDisplayed / Warning , x\r\n"
        b"Received-Content-MIC: ungWv48Bz+pBQUDeXa4i\r\n I7ADYaOWF3qctBD/YfIAFa0= , SHA256\r\n",
        head=b"Date: Mon, 03 Jun 2024 10:00:00 +0000\r\nFrom: x@cnas.dz\r\n",
    )
    receipt = read_receipt(parse(raw))

    assert receipt.final_recipient == "contact@cnas.dz"
    assert receipt.original_message_id == "<1@hopital.fr>"
    assert (receipt.mode, receipt.kind, receipt.modifiers) == (
        "manual-action/mdn-sent-manually",
        "displayed",
        "warning,x",
    )
    assert (receipt.mic, receipt.mic_algorithm) == (DIGEST, "sha-256")
    assert (receipt.reporting_ua, receipt.stated_at) == (None, None)
    assert receipt.date == datetime(2024, 6, 3, 10, tzinfo=UTC)
    assert receipt.sender == Mailbox(display="", address="x@cnas.dz")


def test_the_signed_entity_lends_its_headers_only_when_protected() -> None:
    """The same bytes, taken as a signed entity without the mark, give no date and no sender."""
    raw = _report(b"Disposition: a/b; processed", head=b"Date: Mon, 03 Jun 2024 10:00:00 +0000\r\nFrom: x@cnas.dz\r\n")

    assert read_receipt(raw).date is None
    assert read_receipt(raw).sender is None


@pytest.mark.parametrize("word", ["processed", "dispatched", "frobnicated", ""])
def test_unknown_dispositions_stay_strings(word: str) -> None:
    """They are recorded, never refused, and move nothing."""
    assert read_receipt(_report(b"Disposition: a/b; " + word.encode())).kind == word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ungW, sha-256", (b"\xbax\x16", "sha-256")),
        ("un gW sha256", (b"\xbax\x16", "sha-256")),
        ("ungW;SHA-512", (b"\xbax\x16", "sha-512")),
        ("ungW,md5", (b"\xbax\x16", "md5")),
        ("!!!!, sha-256", (None, None)),
        ("ung, sha-256", (None, None)),
        ("ungW", (None, None)),
        ("", (None, None)),
    ],
)
def test_a_digest_is_bytes_or_nothing(text: str, expected: tuple[bytes | None, str | None]) -> None:
    """Compared as bytes; the algorithm's name is normal; an unreadable one is no digest."""
    receipt = read_receipt(_report(b"Received-Content-MIC: " + text.encode()))

    assert (receipt.mic, receipt.mic_algorithm) == expected


@pytest.mark.parametrize(
    "text",
    ["yesterday; source=x", "2024-06-03T10:00:00; source=x", "2024-06-03T10:00:00Z", "2024-13-03T10:00:00Z; source=x"],
)
def test_an_unreadable_statement_of_reception_is_refused(text: str) -> None:
    """A receipt that states an instant states it clearly or is no receipt."""
    with pytest.raises(MailMalformed, match="reception"):
        read_receipt(_report(b"X-Soins-Reception: " + text.encode()))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"Content-Type: text/plain\r\n\r\nlu", "not-such-report"),
        (
            _report(b"A: b", third=b"--q\r\nContent-Type: message/disposition-notification\r\n\r\n\r\n"),
            "not-such-report",
        ),
        (_report(b"Original-Message-ID: <a@b>\r\nOriginal-Message-ID: <c@d>"), "repeated-original-message-id"),
        (_report(b"no field"), "header-line"),
        (_report(b"A: b\r\n" * mdn.MAX_MACHINE_PART), "machine-part"),
    ],
)
def test_what_is_no_single_receipt_is_refused(raw: bytes, reason: str) -> None:
    """Two machine parts, two originals, none, or more than the limit."""
    with pytest.raises(MailMalformed, match=reason):
        read_receipt(raw)


@given(st.binary(max_size=600))
def test_arbitrary_machine_parts_raise_nothing_but_mail_malformed(data: bytes) -> None:
    """No other exception leaks."""
    with contextlib.suppress(MailMalformed):
        read_receipt(_report(data))
    for name in (b"Disposition", b"Received-Content-MIC", b"X-Soins-Reception", b"Final-Recipient"):
        with contextlib.suppress(MailMalformed):
            read_receipt(_report(name + b": " + data.replace(b"\n", b"").replace(b"\r", b"")))
