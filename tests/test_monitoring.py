"""What a monitoring program of this machine reads of an installed gateway: only where asked for, and only from here."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from gateway import monitoring, records
from gateway.config import load
from gateway.domain.errors import ConfigInvalid
from tests.cli.installed import install
from tests.services.fakes import FakeClock

NOW = datetime(2027, 3, 8, 8, 12, tzinfo=UTC)


@contextmanager
def somebody_s_port() -> Iterator[int]:
    """A port of the loopback that is taken while the block runs, and free afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


def hospital(folder: Path, section: str) -> Path:
    """A gateway with this section in its configuration."""
    made = install(folder, FakeClock(NOW))
    made.config.write_text(made.config.read_text() + section)
    return made.config


async def ask(port: int, path: str) -> tuple[int, str]:
    """Status and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body.decode()


async def test_the_three_pages_of_a_gateway(tmp_path: Path) -> None:
    """It answers; it is not ready before it polled its mailbox; its numbers are those of « gateway status »."""
    with somebody_s_port() as port:
        pass
    settings = load(hospital(tmp_path, f"[metrics]\nport = {port}\n"))
    async with records.open_base(settings) as base, monitoring.watched(base):
        alive, ready, metrics = [await ask(port, path) for path in ("/healthz", "/readyz", "/metrics")]

    assert alive == (200, "ok\n")
    assert ready == (503, "mail_not_polled\n")
    assert metrics[0] == 200
    families = {family.name: family for family in text_string_to_metric_families(metrics[1])}
    assert families["soins_healthy"].samples[0].value == 0
    assert families["soins_disk_free_bytes"].samples[0].value > 0
    assert {sample.labels["owner"] for sample in families["soins_key_seconds"].samples} == {"us"}
    with pytest.raises(ConnectionRefusedError):
        await ask(port, "/healthz")


async def test_without_its_section_nothing_listens(tmp_path: Path) -> None:
    """It is off by default."""
    async with records.open_base(load(hospital(tmp_path, ""))) as base:
        with capture_logs() as told:
            async with monitoring.watched(base):
                pass

    assert told == []


async def test_a_port_that_is_taken_stops_no_clock(tmp_path: Path) -> None:
    """The gateway works without its pages, and says so."""
    with somebody_s_port() as port, capture_logs() as told:
        settings = load(hospital(tmp_path, f"[metrics]\nport = {port}\n"))
        async with records.open_base(settings) as base, monitoring.watched(base):
            pass

    assert [(event["event"], event["port"]) for event in told] == [("metrics.not_served", port)]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "localhost", "127.0.0.1 "])  # noqa: S104  refused
def test_no_other_machine_is_served(address: str, tmp_path: Path) -> None:
    """An address that others reach is refused with the rest of the file's faults."""
    path = hospital(tmp_path, f'[metrics]\nport = 9464\naddress = "{address}"\n')

    with pytest.raises(ConfigInvalid, match=r"metrics\.address") as told:
        load(path)
    assert "127.0.0.1 ou ::1" in told.value.sentence()
