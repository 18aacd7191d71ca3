"""The steps of the cycle's floor: what no gateway of this kind may leave out, by its libraries and nothing of our code.

Each is the cheapest way that was found: no check of what a hostile mail could hold, no limit, no second look. Keys,
algorithms, parts and sizes are those of the measured cycle.
"""

import base64
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from asn1crypto.cms import ContentInfo
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7EnvelopeBuilder,
    PKCS7Options,
    PKCS7SignatureBuilder,
    pkcs7_decrypt_der,
)

RECORD_BYTES, STATE_BYTES = 640, 400
"""A row of the audit log, and one of state: what the gateway's own have in the measured cycle."""

BLANK = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What one party holds."""

    key: RSAPrivateKey
    own: x509.Certificate
    partner: x509.Certificate
    partner_key: RSAPublicKey


def pair(key: bytes, own: bytes, partner: bytes) -> Pair:
    """From PEM.

    Raises:
        TypeError: a key that is not RSA.
    """
    private, other = load_pem_private_key(key, None), x509.load_pem_x509_certificate(partner)
    public = other.public_key()
    if not isinstance(private, RSAPrivateKey) or not isinstance(public, RSAPublicKey):
        raise TypeError("the measured certificates are RSA")
    return Pair(key=private, own=x509.load_pem_x509_certificate(own), partner=other, partner_key=public)


# --- sealing


def entity(message_id: bytes, paper: bytes) -> bytes:
    """A letter, a manifest and a file."""
    return b"\r\n".join(
        (
            b"From: <a@hopital.test>\r\nTo: <b@cnse.test>\r\nSubject: Soins",
            b"Message-ID: <" + message_id + b">",
            b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m',
            b'Content-Type: text/plain; charset="utf-8"\r\n\r\nBonjour,\r\n--m',
            b'Content-Type: application/json\r\n\r\n{"kind": "MEDICAL_REPORT"}\r\n--m',
            b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n",
            _lines(paper),
            b"--m--\r\n",
        )
    )


def receipt(message_id: bytes, received: bytes) -> bytes:
    """The report that attests these bytes."""
    return b"\r\n".join(
        (
            b"From: <b@cnse.test>\r\nTo: <a@hopital.test>\r\nSubject: Re",
            b'Content-Type: multipart/report; report-type=disposition-notification; boundary="r"\r\n\r\n--r',
            b"Content-Type: text/plain\r\n\r\nRecu.\r\n--r",
            b"Content-Type: message/disposition-notification\r\n",
            b"Original-Message-ID: <" + message_id + b">",
            b"Disposition: automatic-action/MDN-sent-automatically; processed",
            b"Received-Content-MIC: " + base64.b64encode(sha256(received).digest()) + b", sha-256",
            b"--r--\r\n",
        )
    )


def signed(body: bytes, mine: Pair) -> bytes:
    """A multipart/signed around exactly these bytes."""
    builder = PKCS7SignatureBuilder().set_data(body)
    builder = builder.add_signer(mine.own, mine.key, SHA256(), rsa_padding=PKCS1v15())
    signature = builder.sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
    kind = b'multipart/signed; micalg="sha-256"; protocol="application/pkcs7-signature"; boundary="s"'
    return b"\r\n".join(
        (
            b"Content-Type: " + kind + b"\r\n\r\n--s",
            body,
            b"--s\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n",
            _lines(signature),
            b"--s--\r\n",
        )
    )


def sealed(body: bytes, mine: Pair) -> bytes:
    """A whole mail around the encrypted bytes."""
    builder = PKCS7EnvelopeBuilder().set_data(body).add_recipient(mine.partner)
    builder = builder.set_content_encryption_algorithm(AES256)
    kind = b"application/pkcs7-mime; smime-type=enveloped-data"
    return b"\r\n".join(
        (
            b"From: <a@hopital.test>\r\nTo: <b@cnse.test>\r\nSubject: Soins\r\nMIME-Version: 1.0",
            b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: base64\r\n",
            _lines(builder.encrypt(Encoding.DER, [PKCS7Options.Binary])),
            b"",
        )
    )


def _lines(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


# --- opening


def opened(raw: bytes, mine: Pair) -> bytes:
    """What our partner signed: parsed, decrypted if it is encrypted, verified.

    Raises:
        ValueError, InvalidSignature: it is not theirs.
    """
    headers, body = _parsed(raw)
    if headers.get_content_type() == "application/pkcs7-mime":
        headers, body = _parsed(pkcs7_decrypt_der(base64.b64decode(body), mine.own, mine.key, []))
    mark = b"--" + str(headers.get_boundary()).encode()
    _, first, second, _ = body.split(mark)
    inside = first[2:-2]
    _verify(inside, base64.b64decode(second.partition(BLANK)[2]), mine.partner_key)
    return inside


def _parsed(raw: bytes) -> tuple[Message, bytes]:
    head, _, body = raw.partition(BLANK)
    return BytesHeaderParser().parsebytes(head), body


def _verify(body: bytes, signature: bytes, key: RSAPublicKey) -> None:
    signer: Any = ContentInfo.load(signature)["content"]["signer_infos"][0]
    attributes = signer["signed_attrs"]
    digests = (each["values"][0].native for each in attributes if each["type"].native == "message_digest")
    if next(digests) != sha256(body).digest():
        raise ValueError("other bytes were signed")
    key.verify(signer["signature"].native, b"\x31" + attributes.dump()[1:], PKCS1v15(), SHA256())


def papers(body: bytes) -> bytes:
    """The file in an entity."""
    return base64.b64decode(body.rpartition(BLANK)[2].partition(b"--m--")[0])


def acknowledged(body: bytes) -> bytes:
    """Of which message this is the receipt."""
    return body.partition(b"Original-Message-ID: <")[2].partition(b">")[0]


def named(body: bytes) -> bytes:
    """The message's own name."""
    return body.partition(b"Message-ID: <")[2].partition(b">")[0]


# --- keeping


class Kept:
    """A folder of encrypted files and a database, both as durable as the gateway's."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._turn = Lock()
        # Whichever thread has the turn.
        self._base = sqlite3.connect(folder / "floor.sqlite3", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute("CREATE TABLE audit (id INTEGER PRIMARY KEY, record BLOB NOT NULL)")
        self._base.execute("CREATE TABLE state (id INTEGER PRIMARY KEY, row BLOB NOT NULL)")

    def file(self, data: bytes) -> None:
        """Encrypt, write, and wait for the disk."""
        nonce = secrets.token_bytes(12)
        view = memoryview(nonce + self._cipher.encrypt(nonce, data, None))
        handle = os.open(secrets.token_hex(16), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._folder)
        try:
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.fsync(self._folder)

    def act(self) -> None:
        """One transaction: a record and a state."""
        record, state = secrets.token_bytes(RECORD_BYTES), secrets.token_bytes(STATE_BYTES)
        with self._turn:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.execute("INSERT INTO audit (record) VALUES (?)", (record,))
            self._base.execute("INSERT INTO state (row) VALUES (?)", (state,))
            self._base.execute("COMMIT")

    def close(self) -> None:
        """Nothing is asked any more."""
        self._base.close()
        os.close(self._folder)


@contextmanager
def kept(folder: Path) -> Iterator[Kept]:
    """In this folder, which is empty."""
    found = Kept(folder)
    try:
        yield found
    finally:
        found.close()
