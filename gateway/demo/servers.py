"""The mail server of the demonstration: SMTP (aiosmtpd) and IMAP (pymap) on loopback, TLS by a throw-away authority.

One relay serves every address and delivers into the mailboxes of pymap. ``Received`` (RFC 5321 section 4.4) and
INTERNALDATE carry the virtual time. Nothing leaves the machine.
"""

import asyncio
import dataclasses
import logging
import secrets
import ssl
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, Identity, Login, Session
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.response.code import AppendUid
from pymap.selected import SelectedMailbox
from pymap.user import Passwords, UserMetadata

from gateway.ports import Clock

HOST = "127.0.0.1"
RELAY = "relais.demo.test"
INBOX = "INBOX"

_LARGEST_MAIL = 60 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A mail on its way to one mailbox; ``sender`` is that of the envelope, empty for reports."""

    sender: str
    recipient: str
    content: bytes


Route = Callable[[Post], Sequence[Post]]
"""What becomes of a mail: itself as a rule; nothing when it is lost or kept back, twice when it is doubled."""


class MailServer:
    """What runs: where to reach it, who may log in, and every mail that it delivered, as it lies in the mailbox."""

    def __init__(self, clock: Clock, accounts: dict[str, str]) -> None:
        self.accounts = accounts
        self.delivered: dict[str, list[bytes]] = {address: [] for address in accounts}
        self.smtp_port = 0
        self.imap_port = 0
        self.route: Route = lambda post: (post,)
        self._clock = clock
        self._config = _config()
        self._login = _VirtualLogin(self._config, clock)

    async def open_mailboxes(self) -> None:
        """Make the accounts."""
        for address, password in self.accounts.items():
            hashed = await Passwords(self._config).hash_password(password)
            await _identity(self._login, address).set(UserMetadata(self._config, address, password=hashed))

    def imap(self) -> Any:
        """What answers an IMAP connection."""
        return ProxyProtocolReader(self._config.proxy_protocol).get_callback(IMAPServer(self._login, self._config))

    def smtp(self, tls: ssl.SSLContext) -> SMTP:
        """What answers an SMTP connection: STARTTLS and a login are demanded, as submission servers do (RFC 6409)."""
        return SMTP(
            self,
            hostname=RELAY,
            ident="ESMTP demo",
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            authenticator=self._authenticate,
            data_size_limit=_LARGEST_MAIL,
        )

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, told: Any) -> AuthResult:
        if not isinstance(told, LoginPassword):
            return AuthResult(success=False)
        known = self.accounts.get(told.login.decode("utf-8", "replace"), "")
        return AuthResult(success=bool(known) and secrets.compare_digest(known.encode(), told.password))

    async def handle_RCPT(  # noqa: N802  aiosmtpd names its hooks so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Only our accounts exist."""
        if address.lower() not in self.accounts:
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address.lower())
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  same
        """Deliver to each what the route makes of it."""
        for address in envelope.rcpt_tos:
            sent = Post(sender=(envelope.mail_from or "").strip("<>"), recipient=address, content=envelope.content)
            for post in self.route(sent):
                await self.deliver(post)
        return f"250 2.0.0 delivered as {secrets.token_hex(4)}"

    async def deliver(self, post: Post) -> None:
        """Stamp and put into the mailbox."""
        now = self._clock.now()
        trace = (
            f"Return-Path: <{post.sender}>\r\n"
            f"Received: from {post.sender.rpartition('@')[2] or RELAY} (localhost [{HOST}])\r\n"
            f"\tby {RELAY} with ESMTPSA id {secrets.token_hex(4)}\r\n"
            f"\tfor <{post.recipient}>; {format_datetime(now)}\r\n"
        )
        raw = trace.encode("ascii") + post.content
        async with _identity(self._login, post.recipient).new_session() as mailbox:
            await mailbox.append_messages(INBOX, [AppendMessage(raw, now)])
        self.delivered[post.recipient].append(raw)


@asynccontextmanager
async def open_server(clock: Clock, accounts: dict[str, str], ca: Path) -> AsyncIterator[MailServer]:
    """Both servers on free ports of loopback, ``accounts`` being passwords by address; the authority goes to ``ca``."""
    # It would tell the terminal of its own deprecations.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, RELAY).configure_cert(tls)
    server = MailServer(clock, accounts)
    await server.open_mailboxes()
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: server.smtp(tls), HOST, 0)
    imap = await asyncio.start_server(server.imap(), HOST, 0, ssl=tls, limit=_LARGEST_MAIL)
    async with smtp, imap:
        server.smtp_port = smtp.sockets[0].getsockname()[1]
        server.imap_port = imap.sockets[0].getsockname()[1]
        yield server


# --- pymap, with the time of the demonstration.


class _LoopbackConfig(Config):
    """As pymap's own, without asking a name server how this machine is called."""

    @property
    def greeting(self) -> bytes:
        return f"{RELAY} demo".encode("ascii")


def _config() -> Config:
    # Implicit TLS is made by the socket server; pymap itself is told that there is nothing left to do.
    return _LoopbackConfig(
        Namespace(passlib_cfg=None, proxy_protocol=None),
        host=HOST,
        port=0,
        tls_enabled=False,
        demo_data=False,
        demo_user="",
        demo_password="",
    )


class _VirtualSession(Session):
    """A message without a date of its own (RFC 3501 section 6.3.11) gets the virtual one."""

    clock: Clock

    async def append_messages(
        self, name: str, messages: Sequence[AppendMessage], selected: SelectedMailbox | None = None
    ) -> tuple[AppendUid, SelectedMailbox | None]:
        dated = [dataclasses.replace(item, when=item.when or self.clock.now()) for item in messages]
        return await super().append_messages(name, dated, selected)


class _VirtualLogin(Login):
    def __init__(self, config: Config, clock: Clock) -> None:
        super().__init__(config)
        self.clock = clock

    async def authorize(self, authenticated: Any, authzid: str) -> "_VirtualIdentity":
        found = await super().authorize(authenticated, authzid)
        return _VirtualIdentity(found.name, self, None, found.roles)


class _VirtualIdentity(Identity):
    def __init__(self, name: str, login: _VirtualLogin, token_id: str | None, roles: AbstractSet[str]) -> None:
        super().__init__(name, login, token_id, roles)
        self._clock = login.clock

    @asynccontextmanager
    async def new_session(self) -> AsyncIterator[Session]:
        async with super().new_session() as plain:
            session = _VirtualSession(plain.owner, plain.config, plain.mailbox_set, plain.filter_set)
            session.clock = self._clock
            yield session


def _identity(login: _VirtualLogin, address: str) -> _VirtualIdentity:
    return _VirtualIdentity(address, login, None, frozenset())
