"""The mail server's clock as a source of time: the date that it gives to a mail of ours without date."""

from dataclasses import dataclass
from datetime import datetime

from gateway.ports import MailboxFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxTime:
    """Implements ``gateway.ports.TimeSource``: an APPEND into ``folder``, in a session of its own.

    A session of its own, because a refusal there must not keep mail waiting.
    """

    mailboxes: MailboxFactory
    folder: str
    name: str = "mailbox"

    async def tell(self) -> datetime:
        """The server's instant, to the second, aware UTC.

        Raises:
            ServerError: no connection, or the server refuses the folder.
        """
        session = await self.mailboxes.connect()
        try:
            return await session.server_time(self.folder)
        finally:
            await session.close()
