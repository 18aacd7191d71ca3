"""Messages with a real entity, as a partner's gateway writes them: a letter, files, a manifest."""

from collections.abc import Mapping

from gateway.domain.kinds import KINDS, parse_date
from gateway.domain.parties import Role
from gateway.services import letters
from gateway.wire import manifest
from gateway.wire.fields import Mailbox
from gateway.wire.incoming import Incoming
from gateway.wire.payload import Attachment, Payload, build_entity
from tests.services.mails import ADDRESSES, REF, START, sealed_message

MARKER = "Zoltrique-Brumaflore"
"""Stands for what only a physician may read."""

PATIENT = {
    "patient_name": "BENALI",
    "patient_first_name": "Amine",
    "patient_born": "1980-05-01",
    "insurance_number": "démuni",
}
CARE = {
    **PATIENT,
    "nationality": "algerienne",
    "pathology": f"{MARKER} de la jambe",
    "treatments": f"contre {MARKER}",
    "examinations": f"IRM : {MARKER}",
    "length_days": "30",
}


def file(role: str | None, name: str, data: bytes = b"%PDF", media_type: str = "application/pdf") -> Attachment:
    """An attachment."""
    return Attachment(name=name, media_type=media_type, data=data, role=role)


SCAN = file("medical_file", f"IRM {MARKER}.pdf", MARKER.encode() * 10)


def message(
    kind: str,
    values: Mapping[str, str],
    *pieces: Attachment,
    sender: Role = Role.CNAS,
    to: tuple[str, ...] = (ADDRESSES[Role.HOSPITAL],),
    ref: str = REF,
    number: int = 1,
    request_hash: str | None = None,
) -> Incoming:
    """The mail as the worker sees it, with the bytes that its signature covers."""
    told = manifest.Manifest(
        kind=kind,
        case=ref,
        party_from=sender.value,
        request_hash=request_hash,
        authorisation_end=parse_date(values.get("authorised_until", "")),
        fields=dict(values),
        attachments=tuple(manifest.describe(piece) for piece in pieces),
        software="test/1",
    )
    titles = [piece.name for piece in pieces]
    message_id = f"<o{number}@{sender.value}.test>"
    body = Payload(
        sender=Mailbox(display="", address=ADDRESSES[sender]),
        to=tuple(Mailbox(display="", address=address) for address in to),
        date=START,
        message_id=message_id,
        subject=letters.subject(KINDS[kind], ref),
        text=letters.letter(KINDS[kind], ref, values, titles, sender.value),
        manifest=manifest.encode(told),
        attachments=pieces,
    )
    return sealed_message(
        kind,
        sender=sender,
        to=to,
        values=values,
        ref=ref,
        request_hash=request_hash,
        roles=tuple(piece.role for piece in pieces),
        message_id=message_id,
        entity=build_entity(body, f"=_{number}"),
    )


def care_request(*more: Attachment, number: int = 1, ref: str = REF) -> Incoming:
    """M01, with a medical file and whatever else."""
    return message("CARE_REQUEST", CARE, SCAN, *more, number=number, ref=ref)


def certificate(*more: Attachment, number: int = 2) -> Incoming:
    """M08, without anything medical but what is added."""
    values = {
        **PATIENT,
        "issued_on": "2026-01-20",
        "covered_from": "2026-02-01",
        "covered_until": "2026-03-02",
        "length_days": "30",
        "repatriation_accepted": "oui",
        "quote_accepted": "oui",
    }
    form = file("form", "SE 352-301.pdf", b"%PDF form")
    return message("ENTITLEMENT_CERTIFICATE", values, form, *more, number=number)
