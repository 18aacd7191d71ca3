"""Papers of an invented patient: a fiche whose dates follow the machine's clock, and small but whole PDF files."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

PIECES = ("formulaire", "compte-rendu", "devis", "protocole")
AUTHORISED_DAYS = 30

_WORDS: Mapping[str, str] = {
    "patient.nom": "Benkhelifa",
    "patient.prenom": "Zoubida",
    "patient.numero_assure": "démuni",
    "demande.nature": "prolongation",
    "demande.soins": "radiothérapie stéréotaxique",
    "demande.motif": "récidive locorégionale",
    "demande.devis_eur": "12500.00",
    "medecin.nom": "Docteur Lanvin",
}

SECRETS = tuple(_WORDS[key] for key in ("patient.nom", "patient.prenom", "demande.soins", "demande.motif"))
"""Words of the fiche that nobody but the parties may ever read."""


def fiche(path: Path, today: date, changes: Mapping[str, str | date | None] | None = None) -> Path:
    """A fiche whose authorisation ends in 30 days; ``changes`` replaces values by section.key, None removes one."""
    end = today + timedelta(days=AUTHORISED_DAYS)
    values: dict[str, str | date | None] = {
        **_WORDS,
        "patient.naissance": date(1961, 3, 4),
        "autorisation.debut": today - timedelta(days=60),
        "autorisation.fin": end,
        "demande.du": end + timedelta(days=1),
        "demande.au": end + timedelta(days=40),
        **(changes or {}),
    }
    sections: dict[str, list[str]] = {}
    for place, value in values.items():
        section, _, key = place.partition(".")
        if value is not None:
            text = value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)
            sections.setdefault(section, []).append(f"{key} = {text}")
    lines = [line for section, keys in sections.items() for line in (f"[{section}]", *keys, "")]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def pdf(text: str, padding: int = 0) -> bytes:
    """A whole PDF 1.4 (ISO 32000-1 §7.5) of one page that shows one line; ``padding`` bytes make it heavier."""
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("cp1252")
    content = b"BT /F1 14 Tf 60 760 Td (" + escaped + b") Tj ET"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (padding, b"." * padding),
    ]
    data = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(bodies) + 1
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return data + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def papers(folder: Path, word: str = "", prefix: str = "") -> list[Path]:
    """The four attachments of a request, in the order of the form."""
    files = []
    for piece in PIECES:
        file = folder / f"{prefix}{piece}.pdf"
        file.write_bytes(pdf(f"{piece} {word}"))
        files.append(file)
    return files
