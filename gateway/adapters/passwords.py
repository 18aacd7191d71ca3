"""Passwords as argon2id (RFC 9106, the recommendation for little memory), computed in a thread, few at a time."""

import asyncio
import unicodedata

from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

AT_ONCE = 2
"""Each takes 64 MiB while it is computed: many strangers must not take the machine."""


class Argon2Passwords:
    """Implements ``gateway.ports.Passwords``."""

    def __init__(self, *, memory_kib: int = 65536, passes: int = 3) -> None:
        self._hasher = Argon2Hasher(memory_cost=memory_kib, time_cost=passes)
        self._free = asyncio.Semaphore(AT_ONCE)

    async def kept(self, password: str) -> str:
        """See :meth:`gateway.ports.Passwords.kept`."""
        async with self._free:
            return await asyncio.to_thread(self._hasher.hash, _typed(password))

    async def fits(self, password: str, kept: str) -> bool:
        """See :meth:`gateway.ports.Passwords.fits`."""
        async with self._free:
            try:
                return await asyncio.to_thread(self._hasher.verify, _typed(password), kept)
            except PwdlibError:
                return False


def _typed(password: str) -> bytes:
    """The same bytes from every keyboard."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
