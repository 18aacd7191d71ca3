"""How mail servers are reached: the sections [imap], [smtp], [oauth] and [mailboxes]."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Literal

from pydantic import Field, model_validator

from gateway.domain.parties import Function
from gateway.domain.words import Said, said
from gateway.readership import ReaderSection
from gateway.setting import Address, FilePath, Secret, Section

DEFAULT_LIMIT = 25_000_000
"""Bytes of a whole mail that most servers take; asked per partner because the lowest of the path decides."""


class OAuthSection(Section):
    """Where XOAUTH2 tokens come from: exactly one way."""

    command: tuple[str, ...] | None = None
    file: FilePath | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    scope: str | None = None
    ca: FilePath | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "OAuthSection":
        if sum(bool(way) for way in (self.command, self.file, self.token_url)) != 1:
            raise ValueError(said("exactement une manière : command, file ou token_url"))
        if self.token_url and not (self.client_id and self.client_secret):
            raise ValueError(said("token_url demande client_id et client_secret"))
        return self


class ServerSection(Section):
    """What IMAP and SMTP have in common."""

    host: str
    port: int = Field(ge=1, le=65535)
    user: str | None = None
    password: Secret | None = None
    auth: Literal["password", "xoauth2", "certificate"] = "password"
    ca: FilePath | None = None
    client_certificate: FilePath | None = None
    client_key: FilePath | None = None
    timeout_seconds: float = Field(default=60, gt=0, le=600)

    @model_validator(mode="after")
    def _complete(self) -> "ServerSection":
        if self.auth == "password" and not (self.user and self.password):
            raise ValueError(said("auth = « password » demande user et password"))
        if self.auth == "xoauth2" and not self.user:
            raise ValueError(said("auth = « xoauth2 » demande user"))
        if self.auth == "certificate" and not self.client_certificate:
            raise ValueError(said("auth = « certificate » demande client_certificate"))
        return self


class ImapSection(ServerSection):
    """The mailbox: implicit TLS always."""

    port: int = Field(default=993, ge=1, le=65535)
    watch: tuple[str, ...] = Field(default=("INBOX", "Junk"), min_length=1)
    clock_folder: str = "Passerelle-Horloge"
    poll_seconds: float = Field(default=15, gt=0, le=3600)


class SmtpSection(ServerSection):
    """The hospital's own submission server: TLS always."""

    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["starttls", "implicit"] = "starttls"
    max_bytes: int = Field(default=DEFAULT_LIMIT, ge=100_000)


class MailboxSection(ServerSection):
    """The mailbox of a physician, named as the reader that they are."""

    port: int = Field(default=993, ge=1, le=65535)
    address: Address
    watch: tuple[str, ...] = Field(default=("INBOX", "Junk"), min_length=1)


def mailboxes_faults(
    mailboxes: Mapping[str, MailboxSection], *, readers: Mapping[str, ReaderSection], taken: Sequence[str]
) -> Iterator[Said]:
    """Everything that is wrong with the physicians' mailboxes; ``taken`` are our own address and those of partners."""
    physicians = [name for name, reader in readers.items() if Function.TREATING_PHYSICIAN.value in reader.functions]
    for name, section in mailboxes.items():
        if name not in physicians:
            yield said(
                "mailboxes.{name} : donnez à cette section le nom d'un lecteur hospital.treating_physician ; il y a : "
                "{names}",
                name=name,
                names=", ".join(physicians) or "-",
            )
        if section.address in taken:
            yield said("mailboxes.{name} : cette adresse est celle de la passerelle ou d'un partenaire", name=name)
    for (first, one), (second, other) in combinations(mailboxes.items(), 2):
        if one.address == other.address:
            yield said("mailboxes.{second} : même adresse que mailboxes.{first}", first=first, second=second)
