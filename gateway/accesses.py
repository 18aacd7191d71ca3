"""Who may come in, managed from this machine: the accesses that commands give, list and take back."""

import secrets

from gateway.records import Base
from gateway.services.tokens import Tokens


def tokens(base: Base) -> Tokens:
    """The access of programs."""
    return Tokens(
        store=base.store, clock=base.clock, noise=secrets.token_bytes, party=base.settings.party, at_machine=True
    )
