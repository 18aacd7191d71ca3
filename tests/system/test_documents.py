"""The papers that the system tests send are what they claim to be."""

import re

import pytest

from tests.system.documents import pdf

pytestmark = pytest.mark.system


def test_a_pdf_of_the_tests_is_a_whole_pdf() -> None:
    """Header, end, and a table whose every offset leads to its object."""
    data = pdf("Compte-rendu (détaillé)", padding=1000)
    assert data.startswith(b"%PDF-1.4\n")
    assert data.endswith(b"%%EOF\n")
    start = re.search(rb"startxref\n(\d+)\n", data)
    assert start is not None
    table = data[int(start[1]) :]
    assert table.startswith(b"xref\n0 7\n")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n ", table), 1):
        assert data[int(offset) :].startswith(b"%d 0 obj\n" % number)
