"""Where a page of the worklist begins, as a word of an address."""

import re
from datetime import UTC, datetime

from gateway.storage import TaskKey
from gateway.web.numbers import LARGEST

_WORD = re.compile(r"([0-2])\.([0-9]{8}T[0-9]{12})\.([01])\.([0-9]{1,10})\.([0-9]{1,3})\.([0-9a-f]{0,64})")
_INSTANT = "%Y%m%dT%H%M%S%f"


def word_of(key: TaskKey) -> str:
    """Its word: urgency, end, whether it is a mail, number, rank, request."""
    at = key.due_at.astimezone(UTC).strftime(_INSTANT)
    return f"{int(key.urgency)}.{at}.{int(key.mail)}.{key.number}.{key.rank}.{key.request}"


def key_of(word: str) -> TaskKey | None:
    """The place of a word; None when it is not one of ours."""
    found = _WORD.fullmatch(word)
    if found is None:
        return None
    urgency, at, mail, number, rank, request = found.groups()
    try:
        due_at = datetime.strptime(at, _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        return None
    if int(number) > LARGEST:
        return None
    return TaskKey(
        urgency=int(urgency),
        due_at=due_at,
        mail=mail == "1",
        number=int(number),
        rank=int(rank),
        request=request,
    )
