"""The world outside, made by hand: a clock that obeys, a mailbox, a courier, an opener and a sealer that do as told."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count

from gateway.domain.errors import KeyUnusable, OwnKeyUnusable, ProtocolBroken
from gateway.domain.lifetimes import Lifetime, ServerCertificate
from gateway.domain.parties import Suite
from gateway.ports import (
    DropFile,
    Envelope,
    FolderState,
    HandOver,
    HandOverOutcome,
    Listed,
    PublicKey,
    Signature,
    Space,
)
from gateway.wire.incoming import Incoming

OWN_FINGERPRINT = "0" * 40


class FakeClock:
    """A clock that goes only when told."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.seconds = 1000.0
        self.boot = "boot-1"

    def now(self) -> datetime:
        """The instant last set."""
        return self.at

    def uptime(self) -> float:
        """Seconds since the machine started."""
        return self.seconds

    def boot_id(self) -> str:
        """Which start of the machine it is."""
        return self.boot

    def advance(self, by: timedelta) -> None:
        """Time goes by, as it does."""
        self.at += by
        self.seconds += by.total_seconds()

    def go_to(self, at: datetime) -> None:
        """Time goes by until this instant."""
        self.advance(at - self.at)

    def step(self, by: timedelta) -> None:
        """Somebody sets the wall clock; the machine's own seconds do not move."""
        self.at += by

    def reboot(self, *, wall: timedelta = timedelta()) -> None:
        """The machine starts again, its wall clock moved by this much."""
        self.boot += "'"
        self.seconds = 1.0
        self.at += wall


class FakeSealer:
    """Signs and encrypts into blocks that hold the plain bytes; refuses the keys that it is told to refuse."""

    def __init__(self) -> None:
        self.unusable: set[str] = set()
        self.own_key_fails = False
        self.on_check: Callable[[], object] | None = None

    async def sign(self, entity: bytes, suite: Suite) -> Signature:
        """A block that depends on the entity."""
        if self.own_key_fails:
            raise OwnKeyUnusable(reason="expirée")
        data = _wrapped(suite, b"SIGNATURE", entity[:48])
        micalg = "pgp-sha256" if suite is Suite.OPENPGP else "sha-256"
        return Signature(suite=suite, data=data, micalg=micalg, fingerprint=OWN_FINGERPRINT)

    async def encrypt(self, entity: bytes, key: PublicKey, *, partner: str) -> bytes:
        """A block that holds the entity."""
        self._refuse(key, partner)
        return _wrapped(key.suite, b"MESSAGE", entity)

    async def check(self, key: PublicKey, *, partner: str) -> None:
        """Refuse the keys that it is told to refuse."""
        if self.on_check is not None:
            found = self.on_check()
            if hasattr(found, "__await__"):
                await found
        self._refuse(key, partner)

    def _refuse(self, key: PublicKey, partner: str) -> None:
        if partner in self.unusable:
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason="expirée")


def _wrapped(suite: Suite, kind: bytes, data: bytes) -> bytes:
    return _armour(kind, data) if suite is Suite.OPENPGP else b"\x30" + data


def _armour(kind: bytes, data: bytes) -> bytes:
    body = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return b"-----BEGIN PGP " + kind + b"-----\r\n\r\n" + body + b"-----END PGP " + kind + b"-----\r\n"


class FakeOpener:
    """Gives for each raw mail what the test says that the worker saw."""

    def __init__(self) -> None:
        self.scripted: dict[bytes, Incoming | BaseException] = {}
        self.opened: list[bytes] = []

    async def open(self, raw: bytes) -> Incoming:
        """The scripted value, or the scripted error."""
        self.opened.append(raw)
        found = self.scripted[raw]
        if isinstance(found, BaseException):
            raise found
        return found

    async def signed(self, raw: bytes) -> bytes | None:
        """What the test says that stood around the entity."""
        found = self.scripted[raw]
        if isinstance(found, BaseException):
            raise found
        return found.whole


ACCEPTED = HandOverOutcome(result=HandOver.ACCEPTED, code=250, text="ok")
DEFERRED = HandOverOutcome(result=HandOver.DEFERRED, code=451, text="later")
REFUSED = HandOverOutcome(result=HandOver.REFUSED, code=550, text="no such user")
UNKNOWN = HandOverOutcome(result=HandOver.UNKNOWN, code=None, text="connection lost")


@dataclass
class FakeCourier:
    """Hands over as scripted, one entry each time; afterwards the server takes everything."""

    script: list[HandOverOutcome | Exception] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    tried: list[Envelope] = field(default_factory=list)
    during: Callable[[Envelope], object] | None = None

    async def hand_over(self, envelope: Envelope) -> HandOverOutcome:
        """``taken`` holds what reached the server, also when the answer was lost."""
        self.tried.append(envelope)
        outcome = self.script.pop(0) if self.script else ACCEPTED
        if isinstance(outcome, Exception):
            raise outcome
        if outcome.result in {HandOver.ACCEPTED, HandOver.UNKNOWN}:
            self.taken.append(envelope)
        if self.during is not None:
            found = self.during(envelope)
            if hasattr(found, "__await__"):
                await found
        return outcome

    async def close(self) -> None:
        """Nothing to close."""


