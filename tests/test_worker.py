"""The worker: every shape of mail is opened or refused, and the process is capped and quiet."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.adapters.sandbox.pool import _answer
from gateway.domain.errors import MailMalformed, MailRefused
from gateway.domain.parties import Suite
from gateway.framing import MAX_HEADER, Limits, encode_frame, read_frame
from gateway.ports import PublicKey
from gateway.wire import mime, sealed
from gateway.wire.compose import attachment_part, multipart, text_part
from gateway.wire.incoming import Copied, Incoming
from gateway.wire.mime import Mailbox
from gateway.wire.payload import MANIFEST_TYPE
from gateway.worker import Bench, Opened, answer, open_mail

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nDossier canari-7f3a.\r\n"
OUTER = sealed.Outer(
    sender=Mailbox(display="", address="b@cnas.test"),
    to=(Mailbox(display="", address="a@hopital.test"),),
    date=datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
    message_id="<1@cnas.test>",
    subject="Soins",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Our home, and a partner who seals for us."""

    ours: Home
    theirs: OpenPgpSealer
    our_key: PublicKey
    their_fingerprint: str

    def bench(self) -> Bench:
        """What the worker would make of its greeting."""
        limits = OpenLimits(max_plain=1024 * 1024)
        return Bench(home=self.ours.path, passphrase=PASSPHRASE, own=self.ours.own, limits=limits)

    def signed(self, entity: bytes = ENTITY) -> bytes:
        """A multipart/signed by the partner."""
        signature = asyncio.run(self.theirs.sign(entity))
        return sealed.signed(entity, signature.data, signature.micalg, f"bord-{len(entity)}")

    def mail(self, content: bytes) -> bytes:
        """This content, encrypted to us, as a mail."""
        ciphertext = asyncio.run(self.theirs.encrypt(content, self.our_key, partner="hopital"))
        return sealed.outer(OUTER, ciphertext, "bord-chiffre")

    def refusal(self, raw: bytes) -> tuple[str, str]:
        """Step and reason with which this mail is refused."""
        with pytest.raises(MailRefused) as caught:
            opened_mail(raw, self.bench())
        return caught.value.step, caught.value.reason


