"""Whom the texts make a reader of a message, and whom its author forgot: computed from the catalogue, never typed."""

from collections.abc import Collection

from gateway.domain.kinds import REPAIRED_COPY, Kind, addressees
from gateway.domain.parties import Directory, Partner, Role


def forgotten(
    kind: Kind, author: Partner, *, hospital: str, reached: Collection[str], directory: Directory
) -> tuple[Partner, ...]:
    """Our partners who must get this message, for a case of this hospital, and are not among those it was sent to."""
    found: dict[str, Partner] = {}
    for function in addressees(kind, author.role):
        found |= {partner.id: partner for partner in directory.holders(function, hospital)}
    return tuple(partner for partner in found.values() if partner.id not in reached and partner != author)


def may_repair(us: Role, partner: Partner) -> bool:
    """Whether the catalogue lets us send this partner the copy that another one owed it."""
    route = REPAIRED_COPY.route(us)
    return route is not None and any(partner.fills(function) for function in route.to)
