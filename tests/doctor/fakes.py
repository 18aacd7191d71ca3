"""Servers made by hand: a mailbox that can be surveyed, a submission server that delivers into it, or refuses."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.adapters.smtp import Announced
from gateway.doctor.installation import Installation
from gateway.domain.errors import GatewayError, ProtocolBroken
from gateway.ports import Envelope, Folder, FolderState, HandOver, HandOverOutcome, Listed, PeerTls
from tests.services.fakes import ACCEPTED, FakeClock, FakeMailbox

TLS = PeerTls(version="TLSv1.3", certificate_ends=datetime(2027, 6, 1, tzinfo=UTC))


class FakeSurvey:
    """A mailbox and the sessions on it; ``refused`` folders cannot be opened, and end the session that tries."""

    def __init__(self, clock: FakeClock, *folders: str) -> None:
        self.clock = clock
        self.box = FakeMailbox(clock, folders)
        self.peer = TLS
        self.uses: dict[str, str] = {}
        self.refused: set[str] = set()
        self.limit: int | None = None
        self.uidplus = True
        self.ahead = timedelta(0)
        self.fault: GatewayError | None = None
        self.removed: list[tuple[str, int]] = []
        self.sessions = 0
        self.closed = 0

    def __call__(self, _: Installation) -> "FakeSurvey":
        """As the checks reach it."""
        return self

    async def connect(self) -> "FakeSurvey":
        """A session, unless the server is told to fail."""
        if self.fault is not None:
            raise self.fault
        self.sessions += 1
        return self

    @property
    def tls(self) -> PeerTls:
        """As told."""
        return self.peer

    async def folders(self) -> tuple[Folder, ...]:
        """All of them."""
        return tuple(Folder(name=name, use=self.uses.get(name)) for name in self.box.folders)

    async def append_limit(self, folder: str) -> int | None:
        """As told."""
        assert folder in self.box.folders
        return self.limit

    async def open(self, folder: str) -> FolderState:
        """Select a folder."""
        if folder in self.refused:
            raise ProtocolBroken(server="imap", reason="ouverture du dossier refusée.")
        return await self.box.open(folder)

    async def examine(self, folder: str) -> FolderState:
        """The same: the fake changes nothing anyway."""
        return await self.open(folder)

    async def uids(self, first: int, below: int) -> tuple[int, ...]:
        """UIDs of the open folder."""
        return await self.box.uids(first, below)

    async def listing(self, uids: Sequence[int]) -> tuple[Listed, ...]:
        """Size and INTERNALDATE."""
        return await self.box.listing(uids)

    async def fetch(self, uid: int, max_bytes: int) -> bytes | None:
        """The raw mail."""
        return await self.box.fetch(uid, max_bytes)

    async def search(self, first: int, *, subject: str, message_id: str) -> tuple[int, ...]:
        """By what stands in these two fields."""
        found = []
        for uid, (raw, _) in sorted(self.box.selected.mails.items()):
            head = re.sub(r"\r\n[ \t]+", " ", raw.partition(b"\r\n\r\n")[0].decode("latin-1"))
            fields = dict(line.split(": ", 1) for line in head.split("\r\n") if ": " in line)
            if uid >= first and (subject in fields.get("Subject", "") or message_id in fields.get("Message-ID", "")):
                found.append(uid)
        return tuple(found)

    async def remove(self, folder: str, uidvalidity: int, uid: int) -> bool:
        """Where it is safe."""
        if not self.uidplus or self.box.folders[folder].uidvalidity != uidvalidity:
            return False
        del self.box.folders[folder].mails[uid]
        self.removed.append((folder, uid))
        return True

    async def server_time(self, folder: str) -> datetime:
        """The server's clock, perhaps another one."""
        assert folder
        return (self.clock.now() + self.ahead).replace(microsecond=0)

    async def wait_for_news(self, seconds: float) -> None:
        """There is never any."""
        del seconds

    async def close(self) -> None:
        """One session fewer."""
        self.closed += 1

    def put(self, folder: str, raw: bytes, at: datetime | None = None) -> int:
        """A mail arrives."""
        if folder not in self.box.folders:
            self.box.folders |= FakeMailbox(self.clock, (folder,)).folders
        return self.box.folders[folder].put(raw, at or self.clock.now())


Rewrite = Callable[[bytes], bytes]