def opened_mail(raw: bytes, bench: Bench) -> Opened:
    """The worker's cryptographic stage on a whole mail."""
    return open_mail(mime.parse(raw), bench)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two parties that have exchanged keys."""
    folders = [tmp_path_factory.mktemp(name) for name in ("ours", "theirs")]
    prints = [generate(folder, "Etablissement d'essai", "a@hopital.test", PASSPHRASE) for folder in folders]
    keys = [
        PublicKey(suite=Suite.OPENPGP, fingerprint=fingerprint, material=export_public(folder / "openpgp"))
        for fingerprint, folder in zip(prints, folders, strict=True)
    ]
    ours, theirs = open_home(folders[0] / "openpgp", [keys[1]]), open_home(folders[1] / "openpgp", [keys[0]])
    sealer = OpenPgpSealer(theirs, fingerprint=prints[1], passphrase=PASSPHRASE)
    yield World(ours=ours, theirs=sealer, our_key=keys[0], their_fingerprint=prints[1])
    ours.close()
    theirs.close()


def test_a_signed_and_encrypted_mail_opens_to_its_exact_entity(world: World) -> None:
    """The bytes under the signature, its maker, and that the outer layer was ours."""
    opened = opened_mail(world.mail(world.signed()), world.bench())
    assert (opened.shape.name, opened.entity) == ("ENCRYPTED", ENTITY)
    assert opened.signature is not None
    assert opened.signature.fingerprint == world.their_fingerprint


def test_a_merely_signed_mail_is_verified_too(world: World) -> None:
    """A receipt may come that way."""
    opened = opened_mail(world.signed(), world.bench())
    assert (opened.shape.name, opened.entity) == ("SIGNED", ENTITY)
    assert opened.signature is not None


def test_a_signed_report_keeps_its_shape(world: World) -> None:
    """RFC 8098 inside RFC 1847."""
    report = (
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=r\r\n\r\n"
        b"--r\r\nContent-Type: text/plain\r\n\r\nLu.\r\n"
        b"--r\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: x/y; displayed\r\n--r--\r\n"
    )
    opened = opened_mail(world.signed(report), world.bench())
    assert (opened.shape.name, opened.entity) == ("SIGNED_REPORT", report)


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        (b"Content-Type: text/plain\r\n\r\nBonjour\r\n", "PLAIN"),
        (b"Content-Type: multipart/report; boundary=r\r\n\r\n--r\r\n\r\nx\r\n--r--\r\n", "REPORT"),
    ],
)
def test_what_is_neither_signed_nor_encrypted_is_only_named(world: World, raw: bytes, shape: str) -> None:
    """No entity, no signature: nothing to trust."""
    opened = opened_mail(raw, world.bench())
    assert (opened.shape.name, opened.entity, opened.signature) == (shape, None, None)


def test_an_encrypted_mail_without_signature_is_refused(world: World) -> None:
    """Anybody can encrypt to us."""
    assert world.refusal(world.mail(ENTITY)) == ("signature", "not-signed")


def test_a_signature_over_a_fragment_inside_is_refused(world: World) -> None:
    """The signed part must be the whole, not a part among others."""
    fragment = b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" + world.signed() + b"\r\n--m--\r\n"
    assert world.refusal(world.mail(fragment)) == ("signature", "not-signed")


def test_a_tampered_signed_mail_is_refused(world: World) -> None:
    """In clear as inside the encryption."""
    tampered = world.signed().replace(b"canari", b"autre!")
    assert world.refusal(tampered) == ("signature", "bad-signature")
    assert world.refusal(world.mail(tampered)) == ("signature", "bad-signature")


def test_one_pass_content_is_named_as_such(world: World) -> None:
    """RFC 3156 §6.2: the whole plaintext is under the signature."""
    command = ["gpg", "--homedir", str(world.theirs._home.path), "--batch", "--pinentry-mode", "loopback"]
    command += ["--passphrase", PASSPHRASE, "--trust-model", "always", "--recipient", world.our_key.fingerprint]
    ciphertext = subprocess.run(
        [*command, "--armor", "--sign", "--encrypt"], input=ENTITY, capture_output=True, check=True
    ).stdout
    opened = opened_mail(sealed.outer(OUTER, ciphertext, "bord"), world.bench())
    assert (opened.shape.name, opened.entity) == ("ENCRYPTED_ONE_PASS", ENTITY)
    assert opened.signature is not None


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"Content-Type: multipart/encrypted\r\n\r\n", b":\r\n\r\n"])
def test_garbage_is_malformed(world: World, raw: bytes) -> None:
    """Named as such, with a step and a code in the answer."""
    with pytest.raises(MailMalformed):
        opened_mail(raw, world.bench())
    header, body = answer(raw, world.bench())
    assert header["seen"]["failed_step"]
    assert header["seen"]["shape"] is None
    assert body == b""


# --- what a mail says of itself, and what it holds

MANIFEST = {
    "version": 1,
    "kind": "REPAIRED_COPY",
    "case": "7F3K-Q2",
    "party_from": "cnse",
    "request_hash": "0" * 64,
    "authorisation_end": None,
    "fields": {},
    "attachments": [],
    "software": "test/1",
}


FILE = {"name": "x", "role": None, "media_type": "application/pdf", "sha256": "0" * 64, "size": 1}


def payload(*, manifest: dict[str, Any] | None, copy: bytes | None = None, headers: str = "") -> bytes:
    """A payload entity of a partner, with the files that it holds."""
    pieces = []
    told = dict(manifest or {})
    if copy is not None:
        pieces.append(attachment_part("copie.eml", "message/rfc822", copy, "copy"))
        sized = {"sha256": sha256(copy).hexdigest(), "size": len(copy)}
        told["attachments"] = [{"name": "copie.eml", "role": "copy", "media_type": "message/rfc822", **sized}]
    if manifest is not None:
        told = {"attachments": told.pop("attachments"), **told}
        pieces.append(attachment_part("message.json", MANIFEST_TYPE, json.dumps(told).encode()))
    body = multipart("mixed", [text_part("Bonjour."), *pieces], f"charge-{len(copy or b'')}", [("hp", "cipher")])
    head = f"From: b@cnas.test\r\nTo: a@hopital.test\r\nMessage-ID: <2@cnas.test>\r\n{headers}"
    return head.encode() + body


def seen(world: World, entity: bytes) -> Incoming:
    """What the worker tells of this entity, signed and sealed by the partner."""
    header, _ = answer(world.mail(world.signed(entity)), world.bench())
    return _answer(header, b"")


def test_the_signature_is_handed_out_with_what_it_covers_on_demand(world: World) -> None:
    """Byte for byte, whether it came encrypted or in clear; not where encryption and signature are one."""
    signed = world.signed()
    for raw in (world.mail(signed), signed):
        assert answer(raw, world.bench(), whole=True)[1] == signed
        assert answer(raw, world.bench())[1] == ENTITY


def test_a_repaired_copy_tells_whose_signature_stands_under_it(world: World) -> None:
    """The message inside is verified as if it had come alone; of its content, nothing is told."""
    inside = payload(manifest={**MANIFEST, "kind": "EXTENSION_ACCEPTANCE", "fields": {"x": "canari"}})
    told = seen(world, payload(manifest=MANIFEST, copy=world.signed(inside)))
    assert told.copied is not None
    assert (told.copied.fingerprint, told.copied.mic) == (world.their_fingerprint, sealed.mic(inside))
    assert told.copied.inner is not None
    assert (told.copied.inner.message_id, told.copied.inner.text) == ("<2@cnas.test>", "")
    assert told.copied.inner.manifest is not None
    assert (told.copied.inner.manifest.kind, told.copied.inner.manifest.fields) == ("EXTENSION_ACCEPTANCE", {})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: world.signed().replace(b"canari", b"autre!"), "bad-signature"),
        (lambda world: world.mail(world.signed()), "not-signed"),
        (lambda _: ENTITY, "not-signed"),
        (lambda _: b":\r\n\r\n", "header-line"),
    ],
)
def test_a_copy_that_proves_nothing_says_why(world: World, change: Callable[[World], bytes], reason: str) -> None:
    """Altered, sealed for somebody, unsigned, or no mail at all: nothing is opened any further."""
    told = seen(world, payload(manifest=MANIFEST, copy=change(world)))
    assert told.failed_reason is None
    assert told.copied == Copied(failed_reason=reason)


def test_only_a_repaired_copy_is_looked_into(world: World) -> None:
    """A mail attached to another message is a file like any other."""
    assert seen(world, payload(manifest={**MANIFEST, "kind": "NOTE"}, copy=world.signed())).copied is None
    assert seen(world, payload(manifest=None)).copied is None


def test_a_manifest_that_contradicts_its_attachments_is_refused(world: World) -> None:
    """A file more, a file less, or other bytes than it lists."""
    listed = payload(manifest=MANIFEST, copy=world.signed())
    for wrong in (
        payload(manifest={**MANIFEST, "attachments": [{**FILE, "name": "x.pdf"}]}),
        listed.replace(b"canari", b"autre!"),
        listed.replace(b"copie.eml", b"autre.eml", 2),
    ):
        told = seen(world, wrong)
        assert (told.failed_step, told.failed_reason) == ("manifest", "manifest-mismatch")


def test_a_machine_that_answers_says_so_in_its_signed_header(world: World) -> None:
    """Auto-replied; what a machine merely generates may be a person's word."""
    for word, automatic in (("auto-replied", True), ("Auto-Replied; x=y", True), ("auto-generated", False)):
        told = seen(world, payload(manifest=None, headers=f"Auto-Submitted: {word}\r\n"))
        assert told.inner is not None
        assert told.inner.automatic is automatic


