"""The alarms that stand or stood, and how far the audit log was read for what starts one."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Call(Enum):
    """What the other path is still to be told of an alarm."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm, from its start to its end; at most one of a kind about one thing stands, by constraint.

    ``words`` (JSON) are the references, counts and dates of its sentence. ``told`` are those who were told by mail, the
    last one at ``told_at`` by the message ``mail``. ``owes_call`` is what the other path has not been told yet,
    ``called_at`` when it was told last.
    """

    id: int = 0
    site: str
    kind: str
    about: str
    case: str | None
    request: str | None
    message: str | None
    partner: str | None
    words: str
    started_at: datetime
    ended_at: datetime | None = None
    taken_at: datetime | None = None
    taken_by: str | None = None
    told: tuple[str, ...] = ()
    told_at: datetime | None = None
    mail: int | None = None
    owes_call: Call | None = None
    called_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmMark:
    """Every audit record up to the index ``seen`` was read for what starts an alarm."""

    id: int = 0
    site: str
    seen: int
