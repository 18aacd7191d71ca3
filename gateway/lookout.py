"""Puts together what watches and tells alarms, and reads until when keys and certificates last."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from cryptography import x509

from gateway import keyring, legal_time
from gateway.adapters.alarm_command import AlarmCommand
from gateway.adapters.disk import Disk
from gateway.adapters.openpgp.keyfiles import KeyFacts, own_key, read_public_key
from gateway.adapters.smime.certificates import Purpose, fault_of, read_certificate
from gateway.config import Settings
from gateway.domain.errors import GatewayError
from gateway.domain.lifetimes import Lifetime, ServerCertificate
from gateway.domain.parties import Suite
from gateway.log_keeping import vouched_by
from gateway.ports import Clock, PeerTls, PublicKey
from gateway.rooms import Rooms
from gateway.services.alarms.calls import AlarmCalls
from gateway.services.alarms.facts import AlarmFacts
from gateway.services.alarms.mail import AlarmPost
from gateway.services.alarms.watch import AlarmWatch
from gateway.services.witness import Witness

US = "us"
"""Owner of our own keys."""


def alarm_watch(base: Rooms, met: "MetServers", witness: Witness | None) -> AlarmWatch:
    """What a running gateway does about alarms; ``met`` are the servers that it meets, ``witness`` signs its log.

    Raises:
        CalendarInvalid.
    """
    settings = base.settings
    us, store, clock = settings.party, base.store, base.clock
    section = settings.alarms
    path = AlarmCommand(section.command, seconds=section.command_seconds) if section.command else None
    return AlarmWatch(
        store=store,
        facts=AlarmFacts(
            store=store,
            almanac=legal_time.almanac(settings),
            keyholder=Keys(settings, clock, met),
            clock=clock,
            party=us,
            directory=settings.directory,
            watched=settings.watched,
            limits=section.limits,
            ways=vouched_by(settings.audit),
            log_sound=lambda: None if witness is None else witness.sound,
            room=Disk(settings.gateway.data),
        ),
        post=AlarmPost(party=us, cabinet=base.cabinet, noise=secrets.token_bytes),
        calls=AlarmCalls(store=store, path=path, clock=clock, party=us),
        clock=clock,
        party=us,
        directory=settings.directory,
        staff=settings.told_of_alarms,
    )


class MetServers:
    """Until when the certificates of the mail servers are valid, noted at each connection, in memory only."""

    def __init__(self, settings: Settings) -> None:
        names = ("imap", "smtp", *(f"imap.{name}" for name in settings.mailboxes))
        self._ends: dict[str, datetime | None] = dict.fromkeys(names)

    def note(self, server: str, tls: PeerTls) -> None:
        """A server was met."""
        self._ends[server] = tls.certificate_ends

    def all(self) -> tuple[ServerCertificate, ...]:
        """Each that the configuration names."""
        return tuple(ServerCertificate(server=name, ends_at=ends) for name, ends in self._ends.items())


class Keys:
    """Implements :class:`gateway.ports.Keyholder` on our files, on what is pinned, and on the servers that were met."""

    def __init__(self, settings: Settings, clock: Clock, met: MetServers) -> None:
        self._settings = settings
        self._clock = clock
        self._met = met

    def servers(self) -> tuple[ServerCertificate, ...]:
        """See :meth:`gateway.ports.Keyholder.servers`."""
        return self._met.all()

    async def lifetimes(self, partners: Sequence[tuple[str, PublicKey]]) -> tuple[Lifetime, ...]:
        """See :meth:`gateway.ports.Keyholder.lifetimes`."""
        return await asyncio.to_thread(lambda: tuple(self._all(partners)))

    def _all(self, partners: Sequence[tuple[str, PublicKey]]) -> Iterator[Lifetime]:
        settings = self._settings
        yield _read(US, Suite.OPENPGP.value, lambda: _of_key(own_key(settings.openpgp.folder)))
        if settings.smime is not None:
            yield _read(US, Suite.SMIME.value, self._own_certificate)
        for owner, key in partners:
            yield _read(owner, key.suite.value, lambda owner=owner, key=key: self._of(owner, key))  # type: ignore[misc]
        for section in ("imap", "smtp"):
            path = getattr(settings, section).client_certificate
            if path is not None:
                yield _read(section, "x509", lambda path=path: _of_file(path.read_bytes()))  # type: ignore[misc]

    def _own_certificate(self) -> tuple[bool, datetime | None]:
        identity = keyring.own_certificate(self._settings)
        if identity is None:
            return True, None
        identity.require_usable(self._clock.now())
        return True, identity.certificate.not_valid_after_utc

    def _of(self, owner: str, key: PublicKey) -> tuple[bool, datetime | None]:
        if key.suite is Suite.OPENPGP:
            return _of_key(read_public_key(key.material.encode(), path=key.fingerprint))
        certificate = read_certificate(key.material.encode(), path=key.fingerprint)
        who = keyring.authority(self._settings, owner).correspondent(certificate)
        faults = [fault_of(who, purpose, at=(self._clock.now(),)) for purpose in Purpose]
        return not any(faults), certificate.not_valid_after_utc


def _of_key(facts: KeyFacts) -> tuple[bool, datetime | None]:
    return facts.can_encrypt and facts.can_sign, facts.usable_until


def _of_file(pem: bytes) -> tuple[bool, datetime | None]:
    return True, x509.load_pem_x509_certificate(pem).not_valid_after_utc


def _read(owner: str, suite: str, look: Callable[[], tuple[bool, datetime | None]]) -> Lifetime:
    """What cannot be read cannot be used; why is told by ``gateway doctor``."""
    try:
        usable, ends_at = look()
    except (GatewayError, OSError, ValueError):
        usable, ends_at = False, None
    return Lifetime(owner=owner, suite=suite, usable=usable, ends_at=ends_at)
