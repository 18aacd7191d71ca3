"""« Que manque-t-il pour envoyer ? »: a form under way as its page shows it, and who may do what with it now.

What is missing, the recipients, the warnings of the texts and the clock are computed here, by what the desk asks too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.domain.errors import GatewayError
from gateway.domain.kinds import Kind, Piece, Subject
from gateway.domain.parties import Partner
from gateway.domain.period import Period
from gateway.domain.words import Said, said
from gateway.services.casework import hospital_day
from gateway.services.draft_content import KeptPiece
from gateway.services.form_fields import Box
from gateway.storage import Request

LATE = said("L'autorisation est terminée : la demande devait partir avant (instruction, § 5.1 a).")
"""What a request hears that comes after the authorisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tray:
    """The place of a file: what lies there, and whether this person may open it."""

    piece: Piece
    kept: KeptPiece | None
    readable: bool

    @property
    def missing(self) -> bool:
        """Whether it must be put there still."""
        return self.piece.required and self.kept is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must be so before it is sent: done, not done, or waiting for another person (None)."""

    done: bool | None
    title: Said
    told: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the desk would say of it now. ``warning`` is what a person may overrule with a reason."""

    to: tuple[Partner, ...] = ()
    copy: tuple[Partner, ...] = ()
    without_key: tuple[str, ...] = ()
    obstacle: GatewayError | None = None
    warning: Said | None = None
    clock: Period | None = None
    room: int = 0
    until: date | None = None

    @property
    def late(self) -> bool:
        """Whether the authorisation has ended."""
        return self.warning is LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """A form. ``code`` is None, and ``version`` 0, while nobody kept it."""

    kind: Kind
    ref: str | None
    request: str | None
    patient: str | None
    code: str | None = None
    version: int = 0
    changed_by: str | None = None
    changed_at: datetime | None = None
    boxes: tuple[Box, ...]
    trays: tuple[Tray, ...]
    because: str = ""
    hospital: str = ""
    hospitals: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()
    outlook: Outlook
    medical: bool = False
    validated_by: str | None = None
    validated_at: datetime | None = None
    may_send: bool = False
    may_validate: bool = False
    reads: bool = False
    checks: tuple[Check, ...] = ()

    @property
    def missing(self) -> int:
        """How many things are to be mended before it can be sent."""
        return sum(box.fault is not None for box in self.boxes) + sum(tray.missing for tray in self.trays)

    @property
    def complete(self) -> bool:
        """Whether nothing of the form itself is missing."""
        blocked = self.outlook.obstacle is not None or (self.outlook.warning is not None and not self.because)
        return self.code is not None and not self.missing and not blocked and self.size <= self.outlook.room

    @property
    def validated(self) -> bool:
        """Whether a physician validated this very version, where one must."""
        return not self.medical or self.validated_by is not None

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(tray.kept.size for tray in self.trays if tray.kept)


def overlaid(view: FormView, values: Mapping[str, str], because: str) -> FormView:
    """The form with what a person typed that is not kept, and beside it what is."""
    boxes = []
    for box in view.boxes:
        typed = values.get(box.field.id, "")
        other = box.value if box.value != typed and not box.hidden and box.value else None
        boxes.append(replace(box, value=typed, other=other))
    return replace(view, boxes=tuple(boxes), because=because or view.because)


def checks(view: FormView, now: datetime) -> tuple[Check, ...]:
    """The list beside the form."""
    found = [*_in_time(view, now)]
    faulty = sum(box.fault is not None for box in view.boxes)
    told = said("À remplir ou à corriger : {count}.", count=faulty) if faulty else said("Tout est rempli.")
    found.append(Check(done=not faulty, title=said("Champs"), told=told))
    required = [tray for tray in view.trays if tray.piece.required]
    if required:
        there = sum(not tray.missing for tray in required)
        told = said("{there} sur {all}.", there=there, all=len(required))
        found.append(Check(done=there == len(required), title=said("Pièces obligatoires"), told=told))
    if view.size > view.outlook.room:
        told = said(
            "Les pièces pèsent {size} Ko ; {room} Ko passent.", size=_ko(view.size), room=_ko(view.outlook.room)
        )
        found.append(Check(done=False, title=said("Poids du courrier"), told=told))
    keys = said("Il manque la clé de : {who}.", who=", ".join(view.outlook.without_key))
    known = not view.outlook.without_key
    told = said("Une clé est enregistrée pour chacun.") if known else keys
    found.append(Check(done=known, title=said("Clés des destinataires"), told=told))
    return (*found, *_validation(view))


def _in_time(view: FormView, now: datetime) -> list[Check]:
    if view.kind.subject is not Subject.REQUEST:
        return []
    title = said("Avant la fin de l'autorisation")
    if view.outlook.late:
        return [Check(done=False, title=title, told=said("Elle est terminée."))]
    if view.outlook.until is None:
        return [Check(done=False, title=title, told=said("Son dernier jour n'est pas indiqué."))]
    left = (view.outlook.until - hospital_day(now)).days
    told = said("Il reste {days} jours.", days=left) if left > 1 else said("Elle finit aujourd'hui ou demain.")
    return [Check(done=True, title=title, told=told)]


def _validation(view: FormView) -> list[Check]:
    if not view.medical:
        return []
    title = said("Accord du médecin")
    if view.validated_by is not None:
        return [Check(done=True, title=title, told=said("Validé par {who}.", who=view.validated_by))]
    return [Check(done=None, title=title, told=said("Un médecin relit la partie médicale, puis la valide."))]


def _ko(size: int) -> int:
    return -(-size // 1024)
