"""What is fuzzed: a name, what mutated bytes are given to, and the bytes to begin with. Only a refusal may come out."""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from gateway import framing, worker
from gateway.adapters.openpgp.command import Outcome, _parse
from gateway.adapters.openpgp.open import Decrypted, OpenLimits, _judge_signature, _with_integrity, leading_tags
from gateway.adapters.sandbox import pool as sandbox
from gateway.adapters.smime.bench import SmimeBench
from gateway.adapters.smime.ber import NotBer, _Reader, to_definite, without_content
from gateway.adapters.smime.cms import read_envelope, read_signer
from gateway.adapters.smime.open import Unproven
from gateway.domain import trust
from gateway.domain.errors import GatewayError
from gateway.domain.parties import Directory, Role
from gateway.framing import MAX_HEADER
from gateway.ports import SignatureFacts
from gateway.services.catalogue import require_conformity
from gateway.services.matching import told_by
from gateway.wire import container, fields, incoming, manifest, mime, params, sealed
from gateway.worker import Bench
from tests.adapters.smime.forge import attacks
from tests.attacks.scene import letter, mixed
from tests.nobody import NOBODY
from tests.services.mails import ADDRESSES, FINGERPRINTS, START
from tests.services.world import partner

MAILS = Path(__file__).parents[1] / "receipts" / "mails"
FACTS = SignatureFacts(fingerprint=FINGERPRINTS[Role.CNAS], made_at=START, digest="SHA512")
DIRECTORY = Directory((partner(Role.CNAS), partner(Role.CNSE)))
BENCH = Bench(
    home=Path("/nonexistent"),
    own=NOBODY,
    limits=OpenLimits(max_plain=1024 * 1024),
    # Stubs stand where it would be used.
    smime=cast("SmimeBench", SimpleNamespace(own=None, former=None, known=())),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``run`` raises nothing but a refusal, whatever it is given."""

    run: Callable[[bytes], object]
    seeds: Sequence[bytes]


def mail(raw: bytes) -> None:
    """A mail as it comes, whose cryptography always succeeds: the worker's whole way, then the judge's."""
    judge(worker.read(raw, BENCH))


def plaintext(data: bytes) -> None:
    """What comes out of a ciphertext."""
    with mock.patch.object(worker, "decrypt", return_value=Decrypted(data=data, signature=None)):
        judge(worker.read(SEALED, BENCH))


def one_pass(data: bytes) -> None:
    """What comes out of a ciphertext that was signed in the same go: all of it is signed."""
    with mock.patch.object(worker, "decrypt", return_value=Decrypted(data=data, signature=FACTS)):
        judge(worker.read(SEALED, BENCH))


def judge(seen: incoming.Incoming) -> None:
    """What the worker saw, over the pipe, to a decision; the parent takes every answer that an honest worker gives."""
    told = json.dumps(framing.encode_incoming(seen))
    if len(told) > MAX_HEADER:
        raise AssertionError("a mail makes an answer that the parent does not take")
    try:
        seen = sandbox._answer(json.loads(f'{{"seen": {told}}}'), seen.entity or b"")
    except GatewayError as error:
        raise AssertionError("the parent does not believe an honest worker") from error
    if seen.inner is None or seen.failed_step is not None:
        told_by(seen)
        return
    claim = trust.Claim(
        shape=seen.shape or "",
        fingerprint=seen.fingerprint,
        signed_at=seen.signed_at,
        senders=seen.inner.senders,
        recipients=seen.inner.recipients,
        message_id=seen.inner.message_id,
        mic=seen.mic,
    )
    pins = {role.value: frozenset({FINGERPRINTS[role]}) for role in (Role.CNAS, Role.CNSE)}
    proved = trust.verify(claim, directory=DIRECTORY, pins=pins, our_address=ADDRESSES[Role.HOSPITAL], seen={})
    require_conformity(seen, proved, Role.HOSPITAL)


def header_fields(data: bytes) -> None:
    """The readers of single values."""
    text = data.decode("latin-1")
    for read in (fields.addresses, fields.message_ids, fields.decode_words, params.content_type):
        with suppress(GatewayError):
            read(text)
    fields.date(text)
    fields.received(text)
    params.filename(text, text)
    params.safe_filename(fields.escaped(data.decode("utf-8", "replace")))


def status_lines(data: bytes) -> None:
    """What gpg would have to say."""
    outcome = Outcome(returncode=0, output=b"", status=_parse(data), overrun=False)
    with suppress(GatewayError):
        _with_integrity(outcome)
    _judge_signature(outcome)


def packets(data: bytes) -> None:
    """The packets before a ciphertext."""
    list(leading_tags(b"-----BEGIN PGP MESSAGE-----\n\n" + b64encode(data)))


def answer(data: bytes) -> None:
    """What a worker that was taken over might say."""
    with suppress(ValueError):
        sandbox._answer({"seen": json.loads(data)}, b"")


def definite(data: bytes) -> None:
    """The quick look at lengths and the reader that puts them right never differ."""
    try:
        wanted = _Reader(data).whole()
    except NotBer:
        wanted = None
    try:
        found = to_definite(data)
    except NotBer:
        found = None
    if found != wanted or (found is not None and without_content(found)[0] is None):
        raise AssertionError("two readings of one structure")


def _stubbed(run: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """With signatures that are always the partner's, and ciphertexts that hold their own armour."""
    stubs: dict[str, Any] = {
        "decrypt": lambda _home, message, *_, **__: Decrypted(data=message.partition(b"\n")[2], signature=None),
        "decrypt_smime": lambda envelope, *_, **__: Unproven(data=envelope),
        "verify_detached": lambda *_, **__: FACTS,
        "verify_smime": lambda *_, **__: FACTS,
    }

    def run_stubbed(data: bytes) -> object:
        with mock.patch.multiple(worker, **stubs):
            return run(data)

    return run_stubbed


def _cms(raw: bytes) -> bytes:
    """The CMS inside one of the forged mails."""
    parts = mime.parse(raw)
    return (parts.parts[-1] if parts.parts else parts).decoded()


ARMOUR = b"-----BEGIN PGP SIGNATURE-----\r\n\r\nAAAA\r\n-----END PGP SIGNATURE-----\r\n"
SIGNED = sealed.signed(letter(), ARMOUR, "pgp-sha512", "signe")
SEALED = (
    b"From: conv@cnas.test\r\n"
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=c\r\n\r\n'
    b"--c\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--c\r\n"
    b"Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nAAAA\r\n"
    b"-----END PGP MESSAGE-----\r\n--c--\r\n"
)
MANGLED = SEALED.replace(b'multipart/encrypted; protocol="application/pgp-encrypted"', b"multipart/mixed").replace(
    b"--c\r\n", b"--c\r\nContent-Type: text/plain\r\n\r\n\r\n--c\r\n", 1
)
REPORTS = [path.read_bytes() for path in sorted(MAILS.glob("*.eml"))]
CMS = [attack.mail for attack in attacks().values()]
TOLD = manifest.encode(
    manifest.Manifest(
        kind="EXTENSION_ACCEPTANCE",
        case="7F3K-Q2",
        party_from="cnas",
        request_hash="0" * 64,
        fields={"granted_from": "2026-01-01", "list": ("a", 1, None)},
        attachments=(),
        software="fuzz/1",
    )
)
MESSAGE = letter().replace(
    b"\r\n--charge--",
    b"\r\n--charge\r\nContent-Type: application/vnd.soins-programmes+json\r\n\r\n" + TOLD + b"\r\n--charge--",
)
STATUS = (
    b"[GNUPG:] ENC_TO 0123456789ABCDEF 18 0\n[GNUPG:] BEGIN_DECRYPTION\n[GNUPG:] DECRYPTION_INFO 2 9 0\n"
    b"[GNUPG:] PLAINTEXT 62 0 \n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0123456789ABCDEF x\n[GNUPG:] VALIDSIG "
    + b"A" * 40
    + b" 2026-01-25 1769331600 0 4 0 22 10 00 "
    + b"A" * 40
    + b"\n[GNUPG:] DECRYPTION_OKAY\n[GNUPG:] GOODMDC\n"
)
SEEN = json.dumps(framing.encode_incoming(worker.read(REPORTS[0], Bench(limits=BENCH.limits)))).encode()

TARGETS = {
    "mail": Target(run=_stubbed(mail), seeds=[*REPORTS, *CMS, SIGNED, SEALED, MANGLED, mixed(SIGNED, SEALED)]),
    "plaintext": Target(run=_stubbed(plaintext), seeds=[SIGNED, *CMS[:4]]),
    "one-pass": Target(run=_stubbed(one_pass), seeds=[letter(), MESSAGE, *REPORTS[:6]]),
    "payload": Target(run=incoming.read_inner, seeds=[letter(), MESSAGE, mixed(letter(), MESSAGE)]),
    "receipt": Target(run=incoming.read_signed_report, seeds=[each for each in REPORTS if b"isposition" in each]),
    "manifest": Target(run=manifest.decode, seeds=[TOLD]),
    "structure": Target(run=lambda data: sealed.structure_of(mime.parse(data)), seeds=[SEALED, SIGNED, *REPORTS]),
    "fields": Target(run=header_fields, seeds=[line for each in REPORTS[:12] for line in each.split(b"\n")[:12]]),
    "cms-signer": Target(run=read_signer, seeds=[_cms(each) for each in CMS]),
    "cms-envelope": Target(run=read_envelope, seeds=[_cms(each) for each in CMS]),
    "definite": Target(run=definite, seeds=[_cms(each) for each in CMS]),
    "status": Target(run=status_lines, seeds=[STATUS]),
    "packets": Target(run=packets, seeds=[b"\xc1\x0c" + bytes(12) + b"\xc3\x04" + bytes(4) + b"\xd2\x05" + bytes(5)]),
    "answer": Target(run=answer, seeds=[SEEN]),
    "container": Target(run=container.unpack, seeds=[container.pack({"a.txt": b"x", "b/c.txt": b"y" * 50})]),
}
