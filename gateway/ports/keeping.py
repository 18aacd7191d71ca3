"""Where opened parts are dropped for our readers, and where sealed things are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.words import french

DROP = french("le dossier de remise")
"""The place that a drop names in a StorageFailed of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFile:
    """One file for a reader. ``name`` is one component of a path, made safe by whoever chose it."""

    name: str
    data: bytes


class Drop(Protocol):
    """Puts opened messages into the folders of readers, and takes them away again."""

    async def put(self, folder: str, name: str, files: Sequence[DropFile]) -> None:
        """Write these files, durably and all at once, as the folder ``name``; what is there already is not changed.

        Raises:
            DropRefused: the folder is not private and ours, or other content bears the name. StorageFailed.
        """
        ...

    async def remove(self, folder: str, name: str) -> None:
        """Delete what ``put`` wrote, whole or partial; absent is fine.

        Raises:
            DropRefused, StorageFailed: it is still there.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A key encrypted under another one; safe to store beside what it protects."""

    id: str
    wrapped: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFile:
    """A sealed file of the spool: its name, its own wrapped key, the vault key that wraps it, plain size and digest."""

    name: str
    vault_key: str
    wrapped: bytes
    size: int
    sha256: str


class Vault(Protocol):
    """Seals what lies on the disk. Every file has its own key, wrapped by a vault key (case, quarantine, evidence)."""

    def new_key(self, purpose: str) -> WrappedKey:
        """A fresh vault key under the master key; ``purpose`` is bound to it."""
        ...

    def renewed(self, key: WrappedKey) -> WrappedKey | None:
        """The same key under the present master key, when it is under the former one; None when nothing is to do.

        Raises:
            VaultClosed: it opens with neither.
        """
        ...

    async def store(self, data: bytes, key: WrappedKey) -> SpoolFile:
        """Write and fsync file and folder before returning.

        Raises:
            StorageFailed, VaultClosed.
        """
        ...

    async def load(self, file: SpoolFile, key: WrappedKey) -> bytes:
        """The plain bytes, integrity checked.

        Raises:
            VaultClosed, StorageFailed.
        """
        ...

    def rewrap(self, file: SpoolFile, old: WrappedKey, new: WrappedKey) -> SpoolFile:
        """The same file under another vault key; the file itself is not rewritten."""
        ...

    def seal_text(self, text: str, key: WrappedKey) -> bytes:
        """A short column, encrypted under a vault key."""
        ...

    def open_text(self, sealed: bytes, key: WrappedKey) -> str:
        """The reverse of ``seal_text``.

        Raises:
            VaultClosed.
        """
        ...

    def lookup(self, text: str) -> str:
        """Keyed hash (hex) by which a sealed column can be searched for equality."""
        ...

    def remove(self, name: str) -> None:
        """Delete a spool file; absent is fine."""
        ...

    def names(self) -> frozenset[str]:
        """Names of all files of the spool."""
        ...

    def sweep(self) -> int:
        """Remove what a killed writer left half-written; returns how many files."""
        ...
