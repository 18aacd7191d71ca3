"""Who reads a message inside our own party, and how much of it: the catalogue's addressees, and medical parts apart.

Opened mail goes to the function that must read it and to nobody else (003, lines 280 and 406): a physician gets the
whole, the administration everything but the medical parts, and who may have neither learns only that a mail waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from gateway.domain.kinds import Kind, addressees
from gateway.domain.parties import Function, Partner, PartnerKind, Role, Suite, default_policy

HANDOVER = "HANDOVER"
"""Kind of the mails to readers; the catalogue does not know it, so that no rule of the protocol applies to them."""

PREFIX = "reader:"
"""Before a reader's id in the outbox, among the keys and in the audit log: no partner's id holds a colon."""


class Way(Enum):
    """How a reader is reached."""

    FOLDER = "folder"
    MAIL = "mail"
    NOTICE = "notice"


class Share(Enum):
    """How much of a message a reader gets."""

    WHOLE = "whole"
    WITHOUT_MEDICAL = "without_medical"
    NOTICE = "notice"


class State(Enum):
    """Where a hand-over stands. ``waiting``: nobody may have it yet; ``erased``: our copy of it is gone."""

    WAITING = "waiting"
    PENDING = "pending"
    QUEUED = "queued"
    FAILED = "failed"
    DONE = "done"
    ERASED = "erased"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A reader of our own party. ``place`` is its folder or its address, by ``way``.

    ``people`` are the persons who may read medical content with the commands of the gateway.
    """

    id: str
    functions: frozenset[Function]
    way: Way
    place: str
    people: frozenset[str] = frozenset()

    @property
    def medical(self) -> bool:
        """Whether it is a physician's."""
        return any(function.medical for function in self.functions)

    @property
    def name(self) -> str:
        """Its name in the outbox, among the keys and in the audit log."""
        return f"{PREFIX}{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A share that a reader must get; ``reader`` is None when the configuration names nobody who may have it."""

    reader: str | None
    share: Share


def has_medical(kind: Kind, values: Mapping[str, str], roles: Iterable[str | None]) -> bool:
    """Whether a message holds anything for physicians alone; a piece that its kind does not know counts as such."""
    plain = {piece.role for piece in kind.pieces if not piece.medical}
    return any(values.get(field.id) for field in kind.fields if field.medical) or any(
        role not in plain for role in roles
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Readership:
    """All readers of our party."""

    role: Role
    readers: tuple[Reader, ...] = ()

    def find(self, reader_id: str | None) -> Reader | None:
        """The reader of this id."""
        return next((reader for reader in self.readers if reader.id == reader_id), None)

    @property
    def physicians(self) -> tuple[Reader, ...]:
        """Those who may have medical parts."""
        return tuple(reader for reader in self.readers if reader.medical)

    def treating(self, assigned: str | None) -> str | None:
        """The physician who treats the patient of a case assigned to this reader, or to nobody yet."""
        return self._physician(Function.TREATING_PHYSICIAN, assigned)

    def may_read_medical(self, person: str, physician: str | None) -> bool:
        """Whether a person may read medical parts of a case with our commands; anybody may when nobody is named.

        ``physician`` is the reader to whom the case is assigned, if it is.
        """
        named = [reader for reader in self.physicians if reader.people]
        own = [reader for reader in named if physician in {None, reader.id}]
        return not named or any(person in reader.people for reader in own)

    def correspondents(self, max_bytes: int) -> tuple[Partner, ...]:
        """Those reached by mail, as the outbox knows a recipient."""
        return tuple(
            Partner(
                id=reader.name,
                role=self.role,
                kind=PartnerKind.MAIL,
                suite=Suite.OPENPGP,
                addresses=(reader.place,),
                policy=default_policy(PartnerKind.MAIL),
                max_bytes=max_bytes,
            )
            for reader in self.readers
            if reader.way is not Way.FOLDER
        )

    def shares(self, kind: Kind, sender: Role, *, medical: bool, physician: str | None) -> tuple[Due, ...]:
        """What each reader must get of a message; ``medical`` says whether it holds medical parts.

        ``physician`` is the reader to whom the case is assigned. Without one, a sole physician gets it, and of several
        nobody does before one is chosen. Where somebody is missing, the others learn that a mail waits.
        """
        if not self.readers:
            return ()
        functions = [function for function in addressees(kind, sender) if function.role is self.role]
        doctors = [function for function in functions if function.medical]
        found: dict[Due, None] = {}
        if medical and not doctors:
            found[Due(reader=self._physician(None, physician), share=Share.WHOLE)] = None
        for function in doctors:
            found[Due(reader=self._physician(function, physician), share=Share.WHOLE)] = None
        for function in functions:
            if not function.medical:
                found |= dict.fromkeys(self._office(function, alone=not found))
        dues = tuple(found)
        if all(due.reader is not None for due in dues):
            return dues
        served = {due.reader for due in dues}
        return dues + tuple(
            Due(reader=reader.id, share=Share.NOTICE) for reader in self.readers if reader.id not in served
        )

    def _physician(self, function: Function | None, assigned: str | None) -> str | None:
        """The physician of a function; any physician of ours stands in where none fills it."""
        holders = [reader.id for reader in self.physicians if function in reader.functions]
        holders = holders or [reader.id for reader in self.physicians]
        if assigned in holders:
            return assigned
        return holders[0] if len(holders) == 1 else None

    def _office(self, function: Function, *, alone: bool) -> tuple[Due, ...]:
        """Everyone who fills a function that is no physician's; nobody is missed where a physician has the whole."""
        offices = [reader for reader in self.readers if not reader.medical]
        holders = [reader for reader in offices if function in reader.functions] or offices
        if not holders and alone:
            return (Due(reader=None, share=Share.WITHOUT_MEDICAL),)
        return tuple(Due(reader=reader.id, share=Share.WITHOUT_MEDICAL) for reader in holders)
