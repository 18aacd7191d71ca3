"""Who reads inside our own party, and how long copies made for them stay: the sections [readers] and [retention].

Content goes to nobody else (instruction DSS/DACI/2019/224, line 406): an address outside of our own mail domains is
refused here, so that no later part can forward to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from gateway.domain.parties import Function, Role
from gateway.domain.readers import Reader, Way
from gateway.domain.words import Said, said
from gateway.setting import Address, FilePath, Section, within

OwnFunction = Literal[
    "hospital.treating_physician",
    "hospital.administration",
    "cnas.agreements_unit",
    "cnas.medical_service",
    "cnse.medical_unit",
    "cnse.medical_adviser",
    "cnse.helpdesk",
]
"""Functions of the roles that a gateway can have: the CPAM is a correspondent only."""


class RetentionSection(Section):
    """How long copies made for readers stay, at least how long a closed case is kept, and mails of no case."""

    days_after_handover: int = Field(default=30, ge=1, le=3650)
    years_after_closure: int = Field(default=3, ge=1, le=50)
    days_in_quarantine: int = Field(default=90, ge=7, le=3650)


class ReaderSection(Section):
    """A reader: functions of our own party, and one way to reach them."""

    functions: tuple[OwnFunction, ...] = Field(min_length=1)
    folder: FilePath | None = None
    address: Address | None = None
    notice: Address | None = None
    people: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _clear(self) -> "ReaderSection":
        if sum(way is not None for way in (self.folder, self.address, self.notice)) != 1:
            raise ValueError(said("exactement une manière : folder, address ou notice"))
        medical = {Function(name).medical for name in self.functions}
        if len(medical) > 1:
            raise ValueError(said("un lecteur est médical ou administratif, jamais les deux : faites-en deux"))
        if self.people and medical == {False}:
            raise ValueError(said("people ne se donne qu'à un lecteur médical"))
        return self

    @property
    def mailbox(self) -> str | None:
        """The address to which anything goes."""
        return self.address or self.notice

    def value(self, reader_id: str, persons: Mapping[str, str]) -> Reader:
        """The reader as the domain knows it; ``persons`` are the names of the accounts."""
        way = Way.FOLDER if self.folder else Way.MAIL if self.address else Way.NOTICE
        return Reader(
            id=reader_id,
            functions=frozenset(Function(name) for name in self.functions),
            way=way,
            place=str(self.folder or self.mailbox),
            people=frozenset(persons[account] for account in self.people),
        )


def readers_faults(
    readers: Mapping[str, ReaderSection],
    *,
    role: Role,
    data: Path,
    domains: Sequence[str],
    taken: Sequence[str],
    accounts: Mapping[str, str],
) -> tuple[Said, ...]:
    """Everything that is wrong with the readers together; ``taken`` are our own address and those of partners."""
    return (
        *_each(readers, role, domains, taken, accounts),
        *_twice([(name, section.mailbox) for name, section in readers.items() if section.mailbox]),
        *_nested([("[gateway] data", data), *((name, it.folder) for name, it in readers.items() if it.folder)]),
    )


def _each(
    readers: Mapping[str, ReaderSection],
    role: Role,
    domains: Sequence[str],
    taken: Sequence[str],
    accounts: Mapping[str, str],
) -> Iterator[Said]:
    for name, section in readers.items():
        if any(Function(function).role is not role for function in section.functions):
            place = f"readers.{name}.functions"
            yield said("{place} : seulement des fonctions de votre rôle, {role}", place=place, role=role.value)
        if section.mailbox and not within(section.mailbox, domains):
            yield said(
                "readers.{name} : adresse hors de vos domaines ({domains}) ; rien ne se transmet au-dehors "
                "(instruction 2019/224, L406)",
                name=name,
                domains=", ".join(domains),
            )
        if section.mailbox in taken:
            yield said("readers.{name} : cette adresse est celle de la passerelle ou d'un partenaire", name=name)
        if unknown := [account for account in section.people if account not in accounts]:
            yield said("readers.{name}.people : absents de [people] : {who}", name=name, who=", ".join(unknown))


def _twice(mailboxes: Sequence[tuple[str, str | None]]) -> Iterator[Said]:
    for (first, one), (second, other) in combinations(mailboxes, 2):
        if one == other:
            yield said("readers.{second} : même adresse que readers.{first}", first=first, second=second)


def _nested(folders: Sequence[tuple[str, Path]]) -> Iterator[Said]:
    """Two readers of one folder would read each other's share."""
    resolved = [(name, path.resolve()) for name, path in folders]
    for (first, one), (second, other) in combinations(resolved, 2):
        if one.is_relative_to(other) or other.is_relative_to(one):
            yield said(
                "readers.{second}.folder : même dossier que {first}, ou l'un dans l'autre", first=first, second=second
            )
