"""The papers of an invented patient: a request with its four PDF attachments, as a hospital would file it."""

from dataclasses import dataclass
from datetime import date, timedelta

from gateway.domain.kinds import EXTENSION_REQUEST
from gateway.services.fiche import Fiche
from gateway.wire.payload import Attachment

AUTHORISED_DAYS = 30

MOTIVE = "Soins possibles en Algérie dans un délai médicalement acceptable."
"""The reason that the CNAS gives for a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """An invented person and the care that is asked for."""

    name: str
    first_name: str
    born: date
    care: str
    reason: str
    quote: str
    physician: str


BENKHELIFA = Patient(
    name="Benkhelifa",
    first_name="Zoubida",
    born=date(1961, 3, 4),
    care="radiothérapie stéréotaxique",
    reason="récidive locorégionale découverte pendant le séjour",
    quote="12500.00",
    physician="Docteur Lanvin",
)
HADDAD = Patient(
    name="Haddad",
    first_name="Mourad",
    born=date(1974, 9, 18),
    care="reprise chirurgicale du moignon",
    reason="complication infectieuse survenue après l'intervention",
    quote="8900.00",
    physician="Docteure Vasseur",
)
CHERIF = Patient(
    name="Cherif",
    first_name="Nadia",
    born=date(1969, 5, 12),
    care="rééducation après prothèse",
    reason="récupération plus lente que prévu",
    quote="6400.00",
    physician="Docteure Vasseur",
)


def request(patient: Patient, today: date) -> Fiche:
    """The fiche SE 352-302 of this patient, whose stay is authorised for 30 more days."""
    end = today + timedelta(days=AUTHORISED_DAYS)
    values = {
        "patient_name": patient.name,
        "patient_first_name": patient.first_name,
        "patient_born": patient.born.isoformat(),
        "insurance_number": "démuni",
        "authorised_from": (today - timedelta(days=60)).isoformat(),
        "authorised_until": end.isoformat(),
        "nature": "prolongation",
        "requested_from": (end + timedelta(days=1)).isoformat(),
        "requested_until": (end + timedelta(days=40)).isoformat(),
        "care": patient.care,
        "reason": patient.reason,
        "quote_eur": patient.quote,
        "physician": patient.physician,
    }
    attachments = tuple(
        Attachment(
            name=f"{piece.fiche.replace('_', '-')}.pdf",
            media_type="application/pdf",
            data=pdf((piece.title.capitalize(), f"Patient : {patient.name} {patient.first_name}", patient.care)),
            role=piece.role,
        )
        for piece in EXTENSION_REQUEST.pieces
    )
    return Fiche(path="fiche.toml", kind=EXTENSION_REQUEST, ref=None, values=values, attachments=attachments)


def pdf(lines: tuple[str, ...]) -> bytes:
    """A whole PDF 1.4 (ISO 32000-1 section 7.5) of one page that shows these lines."""
    shown = b" ".join(b"(%s) Tj 0 -24 Td" % _text(line) for line in lines)
    content = b"BT /F1 14 Tf 60 760 Td " + shown + b" ET"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    data = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    table = b"0000000000 65535 f \n"
    for number, body in enumerate(bodies, 1):
        table += b"%010d 00000 n \n" % len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    size = len(bodies) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
    return data + b"xref\n0 %d\n" % size + table + trailer


def _text(line: str) -> bytes:
    escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return escaped.encode("cp1252", "replace")
