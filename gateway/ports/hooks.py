"""How a program is told something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A program that is told: ``events`` are names, or families that end in « .* »; ``keys`` sign, new one first."""

    name: str
    address: str
    keys: tuple[bytes, ...] = field(repr=False)
    events: tuple[str, ...]
    ca: str | None = None


class Carrier(Protocol):
    """Brings a message to a program."""

    async def bring(self, target: Target, headers: Mapping[str, str], body: bytes) -> str | None:
        """Once. None: it was taken (a status of 2xx); else why not, as a short code."""
        ...
