"""The technical log: one JSON line an event on standard error, without content, subject, name or address.

It is not the audit log. Vendor loggers stay at WARNING: at DEBUG some of them write whole mails. The daemon's lines
are written by a thread: whoever reads them, and does not, holds nothing up.
"""

import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import structlog

_VENDORS = (
    "aioimaplib",
    "aiosmtplib",
    "aiosqlite",
    "alembic",
    "asyncio",
    "gnupg",
    "httpcore",
    "httpx",
    "psycopg",
    "sqlalchemy",
)


LINES_KEPT = 10_000
"""Lines that wait for a reader; those that come while so many wait are dropped, and counted."""

LAST_WORDS_SECONDS = 1.0
"""How long the end of the process waits for the last lines to be taken."""


def configure(level: str = "INFO", file: TextIO | None = None) -> None:
    """Set up structlog for this process; called by the entry points, never at import."""
    for name in _VENDORS:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=file or sys.stderr),
        cache_logger_on_first_use=False,
    )


@contextmanager
def told_apart(level: str = "WARNING") -> Iterator[None]:
    """Within, what is logged goes to the standard error: a command's own output is for whoever typed it."""
    before = structlog.get_config()
    configure(level)
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def beside(level: str = "INFO", stream: TextIO | None = None) -> Iterator[None]:
    """Within, lines are written by a thread of their own: a full pipe or a stopped journal keeps nobody waiting."""
    before = structlog.get_config()
    writer = _Writer(stream or sys.stderr)
    # What vendors warn of goes the same way.
    handler = logging.StreamHandler(writer)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    configure(level, writer)  # type: ignore[arg-type]  # of a file it needs to be written and flushed
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        structlog.configure(**before)
        writer.close()


class _Writer:
    """A file that never makes its writer wait."""

    def __init__(self, stream: TextIO) -> None:
        # Not the stream itself: its lock, held by a thread that waits for ever, would break the end of the process.
        self._handle = stream.fileno()
        self._lines: queue.Queue[str | None] = queue.Queue(LINES_KEPT)
        self._dropped = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Keep a line for the thread, or drop it."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._drop()
        return len(text)

    def flush(self) -> None:
        """The thread does it."""

    def close(self) -> None:
        """Wait a little for the last lines; a reader that still does not read will not have them."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=LAST_WORDS_SECONDS)
        self._thread.join(LAST_WORDS_SECONDS)

    def _work(self) -> None:
        while (text := self._lines.get()) is not None:
            self._put(text)
            if self._lines.empty():
                self._tell_dropped()
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            self._put(json.dumps({"event": "log.dropped", "lines": dropped, "level": "warning"}) + "\n")

    def _put(self, text: str) -> None:
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(self._handle, data) :]
        except OSError:
            # Nobody reads any more: the line is lost, the work is not.
            self._drop()

    def _drop(self) -> None:
        with self._counting:
            self._dropped += 1
