"""The worklist, kept: what each case has to do as days go by, computed from the case and thrown away at any time.

It is never what decides: a page shows a duty as the case itself says it now, and only finds it here.
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TaskKey:
    """Where a task stands among all others: the most urgent first, then the nearest end.

    ``number`` is its case's, or the mail's when it is a mail to sort; ``request`` is empty where it is about none.
    """

    urgency: int
    due_at: datetime
    mail: bool
    number: int
    rank: int = 0
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTask:
    """A duty of a case, on each day from ``since`` on and before ``until``; the other fields are those of its key."""

    id: int = 0
    site: str
    case_id: int
    code: str
    rank: int
    request: str
    urgency: int
    due_at: datetime
    since: date
    until: date

    @property
    def key(self) -> TaskKey:
        """Its place."""
        return TaskKey(
            urgency=self.urgency,
            due_at=self.due_at,
            mail=False,
            number=self.case_id,
            rank=self.rank,
            request=self.request,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistMark:
    """What the kept worklist knows: everything before the audit record ``seen``, by the rules of ``edition``.

    ``reached`` is the last case that was looked at: all are, one after the other, for ever; ``whole`` says that the
    first round is over, and nothing is missing.
    """

    id: int = 0
    site: str
    seen: int
    reached: int
    whole: bool
    edition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What audit records are about: references of cases, hashes of requests. ``erased``: some do not tell any more."""

    cases: frozenset[str]
    requests: frozenset[str]
    erased: bool
