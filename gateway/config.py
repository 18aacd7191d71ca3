"""The configuration: one TOML file read into frozen settings.

An unknown key is refused; relative paths are relative to the file. Secrets are never in the file: it names where they
are (a file, an environment variable, a systemd credential).
"""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from gateway.access import WebSection
from gateway.databank import DatabaseSection
from gateway.domain.alarms.staff import Staff
from gateway.domain.errors import ConfigClosed, ConfigInvalid, ConfigUnreadable
from gateway.domain.parties import (
    Directory,
    Function,
    Grade,
    Partner,
    PartnerKind,
    Party,
    ReceptionPolicy,
    Role,
    Suite,
    default_policy,
)
from gateway.domain.readers import Readership
from gateway.domain.reasons import setting_reason, system_reason, toml_reason
from gateway.domain.territory import outside
from gateway.domain.watching import Place
from gateway.domain.words import listed, said
from gateway.hooks import WebhookSection, webhooks_faults
from gateway.log_keeping import AuditSection, anchor_mailbox, audit_faults
from gateway.mailservers import DEFAULT_LIMIT, ImapSection, MailboxSection, OAuthSection, SmtpSection, mailboxes_faults
from gateway.metering import MetricsSection
from gateway.readership import ReaderSection, RetentionSection, readers_faults
from gateway.setting import Address, Domain, FilePath, FunctionName, GradeName, Identifier, Secret, Section, relative_to
from gateway.staffing import AlarmsSection, StaffSection, correspondents, staff_faults, staff_of


class GatewaySection(Section):
    """Who we are and where our data lies."""

    party: Identifier
    role: Literal["hospital", "cnas", "cnse"]
    name: str = Field(min_length=1, max_length=120)
    address: Address
    mail_domains: tuple[Domain, ...] = ()
    site: Identifier = "principal"
    data: FilePath
    calendar: FilePath | None = None
    postcode: str | None = None

    @model_validator(mode="after")
    def _in_the_territory(self) -> "GatewaySection":
        if self.postcode is not None and self.role != "hospital":
            raise ValueError(said("postcode est celui d'un hôpital"))
        fault = None if self.postcode is None else outside(self.postcode)
        if fault is not None:
            raise ValueError(said("postcode : {fault}", fault=fault))
        return self


class VaultSection(Section):
    """The master key that opens what lies on the disk."""

    master_key: Secret
    former_master_key: Secret | None = None


class OpenPgpSection(Section):
    """Our OpenPGP key: its folder and its passphrase."""

    folder: FilePath
    former_folder: FilePath | None = None
    passphrase: Secret


class SmimeSection(Section):
    """Our S/MIME certificate and key."""

    certificate: FilePath
    key: Secret
    passphrase: Secret | None = None
    former_certificate: FilePath | None = None
    former_key: Secret | None = None
    former_passphrase: Secret | None = None
    signature: Literal["pkcs1", "pss"] = "pkcs1"

    @model_validator(mode="after")
    def _former(self) -> "SmimeSection":
        if (self.former_certificate is None) != (self.former_key is None):
            raise ValueError(said("former_certificate et former_key vont ensemble"))
        return self


class ReceptionSection(Section):
    """Whose ``Received`` lines are ours, and how many receipts a partner can cause."""

    own_mta: tuple[str, ...] = Field(min_length=1)
    receipts_per_hour: int = Field(default=100, ge=1, le=10_000)


class DeadlinesSection(Section):
    """The clock of tacit acceptance."""

    grace_hours: float = Field(default=12, ge=1, le=240)
    tick_seconds: float = Field(default=15, gt=0, le=3600)


class TimeSection(Section):
    """The clocks that are asked beside the system's before a silence is recorded."""

    mailbox: bool = True
    ntp: str | None = None
    ntp_port: int = Field(default=123, ge=1, le=65535)
    tsa: str | None = None
    tsa_ca: FilePath | None = None

    @model_validator(mode="after")
    def _some(self) -> "TimeSection":
        if not (self.mailbox or self.ntp or self.tsa):
            raise ValueError(said("une source d'heure au moins : mailbox, ntp ou tsa"))
        if bool(self.tsa) != bool(self.tsa_ca):
            raise ValueError(said("tsa et tsa_ca vont ensemble"))
        return self


