"""The papers of the demonstration are whole: a request that the desk takes, and PDF files that a reader opens."""

import re
from datetime import date

from gateway.demo.papers import BENKHELIFA, HADDAD, pdf, request
from gateway.domain.kinds import EXTENSION_REQUEST, faults

TODAY = date(2026, 10, 29)


def test_both_requests_are_complete() -> None:
    """Every field is valid, and the four attachments are there, each another file."""
    for patient in (BENKHELIFA, HADDAD):
        fiche = request(patient, TODAY)
        assert faults(fiche.kind, fiche.values) == ()
        assert {piece.role for piece in fiche.attachments} == {piece.role for piece in EXTENSION_REQUEST.pieces}
        assert len({piece.data for piece in fiche.attachments}) == len(fiche.attachments)


def test_a_pdf_finds_its_own_objects() -> None:
    """ISO 32000-1 section 7.5: each entry of the table is where its object begins, and the trailer finds the table."""
    data = pdf(("Compte-rendu (détaillé)", "de \\ l'été"))

    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", data)[0])
    assert data[start : start + 4] == b"xref"
    entries = re.findall(rb"(\d{10}) 00000 n \n", data[start:])
    assert len(entries) == 5
    for number, offset in enumerate(entries, 1):
        assert data[int(offset) :].startswith(b"%d 0 obj\n" % number)
    (length,) = re.findall(rb"/Length (\d+) >>\nstream\n", data)
    content = data.partition(b"stream\n")[2]
    assert content[int(length) :].startswith(b"\nendstream")
