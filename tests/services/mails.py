"""The mails that partners write, as the worker sees them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any

from gateway.domain.kinds import EXTENSION_REQUEST
from gateway.domain.parties import Role
from gateway.storage import Message
from gateway.wire import dsn, manifest, payload, sealed
from gateway.wire.fields import Mailbox
from gateway.wire.incoming import Attested, Copied, Incoming, Inner, Outer, Piece, read_inner, without_content
from gateway.wire.payload import Attachment

START = datetime(2026, 1, 25, 9, 0, tzinfo=UTC)
"""A Sunday without any feast near it."""

ADDRESSES = {Role.HOSPITAL: "soins@hopital.test", Role.CNAS: "conv@cnas.test", Role.CNSE: "medical@cnse.test"}
FINGERPRINTS = {Role.HOSPITAL: "A" * 40, Role.CNAS: "B" * 40, Role.CNSE: "C" * 40}

VALUES: Mapping[str, str] = {
    "patient_name": "BENALI",
    "patient_first_name": "Amine",
    "patient_born": "1980-05-01",
    "insurance_number": "démuni",
    "authorised_from": "2026-01-02",
    "authorised_until": "2026-02-20",
    "nature": "prolongation",
    "requested_from": "2026-02-21",
    "requested_until": "2026-03-20",
    "care": "rééducation",
    "reason": "complication",
    "quote_eur": "12500.00",
    "physician": "Dr Martin",
}
ROLES = tuple(piece.role for piece in EXTENSION_REQUEST.pieces)

REF = "7F3K-Q2"


_ids = count(1)


def outer(
    sender: str, *, message_id: str | None = None, cited: tuple[str, ...] = (), tokens: tuple[str, ...] = ()
) -> Outer:
    """Outer headers."""
    return Outer(
        senders=(sender,), message_id=message_id, cited=cited, hops=(), date=START, automatic=False, tokens=tokens
    )


def sealed_message(
    kind: str,
    *,
    sender: Role,
    to: tuple[str, ...],
    values: Mapping[str, str],
    ref: str = REF,
    request_hash: str | None = None,
    roles: tuple[str | None, ...] = (),
    fingerprint: str | None = None,
    address: str | None = None,
    message_id: str | None = None,
    entity: bytes | None = None,
    signed_at: datetime = START,
    date: datetime | None = None,
    told: bool = True,
    cited: tuple[str, ...] = (),
    automatic: bool = False,
) -> Incoming:
    """A sealed message of the protocol as the worker sees it."""
    number = next(_ids)
    data = entity if entity is not None else f"entity {number}".encode()
    pieces = tuple(
        Piece(name=f"{role}.pdf", role=role, media_type="application/pdf", size=1, sha256="0" * 64) for role in roles
    )
    origin = address or ADDRESSES[sender]
    return Incoming(
        shape="ENCRYPTED",
        outer=outer(origin, message_id=message_id),
        fingerprint=fingerprint or FINGERPRINTS[sender],
        signed_at=signed_at,
        entity=data,
        mic=sha256(data).hexdigest(),
        inner=Inner(
            senders=(origin,),
            recipients=to,
            message_id=message_id or f"<m{number}@{origin.rpartition('@')[2]}>",
            date=date or signed_at,
            subject="",
            text="",
            cited=cited,
            automatic=automatic,
            manifest=manifest.Manifest(
                kind=kind,
                case=ref,
                party_from=sender.value,
                request_hash=request_hash,
                fields=dict(values),
                software="test/1",
            )
            if told
            else None,
            pieces=pieces,
        ),
    )


def request_mail(to: Role = Role.CNAS, *, ref: str = REF, **changes: object) -> Incoming:
    """The hospital's extension request."""
    options: dict[str, object] = {"values": VALUES, "roles": ROLES, "ref": ref} | changes
    recipients = (ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE]) if to in {Role.CNAS, Role.CNSE} else ()
    return sealed_message("EXTENSION_REQUEST", sender=Role.HOSPITAL, to=recipients, **options)  # type: ignore[arg-type]


def answer_mail(
    request_hash: str, *, accepts: bool = True, ref: str = REF, stated: datetime = START, **changes: object
) -> Incoming:
    """The CNAS's express answer."""
    kind = "EXTENSION_ACCEPTANCE" if accepts else "EXTENSION_REFUSAL"
    to = (ADDRESSES[Role.HOSPITAL], ADDRESSES[Role.CNSE])
    options: dict[str, object] = {"values": {}, "signed_at": stated, "ref": ref, "request_hash": request_hash, "to": to}
    return sealed_message(kind, sender=Role.CNAS, **options | changes)  # type: ignore[arg-type]


def receipt(
    message: Message,
    *,
    received_at: datetime,
    sender: Role = Role.CNAS,
    mic: str | None = "same",
    mic_algorithm: str | None = "sha-256",
    kind: str = "processed",
    modifiers: str = "",
    original: str | None = None,
    stated: bool = True,
) -> Incoming:
    """A signed receipt of a partner for a message of ours."""
    number = next(_ids)
    data = f"receipt {number}".encode()
    attested = Attested(
        original_message_id=original or message.message_id,
        kind=kind,
        modifiers=modifiers,
        mic=message.mic if mic == "same" else mic,
        mic_algorithm=mic_algorithm,
        stated_at=received_at if stated else None,
        date=received_at,
    )
    return Incoming(
        shape="SIGNED_REPORT",
        outer=outer(ADDRESSES[sender], cited=(attested.original_message_id or "",)),
        fingerprint=FINGERPRINTS[sender],
        signed_at=received_at,
        entity=data,
        mic=sha256(data).hexdigest(),
        inner=Inner(
            senders=(ADDRESSES[sender],),
            recipients=(ADDRESSES[Role.HOSPITAL],),
            message_id=f"<r{number}@test>",
            date=received_at,
            subject="",
            text="",
            cited=(),
            manifest=None,
            pieces=(),
        ),
        receipt=attested,
    )


