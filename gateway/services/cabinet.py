"""Where sealed files and their keys are kept: the vault beside the rows that describe it.

A file is written and fsynced before the act that names it; a file that no row names is swept at start.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from gateway.domain.errors import StorageFailed, Unknown, VaultClosed
from gateway.domain.words import said
from gateway.ports import Clock, SpoolFile, Vault, WrappedKey
from gateway.storage import Act, Case, Rows, Store, VaultKey

QUARANTINE = "quarantine"
EVIDENCE = "evidence"

UNNAMED_SECONDS = 3600.0
"""How long a spool file may be without a row: far longer than any act takes."""


SWEPT_AT_ONCE = 500
"""Files looked up in one question."""


def wrapped(key: VaultKey) -> WrappedKey:
    """The key as the vault takes it.

    Raises:
        VaultClosed: it was destroyed.
    """
    if key.destroyed_at is not None:
        raise VaultClosed(item=key.purpose, reason=said("Ce contenu a été oublié ; il ne se rouvre plus."))
    return WrappedKey(id=key.id, wrapped=key.wrapped)


class Cabinet:
    """Keys and files."""

    def __init__(self, *, store: Store, vault: Vault, clock: Clock) -> None:
        self._store = store
        self.vault = vault
        self._clock = clock
        self._standing: dict[str, VaultKey] = {}
        self._unnamed: dict[str, float] = {}

    def new_case_key(self) -> VaultKey:
        """A key for a new case; its row is added by the act that opens the case."""
        return self._row(self.vault.new_key("case"), "case")

    async def standing_key(self, purpose: str) -> VaultKey:
        """The quarantine or evidence key, in an act of its own."""
        if purpose not in self._standing:
            async with self._store.act() as act:
                key = await self.standing_key_in(act, purpose)
            self._standing[purpose] = key
        return self._standing[purpose]

    async def standing_key_in(self, act: Act, purpose: str) -> VaultKey:
        """The quarantine or evidence key, made in the caller's act when first needed."""
        found = await act.all(VaultKey, purpose=purpose, destroyed_at=None, limit=1)
        return found[0] if found else await act.add(self._row(self.vault.new_key(purpose), purpose))

    async def case_key(self, view: Rows, case: Case) -> VaultKey:
        """The key of a case."""
        return await self._key(view, case.vault_key)

    async def put(self, data: bytes, key: VaultKey) -> SpoolFile:
        """Write and fsync; the caller's act then adds the row.

        Raises:
            StorageFailed, VaultClosed.
        """
        return await self.vault.store(data, wrapped(key))

    async def get(self, view: Rows, name: str) -> bytes:
        """The plain bytes of a file.

        Raises:
            Unknown, VaultClosed, StorageFailed.
        """
        file = await view.one(SpoolFile, name=name)
        if file is None:
            raise Unknown(kind=said("fichier"), ref=name)
        return await self.vault.load(file, wrapped(await self._key(view, file.vault_key)))

    async def hand_to(self, act: Act, name: str, key: VaultKey) -> None:
        """Put a quarantined file under a case's key; only its key is wrapped anew."""
        file = await act.one(SpoolFile, name=name)
        if file is None:
            raise Unknown(kind=said("fichier"), ref=name)
        if file.vault_key != key.id:
            old = wrapped(await self._key(act, file.vault_key))
            await act.save(self.vault.rewrap(file, old, wrapped(key)))

    async def destroy(self, act: Act, name: str) -> None:
        """Make a file unreadable for ever: it goes, and the key that opened it is forgotten. Its row tells that it was.

        Raises:
            StorageFailed: the disk keeps it.
        """
        file = await act.one(SpoolFile, name=name)
        if file is None:
            raise Unknown(kind=said("fichier"), ref=name)
        self.vault.remove(name)
        await act.save(replace(file, wrapped=b""))

    def discard(self, names: Iterable[str]) -> None:
        """Remove files whose keys were destroyed in an act that is committed. What the disk keeps is swept later."""
        for name in names:
            try:
                self.vault.remove(name)
            except StorageFailed as error:
                # Rare, and slow to load for every command that only reads.
                import structlog

                structlog.get_logger().warning("spool.not_removed", file=name, told=error.sentence())

    async def sweep(self) -> int:
        """Remove the files that no row names, or that were destroyed: a crash came between file and commit.

        Another process may be between the two right now, so a file must be seen unnamed twice, an hour apart.
        """
        names = sorted(await asyncio.to_thread(self.vault.names))
        now, found = self._clock.uptime(), dict[str, float]()
        for start in range(0, len(names), SWEPT_AT_ONCE):
            some = tuple(names[start : start + SWEPT_AT_ONCE])
            async with self._store.view() as view:
                known = frozenset(file.name for file in await view.all(SpoolFile, name=some) if file.wrapped)
            found |= {name: self._unnamed.get(name, now) for name in some if name not in known}
            # Years of mail lie there: whoever works beside us does not wait for all of it.
            await asyncio.sleep(0)
        self._unnamed = found
        old = [name for name, since in self._unnamed.items() if now - since >= UNNAMED_SECONDS]
        for name in old:
            self.vault.remove(name)
        return len(old)

    async def _key(self, view: Rows, key_id: str) -> VaultKey:
        key = await view.one(VaultKey, id=key_id)
        if key is None:
            raise VaultClosed(item=said("clé"), reason=said("La clé de ce contenu n'est pas dans la base."))
        return key

    def _row(self, key: WrappedKey, purpose: str) -> VaultKey:
        return VaultKey(id=key.id, purpose=purpose, wrapped=key.wrapped, created_at=self._clock.now())
