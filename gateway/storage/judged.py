"""What the CNAS answered, the silences that were recorded, what casts doubt on one, and what persons said of either."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from gateway.domain import request
from gateway.domain.challenge import Finding, Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A recorded tacit acceptance; it stands until ``withdrawn_at``, and at most one stands per request."""

    id: int = 0
    site: str
    request_hash: str
    effective_at: datetime
    recorded_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardAnswer:
    """An answer to a request, kept beside any other to the same one: judged again whenever the period moves.

    ``says`` is what it decides, ``taken_as`` what it was when it came. It was received here between ``earliest`` and
    ``latest``, and its signer says that it was made at ``stated``; ``doubtful`` says that our own sources disagree.
    ``message`` is our reference of what brought it.
    """

    id: int = 0
    site: str
    request_hash: str
    says: request.Event
    taken_as: request.Event
    granted_from: date | None
    granted_until: date | None
    form_owed: bool
    earliest: datetime
    latest: datetime
    stated: datetime
    doubtful: bool
    partner: str
    message: str
    heard_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """Something found later that would have changed a recorded acceptance; the same finding counts once.

    ``about`` names what shows it; ``words`` are those of a person, sealed under the case's key.
    """

    id: int = 0
    site: str
    acceptance: int
    request_hash: str
    ground: Ground
    about: str
    words: bytes | None = None
    raised_at: datetime
    raised_by: str


class Matter(Enum):
    """What a person rules on."""

    ANSWER = "answer"
    ACCEPTANCE = "acceptance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A person's word, by name, on an answer in dispute or a challenged acceptance; ``words`` are sealed.

    ``about`` is the answer, or the newest challenge that the person knew; ``binding`` what else the word rests on.
    ``decides`` says that with this word enough different persons had said the same.
    """

    id: int = 0
    site: str
    request_hash: str
    matter: Matter
    about: int
    binding: str
    finding: Finding
    words: bytes
    person: str
    at: datetime
    decides: bool
