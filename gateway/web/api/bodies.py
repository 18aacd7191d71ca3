"""What programs send: exactly these fields, of exactly these types; dates and instants as RFC 3339 writes them."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_MOST_ID = 2**63 - 1
MOST_FIELDS = 100


def _day(value: Any) -> Any:
    if isinstance(value, str) and _DAY.fullmatch(value) and _FIRST_YEAR <= int(value[:4]) <= _LAST_YEAR:
        return value
    raise PydanticCustomError("date_typed", "a date")


def _instant(value: Any) -> Any:
    if isinstance(value, str) and _INSTANT.fullmatch(value) and _FIRST_YEAR <= int(value[:4]) <= _LAST_YEAR:
        return value
    raise PydanticCustomError("datetime_typed", "an instant")


def _when(value: Any) -> Any:
    if isinstance(value, str) and len(value) == len("2027-01-01"):
        return date.fromisoformat(_day(value))
    return datetime.fromisoformat(_instant(value).upper())


def _when_checked(value: Any) -> Any:
    try:
        return _when(value)
    except ValueError:
        raise PydanticCustomError("datetime_typed", "an instant") from None


Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
DayOrInstant = Annotated[
    date | datetime,
    BeforeValidator(_when_checked),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}),
]
Ref = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{4}-?[0-9A-Za-z]{2}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{6,64}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Value = Annotated[str, StringConstraints(max_length=20_000)]
Fields = Annotated[
    dict[str, Value],
    Field(max_length=MOST_FIELDS, description="Les champs par leur place dans la fiche : {« demande.du »: …}."),
]
Number = Annotated[int, Field(strict=True, ge=1, le=_MOST_ID)]
Flag = Annotated[bool, Field(strict=True)]

RefInPath = Annotated[
    str, Path(pattern=r"^[0-9A-Za-z]{4}-?[0-9A-Za-z]{2}$", description="Le dossier, par exemple 7F3K-Q2.")
]
HashInPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="L'empreinte de la demande.")]
NumberInPath = Annotated[int, Path(ge=1, le=_MOST_ID)]


class Body(BaseModel):
    """What is sent; a key that is not documented is a fault."""

    model_config = ConfigDict(extra="forbid")


class Noted(Body):
    """A fact to note in a case; ``because`` is why, where a rule warns."""

    kind: Name
    fields: Fields = Field(default_factory=dict)
    request: Prefix | None = None
    because: Words | None = None


class Sent(Body):
    """A message to seal and send. Without ``case`` a new case is opened, where its kind may open one.

    ``request`` is the beginning of the hash of the one that it is about.
    """

    kind: Name
    case: Ref | None = None
    request: Prefix | None = None
    fields: Fields = Field(default_factory=dict)
    hospital: Name | None = None
    because: Words | None = None


class Answered(Body):
    """Our answer to a request."""

    kind: Name
    fields: Fields = Field(default_factory=dict)
    because: Words | None = None


class Classified(Body):
    """What a mail is; ``case`` and ``request`` where it does not tell by itself."""

    what: Name
    case: Ref | None = None
    request: Prefix | None = None
    fields: Fields = Field(default_factory=dict)
    with_form: Flag = False


class ProofShown(Body):
    """A proof of reception: the part ``scan``, or the number of a mail that we keep."""

    case: Ref
    received: DayOrInstant
    mail: Number | None = None
    partner: Name | None = None
    request: Prefix | None = None


class Looked(Body):
    """What the second person says of a proof."""

    decision: Literal["confirmed", "declined"]


class DayStated(Body):
    """What is said of a day of the calendar, and who says so; ``days``: a block that begins with it."""

    status: Literal["official", "forecast", "observed", "fixed"] = "official"
    source: Words
    off: Flag = True
    name: Name | None = None
    feast: Name | None = None
    days: Annotated[int, Field(strict=True, ge=1, le=31)] = 1


class Moved(Body):
    """A feast that would come this many days later (or earlier)."""

    feast: Name
    by: Annotated[int, Field(strict=True, ge=-3, le=3)]


class StatedOn(DayStated):
    """A day and what would be said of it."""

    date: Day


class WhatIf(Body):
    """A change to look at; exactly one of the two."""

    set: StatedOn | None = None
    move: Moved | None = None


class Received(Body):
    """A reception whose period is wanted."""

    received: Instant
