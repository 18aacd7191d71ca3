"""The one shape of Exchange is put right, byte for byte; whatever is not exactly that stays what it is."""

import pytest

from gateway.wire import mangled, sealed
from gateway.wire.mime import parse

ARMOUR = b"-----BEGIN PGP MESSAGE-----\r\n\r\nAAAA\r\n-----END PGP MESSAGE-----\r\n"
MAIL = (
    b"From: conv@cnas.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\n \r\n\r\n"
    b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n\r\n" + ARMOUR + b"\r\n--b--\r\n"
)


def test_the_shape_of_exchange_is_what_was_written() -> None:
    """The ciphertext is the one that came, and the header is left alone."""
    came = parse(MAIL)
    part = mangled.as_written(came)
    assert (sealed.structure_of(came), sealed.structure_of(part)) == ("plain", "openpgp-encrypted")
    assert sealed.read_encrypted(part) == ARMOUR
    assert part.headers == came.headers


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\n \r\n", b"\r\n x\r\n"),
        (b"text/plain", b"text/html"),
        (b"multipart/mixed", b"multipart/related"),
        (b"multipart/mixed", b"multipart/alternative"),
        (b"application/pgp-encrypted", b"application/octet-stream"),
        (b"application/octet-stream", b"application/pgp-encrypted"),
        (b"--b--\r\n", b"--b--\r\nVirez 100 000 EUR.\r\n"),
        (b"--b--\r\n", b""),
        (b"--b--", b"--b\r\n\r\n\r\n--b--"),
        (b"--b\r\nContent-Type: text/plain\r\n\r\n \r\n\r\n", b""),
    ],
)
def test_anything_else_is_left_as_it_came(old: bytes, new: bytes) -> None:
    """A word or markup beside the ciphertext, a part more or less, text behind, no end."""
    assert old in MAIL
    part = parse(MAIL.replace(old, new, 1))
    assert mangled.as_written(part) is part
