"""Who is told of alarms, and how: the sections [alarms] and [staff].

Alarms name cases and dates, so they stay in the house: an address outside of our own mail domains is refused here. The
other path is a command of the house's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.domain.alarms import Desk
from gateway.domain.alarms.facts import Limits
from gateway.domain.alarms.staff import Absence, Member, Staff
from gateway.domain.parties import Partner, Role, unsealed
from gateway.domain.words import Said, said
from gateway.setting import Address, Identifier, Section, within

DeskName = Literal["secretariat", "administrator"]


def _days(text: str) -> str:
    first, _, last = text.partition("/")
    try:
        fits = date.fromisoformat(first) <= date.fromisoformat(last or first)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(said("jours attendus, par exemple 2027-08-01/2027-08-20"))
    return text


Days = Annotated[str, AfterValidator(_days)]


class AlarmsSection(Section):
    """When alarms start and go further, and the path beside the mail."""

    escalate_after_minutes: int = Field(default=60, ge=5, le=10080)
    authorisation_days: int = Field(default=7, ge=1, le=60)
    follow_up_days: int = Field(default=7, ge=1, le=90)
    backup_days: int | None = Field(default=None, ge=1, le=90)
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    command_seconds: float = Field(default=30, gt=0, le=300)

    @property
    def limits(self) -> Limits:
        """What the rules look at."""
        return Limits(
            authorisation_days=self.authorisation_days,
            follow_up_days=self.follow_up_days,
            backup_days=self.backup_days,
        )


class StaffSection(Section):
    """A person, or a mailbox that several read."""

    address: Address
    functions: tuple[DeskName, ...] = Field(default=("secretariat", "administrator"), min_length=1)
    absent: tuple[Days, ...] = ()
    delegate: Identifier | None = None

    @model_validator(mode="after")
    def _stood_in_for(self) -> "StaffSection":
        if self.absent and self.delegate is None:
            raise ValueError(said("absent demande delegate, la personne qui remplace"))
        return self

    def value(self, member_id: str) -> Member:
        """The person as the domain knows them."""
        spans = [days.partition("/") for days in self.absent]
        return Member(
            id=member_id,
            address=self.address,
            desks=frozenset(Desk(name) for name in self.functions),
            absences=tuple(
                Absence(first=date.fromisoformat(first), last=date.fromisoformat(last or first))
                for first, _, last in spans
            ),
            delegate=self.delegate,
        )


def staff_of(sections: Mapping[str, StaffSection], alarms: AlarmsSection) -> Staff:
    """Everyone who is told, in the order of the file."""
    members = tuple(section.value(name) for name, section in sections.items())
    return Staff(members=members, patience=timedelta(minutes=alarms.escalate_after_minutes))


def correspondents(staff: Staff, role: Role, max_bytes: int) -> tuple[Partner, ...]:
    """The same people, as the outbox knows a recipient; nothing is ever sealed to them."""
    return tuple(unsealed(member.name, member.address, role, max_bytes) for member in staff.members)


def staff_faults(staff: Mapping[str, StaffSection], *, domains: Sequence[str], taken: Sequence[str]) -> Iterator[Said]:
    """Everything that is wrong with them together; ``taken`` are our own address and those of partners."""
    for name, section in staff.items():
        if not within(section.address, domains):
            yield said(
                "staff.{name} : adresse hors de vos domaines ({domains}) ; les alarmes restent chez vous",
                name=name,
                domains=", ".join(domains),
            )
        if section.address in taken:
            yield said("staff.{name} : cette adresse est celle de la passerelle ou d'un partenaire", name=name)
        if section.delegate is not None and (section.delegate not in staff or section.delegate == name):
            yield said("staff.{name}.delegate : une autre section de [staff] est attendue", name=name)
