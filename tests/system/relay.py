"""A submission server that misbehaves: STARTTLS and login as usual, then it rewrites, misplaces or refuses mails.

It runs in a thread of the test (aiosmtpd) and delivers into the real Dovecot.
"""

import asyncio
import imaplib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from tests.mailserver import Account, Machine

NAME = "relais.filtre.test"


@dataclass
class Relay:
    """What it does to mails for one account."""

    machine: Machine
    account: Account
    ca: Path
    port: int = 0
    rewrite: Callable[[bytes], bytes] = bytes
    folder: str = "INBOX"
    refuses_null: bool = False
    seen: list[str] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802  aiosmtpd names its hooks so
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """The null sender may be unwelcome."""
        if not address.strip("<>") and self.refuses_null:
            return "550 5.7.1 null sender refused by policy"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  same
        """Rewrite, stamp, deliver."""
        self.seen.append(str(envelope.mail_from))
        stamp = f"Received: from x by {NAME} with ESMTPSA;\r\n {formatdate()}\r\n".encode()
        await asyncio.to_thread(self._deliver, stamp + self.rewrite(envelope.original_content))
        return "250 2.0.0 taken"

    def _deliver(self, raw: bytes) -> None:
        if self.folder == "INBOX":
            self.machine.deliver(raw, self.account.address)
            return
        context = ssl.create_default_context(cafile=str(self.machine.ca))
        with imaplib.IMAP4_SSL(self.machine.host, self.machine.ports.imaps, ssl_context=context) as session:
            session.login(self.account.address, self.account.password)
            session.create(self.folder)
            session.append(self.folder, "", "", raw)


@contextmanager
def relaying(machine: Machine, account: Account, folder: Path) -> Iterator[Relay]:
    """The relay on a free port; its authority is in ``folder``."""
    authority = trustme.CA()
    ca = folder / "relay-ca.pem"
    authority.cert_pem.write_to_path(ca)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(machine.host).configure_cert(tls)
    relay = Relay(machine=machine, account=account, ca=ca)
    loop = asyncio.new_event_loop()

    def server() -> SMTP:
        return SMTP(
            relay,
            hostname=NAME,
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            authenticator=lambda *_: AuthResult(success=True),
            loop=loop,
        )

    async def start() -> asyncio.Server:
        return await loop.create_server(server, machine.host, 0)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        listening = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        relay.port = listening.sockets[0].getsockname()[1]
        yield relay
        listening.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
