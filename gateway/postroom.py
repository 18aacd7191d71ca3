"""Puts together what hands opened mail over to our own readers."""

import secrets
from datetime import timedelta

from gateway.adapters.drop import FolderDrop
from gateway.config import Settings
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.compose import Composer
from gateway.services.handover import Handovers
from gateway.services.reader_mail import ReaderPost
from gateway.services.readers import Readers
from gateway.storage import Store


def handovers(
    settings: Settings, *, store: Store, cabinet: Cabinet, readers: Readers, composer: Composer, clock: Clock
) -> Handovers:
    """The payer of what readers are owed."""
    us = settings.party
    return Handovers(
        store=store,
        cabinet=cabinet,
        readers=readers,
        post=ReaderPost(
            party=us, outbox=settings.outbox, composer=composer, cabinet=cabinet, noise=secrets.token_bytes
        ),
        drop=FolderDrop(),
        clock=clock,
        party=us,
        keep=timedelta(days=settings.retention.days_after_handover),
    )
