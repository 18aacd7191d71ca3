"""What prints a document for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.sheet import Sheet, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file inside a printed one. ``media_type`` is its own, ``describes`` a few words on it."""

    name: str
    data: bytes
    media_type: str
    describes: Text


class Printer(Protocol):
    """Makes PDF files (PDF/A-3); the same sheet of the same instant gives the same bytes."""

    def pdf(self, sheet: Sheet, *, language: str, at: datetime, enclosed: Sequence[Enclosure] = ()) -> bytes:
        """The file, in this language (``fr``, ``en``); ``at`` is when it is made.

        Raises:
            DocumentFailed: a defect of ours.
        """
        ...
