"""``gateway status``: what the service that runs says, and what the database says without one, are the same."""

import asyncio
import json
import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from structlog.testing import capture_logs

from gateway import monitoring, records
from gateway.adapters.asking import MOST, PAGE, SOCKET, ask
from gateway.cli import glance
from gateway.cli.defaults import CONFIG_VARIABLE
from gateway.config import load
from gateway.services.shapes import status as shapes
from tests.cli.installed import install
from tests.cli.test_start import HEAVY
from tests.services.fakes import FakeClock

NOW = datetime(2027, 3, 8, 8, 12, tzinfo=UTC)
MOMENTARY = ("now", "disk")

ENDS_WITH_STATUS = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from gateway.cli import main
sys.argv = ["gateway", "status", "--config", sys.argv[1]]
main()
"""


def installed(folder: Path) -> Path:
    """A hospital's configuration."""
    return install(folder, FakeClock(NOW)).config


@contextmanager
def answering(data: Path, answer: bytes) -> Iterator[None]:
    """Somebody who says this, whatever is asked, and no more."""
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(data / SOCKET))
        line.listen()

        def answer_once() -> None:
            there, _ = line.accept()
            with there:
                there.recv(4096)
                with suppress(ConnectionError):
                    # Whoever asks may have heard enough.
                    there.sendall(answer)

        thread = Thread(target=answer_once)
        thread.start()
        yield
        thread.join()


async def shown(*arguments: str) -> tuple[str, int]:
    """What the command prints at once, and its exit code."""
    found = await asyncio.to_thread(lambda: glance.shortcut(arguments))
    assert found is not None
    return found


async def test_the_service_and_the_database_say_the_same(tmp_path: Path) -> None:
    """For a person and for a program; the exit code too."""
    config = installed(tmp_path)
    async with records.open_base(load(config)) as base, monitoring.watched(base):
        read = shapes.glance(await records.health(base).read())
        told = await asyncio.to_thread(glance.asked, config)
        person, code = await shown("-c", str(config))
        program, same_code = await shown("--json", "--config", str(config))

    assert told is not None
    assert {**told, **dict.fromkeys(MOMENTARY)} == {**read, **dict.fromkeys(MOMENTARY)}
    assert json.loads(program).keys() == read.keys()
    assert code == same_code == 8
    assert "LE COURRIER N'EST PAS RELEVÉ (INBOX, Junk)." in person.splitlines()
    assert person.splitlines()[0] == "Courrier relevé (INBOX) : jamais"


async def test_a_change_of_what_is_told_has_a_new_number(tmp_path: Path) -> None:
    """A command of another version than the service would not find what it prints: such a page is not asked for."""
    config = installed(tmp_path)
    async with records.open_base(load(config)) as base:
        read = shapes.glance(await records.health(base).read())

    known = (
        "alarms audit_size backed_up_at calendar_covers_until calendar_proposals calendar_short clock_suspended_at "
        "clocks contested disk doubtful_mails elapsed failing_handovers faults habits healthy lifetimes mails next_end "
        "now open_requests outbox owed_copies polled_at quarantined role standing to_triage to_triage_since "
        "unacknowledged unread waiting_handovers waiting_mails waiting_since"
    )
    assert PAGE == "/status/1"
    assert set(read) == set(known.split())


async def test_a_service_that_answers_spares_the_loading_of_all_else(tmp_path: Path) -> None:
    """A monitoring program asks each minute; without a service, the command opens the database."""
    config = installed(tmp_path)

    async def run() -> tuple[str, set[str]]:
        command = (sys.executable, "-c", ENDS_WITH_STATUS, str(config))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        out, err = await process.communicate()
        assert process.returncode == 8
        return out.decode(), {name.partition(".")[0] for name in err.decode().split()}

    async with records.open_base(load(config)) as base, monitoring.watched(base):
        served, light = await run()
    read, heavy = await run()

    assert light.isdisjoint({*HEAVY, "typer", "sqlite3", "ssl"})
    assert "sqlalchemy" in heavy
    assert served.splitlines()[:9] == read.splitlines()[:9]


async def test_its_socket_is_the_accounts_alone_and_goes_with_it(tmp_path: Path) -> None:
    """One that a killed service left is replaced, and a folder with a long name has one too."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    config = installed(folder)
    place = load(config).gateway.data / SOCKET
    with socket.socket(socket.AF_UNIX) as killed:
        folder_number = os.open(place.parent, os.O_RDONLY)
        killed.bind(f"/proc/self/fd/{folder_number}/{SOCKET}")
        os.close(folder_number)
    assert glance.asked(config) is None

    async with records.open_base(load(config)) as base, monitoring.watched(base):
        mode = place.stat().st_mode
        told = await asyncio.to_thread(glance.asked, config)

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert told is not None
    assert not place.exists()


async def test_a_place_that_is_taken_stops_no_clock(tmp_path: Path) -> None:
    """The gateway works without it, and says so."""
    config = installed(tmp_path)
    (load(config).gateway.data / SOCKET).mkdir()
    with capture_logs() as told:
        async with records.open_base(load(config)) as base, monitoring.watched(base):
            assert await asyncio.to_thread(glance.asked, config) is None

    assert [each["event"] for each in told] == ["status.not_served"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 503 Service Unavailable\r\n\r\nstorage_failed\n", id="its database fails"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\n\r\nno such page\n", id="of another version"),
        pytest.param(b'HTTP/1.1 200 OK\r\n\r\n{"now": ', id="half"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n[1]", id="not an object"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe{}", id="no text"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, id="too deep"),
        pytest.param(b'HTTP/1.1 200 OK\r\n\r\n"' + b"x" * (MOST + 65536) + b'"', id="too long"),
    ],
)
def test_what_is_no_whole_answer_is_none(tmp_path: Path, answer: bytes) -> None:
    """The database is read instead."""
    with answering(tmp_path, answer):
        assert ask(tmp_path) is None


def test_a_service_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    """It may hang."""
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(tmp_path / SOCKET))
        line.listen()
        assert ask(tmp_path, seconds=0.01) is None


def test_another_accounts_folder_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose command it is stays told by what opens the records."""
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(tmp_path / SOCKET))
        line.listen()
        assert ask(tmp_path) is None


@pytest.mark.parametrize("arguments", [["--help"], ["--config"], ["-c", "--json"], ["x"], ["--config=x"], ["--jsn"]])
def test_what_needs_explaining_is_left_to_the_parser(arguments: list[str]) -> None:
    """The shortcut knows two options, and no more."""
    assert glance.shortcut(arguments) is None


@pytest.mark.parametrize("text", ["", "[gateway", "gateway = 1", "[gateway]\ndata = 3", "[gateway]\ndata = 'nowhere'"])
def test_a_configuration_in_which_no_folder_is_found_is_left_to_who_reads_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """It says what is wrong; the variable names the file here."""
    config = tmp_path / "gateway.toml"
    config.write_text(text)
    monkeypatch.setenv(CONFIG_VARIABLE, str(config))
    assert glance.shortcut([]) is None
