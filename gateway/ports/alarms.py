"""What the alarm watch asks of the world: until when keys last, and a way to call people that is not the mail."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.domain.lifetimes import Lifetime, ServerCertificate
from gateway.ports.sealing import PublicKey


class Keyholder(Protocol):
    """Reads keys and certificates."""

    async def lifetimes(self, partners: Sequence[tuple[str, PublicKey]]) -> tuple[Lifetime, ...]:
        """Of our own keys and certificates, and of these, each with its owner's id; what cannot be read is unusable."""
        ...

    def servers(self) -> tuple[ServerCertificate, ...]:
        """The certificates of the mail servers, as they showed them at the last connection."""
        ...


class OtherPath(Protocol):
    """Reaches people when mail does not."""

    async def tell(self, told: Mapping[str, str | int | None]) -> None:
        """Hand one alarm's start or end over.

        Raises:
            OtherPathFailed: nobody can be sure that it was taken; it is told again.
        """
        ...
