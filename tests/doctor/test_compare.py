"""What servers do to a mail is told apart: a banner, a changed byte, a lost part, another dress, a rewritten header."""

import pytest

from gateway.doctor.compare import Damage, damage, rewritten

HEAD = (
    b"From: soins@hopital.test\r\nTo: soins@hopital.test\r\nDate: Mon, 02 Nov 2026 09:00:00 +0000\r\n"
    b"Message-ID: <1@hopital.test>\r\nSubject: Message d'essai (1f3a)\r\nAuto-Submitted: auto-generated\r\n"
)
SEALED = (
    HEAD + b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n\r\n"
    b"-----BEGIN PGP MESSAGE-----\r\n\r\nAAAA\r\nBBBB\r\n-----END PGP MESSAGE-----\r\n\r\n--b--\r\n"
)
CIPHER = b"-----BEGIN PGP MESSAGE-----\r\n\r\nAAAA\r\nBBBB\r\n-----END PGP MESSAGE-----\r\n"
PARTS = SEALED.partition(b"\r\n\r\n")[2]
KIND = b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'


def wrapped(*beside: bytes) -> bytes:
    """The mail inside a multipart/mixed, with other parts."""
    parts = b"".join(b"--m\r\n" + part + b"\r\n" for part in (KIND + PARTS, *beside))
    return HEAD + b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n' + parts + b"--m--\r\n"


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (SEALED, Damage.NONE),
        (b"Received: from a by b; Mon, 02 Nov 2026 09:00:01 +0000\r\nX-Spam: no\r\n" + SEALED, Damage.NONE),
        (SEALED + b"\r\n\r\n", Damage.NONE),
        (SEALED.replace(b"\r\n\r\n--b\r\n", b"\r\n\r\nThis is MIME.\r\n--b\r\n", 1), Damage.TOUCHED),
        (SEALED + b"-- \r\nConfidentiel\r\n", Damage.ADDED),
        (SEALED.replace(b"octet-stream\r\n", b"octet-stream; name=x.asc\r\n"), Damage.TOUCHED),
        (
            SEALED.replace(
                b"octet-stream\r\n\r\n" + CIPHER,
                b"octet-stream\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + CIPHER,
            ),
            Damage.TOUCHED,
        ),
        (wrapped(b"Content-Type: text/plain\r\n\r\nExterne\r\n"), Damage.ADDED),
        (wrapped(), Damage.ADDED),
        (
            SEALED.replace(b"-----END PGP MESSAGE-----\r\n", b"-----END PGP MESSAGE-----\r\n-- \r\nConfidentiel\r\n"),
            Damage.ADDED,
        ),
        (SEALED.replace(b"--b--", b"--b\r\nContent-Type: text/plain\r\n\r\nConfidentiel\r\n--b--"), Damage.ADDED),
        (SEALED.replace(b"AAAA", b"AAAB"), Damage.CHANGED),
        (SEALED.replace(b"AAAA\r\nBBBB", b"AAAABBBB"), Damage.CHANGED),
        (SEALED[:-40], Damage.CHANGED),
        (HEAD + b"Content-Type: text/plain\r\n\r\nUne piece a ete retiree.\r\n", Damage.STRIPPED),
        (
            SEALED.replace(b"application/octet-stream\r\n\r\n" + CIPHER, b"text/plain\r\n\r\nretiree\r\n"),
            Damage.STRIPPED,
        ),
        (SEALED.replace(b"\r\n\r\n--b", b"\r\nContent-Type: text/plain\r\n\r\n--b", 1), Damage.CHANGED),
        (b"\x00", Damage.CHANGED),
        (b"", Damage.STRIPPED),
    ],
)
def test_what_happened_to_the_content_is_named(found: bytes, what: Damage) -> None:
    """The gravest thing of all that happened."""
    assert damage(SEALED, found) is what


def test_a_footer_in_a_signed_text_is_an_addition() -> None:
    """What was signed is all there, and something more."""
    kind = b'Content-Type: multipart/signed; boundary="b"\r\n\r\n'
    signature = b"Content-Type: application/pgp-signature\r\n\r\nSIG\r\n"
    signed = HEAD + kind + b"--b\r\n\r\nBonjour\r\n--b\r\n" + signature + b"--b--\r\n"

    assert damage(signed, signed.replace(b"Bonjour\r\n", b"Bonjour\r\n-- \r\nConfidentiel\r\n")) is Damage.ADDED


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (SEALED, ()),
        (SEALED.replace(b"09:00:00 +0000", b"10:00:00 +0100"), ()),
        (SEALED.replace(b"Subject: Message d'essai (1f3a)", b"Subject: =?utf-8?q?Message_d'essai_(1f3a)?="), ()),
        (SEALED.replace(b"Subject: Message d'essai", b"Subject: Message\r\n d'essai"), ()),
        (SEALED.replace(b"To: soins@hopital.test", b"To: <soins@hopital.test>"), ()),
        (SEALED.replace(b"<1@hopital.test>", b"<2@relay.test>"), ("message-id",)),
        (SEALED.replace(b"09:00:00", b"09:00:01"), ("date",)),
        (SEALED.replace(b"Date: Mon, 02 Nov 2026 09:00:00 +0000\r\n", b""), ("date",)),
        (SEALED.replace(b"Subject: ", b"Subject: [EXTERNE] "), ("subject",)),
        (SEALED.replace(b"From: soins@", b"From: autre@"), ("from",)),
        (b"From: x@y\r\n" + SEALED, ("from",)),
        (SEALED.replace(b"Auto-Submitted: auto-generated\r\n", b""), ("auto-submitted",)),
        (
            SEALED.replace(b"<1@hopital.test>", b"<2@relay.test>").replace(b"\r\n\r\n--b", b"\r\n\r\n--c"),
            ("message-id",),
        ),
    ],
)
def test_a_rewritten_header_is_named(found: bytes, names: tuple[str, ...]) -> None:
    """What only looks different says the same; a broken body hides no header."""
    assert rewritten(SEALED, found) == names
