"""Who may come in, managed from this machine: the accesses that commands give, list and take back."""

import secrets

from gateway.records import Base
from gateway.services.accounts import Accounts
from gateway.services.tokens import Tokens


def accounts(base: Base) -> Accounts:
    """The accounts of persons."""
    return Accounts(
        store=base.store,
        vault=base.cabinet.vault,
        clock=base.clock,
        noise=secrets.token_bytes,
        party=base.settings.party,
        at_machine=True,
    )


def tokens(base: Base) -> Tokens:
    """The access of programs."""
    return Tokens(
        store=base.store, clock=base.clock, noise=secrets.token_bytes, party=base.settings.party, at_machine=True
    )
