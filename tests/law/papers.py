"""What people fill in: a right fiche for any kind, and the same as the mail that a partner writes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from gateway.domain.coverage import Cover, coverage
from gateway.domain.kinds import KINDS, Field, FieldType, Kind, addressees
from gateway.domain.parties import Role
from gateway.services.fiche import Fiche
from gateway.services.stay import read_stay
from gateway.storage import Case
from gateway.wire.incoming import Incoming
from gateway.wire.payload import Attachment
from tests.services.mails import ADDRESSES, REF, START, VALUES, sealed_message
from tests.services.world import World

_BY_TYPE = {
    FieldType.TEXT: "texte",
    FieldType.DATE: "2026-01-26",
    FieldType.DAYS: "26",
    FieldType.AMOUNT: "12500.00",
    FieldType.INSTANT: "2026-01-26T09:00:00Z",
}
_BY_NAME = {
    **VALUES,
    "issued_on": "2026-01-24",
    "covered_from": "2026-01-26",
    "covered_until": "2026-02-20",
    "granted_from": "2026-02-21",
    "granted_until": "2026-03-20",
    "supersedes": "",
}


def values(kind: Kind, **changes: str) -> dict[str, str]:
    """Every field of a kind, rightly filled."""
    return {field.id: _value(field) for field in kind.fields} | changes


def _value(field: Field) -> str:
    if field.choices:
        return field.choices[0]
    return _BY_NAME.get(field.id, _BY_TYPE[field.type])


def pieces(kind: Kind, *, without: str | None = None) -> tuple[Attachment, ...]:
    """Every attachment of a kind, or all but one."""
    return tuple(
        Attachment(name=f"{piece.role}.pdf", media_type="application/pdf", data=piece.role.encode(), role=piece.role)
        for piece in kind.pieces
        if piece.role != without
    )


def fiche(
    kind: str,
    *,
    ref: str | None = REF,
    because: str | None = None,
    without: str | None = None,
    request: str | None = None,
    **changes: str,
) -> Fiche:
    """A person fills the fiche of a kind, to send it."""
    row = KINDS[kind]
    return Fiche(
        path="fiche.toml",
        kind=row,
        ref=ref,
        values=values(row, **changes),
        attachments=pieces(row, without=without),
        because=because,
        request=request,
    )


def fact(
    kind: str, *, ref: str | None = REF, because: str | None = None, request: str | None = None, **changes: str
) -> Fiche:
    """A person notes what no mail of the gateway carries: without files."""
    return replace(fiche(kind, ref=ref, because=because, request=request, **changes), attachments=())


def mail(
    kind: str,
    sender: Role,
    *,
    ref: str = REF,
    without: str | None = None,
    request: str | None = None,
    changes: Mapping[str, str] | None = None,
    signed: datetime = START,
) -> Incoming:
    """The same, as the mail that a partner writes to everyone whom the catalogue names."""
    row = KINDS[kind]
    roles = dict.fromkeys(function.role for function in addressees(row, sender))
    return sealed_message(
        kind,
        sender=sender,
        to=tuple(ADDRESSES[role] for role in roles if role in ADDRESSES),
        values=values(row, **(changes or {})),
        ref=ref,
        request_hash=request,
        roles=tuple(piece.role for piece in row.pieces if piece.role != without),
        signed_at=signed,
    )


async def cover(world: World, day: str) -> Cover:
    """What decides who pays for a day of the only case."""
    async with world.store.view() as view:
        return coverage(await read_stay(view, await world.only(Case)), date.fromisoformat(day)).decides
