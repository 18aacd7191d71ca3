"""A new master key takes over while everything runs: each vault key is wrapped anew, what lies under it stays.

Meanwhile the vault opens with either master key. Killed in the middle, what was done is done and the rest goes on.
"""

from dataclasses import replace

from gateway.ports import Vault
from gateway.services.cabinet import wrapped
from gateway.storage import Store, VaultKey

BATCH = 200
"""Vault keys of one act: an act is short."""


class Rewrapping:
    """A person's act, in as many commits as it takes."""

    def __init__(self, *, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def rewrap(self, *, actor: str) -> tuple[int, int]:
        """Put every vault key under the present master key. Returns how many were, and how many there are.

        Raises:
            VaultClosed: one opens with neither master key; those before it are done.
        """
        async with self._store.view() as view:
            names = tuple(key.id for key in await view.all(VaultKey, destroyed_at=None))
        done = 0
        for start in range(0, len(names), BATCH):
            async with self._store.act() as act:
                changed = 0
                for key in await act.all(VaultKey, id=names[start : start + BATCH], destroyed_at=None):
                    renewed = self._vault.renewed(wrapped(key))
                    if renewed is not None:
                        await act.save(replace(key, wrapped=renewed.wrapped))
                        changed += 1
                if changed:
                    await act.record("vault.rewrapped", actor=actor, details={"keys": changed})
                done += changed
        return done, len(names)