def test_an_unsigned_notice_is_told_as_one(world: World) -> None:
    """From the whole mail: header and content."""
    raw = b"Auto-Submitted: auto-replied\r\nContent-Type: text/plain\r\n\r\nAbsent.\r\n"
    told = [_answer(answer(each, world.bench())[0], b"") for each in (raw, raw.replace(b"auto-replied", b"no"))]
    assert [(each.shape, each.notice) for each in told] == [("PLAIN", True), ("PLAIN", False)]


# --- the process


def greeting(world: World, limits: Limits) -> bytes:
    """The first message of a conversation."""
    return encode_frame({"home": str(world.ours.path), "passphrase": PASSPHRASE, "limits": asdict(limits)})


def converse(messages: bytes) -> tuple[int, io.BytesIO, bytes]:
    """Run a worker on these bytes: exit code, its answers, its standard error."""
    done = subprocess.run([sys.executable, "-m", "gateway.worker"], input=messages, capture_output=True, check=False)
    return done.returncode, io.BytesIO(done.stdout), done.stderr


def test_the_process_answers_mail_after_mail_and_ends_with_its_input(world: World) -> None:
    """Ready, one refusal, one success, silence."""
    mails = encode_frame({}, b"\xff") + encode_frame({}, world.mail(world.signed()))
    code, answers, errors = converse(greeting(world, Limits()) + mails)
    replies = [read_frame(answers, 100_000) for _ in range(4)]
    assert (code, errors, replies[3]) == (0, b"", None)
    assert replies[0] == ({"ready": True, "size": 0}, b"")
    assert replies[1] is not None
    assert replies[1][0]["seen"]["failed_reason"]
    assert replies[2] is not None
    assert replies[2][1] == ENTITY


