"""What is known of a mail that waits for a person: what it seems to be about, and what its signature proves."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Hint(Enum):
    """What suggests that a mail is about a case: enough to propose it to a person, never to decide."""

    SIGNED_REFERENCE = "signed-reference"
    UNSIGNED_REFERENCE = "unsigned-reference"
    ENTERED = "entered"
    SUBJECT_TOKEN = "subject-token"  # noqa: S105  a case's number, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is proved of a mail that waits for a person: a partner's signature on it, or on the message it holds.

    ``author`` is the partner who signed at ``signed_at``; ``message_id``, ``mic`` and ``entity`` (a spool file) are of
    what was signed, ``reached`` the partners among its signed recipients. ``kind`` is what its manifest calls it, if it
    has one. ``copied``: the mail only holds a copy of it, brought by another partner. ``receipt`` is our message that
    acknowledges it, when its author asked for one.
    """

    id: int = 0
    site: str
    mail: int
    author: str
    message_id: str
    mic: str
    signed_at: datetime
    reached: tuple[str, ...]
    kind: str | None
    copied: bool
    entity: str
    receipt: int | None = None
