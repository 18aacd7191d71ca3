"""How it is known that something changed since it was read: a digest of its rows, looked at again inside the act."""

from gateway.domain.errors import Stale, Unknown
from gateway.domain.words import said
from gateway.services.cases import find_case
from gateway.services.once import digest
from gateway.storage import Alarm, EnteredProof, Fact, Mail, Request, View

LENGTH = 32


def version(*rows: object) -> str:
    """The version that these rows make together."""
    return digest(*(repr(row).encode() for row in rows))[:LENGTH]


async def of_case(view: View, site: str, ref: str) -> str:
    """A case: itself, its requests and its facts.

    Raises:
        Unknown.
    """
    case = await find_case(view, site, ref)
    requests = await view.all(Request, site=site, case_id=case.id)
    return version(case, requests, await view.all(Fact, site=site, case_id=case.id))


async def of_row(view: View, site: str, kind: type[Alarm | EnteredProof | Mail], number: int) -> str:
    """A row of its own.

    Raises:
        Unknown.
    """
    row = await view.one(kind, site=site, id=number)
    if row is None:
        raise Unknown(kind=said("enregistrement"), ref=str(number))
    return version(row)


def unchanged(found: str, seen: frozenset[str]) -> None:
    """Refuse what is based on another version than the one found; ``seen`` are those that the asker names.

    Raises:
        Stale.
    """
    if found not in seen:
        raise Stale
