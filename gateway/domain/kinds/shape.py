"""What a row of the catalogue says: who sends what to whom, with which fields and pieces, and what it does.

The rows cite their source: 003 is the instruction DSS/DACI/2019/224, 002 the circular CNAM 31/2021, 001 the page on
stays, by line. Fields are the content that the texts name; the forms' numbered boxes are not invented (only part A and
part 7 of SE 352-302 and box 4 of SE 352-301 are known).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from gateway.domain.case import Event as CaseEvent
from gateway.domain.parties import Function, Role
from gateway.domain.request import Event as RequestEvent


class Travel(Enum):
    """How an exchange reaches a case: by sealed mail, by a person who notes it, or by the gateway's own doing."""

    MAIL = "courrier scellé"
    RECEIPT = "accusé automatique"
    FACT = "fait noté au bureau"
    ELSEWHERE = "autre circuit, noté au bureau"
    MENTION = "mention d'un autre échange"
    RECORDED = "enregistré par la passerelle"


class Subject(Enum):
    """What a mail is about: a case, a new request, the answer to one, an exchange or a notice about one."""

    CASE = "case"
    REQUEST = "request"
    ANSWER = "answer"
    EXCHANGE = "exchange"
    NOTICE = "notice"


class Answer(Enum):
    """What an answer of the CNAS does to a request."""

    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    REFUSED = "refused"
    VITAL_DISPUTED = "vital_disputed"


class FieldType(Enum):
    """How a field of the fiche is written and checked."""

    TEXT = "texte"
    DATE = "date (AAAA-MM-JJ)"
    DAYS = "nombre de jours"
    AMOUNT = "montant en euros, en chiffres"
    INSTANT = "instant RFC 3339 avec fuseau"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its English identifier, its place in the fiche (section.key) and what it must hold.

    ``medical`` content is shown to physicians only.
    """

    id: str
    fiche: str
    title: str
    type: FieldType = FieldType.TEXT
    required: bool = True
    choices: tuple[str, ...] = ()
    medical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One attachment of a kind: its role in the manifest, its key in the fiche, its French title."""

    role: str
    fiche: str
    title: str
    required: bool = True
    medical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who may send a kind, to which functions, with which mandatory copies."""

    sender: Role
    to: tuple[Function, ...]
    copy: tuple[Function, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Which events an exchange is, for the case and for the request that it names."""

    case: CaseEvent | None = None
    request: RequestEvent | None = None


NOTHING = Outcome()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row. ``number`` is that of the catalogue (M01–M42), None for what the gateways add.

    ``routes`` are empty for what does not travel by sealed mail. ``outcome`` is what every exchange of the kind does;
    ``decides`` names the field whose value selects it instead, by ``outcomes``. ``noted_by`` are the roles whose desk
    may note it. ``dated`` names the field that holds its own date, ``span`` those of the days that it speaks of.
    ``precondition``, ``deadline`` and ``effect`` are the texts' words, for people.
    """

    id: str
    number: str | None
    title: str
    travel: Travel = Travel.MAIL
    subject: Subject = Subject.CASE
    routes: tuple[Route, ...] = ()
    noted_by: frozenset[Role] = frozenset()
    form: str | None = None
    fields: tuple[Field, ...] = ()
    pieces: tuple[Piece, ...] = ()
    answer: Answer | None = None
    outcome: Outcome = NOTHING
    decides: str | None = None
    outcomes: Mapping[str, Outcome] | None = None
    dated: str | None = None
    span: tuple[str, str] | None = None
    precondition: str = ""
    deadline: str = ""
    effect: str = ""
    source: str

    @property
    def senders(self) -> frozenset[Role]:
        """Roles that may send it by sealed mail."""
        return frozenset(route.sender for route in self.routes)

    def route(self, sender: Role) -> Route | None:
        """The route of a sender."""
        return next((route for route in self.routes if route.sender is sender), None)

    def outcome_of(self, values: Mapping[str, str]) -> Outcome:
        """What this exchange does, given its fields."""
        if self.decides is None or self.outcomes is None:
            return self.outcome
        return self.outcomes.get(values.get(self.decides, ""), self.outcome)

    def field(self, field_id: str) -> Field | None:
        """The field of this id."""
        return next((field for field in self.fields if field.id == field_id), None)


# --- fields that several kinds share

PATIENT = (
    Field(id="patient_name", fiche="patient.nom", title="nom du patient"),
    Field(id="patient_first_name", fiche="patient.prenom", title="prénom du patient"),
    Field(id="patient_born", fiche="patient.naissance", title="date de naissance", type=FieldType.DATE),
    # The word « démuni » stands in place of the number of a destitute patient (003, line 124).
    Field(id="insurance_number", fiche="patient.numero_assure", title="numéro d'assuré, ou « démuni »"),
)
"""The identity of a patient; kept sealed, looked up by keyed hash."""


def text(field_id: str, fiche: str, title: str, *, required: bool = True, medical: bool = False) -> Field:
    """A field of free text."""
    return Field(id=field_id, fiche=fiche, title=title, required=required, medical=medical)


def day(field_id: str, fiche: str, title: str, *, required: bool = True) -> Field:
    """A field that holds a date."""
    return Field(id=field_id, fiche=fiche, title=title, type=FieldType.DATE, required=required)


def choice(field_id: str, fiche: str, title: str, *choices: str, required: bool = True) -> Field:
    """A field with a few possible words."""
    return Field(id=field_id, fiche=fiche, title=title, choices=choices, required=required)


def piece(role: str, fiche: str, title: str, *, required: bool = True, medical: bool = False) -> Piece:
    """An attachment."""
    return Piece(role=role, fiche=fiche, title=title, required=required, medical=medical)
