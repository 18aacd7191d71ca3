"""Puts together what hands opened mail over to our own readers."""

import secrets
from datetime import timedelta
from typing import Protocol

from gateway.adapters.drop import FolderDrop
from gateway.config import Settings
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.compose import Composer
from gateway.services.handover import Handovers
from gateway.services.reader_mail import ReaderPost
from gateway.services.readers import Readers
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


def handovers(base: Rooms, readers: Readers, composer: Composer) -> Handovers:
    """The payer of what readers are owed."""
    us, outbox = base.settings.party, base.settings.outbox
    return Handovers(
        store=base.store,
        cabinet=base.cabinet,
        readers=readers,
        post=ReaderPost(party=us, outbox=outbox, composer=composer, cabinet=base.cabinet, noise=secrets.token_bytes),
        drop=FolderDrop(),
        clock=base.clock,
        party=us,
        keep=timedelta(days=base.settings.retention.days_after_handover),
    )
