"""What every part of a gateway stands on, once it is open."""

from typing import Protocol

from gateway.config import Settings
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.storage import Store


class Rooms(Protocol):
    """What every part of a gateway stands on."""

    @property
    def settings(self) -> Settings:
        """The configuration."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def store(self) -> Store:
        """The database."""
        ...

    @property
    def cabinet(self) -> Cabinet:
        """The vault."""
        ...
