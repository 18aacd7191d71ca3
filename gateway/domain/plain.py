"""Values as JSON has them: instants in RFC 3339 UTC, enumerations by name or value, the same in every language."""

from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum, IntEnum
from types import NoneType
from typing import Any

from gateway.domain.period import Period

_ALREADY = frozenset({str, int, float, bool, NoneType})
"""These very types, not what is made from them: an enumeration of texts is a text too."""


def plain(value: Any) -> Any:  # noqa: C901, PLR0911  one line a type
    """A value as JSON has it."""
    if type(value) in _ALREADY:
        return value
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case IntEnum():
            return value.name.lower()
        case Enum():
            return value.value
        case bytes():
            return value.hex()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return plain(asdict(value))
        case _:
            return value


def period_json(period: Period) -> dict[str, Any]:
    """The explanation as data."""
    return {
        "received": period.received,
        "reception_day": period.reception_day,
        "days": [
            {
                "date": line.date,
                "weekday": line.weekday,
                "counted": line.counted,
                "reason": line.reason,
                "rule": line.rule,
                "name": line.name,
                "source": line.source,
                "uncertain": line.uncertain,
            }
            for line in period.days
        ],
        "counted_days": period.counted_days,
        "ends_at": period.tacit_at,
        "tacit_at": period.tacit_at,
        "earliest_tacit_at": period.earliest_tacit_at,
        "latest_tacit_at": period.latest_tacit_at,
        "certain": period.certain,
        "calendar": period.calendar_version,
        "readings": [reading.id for reading in period.readings],
    }
