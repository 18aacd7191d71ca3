"""What sections of the configuration are made of: paths relative to the file, addresses, and where secrets are kept."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from gateway import private_file
from gateway.domain.errors import SecretUnreadable
from gateway.domain.words import said

_base: ContextVar[Path] = ContextVar("_base", default=Path())
"""Folder of the file being read."""


def _absolute(path: Path) -> Path:
    return path if path.is_absolute() else _base.get() / path


def address(text: str) -> str:
    """A mail address, in lower case.

    Raises:
        ValueError: with the reason in words.
    """
    if not re.fullmatch(r"[!-?A-~]+@[a-zA-Z0-9.-]+", text):
        raise ValueError(said("adresse attendue, par exemple soins@hopital.fr"))
    return text.lower()


def _domain(text: str) -> str:
    if not re.fullmatch(r"(?=.{4,253}\Z)[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+", text):
        raise ValueError(said("domaine de messagerie attendu, par exemple hopital.fr"))
    return text.lower()


def within(address: str, domains: Sequence[str]) -> bool:
    """Whether an address lies in one of these mail domains, or below it."""
    domain = address.rpartition("@")[2]
    return any(domain == own or domain.endswith(f".{own}") for own in domains)


def identifier(text: str) -> str:
    """A short name of ours.

    Raises:
        ValueError: with the reason in words.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise ValueError(said("lettres minuscules sans accent, chiffres et tirets"))
    return text


def _loopback(text: str) -> str:
    try:
        local = ip_address(text).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ValueError(said("une adresse de cette machine seule est attendue : 127.0.0.1 ou ::1"))
    return text


FilePath = Annotated[Path, AfterValidator(_absolute)]
Address = Annotated[str, AfterValidator(address)]
Domain = Annotated[str, AfterValidator(_domain)]
Identifier = Annotated[str, AfterValidator(identifier)]
Loopback = Annotated[str, AfterValidator(_loopback)]
FunctionName = Literal[
    "cnas.agreements_unit",
    "cnas.medical_service",
    "cnse.medical_unit",
    "cnse.medical_adviser",
    "cnse.helpdesk",
    "cpam.international_relations",
    "hospital.treating_physician",
    "hospital.administration",
]
GradeName = Literal["auto_reply", "dsn_delivered", "mdn", "signed_reply", "signed_receipt"]


@contextmanager
def relative_to(path: Path) -> Iterator[None]:
    """Sections that are read meanwhile take their relative paths from the folder of this file."""
    token = _base.set(path.resolve().parent)
    try:
        yield
    finally:
        _base.reset(token)


class Section(BaseModel):
    """A table of the file."""

    # One section is checked as a part of the whole file: what would check it alone is made for those who ask.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Secret(Section):
    """Where a secret is: exactly one of a file (0600), an environment variable, a systemd credential."""

    file: FilePath | None = None
    env: str | None = None
    credential: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Secret":
        if sum(source is not None for source in (self.file, self.env, self.credential)) != 1:
            raise ValueError(said("exactement une source : file, env ou credential"))
        return self

    def read(self) -> str:
        """The secret, without its final line end.

        Raises:
            SecretUnreadable: absent, empty, or a file that others can read.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "")
            source = f"${self.env}"
        else:
            path = self.path()
            source = str(path)
            value = _read_private(path, shared=self.credential is not None)
        if not value.strip():
            raise SecretUnreadable(source=source, reason=said("Il est vide ou absent."))
        return value.rstrip("\r\n")

    def place(self) -> str:
        """As it is written in the configuration."""
        name, value = next(iter(self.model_dump(exclude_none=True).items()))
        return f'{{ {name} = "{value}" }}'

    def path(self) -> Path:
        """The file behind ``file`` or ``credential``.

        Raises:
            SecretUnreadable: a credential outside of a service that was given any.
        """
        if self.file is not None:
            return self.file
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            reason = said("systemd n'a remis aucun secret à ce processus.")
            raise SecretUnreadable(source=str(self.credential), reason=reason)
        return Path(folder, str(self.credential))


def _read_private(path: Path, *, shared: bool) -> str:
    data = private_file.read(path, forbidden=private_file.WORLD if shared else private_file.OTHERS)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # Without its cause: a decoder's message can quote the secret.
        raise SecretUnreadable(source=str(path), reason=said("Ce n'est pas du texte.")) from None
