"""The technical log of the daemon: nobody waits for whoever reads it."""

import json
import logging
import os
from collections.abc import Iterator
from typing import TextIO

import pytest
import structlog

from gateway.adapters import log

Pipe = tuple[TextIO, TextIO]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Both ends of a pipe that holds some kilobytes."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as out, os.fdopen(writing, "w") as into:
        yield out, into


def events(text: str) -> list[str]:
    """What happened, in order."""
    return [json.loads(line)["event"] for line in text.splitlines()]


def test_lines_come_out_whole_and_in_order(pipe: Pipe) -> None:
    """What the thread was given before the end is written before the end."""
    out, into = pipe
    with log.beside("INFO", into):
        for number in range(100):
            structlog.get_logger().info(f"event.{number}", case="7F3K")
        structlog.get_logger().debug("event.quiet")
    into.close()
    assert events(out.read()) == [f"event.{number}" for number in range(100)]


@pytest.mark.fault("F38")
def test_a_reader_that_does_not_read_stops_nobody(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more lines than the pipe and the memory hold: none of them waits; read at last, it says how many are gone."""
    out, into = pipe
    monkeypatch.setattr(log, "LINES_KEPT", 100)
    with log.beside("INFO", into):
        for number in range(20_000):
            structlog.get_logger().info("event", number=number)
        lines, told = [], 0
        while told < 20_000:
            lines.append(json.loads(out.readline()))
            told += lines[-1].get("lines", 1)
    assert told == 20_000
    assert any(line["event"] == "log.dropped" for line in lines)
    numbers = [line["number"] for line in lines if line["event"] == "event"]
    assert numbers == sorted(numbers)


@pytest.mark.fault("F38")
def test_a_reader_that_is_gone_stops_nobody(pipe: Pipe) -> None:
    """No line raises an error where the work is done."""
    out, into = pipe
    out.close()
    with log.beside("INFO", into):
        structlog.get_logger().info("event")


def test_what_vendors_warn_of_goes_the_same_way(pipe: Pipe) -> None:
    """And only while the daemon runs."""
    out, into = pipe
    with log.beside("INFO", into):
        logging.getLogger("aiosmtplib").warning("something")
    logging.getLogger("aiosmtplib").addHandler(logging.NullHandler())
    into.close()
    assert out.read() == "something\n"