def test_the_process_ends_at_once_without_a_greeting() -> None:
    """Its parent has died."""
    assert converse(b"")[0] == 0


@pytest.mark.parametrize(
    "message",
    [
        b"\xff\xff\xff\xff",
        (MAX_HEADER + 1).to_bytes(4, "big"),
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x0b" + b'{"size":-1}',
        b"\x00\x00\x00\x0b" + b'{"size": 9}' + b"cut",
        b"\x00",
    ],
)
def test_a_message_that_breaks_the_protocol_ends_the_process(world: World, message: bytes) -> None:
    """Better dead than confused; the parent replaces it."""
    code, answers, _ = converse(greeting(world, Limits()) + message)
    assert code != 0
    assert read_frame(answers, 0) == ({"ready": True, "size": 0}, b"")
    assert read_frame(answers, 0) is None


def test_a_mail_over_the_limit_ends_the_process(world: World) -> None:
    """The parent checks first; this is the second barrier."""
    code, _, _ = converse(greeting(world, Limits(max_mail=10)) + encode_frame({}, b"x" * 11))
    assert code != 0


def limits_of(pid: int) -> dict[str, str]:
    """Soft limits of a process, as the kernel tells them."""
    told = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    return {line[:26].strip(): line[26:].split()[0] for line in told.splitlines()}


async def test_the_process_is_capped(world: World) -> None:
    """As the kernel sees it."""
    limits = Limits(memory=512 * 1024 * 1024, file_bytes=65536, open_files=40, cpu_seconds=7)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.worker"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(greeting(world, limits) + encode_frame({}, b"\xff"))
    for _ in range(2):
        length = int.from_bytes(await process.stdout.readexactly(4), "big")
        await process.stdout.readexactly(length)
    seen = limits_of(process.pid)
    process.stdin.close()
    assert await process.wait() == 0
    assert seen["Max address space"] == str(512 * 1024 * 1024)
    assert seen["Max file size"] == "65536"
    assert seen["Max core file size"] == "0"
    assert seen["Max open files"] == "40"
    assert 7 <= int(seen["Max cpu time"]) <= 10


def test_a_wrong_home_ends_the_process(tmp_path: Path) -> None:
    """It never says that it is ready."""
    (tmp_path / "private-keys-v1.d").mkdir()
    told = {"home": str(tmp_path), "passphrase": PASSPHRASE, "limits": asdict(Limits())}
    code, answers, _ = converse(encode_frame(told))
    assert code != 0
    assert read_frame(answers, 0) is None
