"""The capped process that parses, decrypts and verifies one mail at a time: ``python -m gateway.worker``.

It reads messages on standard input and answers on standard output (:mod:`gateway.framing`): first a
greeting with home, passphrase, S/MIME material and limits, then one mail a message. Anything unforeseen ends the
process, and the parent replaces it. It writes no log, and its standard error is shown to nobody.
"""

import os
import resource
import sys
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from gateway.adapters.clock import SystemClock
from gateway.adapters.offline import leave_network
from gateway.adapters.openpgp.keyfiles import KeyFacts, all_own_facts, client
from gateway.adapters.openpgp.open import OpenLimits, decrypt, verify_detached
from gateway.adapters.smime.bench import SmimeBench, decode
from gateway.adapters.smime.open import decrypt as decrypt_smime
from gateway.adapters.smime.verify import verify_detached as verify_smime
from gateway.domain.errors import MailMalformed, MailRefused, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.framing import EXIT_MEMORY, MAX_GREETING, Limits, encode_frame, encode_incoming, read_frame
from gateway.ports import Clock, SignatureFacts
from gateway.wire import incoming, mangled, mime, sealed, smime
from gateway.wire.incoming import Copied, Incoming
from gateway.wire.sealed import Shape

_ENCRYPTED = frozenset({Shape.ENCRYPTED, Shape.ENCRYPTED_ONE_PASS})
_SIGNED = frozenset({Shape.SIGNED, Shape.SIGNED_REPORT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What opening a mail needs; ``smime`` is None for a gateway that has no certificate of its own.

    Without a ``home`` there is no key at all: mail is taken apart and named, never opened.
    """

    home: Path | None = None
    passphrase: str = ""
    own: KeyFacts | None = None
    former: KeyFacts | None = None
    limits: OpenLimits
    smime: SmimeBench | None = None
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A mail after its cryptography: ``entity`` holds the exact bytes under the one signature, None without one.

    ``whole`` is what holds entity and signature as they came together, None when they cannot be told apart.
    """

    shape: Shape
    entity: bytes | None
    signature: SignatureFacts | None
    whole: mime.Part | None = None


def read(raw: bytes, bench: Bench, *, whole: bool = False) -> Incoming:
    """Everything that the parent may know of one mail; a refusal is part of it, beside the outer headers.

    ``whole`` adds the signature with what it covers, which nobody needs who only reads.

    Raises:
        OwnKeyUnusable: the mail is for us, but our own key does not open.
    """
    outer = structure = None
    try:
        came = mime.parse(raw)
        part = mangled.as_written(came)
        outer, structure = incoming.read_outer(part.headers), sealed.structure_of(part)
        opened = open_mail(part, bench)
        around, opened = opened.whole if whole else None, replace(opened, whole=None)
        seen = replace(_facts(part, outer, opened, bench), structure=structure)
        if part is not came:
            seen = replace(seen, outer_differs=(*mangled.CHANGED, *seen.outer_differs))
        return replace(seen, whole=around.raw) if around else seen
    except MailRefused as refused:
        step, reason = refused.step, refused.reason
        return Incoming(shape=None, outer=outer, structure=structure, failed_step=step, failed_reason=reason)


def _facts(part: mime.Part, outer: incoming.Outer, opened: Opened, bench: Bench) -> Incoming:
    if opened.entity is None or opened.signature is None:
        return replace(incoming.read_unsigned(part), shape=opened.shape.name, outer=outer)
    shape, receipt, copied = opened.shape, None, None
    try:
        if shape is Shape.SIGNED_REPORT or (shape in _ENCRYPTED and incoming.is_receipt(opened.entity)):
            shape = Shape.SIGNED_REPORT
            inner, receipt = incoming.read_signed_report(opened.entity)
        else:
            inner = incoming.read_inner(opened.entity)
            copied = _copied(incoming.read_copy(opened.entity, inner), bench)
    except MailMalformed as fault:
        raise fault.within("receipt" if shape is Shape.SIGNED_REPORT else "payload") from fault
    return Incoming(
        shape=shape.name,
        outer=outer,
        fingerprint=opened.signature.fingerprint,
        signed_at=opened.signature.made_at,
        entity=opened.entity,
        mic=sealed.mic(opened.entity),
        inner=inner,
        receipt=receipt,
        copied=copied,
        outer_differs=incoming.differing(outer, inner) if shape in _ENCRYPTED else (),
    )


def _copied(data: bytes | None, bench: Bench) -> Copied | None:
    """Whose signature stands under the message in a repaired copy. Nothing inside is opened any further."""
    if data is None:
        return None
    try:
        part = mime.parse(data)
        if sealed.shape_of(part) is not Shape.SIGNED:
            return Copied(failed_reason="not-signed")
        found = _verified(part, bench, shape=Shape.SIGNED)
        if found.entity is None or found.signature is None:
            return Copied(failed_reason="not-signed")
        inner = incoming.read_inner(found.entity)
    except MailRefused as refused:
        return Copied(failed_reason=refused.reason)
    return Copied(
        fingerprint=found.signature.fingerprint,
        signed_at=found.signature.made_at,
        mic=sealed.mic(found.entity),
        inner=incoming.without_content(inner),
    )


def open_mail(part: mime.Part, bench: Bench) -> Opened:
    """Open one mail by its shape (RFC 3156, RFC 8551, RFC 1847); what is neither encrypted nor signed is only named.

    Raises:
        MailMalformed, MailRefused: the mail fails a check.
        OwnKeyUnusable: the mail is for us, but our own key does not open.
    """
    shape = sealed.shape_of(part)
    if shape in _ENCRYPTED:
        return _open_encrypted(part, bench)
    if shape in _SIGNED:
        return _verified(part, bench, shape=shape)
    return Opened(shape=shape, entity=None, signature=None)


def _open_encrypted(part: mime.Part, bench: Bench) -> Opened:
    if sealed.suite_of(part) is Suite.SMIME:
        return _open_envelope(part, bench)
    message = sealed.read_encrypted(part)
    if bench.home is None or bench.own is None:
        raise MailRefused(step="decrypt", reason="no-key")
    plain = decrypt(bench.home, message, bench.passphrase, bench.own, bench.limits, former=bench.former)
    del message  # a large mail is held no longer than somebody needs it
    if plain.signature is not None:
        # RFC 3156 §6.2: signed and encrypted in one go; the whole plaintext is under the signature.
        return Opened(shape=Shape.ENCRYPTED_ONE_PASS, entity=plain.data, signature=plain.signature)
    return _signed_inside(plain.data, bench, Suite.OPENPGP)


def _open_envelope(part: mime.Part, bench: Bench) -> Opened:
    envelope = smime.read_envelope(part)
    if bench.smime is None:
        raise MailRefused(step="decrypt", reason="no-key")
    ours = bench.smime
    unproven = decrypt_smime(envelope, ours.own, max_plain=bench.limits.max_plain, former=ours.former)
    del envelope
    return _signed_inside(unproven.data, bench, Suite.SMIME)


def _signed_inside(plain: bytes, bench: Bench, suite: Suite) -> Opened:
    """Nothing of the plaintext is used but to find the signature; what is not under it is thrown away (EFAIL)."""
    try:
        inner = mime.parse(plain)
    except MailMalformed as fault:
        raise fault.within("signed") from fault
    if sealed.shape_of(inner) not in _SIGNED:
        raise MailRefused(step="signature", reason="not-signed")
    if sealed.suite_of(inner) is not suite:
        raise MailRefused(step="signature", reason="mixed-suites")
    return _verified(inner, bench, shape=Shape.ENCRYPTED)


def _verified(part: mime.Part, bench: Bench, *, shape: Shape) -> Opened:
    signed = sealed.read_signed(part)
    at = bench.limits.at
    if signed.suite is Suite.OPENPGP and bench.home is not None:
        facts = verify_detached(bench.home, signed.entity, signed.signature, at=at)
    elif signed.suite is Suite.SMIME and bench.smime is not None:
        facts = verify_smime(signed.entity, signed.signature, bench.smime.known, at=at or bench.clock.now())
    else:
        raise MailRefused(step="signature", reason="unknown-key" if bench.home is not None else "no-key")
    return Opened(shape=shape, entity=signed.entity, signature=facts, whole=part)


def keep_to_ourselves() -> None:
    """No file of this process is anybody else's, and no crash writes its memory, keys and mails in clear, to a disk."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def confine(limits: Limits) -> None:
    """Cap this process and every gpg it starts; processor time is set anew for each mail."""
    caps = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    for kind, wanted in caps.items():
        hard = resource.getrlimit(kind)[1]
        cap = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (cap, cap))


def allow_processor_time(seconds: int) -> None:
    """Let this process use so many more seconds of processor time; a gpg that it starts begins at zero."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Greet, then answer mail after mail until the requests end.

    Raises:
        ValueError: a request breaks the protocol.
        OwnKeyUnusable: the home named in the greeting does not hold our key, or our certificate is wrong.
    """
    greeting = read_frame(requests, MAX_GREETING)
    if greeting is None:
        return
    told, material = greeting
    limits = Limits(**told["limits"])
    home = Path(told["home"]) if told["home"] else None
    at = datetime.fromisoformat(told["at"]) if told.get("at") else None
    ours = all_own_facts(client(home), home) if home else ()
    bench = Bench(
        home=home,
        passphrase=told["passphrase"],
        # Which of the two is the former one does not matter here: nothing is signed.
        own=next(iter(ours), None),
        former=ours[1] if len(ours) > 1 else None,
        limits=OpenLimits(max_plain=limits.max_plain, at=at),
        smime=decode(material) if material else None,
    )
    confine(limits)
    _send(answers, {"ready": True}, b"")
    while (request := read_frame(requests, limits.max_mail)) is not None:
        allow_processor_time(limits.cpu_seconds)
        header, body = answer(request[1], bench, whole=request[0].get("whole") is True)
        _send(answers, header, body)


def answer(raw: bytes, bench: Bench, *, whole: bool = False) -> tuple[dict[str, Any], bytes]:
    """The message that tells the parent what became of one mail; ``whole``: with the signature around the entity."""
    try:
        seen = read(raw, bench, whole=whole)
    except OwnKeyUnusable:
        return {"own_key": True}, b""
    body = seen.whole if whole else seen.entity
    return {"seen": encode_incoming(seen)}, body or b""


def _send(answers: BinaryIO, header: dict[str, Any], body: bytes) -> None:
    answers.write(encode_frame(header, body))
    answers.flush()


def main() -> None:
    """Serve on our standard streams; a stray ``print`` somewhere below cannot break the protocol."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    keep_to_ourselves()
    # Where the kernel refuses, the caps and the parent's checks of each answer stay.
    leave_network()
    try:
        serve(sys.stdin.buffer, answers)
    except MemoryError:
        # No clean-up: that would need memory.
        os._exit(EXIT_MEMORY)


if __name__ == "__main__":
    main()