@dataclass
class FakeSubmission:
    """Takes mails and delivers them, rewritten as told, into folders of a mailbox, with the stamps of its hosts."""

    survey: FakeSurvey
    announces: Announced = field(default_factory=lambda: Announced(size=50_000_000, dsn=True, tls=TLS))
    folders: tuple[str, ...] = ("INBOX",)
    hosts: tuple[str, ...] = ("relais.demo.test",)
    rewrite: Rewrite = bytes
    refuses: HandOverOutcome | None = None
    refuses_null: HandOverOutcome | None = None
    loses_null: bool = False
    late: timedelta = timedelta(0)
    fault: GatewayError | None = None
    taken: list[Envelope] = field(default_factory=list)
    closed: int = 0

    def __call__(self, _: Installation) -> "FakeSubmission":
        """As the checks reach it."""
        return self

    async def announced(self) -> Announced:
        """As told."""
        if self.fault is not None:
            raise self.fault
        return self.announces

    async def hand_over(self, envelope: Envelope) -> HandOverOutcome:
        """Deliver at once."""
        if self.fault is not None:
            raise self.fault
        refusal = self.refuses if envelope.sender else self.refuses_null
        if refusal is not None:
            return refusal
        self.taken.append(envelope)
        if envelope.sender or not self.loses_null:
            at = self.survey.clock.now() + self.late
            stamps = "".join(f"Received: from x by {host}; {at:%a, %d %b %Y %H:%M:%S} +0000\r\n" for host in self.hosts)
            for folder in self.folders:
                self.survey.put(folder, stamps.encode() + self.rewrite(envelope.data), at.replace(microsecond=0))
        return ACCEPTED

    async def close(self) -> None:
        """Count it."""
        self.closed += 1


def refusal(code: int, text: str, result: HandOver = HandOver.REFUSED) -> HandOverOutcome:
    """What a server says."""
    return HandOverOutcome(result=result, code=code, text=text)


# --- What servers do to mails.


def with_banner(raw: bytes) -> bytes:
    """The whole body is put into a multipart/mixed, with a notice before it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    kind = re.search(rb"Content-Type: .*?(?=\r\n\S|\Z)", head, re.DOTALL)
    assert kind
    outer = head.replace(kind[0], b'Content-Type: multipart/mixed; boundary="banner"')
    notice = b"Content-Type: text/plain\r\n\r\nCe message vient de l'exterieur.\r\n"
    return b"\r\n".join([outer, b"", b"--banner", notice, b"--banner", kind[0], b"", body, b"--banner--", b""])


def with_footer(raw: bytes) -> bytes:
    """A line is added at the end of the first readable text."""
    return raw.replace(b"aucune r=C3=A9ponse.\r\n", b"aucune r=C3=A9ponse.\r\n-- \r\nConfidentiel\r\n", 1)


def with_another_message_id(raw: bytes) -> bytes:
    """As some submission servers do."""
    return re.sub(rb"(?m)^Message-ID: <[^>]*>", b"Message-ID: <rewritten@relay.test>", raw, count=1)


def with_another_date(raw: bytes) -> bytes:
    """The instant of the relay."""
    return re.sub(rb"(?m)^Date: .*$", b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r", raw, count=1)


def with_a_marked_subject(raw: bytes) -> bytes:
    """So that persons are warned."""
    return raw.replace(b"Subject: ", b"Subject: [EXTERNE] ", 1)


def without_attachments(raw: bytes) -> bytes:
    """Everything but a notice is gone."""
    head = raw.partition(b"\r\n\r\n")[0]
    head = re.sub(rb"Content-Type: .*?(?=\r\n\S|\Z)", b"Content-Type: text/plain", head, flags=re.DOTALL)
    return head + b"\r\n\r\nUne piece jointe a ete retiree.\r\n"


def with_a_flipped_byte(raw: bytes) -> bytes:
    """One letter of the sealed part, and of the signature where there is none."""
    marker = b"BEGIN PGP MESSAGE-----" if b"BEGIN PGP MESSAGE" in raw else b"BEGIN PGP SIGNATURE-----"
    place = raw.index(marker) + len(marker) + 40
    return raw[:place] + (b"B" if raw[place : place + 1] == b"A" else b"A") + raw[place + 1 :]


def with_a_preamble(raw: bytes) -> bytes:
    """A notice for old programs, before the first part: nothing of what is signed changes."""
    return raw.replace(b"\r\n\r\n--=_", b"\r\n\r\nThis is a multi-part message in MIME format.\r\n--=_", 1)
