"""What a program loads before it answers: no test measures time, each names what must not be loaded."""

import subprocess
import sys

import pytest

HEAVY = {"sqlalchemy", "sqlmodel", "pydantic", "structlog", "rich", "cryptography", "holidays", "asyncio"}
FOR_THE_FIRST_PAGE = {"commands", "contents", "defaults", "language", "pages", "refusals", "session", "usage"}
LATER = {
    "alembic",
    "psycopg",
    "fastapi",
    "holidays",
    "httpx",
    "openpyxl",
    "pydantic_settings",
    "rfc3161_client",
    "typer",
    "typst",
}
FOR_THE_PARENT = {"sqlalchemy", "pydantic", "structlog", "rich", "asyncio", "holidays", "typer"}
FOR_MAIL = {"structlog", "aiosmtplib", "aioimaplib", "gnupg", "asn1crypto", "holidays"}


@pytest.mark.parametrize(
    ("imported", "kept_out"),
    [
        pytest.param("gateway.cli.commands", HEAVY, id="the table of contents"),
        pytest.param("gateway.records", FOR_MAIL, id="a command that only reads"),
        pytest.param("gateway.app", LATER, id="the service"),
        pytest.param("gateway.worker", FOR_THE_PARENT, id="what opens mail"),
    ],
)
def test_a_program_starts_without_what_it_does_not_need(imported: str, kept_out: set[str]) -> None:
    """A person waits for each of these at each command, and mail for those of the service and of its workers."""
    script = f"import sys, {imported}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert kept_out.intersection(done.stdout.split()) == set()
    assert "gateway" in done.stdout.split()


def test_what_opens_mail_knows_neither_periods_nor_alarms() -> None:
    """It is replaced again and again, and each time mail waits for it; what decides about a mail is its parent's."""
    script = "import sys, gateway.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    rooms = {".".join(name.split(".")[:3]) for name in done.stdout.split()}

    assert rooms.isdisjoint({"gateway.domain.alarms", "gateway.domain.duties", "gateway.domain.workdays"})
    assert {name for name in rooms if name.count(".") == 1}.isdisjoint(
        {"gateway.config", "gateway.services", "gateway.storage"}
    )


def test_the_first_page_loads_no_command_and_no_room() -> None:
    """What it shows is one table; the only modules of ours are those that parse the line and print the page."""
    script = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from gateway.cli import main
sys.argv = ["gateway", "--help"]
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stderr.split()

    assert "Au quotidien :" in done.stdout
    ours = [name.split(".") for name in loaded if name.startswith("gateway.")]
    assert {path[1] for path in ours} == {"catalogues", "cli", "domain"}
    assert {path[2] for path in ours if path[1] == "cli" and path[2:]} == FOR_THE_FIRST_PAGE
    assert HEAVY.intersection(name.partition(".")[0] for name in loaded) == set()
