"""What a command loads before it answers: no test measures time, each names what must not be loaded."""

import subprocess
import sys

import pytest

HEAVY = {"sqlalchemy", "sqlmodel", "pydantic", "structlog", "rich", "cryptography", "holidays"}
FOR_MAIL = {"structlog", "aiosmtplib", "aioimaplib", "gnupg", "asn1crypto", "holidays"}


@pytest.mark.parametrize(
    ("imported", "kept_out"),
    [
        pytest.param("gateway.cli.commands", HEAVY, id="the table of contents"),
        pytest.param("gateway.records", FOR_MAIL, id="a command that only reads"),
    ],
)
def test_a_command_starts_without_what_it_does_not_need(imported: str, kept_out: set[str]) -> None:
    """A person waits for each of these, at each command."""
    script = f"import sys, {imported}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert kept_out.intersection(done.stdout.split()) == set()
    assert "gateway" in done.stdout.split()