class FakeDrop:
    """Folders of readers in memory; fails as scripted, before anything is written or after everything is."""

    def __init__(self) -> None:
        self.folders: dict[tuple[str, str], dict[str, bytes]] = {}
        self.refused: list[Exception] = []
        self.done_but: list[Exception] = []
        self.not_removed: list[Exception] = []
        self.during: Callable[[], Awaitable[object]] | None = None

    async def put(self, folder: str, name: str, files: Sequence[DropFile]) -> None:
        """``refused`` errors come before the files are there, ``done_but`` ones after."""
        if self.refused:
            raise self.refused.pop(0)
        self.folders.setdefault((folder, name), {}).update({file.name: file.data for file in files})
        if self.during is not None:
            await self.during()
        if self.done_but:
            raise self.done_but.pop(0)

    async def remove(self, folder: str, name: str) -> None:
        """Forget a folder."""
        if self.not_removed:
            raise self.not_removed.pop(0)
        self.folders.pop((folder, name), None)

    def of(self, folder: str) -> dict[str, dict[str, bytes]]:
        """What lies in one reader's folder."""
        return {name: files for (where, name), files in self.folders.items() if where == folder}


@dataclass
class FakeFolder:
    """A folder of the mailbox: (raw, INTERNALDATE) by UID."""

    uidvalidity: int = 1
    uidnext: int = 1
    mails: dict[int, tuple[bytes, datetime]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)

    def put(self, raw: bytes, at: datetime) -> int:
        """A mail arrives; returns its UID."""
        uid = self.uidnext
        self.mails[uid] = (raw, at)
        self.uidnext += 1
        return uid


class FakeMailbox:
    """An IMAP session on folders in memory."""

    def __init__(self, clock: FakeClock, folders: Sequence[str]) -> None:
        self._clock = clock
        self.folders = {name: FakeFolder() for name in folders}
        self.selected = FakeFolder()
        self.vanish_before_fetch: set[int] = set()
        self.fetched: list[int] = []

    async def open(self, folder: str) -> FolderState:
        """Select a folder."""
        if folder not in self.folders:
            raise ProtocolBroken(server="imap", reason="NO")
        self.selected = self.folders[folder]
        now = self._clock.now()
        return FolderState(
            folder=folder,
            uidvalidity=self.selected.uidvalidity,
            uidnext=self.selected.uidnext,
            asked_at=now,
            answered_at=now,
        )

    async def uids(self, first: int, below: int) -> tuple[int, ...]:
        """UIDs of the selected folder."""
        return tuple(uid for uid in sorted(self.selected.mails) if first <= uid < below)

    async def listing(self, uids: Sequence[int]) -> tuple[Listed, ...]:
        """Size and INTERNALDATE."""
        found = self.selected.mails
        return tuple(
            Listed(uid=uid, size=self.selected.sizes.get(uid, len(found[uid][0])), internaldate=found[uid][1])
            for uid in uids
            if uid in found
        )

    async def fetch(self, uid: int, max_bytes: int) -> bytes | None:
        """The raw mail, no more than ``max_bytes`` of it."""
        self.fetched.append(uid)
        if uid in self.vanish_before_fetch:
            return None
        return self.selected.mails[uid][0][:max_bytes]

    async def server_time(self, folder: str) -> datetime:
        """The server's clock is ours."""
        del folder
        return self._clock.now()

    async def wait_for_news(self, seconds: float) -> None:
        """There is never any."""
        del seconds

    async def close(self) -> None:
        """Nothing to close."""


class FakeKeys:
    """Keys that last as long as the test says."""

    def __init__(self) -> None:
        self.found: tuple[Lifetime, ...] = ()
        self.met: tuple[ServerCertificate, ...] = ()
        self.looks: list[tuple[str, ...]] = []

    async def lifetimes(self, partners: Sequence[tuple[str, PublicKey]]) -> tuple[Lifetime, ...]:
        """As the test says; whose keys were asked is kept."""
        self.looks.append(tuple(owner for owner, _key in partners))
        return self.found

    def servers(self) -> tuple[ServerCertificate, ...]:
        """As the test says."""
        return self.met


class FakePath:
    """The other path: fails as scripted, afterwards everything is taken."""

    def __init__(self) -> None:
        self.script: list[Exception | None] = []
        self.told: list[dict[str, str | int | None]] = []
        self.during: Callable[[], Awaitable[object]] | None = None

    async def tell(self, told: Mapping[str, str | int | None]) -> None:
        """What was taken is kept."""
        fault = self.script.pop(0) if self.script else None
        if fault is not None:
            raise fault
        self.told.append(dict(told))
        if self.during is not None:
            await self.during()


class FakeNoise:
    """Different bytes at each call, the same in each run."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self, size: int) -> bytes:
        """That many bytes."""
        return sha256(str(next(self._numbers)).encode()).digest()[:size]


class FakeRoom:
    """A disk, or one that does not tell."""

    def __init__(self) -> None:
        self.left: Space | None = Space(free=30 * 10**9, total=120 * 10**9)

    async def space(self) -> Space | None:
        """See :class:`gateway.ports.Room`."""
        return self.left
