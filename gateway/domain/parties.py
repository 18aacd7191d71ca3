"""Who speaks with whom: roles, partners, and the policy that decides what a partner's evidence is worth.

Source: instruction DSS/DACI/2019/224 (lines 172-290) for the functions.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Role(Enum):
    """What a party is in the protocol; it selects what it may send and expects."""

    HOSPITAL = "hospital"
    CNAS = "cnas"
    CNSE = "cnse"
    CPAM = "cpam"


class Function(Enum):
    """Who reads or acts inside a party; addressees are named by function, never by address (002 and 003 differ)."""

    AGREEMENTS_UNIT = "cnas.agreements_unit"
    MEDICAL_SERVICE = "cnas.medical_service"
    MEDICAL_UNIT = "cnse.medical_unit"
    MEDICAL_ADVISER = "cnse.medical_adviser"
    HELPDESK = "cnse.helpdesk"
    CPAM = "cpam.international_relations"
    TREATING_PHYSICIAN = "hospital.treating_physician"
    ADMINISTRATION = "hospital.administration"

    @property
    def role(self) -> Role:
        """The party that has it."""
        return Role(self.value.partition(".")[0])

    @property
    def medical(self) -> bool:
        """Whether physicians fill it: medical content is for them alone."""
        return self in _PHYSICIANS


_PHYSICIANS = frozenset(
    {Function.MEDICAL_SERVICE, Function.MEDICAL_UNIT, Function.MEDICAL_ADVISER, Function.TREATING_PHYSICIAN}
)


class PartnerKind(Enum):
    """Whether this software runs at the other end, or only a person with a mail program."""

    GATEWAY = "gateway"
    MAIL = "mail"


class Suite(Enum):
    """Cryptographic suite agreed with a partner."""

    OPENPGP = "openpgp"
    SMIME = "smime"


class Grade(IntEnum):
    """How strongly an evidence attests reception; higher is stronger."""

    NONE = 0
    AUTO_REPLY = 1
    DSN_DELIVERED = 2
    MDN = 3
    SIGNED_REPLY = 4
    SIGNED_RECEIPT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionPolicy:
    """Thresholds of a partner: which grade starts a period, and from which one it records alone.

    ``convention`` names the written agreement that lowers ``records_alone_from`` below a signed reply;
    ``answers_come_here`` the one by which answers come to the gateway's address and by no other way.
    """

    starts_from: Grade
    records_alone_from: Grade
    convention: str | None = None
    answers_come_here: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A correspondent, as the configuration knows it. Addresses are lower case, ASCII, the first is the main one.

    ``functions`` are those that it fills; none named means every function of its role.
    """

    id: str
    role: Role
    kind: PartnerKind
    suite: Suite
    addresses: tuple[str, ...]
    policy: ReceptionPolicy
    max_bytes: int
    functions: frozenset[Function] = frozenset()

    @property
    def address(self) -> str:
        """Where our mail for this partner goes."""
        return self.addresses[0]

    def fills(self, function: Function) -> bool:
        """Whether mail for this function goes to it."""
        return self.role is function.role and (not self.functions or function in self.functions)

    @property
    def domains(self) -> frozenset[str]:
        """Mail domains of the partner; an unread mail from one of them holds back a tacit acceptance."""
        return frozenset(address.rpartition("@")[2] for address in self.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Ourselves: one gateway speaks for one party."""

    id: str
    role: Role
    name: str
    address: str
    site: str


def default_policy(kind: PartnerKind) -> ReceptionPolicy:
    """The policy asked by ``init`` when nobody decides otherwise."""
    starts = Grade.SIGNED_RECEIPT if kind is PartnerKind.GATEWAY else Grade.MDN
    return ReceptionPolicy(starts_from=starts, records_alone_from=Grade.SIGNED_REPLY)


def unsealed(partner_id: str, address: str, role: Role, max_bytes: int) -> Partner:
    """An address to which mail in clear goes, as the outbox knows it: nothing is ever sealed to it."""
    return Partner(
        id=partner_id,
        role=role,
        kind=PartnerKind.MAIL,
        suite=Suite.OPENPGP,
        addresses=(address,),
        policy=default_policy(PartnerKind.MAIL),
        max_bytes=max_bytes,
    )


@dataclass(frozen=True, slots=True)
class Directory:
    """The partners of the configuration, looked up by id, by role and by address."""

    partners: tuple[Partner, ...]

    def find(self, partner_id: str) -> Partner | None:
        """The partner of this id."""
        return next((partner for partner in self.partners if partner.id == partner_id), None)

    def with_role(self, role: Role) -> tuple[Partner, ...]:
        """All partners of a role, in the configuration's order."""
        return tuple(partner for partner in self.partners if partner.role is role)

    def holders(self, function: Function, hospital: str) -> tuple[Partner, ...]:
        """Who fills a function for a case of this hospital: never another hospital."""
        found = (partner for partner in self.partners if partner.fills(function))
        return tuple(partner for partner in found if partner.role is not Role.HOSPITAL or partner.id == hospital)

    def at_address(self, address: str) -> Partner | None:
        """The partner who writes from this address (compared in lower case)."""
        wanted = address.lower()
        return next((partner for partner in self.partners if wanted in partner.addresses), None)

    @property
    def domains(self) -> frozenset[str]:
        """Mail domains of all partners."""
        return frozenset(domain for partner in self.partners for domain in partner.domains)
