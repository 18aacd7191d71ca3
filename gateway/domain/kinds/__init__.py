"""The catalogue of exchanges, M01 to M42, as one table, and who must get each.

The rows lie in chapters, in the order of a stay; ``docs/message-kinds.md`` is made from them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.kinds import care, claims, extension, notices, stay, vital
from gateway.domain.kinds.care import ENTITLEMENT_CERTIFICATE
from gateway.domain.kinds.extension import (
    EXTENSION_ACCEPTANCE,
    EXTENSION_PARTIAL_ACCEPTANCE,
    EXTENSION_REFUSAL,
    EXTENSION_REGULARISATION,
    EXTENSION_REQUEST,
    RECEIPT_ACK,
    TACIT_ACCEPTANCE,
)
from gateway.domain.kinds.faults import faults, parse_date, parse_instant
from gateway.domain.kinds.notices import (
    PROBE,
    REPAIRED_COPY,
    STATUS_NOTICE,
    TACIT_ACCEPTANCE_NOTICE,
    TACIT_ACCEPTANCE_WITHDRAWAL,
)
from gateway.domain.kinds.shape import Answer, Field, FieldType, Kind, Outcome, Piece, Route, Subject, Travel
from gateway.domain.kinds.typed import as_kept
from gateway.domain.kinds.vital import EXTENSION_REQUEST_VITAL
from gateway.domain.parties import Function, Role

__all__ = [
    "CHAPTERS",
    "ENTITLEMENT_CERTIFICATE",
    "EXTENSION_ACCEPTANCE",
    "EXTENSION_PARTIAL_ACCEPTANCE",
    "EXTENSION_REFUSAL",
    "EXTENSION_REGULARISATION",
    "EXTENSION_REQUEST",
    "EXTENSION_REQUEST_VITAL",
    "KINDS",
    "PROBE",
    "RECEIPT_ACK",
    "REPAIRED_COPY",
    "STATUS_NOTICE",
    "TACIT_ACCEPTANCE",
    "TACIT_ACCEPTANCE_NOTICE",
    "TACIT_ACCEPTANCE_WITHDRAWAL",
    "Answer",
    "Field",
    "FieldType",
    "Kind",
    "Outcome",
    "Piece",
    "Route",
    "Subject",
    "Travel",
    "addressees",
    "as_kept",
    "faults",
    "parse_date",
    "parse_instant",
    "recipients",
]

CHAPTERS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "Avant le séjour": care.ROWS,
        "Poursuite ou modification des soins": extension.ROWS,
        "Urgence vitale": vital.ROWS,
        "Séjour, rapatriement, comptes rendus": stay.ROWS,
        "Créances et procédures voisines": claims.ROWS,
        "Avis des passerelles": notices.ROWS,
    }
)
"""The rows by chapter, in the order of a stay."""

KINDS: Mapping[str, Kind] = MappingProxyType({kind.id: kind for rows in CHAPTERS.values() for kind in rows})


def addressees(kind: Kind, sender: Role) -> tuple[Function, ...]:
    """Every function that must get this kind from this sender, copies last; none when it does not send it."""
    route = kind.route(sender)
    return () if route is None else (*route.to, *route.copy)


def recipients(kind: Kind, sender: Role) -> tuple[Role, ...]:
    """Every role that must get this kind from this sender: copies are computed, never typed."""
    return tuple(dict.fromkeys(function.role for function in addressees(kind, sender)))