class WorkerSection(Section):
    """The capped worker that opens incoming mail."""

    slots: int = Field(default=1, ge=1, le=64)
    seconds: float = Field(default=60, gt=0, le=600)
    memory_mb: int = Field(default=512, ge=128)


class PartnerSection(Section):
    """A correspondent."""

    role: Literal["hospital", "cnas", "cnse", "cpam"]
    kind: Literal["gateway", "mail"]
    address: Address
    other_addresses: tuple[Address, ...] = ()
    functions: tuple[FunctionName, ...] = ()
    suite: Literal["openpgp", "smime"] = "openpgp"
    ca: FilePath | None = None
    crl: FilePath | None = None
    cipher: Literal["aes256-cbc", "aes256-gcm"] | None = None
    max_bytes: int = Field(default=DEFAULT_LIMIT, ge=100_000)
    starts_from: GradeName | None = None
    records_alone_from: GradeName | None = None
    convention: str | None = Field(default=None, min_length=3)
    answers_come_here: str | None = Field(default=None, min_length=3)

    @model_validator(mode="after")
    def _agreed(self) -> "PartnerSection":
        alone = Grade[(self.records_alone_from or "signed_reply").upper()]
        if alone < Grade.SIGNED_REPLY and not self.convention:
            raise ValueError(said("records_alone_from sous signed_reply demande convention = « … », l'accord écrit"))
        if self.suite != "smime" and (self.ca or self.crl or self.cipher):
            raise ValueError(said("ca, crl et cipher demandent suite = « smime »"))
        if self.crl and not self.ca:
            raise ValueError(said("crl demande ca, l'autorité qui signe cette liste"))
        if any(Function(name).role is not Role(self.role) for name in self.functions):
            raise ValueError(said("functions nomme une fonction d'un autre rôle que le sien"))
        return self

    def value(self, partner_id: str) -> Partner:
        """The partner as the domain knows it."""
        kind = PartnerKind(self.kind)
        default = default_policy(kind)
        return Partner(
            id=partner_id,
            role=Role(self.role),
            kind=kind,
            suite=Suite(self.suite),
            addresses=(self.address, *self.other_addresses),
            functions=frozenset(Function(name) for name in self.functions),
            max_bytes=self.max_bytes,
            policy=ReceptionPolicy(
                starts_from=Grade[self.starts_from.upper()] if self.starts_from else default.starts_from,
                records_alone_from=(
                    Grade[self.records_alone_from.upper()] if self.records_alone_from else default.records_alone_from
                ),
                convention=self.convention,
                answers_come_here=self.answers_come_here,
            ),
        )