def plain_mdn(
    message_id: str, *, at: datetime, sender: str = ADDRESSES[Role.CNAS], kind: str = "displayed"
) -> Incoming:
    """A receipt that nobody signed."""
    attested = Attested(
        original_message_id=message_id,
        kind=kind,
        modifiers="",
        mic=None,
        mic_algorithm=None,
        stated_at=None,
        date=at,
    )
    return Incoming(shape="REPORT", outer=outer(sender), receipt=attested)


def delivery_report(
    *,
    action: str,
    envid: str | None = None,
    message_id: str | None = None,
    reporter: str = "mx.cnas.test",
    at: datetime = START,
) -> Incoming:
    """A delivery status notification."""
    line = dsn.DsnRecipient(final=ADDRESSES[Role.CNAS], original=None, action=action, status=None, last_attempt=at)
    report = dsn.Dsn(
        original_envelope_id=envid,
        arrival_date=None,
        reporting_mta=f"dns; {reporter}",
        recipients=(line,),
        original_message_id=message_id,
        date=at,
    )
    return Incoming(shape="REPORT", outer=outer(f"mailer-daemon@{reporter}"), report=report)


def plain_mail(
    sender: str, *, cited: tuple[str, ...] = (), tokens: tuple[str, ...] = (), notice: bool = False
) -> Incoming:
    """A mail that claims nothing; ``notice``: an out-of-office, by its own word."""
    return Incoming(shape="PLAIN", outer=outer(sender, cited=cited, tokens=tokens), notice=notice)


def letter(
    *cited: str, sender: Role = Role.CNAS, to: tuple[Role, ...] = (Role.HOSPITAL, Role.CNSE), **changes: Any
) -> Incoming:
    """A signed mail that a person wrote in a mail program, as an answer to these."""
    addresses = tuple(ADDRESSES[role] for role in to)
    return sealed_message("", sender=sender, to=addresses, values={}, told=False, cited=cited, **changes)


# --- copies


def written(
    kind: str,
    *,
    sender: Role = Role.CNAS,
    to: tuple[Role, ...] = (Role.CNSE,),
    values: Mapping[str, str] | None = None,
    ref: str = REF,
    request_hash: str | None = None,
    attachments: tuple[Attachment, ...] = (),
    at: datetime = START,
) -> tuple[bytes, Inner]:
    """A message as a gateway writes it, byte for byte, and what the worker tells of it inside another one."""
    told = manifest.Manifest(
        kind=kind,
        case=ref,
        party_from=sender.value,
        request_hash=request_hash,
        fields=dict(values or {}),
        attachments=tuple(manifest.describe(each) for each in attachments),
        software="test/1",
    )
    entity = payload.build_entity(
        payload.Payload(
            sender=Mailbox(display="", address=ADDRESSES[sender]),
            to=tuple(Mailbox(display="", address=ADDRESSES[role]) for role in to),
            date=at,
            message_id=f"<w{next(_ids)}@{ADDRESSES[sender].rpartition('@')[2]}>",
            subject="Réponse",
            text="Bonjour.",
            manifest=manifest.encode(told),
            attachments=attachments,
        ),
        f"ecrit-{next(_ids)}",
    )
    return entity, read_inner(entity)


def around(entity: bytes) -> bytes:
    """The entity with its author's signature, as the opener hands it out."""
    armour = b"-----BEGIN PGP SIGNATURE-----\r\n\r\nAAAA\r\n-----END PGP SIGNATURE-----\r\n"
    return sealed.signed(entity, armour, "pgp-sha256", f"signe-{next(_ids)}")


def repaired_copy(
    entity: bytes,
    inner: Inner,
    *,
    carrier: Role = Role.CNSE,
    to: Role = Role.HOSPITAL,
    ref: str = REF,
    request_hash: str | None = None,
    failed: str | None = None,
    fingerprint: str | None = None,
    at: datetime = START,
) -> Incoming:
    """A message that its author did not send us, brought by another partner; ``failed``: its signature is not good."""
    piece = Attachment(name="copie.eml", media_type="message/rfc822", data=around(entity), role="copy")
    values = {"copied_kind": "x", "copied_from": "y"}
    outside, told = written(
        "REPAIRED_COPY",
        sender=carrier,
        to=(to,),
        values=values,
        ref=ref,
        request_hash=request_hash,
        attachments=(piece,),
    )
    author = next(role for role, address in ADDRESSES.items() if (address,) == inner.senders)
    copied = Copied(
        fingerprint=fingerprint or FINGERPRINTS[author],
        signed_at=at,
        mic=sealed.mic(entity),
        inner=without_content(inner),
    )
    return Incoming(
        shape="ENCRYPTED",
        outer=outer(ADDRESSES[carrier]),
        fingerprint=FINGERPRINTS[carrier],
        signed_at=START,
        entity=outside,
        mic=sealed.mic(outside),
        inner=told,
        copied=copied if failed is None else Copied(failed_reason=failed),
    )
