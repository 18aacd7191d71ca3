"""A time server as a source of time: one SNTP question (RFC 5905 section 14), and an answer that is really to it.

NTP is not signed: it stands beside the mail server and a time-stamping authority, and alone convinces nobody of more
than a step. The question holds random bytes where a clock's own time is usual, so that nobody can answer it unseen.
"""

import asyncio
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.domain.errors import ServerUnreachable, TimeRefused
from gateway.domain.reasons import system_reason
from gateway.domain.words import Said, said
from gateway.ports import Clock

_PACKET = struct.Struct("!BBbbIII8s8s8s8s")
_CLIENT_V4: Final = 4 << 3 | 3
_SERVER: Final = 4
_UNSYNCHRONISED: Final = 3
_LAST_STRATUM: Final = 15
_EPOCH: Final = datetime(1900, 1, 1, tzinfo=UTC)
_ERA: Final = timedelta(seconds=2**32)


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpTime:
    """Implements ``gateway.ports.TimeSource``; ``timeout`` in seconds."""

    host: str
    clock: Clock
    port: int = 123
    timeout: float = 5.0
    name: str = "ntp"

    async def tell(self) -> datetime:
        """The server's instant when it answered, aware UTC.

        Raises:
            ServerUnreachable: no answer in time.
            TimeRefused: an answer that is no synchronised server's, or to another question.
        """
        question = secrets.token_bytes(8)
        packet = _PACKET.pack(_CLIENT_V4, 0, 0, 0, 0, 0, 0, bytes(8), bytes(8), bytes(8), question)
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._exchange(packet)
        except TimeoutError as error:
            reason = said("Pas de réponse en {seconds:g} secondes.", seconds=self.timeout)
            raise ServerUnreachable(server=self.host, reason=reason) from error
        except OSError as error:
            raise ServerUnreachable(server=self.host, reason=system_reason(error)) from error
        fault = _fault(answer, question)
        if fault is not None:
            raise TimeRefused(server=self.host, reason=fault)
        return _instant(answer[40:48], near=self.clock.now())

    async def _exchange(self, packet: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        # A connected socket hears that address alone.
        transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(answer), remote_addr=(self.host, self.port))
        try:
            transport.sendto(packet)
            return await answer
        finally:
            transport.close()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        if not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


def _fault(answer: bytes, question: bytes) -> Said | None:
    """Why the answer tells no time (RFC 5905 sections 7.3, 7.4 and 8)."""
    if len(answer) < _PACKET.size:
        return said("La réponse est trop courte.")
    flags, stratum, *_, origin, _, sent = _PACKET.unpack_from(answer)
    if origin != question:
        return said("La réponse n'est pas à notre question.")
    if flags & 7 != _SERVER or sent == bytes(8):
        return said("La réponse n'est pas celle d'un serveur de temps.")
    if flags >> 6 == _UNSYNCHRONISED or not 1 <= stratum <= _LAST_STRATUM:
        return said("Ce serveur de temps n'est pas à l'heure lui-même.")
    return None


def _instant(stamp: bytes, *, near: datetime) -> datetime:
    """Seconds since 1900 in 32 bits: of the possible eras, the one nearest to our clock (RFC 5905 section 6)."""
    seconds, fraction = struct.unpack("!II", stamp)
    first = _EPOCH + timedelta(seconds=seconds, microseconds=fraction * 1_000_000 >> 32)
    eras = round((near - first) / _ERA)
    return first + eras * _ERA
