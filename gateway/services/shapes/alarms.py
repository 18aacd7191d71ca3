"""An alarm as data."""

from typing import Any

from gateway.services.alarms.words import severity, told
from gateway.storage import Alarm


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    """One alarm."""
    sentence, mend = told(alarm)
    names = (
        *("kind", "case", "request", "message", "partner", "started_at", "ended_at", "taken_at", "taken_by"),
        *("told", "told_at", "called_at"),
    )
    return {
        "number": alarm.id,
        "severity": severity(alarm),
        "sentence": str(sentence),
        "mend": str(mend),
        **{name: getattr(alarm, name) for name in names},
    }
