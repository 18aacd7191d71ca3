"""Changes a mail as chance and malice do: bits, bytes, lines, pieces of other mails, words that parsers know."""

import random
from collections.abc import Callable, Sequence

WORDS = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\r\n\r\n",
        b"--",
        b"--\r\n",
        b'"',
        b"(",
        b")",
        b"<",
        b">",
        b";",
        b":",
        b",",
        b"=",
    ),
    *(b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b"*0*=", b"utf-8''", b"%00", b"\xff", b"\xe2\x80\xae", b"\xed\xa0\x80"),
    *(b"From: ", b"To: ", b"Subject: ", b"Message-ID: ", b"Date: ", b"Received: by x; ", b"References: "),
    *(b"Content-Type: ", b"multipart/mixed; boundary=b", b"multipart/signed", b"multipart/report", b"message/rfc822"),
    *(b"Content-Transfer-Encoding: base64\r\n", b"quoted-printable", b"charset=", b"windows-1256", b"utf-7"),
    *(b'hp="cipher"', b"-----BEGIN PGP MESSAGE-----", b"-----END PGP SIGNATURE-----", b"1" * 40, b"9" * 400),
    *(b"Disposition: a/b; displayed", b"Action: failed", b"Status: 5.1.1", b"Final-Recipient: rfc822; "),
    *(
        b"{",
        b"}",
        b"[",
        b'"fields":',
        b"null",
        b"1e999",
        b"\\ud800",
        b"\x30\x80",
        b"\x24\x80",
        b"\x04\x84\xff\xff\xff\xff",
    ),
)

MOST = 64 * 1024
"""Bytes of a mutated mail: enough to go beyond each limit but the largest ones, which have tests of their own."""


def mutated(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds after a few changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(1 << chance.randrange(5)):
        chance.choice(_CHANGES)(chance, data, seeds)
    return bytes(data[:MOST])


def _place(chance: random.Random, data: bytearray) -> int:
    return chance.randrange(len(data) + 1)


def _piece(chance: random.Random, data: bytes | bytearray, most: int = 200) -> slice:
    start = chance.randrange(len(data) + 1)
    return slice(start, start + chance.randrange(1, most))


def _flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _replace(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _delete(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_piece(chance, data)]


def _repeat(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    data[at:at] = data[_piece(chance, data)] * chance.choice((1, 1, 2, 3, 40))


def _word(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, data)
    data[at : at + chance.choice((0, 0, 1, 8))] = chance.choice(WORDS)


def _splice(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    data[_place(chance, data) :] = other[chance.randrange(len(other) + 1) :]


def _line(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """Lines change places, stand twice, or are gone."""
    lines = bytes(data).split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(3):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines.insert(one, lines[other])
        case _:
            del lines[one]
    data[:] = b"\n".join(lines)


Change = Callable[[random.Random, bytearray, Sequence[bytes]], None]
_CHANGES: tuple[Change, ...] = (_flip, _replace, _delete, _repeat, _word, _word, _word, _splice, _line, _line)
