"""The catalogue of message kinds as one table: who may send what to whom, with which fields and attachments.

Each row cites its source: 003 is the instruction DSS/DACI/2019/224, 002 the circular CNAM 31/2021, by line. Fields are
the content that the texts name; the forms' numbered boxes are not invented (only part A and part 7 are known).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from types import MappingProxyType

from gateway.domain.parties import Grade, Role
from gateway.domain.request import State

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Answer(Enum):
    """What an answer of the CNAS does to a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class Subject(Enum):
    """What a message is about: it opens a request, answers one, or tells of one."""

    REQUEST = "request"
    ANSWER = "answer"
    NOTICE = "notice"


class FieldType(Enum):
    """How a field of the fiche is written and checked."""

    TEXT = "texte"
    DATE = "date (AAAA-MM-JJ)"
    AMOUNT = "montant en euros, en chiffres"
    INSTANT = "instant RFC 3339 avec fuseau"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its English identifier, its place in the fiche (section.key) and what it must hold."""

    id: str
    fiche: str
    title: str
    type: FieldType = FieldType.TEXT
    required: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One attachment of a kind: its role in the manifest, its key in the fiche, its French title."""

    role: str
    fiche: str
    title: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the catalogue. ``to`` and ``copy`` are roles; the configuration names who fills them."""

    id: str
    number: str | None
    title: str
    subject: Subject
    senders: frozenset[Role]
    to: tuple[Role, ...]
    copy: tuple[Role, ...]
    form: str | None = None
    fields: tuple[Field, ...] = ()
    pieces: tuple[Piece, ...] = ()
    answer: Answer | None = None
    source: str


PROBE = "PROBE"
"""Kind of the mail that a gateway sends to itself to try its servers. No row has it: nobody else may send or get it."""

EXTENSION_REQUEST = Kind(
    id="EXTENSION_REQUEST",
    number="M12",
    title="Demande de poursuite ou de modification des soins programmés",
    subject=Subject.REQUEST,
    senders=frozenset({Role.HOSPITAL}),
    to=(Role.CNAS,),
    copy=(Role.CNSE,),
    form="SE 352-302 (partie A)",
    fields=(
        Field(id="patient_name", fiche="patient.nom", title="nom du patient"),
        Field(id="patient_first_name", fiche="patient.prenom", title="prénom du patient"),
        Field(id="patient_born", fiche="patient.naissance", title="date de naissance", type=FieldType.DATE),
        # The word « démuni » stands in place of the number of a destitute patient (003, line 124).
        Field(id="insurance_number", fiche="patient.numero_assure", title="numéro d'assuré, ou « démuni »"),
        Field(id="authorised_from", fiche="autorisation.debut", title="début autorisé (301)", type=FieldType.DATE),
        Field(id="authorised_until", fiche="autorisation.fin", title="fin autorisée (301)", type=FieldType.DATE),
        Field(
            id="nature",
            fiche="demande.nature",
            title="nature de la demande",
            choices=("prolongation", "modification"),
        ),
        Field(id="requested_from", fiche="demande.du", title="début demandé", type=FieldType.DATE),
        Field(id="requested_until", fiche="demande.au", title="fin demandée", type=FieldType.DATE),
        Field(id="care", fiche="demande.soins", title="soins demandés"),
        Field(id="reason", fiche="demande.motif", title="motif médical, imprévu au départ"),
        Field(id="quote_eur", fiche="demande.devis_eur", title="devis complémentaire", type=FieldType.AMOUNT),
        Field(id="physician", fiche="medecin.nom", title="médecin qui suit le patient"),
    ),
    pieces=(
        Piece(role="form", fiche="formulaire", title="formulaire SE 352-302"),
        Piece(role="medical_report", fiche="compte_rendu", title="compte-rendu médical détaillé"),
        Piece(role="quote", fiche="devis", title="devis complémentaire"),
        Piece(role="care_protocol", fiche="protocole", title="protocole détaillé de poursuite des soins"),
    ),
    source="003:L258-266 ; 002:L128-139",
)

EXTENSION_ACCEPTANCE = Kind(
    id="EXTENSION_ACCEPTANCE",
    number="M16",
    title="Acceptation expresse",
    subject=Subject.ANSWER,
    senders=frozenset({Role.CNAS}),
    to=(Role.HOSPITAL, Role.CNSE),
    copy=(),
    form="SE 352-302 (partie 7)",
    fields=(
        Field(id="granted_from", fiche="decision.du", title="début accordé", type=FieldType.DATE, required=False),
        Field(id="granted_until", fiche="decision.au", title="fin accordée", type=FieldType.DATE, required=False),
    ),
    # An acceptance without its form still stops the clock; the form stays owed.
    pieces=(Piece(role="form", fiche="formulaire", title="formulaire SE 352-302, partie 7", required=False),),
    answer=Answer.ACCEPTED,
    source="003:L280",
)

EXTENSION_REFUSAL = Kind(
    id="EXTENSION_REFUSAL",
    number="M17",
    title="Refus de prolongation ou de modification",
    subject=Subject.ANSWER,
    senders=frozenset({Role.CNAS}),
    to=(Role.HOSPITAL, Role.CNSE),
    copy=(),
    form="SE 352-302",
    fields=(Field(id="motive", fiche="decision.motif", title="motif médical du refus", required=False),),
    answer=Answer.REFUSED,
    source="003:L100, L284",
)

STATUS_NOTICE = Kind(
    id="STATUS_NOTICE",
    number=None,
    title="Information sur l'état d'une demande",
    subject=Subject.NOTICE,
    senders=frozenset({Role.HOSPITAL}),
    to=(Role.CNSE,),
    copy=(),
    fields=(
        Field(id="state", fiche="etat", title="état de la demande", choices=tuple(state.value for state in State)),
        Field(
            id="grade",
            fiche="preuve",
            title="preuve de réception",
            required=False,
            choices=tuple(grade.name.lower() for grade in Grade),
        ),
        Field(
            id="started_at",
            fiche="debut",
            title="réception par la CNAS",
            type=FieldType.INSTANT,
            required=False,
        ),
        Field(
            id="ends_at",
            fiche="fin",
            title="fin du délai de quatre jours ouvrables",
            type=FieldType.INSTANT,
            required=False,
        ),
    ),
    source="003:L290 (le CNSE suit les échanges)",
)

TACIT_ACCEPTANCE_NOTICE = Kind(
    id="TACIT_ACCEPTANCE_NOTICE",
    number=None,
    title="Notification d'acceptation réputée acquise",
    subject=Subject.NOTICE,
    senders=frozenset({Role.HOSPITAL}),
    to=(Role.CNAS,),
    copy=(Role.CNSE,),
    fields=(
        Field(id="started_at", fiche="debut", title="réception par la CNAS", type=FieldType.INSTANT),
        Field(id="effective_at", fiche="effet", title="acceptation réputée acquise depuis", type=FieldType.INSTANT),
        Field(id="requested_from", fiche="demande.du", title="début demandé", type=FieldType.DATE),
        Field(id="requested_until", fiche="demande.au", title="fin demandée", type=FieldType.DATE),
    ),
    source="003:L272, L286",
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.id: kind
        for kind in (
            EXTENSION_REQUEST,
            EXTENSION_ACCEPTANCE,
            EXTENSION_REFUSAL,
            STATUS_NOTICE,
            TACIT_ACCEPTANCE_NOTICE,
        )
    }
)


def recipients(kind: Kind) -> tuple[Role, ...]:
    """Every role that must get this kind: copies are computed, never typed."""
    return kind.to + kind.copy


def faults(kind: Kind, values: Mapping[str, str]) -> tuple[str, ...]:
    """Every fault of these fields at once, as French sentences that name the place in the fiche."""
    found = [_fault(field, values.get(field.id, "").strip()) for field in kind.fields]
    found += _order_faults(kind, values)
    return tuple(fault for fault in found if fault)


def _fault(field: Field, value: str) -> str | None:
    if not value:
        return f"{field.fiche} : manque ({field.title})" if field.required else None
    if field.choices and value not in field.choices:
        return f"{field.fiche} : {' ou '.join(field.choices)} attendu"
    if field.type is FieldType.DATE and parse_date(value) is None:
        return f"{field.fiche} : date attendue, AAAA-MM-JJ"
    if field.type is FieldType.INSTANT and parse_instant(value) is None:
        return f"{field.fiche} : instant attendu, avec son fuseau"
    if field.type is FieldType.AMOUNT and not _AMOUNT.fullmatch(value):
        return f"{field.fiche} : montant attendu, par exemple 12500.00"
    return None


def _order_faults(kind: Kind, values: Mapping[str, str]) -> list[str | None]:
    places = {field.id: field.fiche for field in kind.fields}
    ranges = (
        ("authorised_from", "authorised_until"),
        ("requested_from", "requested_until"),
        ("granted_from", "granted_until"),
    )
    found: list[str | None] = []
    for first, last in ranges:
        start, end = parse_date(values.get(first, "")), parse_date(values.get(last, ""))
        if start and end and end < start:
            found.append(f"{places[last]} : antérieur à {places[first]}")
    return found


def parse_date(value: str) -> date | None:
    """A calendar date written YYYY-MM-DD, or None."""
    if not _DATE.fullmatch(value.strip()):
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        return None


def parse_instant(value: str) -> datetime | None:
    """An instant with its time zone (RFC 3339), or None."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None
