"""Puts together what hands opened mail over to our own readers."""

import secrets
from datetime import timedelta

from gateway.adapters.drop import FolderDrop
from gateway.rooms import Rooms
from gateway.services.compose import Composer
from gateway.services.handover import Handovers
from gateway.services.reader_mail import ReaderPost
from gateway.services.readers import Readers


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