class Settings(Section):
    """The whole file."""

    gateway: GatewaySection
    imap: ImapSection
    smtp: SmtpSection
    oauth: OAuthSection | None = None
    database: DatabaseSection = Field(default_factory=DatabaseSection)
    vault: VaultSection
    openpgp: OpenPgpSection
    smime: SmimeSection | None = None
    reception: ReceptionSection
    deadlines: DeadlinesSection = Field(default_factory=DeadlinesSection)
    time: TimeSection = Field(default_factory=TimeSection)
    audit: AuditSection | None = None
    worker: WorkerSection = Field(default_factory=WorkerSection)
    metrics: MetricsSection | None = None
    people: dict[str, str] = Field(default_factory=dict)
    readers: dict[Identifier, ReaderSection] = Field(default_factory=dict)
    mailboxes: dict[Identifier, MailboxSection] = Field(default_factory=dict)
    retention: RetentionSection = Field(default_factory=RetentionSection)
    alarms: AlarmsSection = Field(default_factory=AlarmsSection)
    staff: dict[Identifier, StaffSection] = Field(default_factory=dict)
    web: WebSection | None = None
    webhooks: tuple[WebhookSection, ...] = ()
    partners: dict[Identifier, PartnerSection]

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        servers = (self.imap, self.smtp, *self.mailboxes.values())
        if any(server.auth == "xoauth2" for server in servers) and self.oauth is None:
            raise ValueError(said("auth = « xoauth2 » demande la section [oauth]"))
        if self.smime is None and any(partner.suite == "smime" for partner in self.partners.values()):
            raise ValueError(said("suite = « smime » demande la section [smime]"))
        if self.audit is not None and self.audit.timestamps and self.time.tsa is None:
            raise ValueError(said("timestamps = true demande tsa dans la section [time]"))
        addresses = [address for partner in self.directory.partners for address in partner.addresses]
        if len(set(addresses)) != len(addresses):
            raise ValueError(said("deux partenaires ont la même adresse"))
        if self.gateway.address in addresses:
            raise ValueError(said("l'adresse d'un partenaire est celle de la passerelle"))
        domains = (self.gateway.address.rpartition("@")[2], *self.gateway.mail_domains)
        taken = (self.gateway.address, *addresses)
        faults = (
            *readers_faults(
                self.readers,
                role=self.party.role,
                data=self.gateway.data,
                domains=domains,
                taken=taken,
                accounts=self.people,
            ),
            *mailboxes_faults(self.mailboxes, readers=self.readers, taken=taken),
            *staff_faults(self.staff, domains=domains, taken=taken),
            *audit_faults(self.audit, taken=taken),
            *webhooks_faults(self.webhooks),
        )
        if faults:
            raise ValueError(listed(faults))
        return self

    @property
    def party(self) -> Party:
        """Ourselves."""
        us = self.gateway
        return Party(id=us.party, role=Role(us.role), name=us.name, address=us.address, site=us.site)

    @property
    def directory(self) -> Directory:
        """Our correspondents."""
        return Directory(tuple(section.value(name) for name, section in self.partners.items()))

    @property
    def readership(self) -> Readership:
        """Who reads inside our own party."""
        found = (section.value(name, self.people) for name, section in self.readers.items())
        return Readership(role=self.party.role, readers=tuple(found))

    @property
    def watched(self) -> tuple[Place, ...]:
        """Where answers are looked for."""
        ours = tuple(Place(mailbox=self.gateway.address, folder=folder) for folder in self.imap.watch)
        return ours + tuple(
            Place(mailbox=section.address, folder=folder, physician=name)
            for name, section in self.mailboxes.items()
            for folder in section.watch
        )

    @property
    def outbox(self) -> Directory:
        """Everyone to whom sealed mail leaves: our correspondents, and our own readers."""
        return Directory((*self.directory.partners, *self.readership.correspondents(self.smtp.max_bytes)))

    @property
    def everybody(self) -> Directory:
        """All of these, and those who get mail in clear: who is told of alarms, and where checkpoints are kept."""
        role, size = self.party.role, self.smtp.max_bytes
        clear = (*correspondents(self.told_of_alarms, role, size), *anchor_mailbox(self.audit, role, size))
        return Directory((*self.outbox.partners, *clear))

    @property
    def told_of_alarms(self) -> Staff:
        """Who is told of alarms."""
        return staff_of(self.staff, self.alarms)

    @property
    def four_eyes(self) -> bool:
        """Two persons are demanded for acts that make a recording possible when two are named."""
        return len(set(self.people.values())) > 1

    @property
    def database_url(self) -> str:
        """SQLAlchemy's URL; it may hold a password. Raises SecretUnreadable."""
        return self.database.address(self.gateway.data)


def _owner(path: Path) -> str:
    """The account of a file that we may not read, or of the closed folder that holds it."""
    for place in path.absolute(), *path.absolute().parents:
        try:
            return place.owner()
        except PermissionError:
            continue
        except KeyError:
            return str(place.stat().st_uid)
    return "root"


def load(path: Path) -> Settings:
    """Read the configuration.

    Raises:
        ConfigUnreadable: no such file, or not TOML.
        ConfigClosed: it is another account's.
        ConfigInvalid: with every fault at once.
    """
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except PermissionError as error:
        raise ConfigClosed(path=path, owner=_owner(path)) from error
    except OSError as error:
        raise ConfigUnreadable(path=path, reason=system_reason(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigUnreadable(path=path, reason=toml_reason(error)) from error
    try:
        with relative_to(path):
            return Settings.model_validate(data)
    except ValidationError as error:
        faults = [
            setting_reason(fault["loc"], fault["type"], fault.get("ctx", {}), fault["msg"]) for fault in error.errors()
        ]
        raise ConfigInvalid(path=path, faults=listed(faults)) from error
