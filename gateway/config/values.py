"""What every section of the configuration is made of: strict tables, paths relative to the file, addresses, names."""

import re
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

base_folder: ContextVar[Path] = ContextVar("base_folder", default=Path())
"""Folder of the file being read: settings classes do not hand pydantic's own context down."""


def _absolute(path: Path) -> Path:
    return path if path.is_absolute() else base_folder.get() / path


def _address(text: str) -> str:
    if not re.fullmatch(r"[!-?A-~]+@[a-zA-Z0-9.-]+", text):
        raise ValueError("adresse attendue, par exemple soins@hopital.fr")
    return text.lower()


def _domain(text: str) -> str:
    if not re.fullmatch(r"(?=.{4,253}\Z)[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+", text):
        raise ValueError("domaine de messagerie attendu, par exemple hopital.fr")
    return text.lower()


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise ValueError("lettres minuscules sans accent, chiffres et tirets")
    return text


FilePath = Annotated[Path, AfterValidator(_absolute)]
Address = Annotated[str, AfterValidator(_address)]
Domain = Annotated[str, AfterValidator(_domain)]
Identifier = Annotated[str, AfterValidator(_identifier)]


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
