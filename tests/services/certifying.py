"""What certifies in the tests: the real printer, a key of the log; and what other programs find in a printed file."""

import io
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from gateway.adapters.document.pdf import TypstPrinter
from gateway.adapters.log_key import LogKey, generate_log_key
from gateway.services.export.certified import Clerk
from gateway.services.export.certify import Certifier
from gateway.services.export.facts import Policy
from gateway.services.witness import Rule, Witness
from tests.services.world import World

needs_poppler = pytest.mark.skipif(
    shutil.which("pdfdetach") is None and os.environ.get("CI") != "true",
    reason="needs pdfdetach (poppler-utils); in CI its absence is a failure",
)

RULE = Rule(records=10**6, age=timedelta(days=999))
POLICY = Policy(grace=timedelta(hours=12), persons_needed=1, watched=("INBOX",), software="soins-gateway 0")


def log_key(folder: Path) -> LogKey:
    """A new one."""
    path = folder / "audit.key"
    generate_log_key(path)
    return LogKey.load("chu/s", path.read_text(), source=path.name)


def certifier(
    world: World, key: LogKey | None, *, witness: Witness | None = None, rehearsal: bool = False, persons: int = 1
) -> Certifier:
    """Certifies the silences of a world."""
    policy = Policy(grace=POLICY.grace, persons_needed=persons, watched=POLICY.watched, software=POLICY.software)
    clerk = Clerk(
        cabinet=world.cabinet,
        party=world.party,
        directory=world.directory,
        almanac=world.requests.almanac,
        policy=policy,
        key=key.verifier if key else None,
        rehearsal=rehearsal,
    )
    return Certifier(
        store=world.store,
        clock=world.clock,
        clerk=clerk,
        printer=TypstPrinter(),
        signer=key,
        witness=witness,
        recorded=not rehearsal,
    )


def text_of(pdf: bytes) -> str:
    """What a reader sees, on one line, every space a plain one."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()
    return " ".join(" ".join(pages).replace("\u200b", "").replace("\ufffe", "").split())


def enclosed(pdf: bytes) -> dict[str, bytes]:
    """The files inside."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return {name: document.attachments[name].get_file().read_bytes() for name in document.attachments}
