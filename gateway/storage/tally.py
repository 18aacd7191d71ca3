"""Counts of rows, for whoever watches the gateway: never the rows themselves."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows have one same value, and the earliest of their instants; None when none of them has any."""

    value: object
    count: int
    oldest: datetime | None = None
