"""The technical log: one JSON line an event on standard error, without content, subject, name or address.

It is not the audit log. Vendor loggers stay at WARNING: at DEBUG some of them write whole mails.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


def configure(level: str = "INFO") -> None:
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
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
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
