"""From the configuration to keys: ours in each suite, what each partner agreed to, and the pins as public keys."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import structlog

from gateway.adapters.openpgp.home import Home
from gateway.adapters.openpgp.keyfiles import export_public, own_fingerprint
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.adapters.smime.authority import Authority, bundle
from gateway.adapters.smime.bench import encode
from gateway.adapters.smime.certificates import pem, read_certificate
from gateway.adapters.smime.identity import Identity, load_files
from gateway.adapters.smime.seal import Agreed, Cipher, SmimeSealer
from gateway.config import Settings
from gateway.domain.errors import AuthorityUnusable
from gateway.domain.parties import Suite
from gateway.ports import Clock, PublicKey, Sealer
from gateway.services.suites import Suites
from gateway.storage import Pin

_log = structlog.get_logger()


def own_certificate(settings: Settings) -> Identity | None:
    """Our S/MIME identity; None when the configuration has no such section.

    To check an RSA key takes a tenth of a second of processor: whoever has it hands it on.

    Raises:
        SecretUnreadable, OwnKeyUnusable.
    """
    section = settings.smime
    if section is None:
        return None
    passphrase = section.passphrase.read() if section.passphrase else None
    return load_files(section.certificate, section.key.read(), passphrase)


def former_certificate(settings: Settings) -> Identity | None:
    """Our S/MIME identity before this one, while mail may still be sealed for it; None where none is named.

    Raises:
        SecretUnreadable, OwnKeyUnusable.
    """
    section = settings.smime
    if section is None or section.former_certificate is None or section.former_key is None:
        return None
    passphrase = section.former_passphrase.read() if section.former_passphrase else None
    return load_files(section.former_certificate, section.former_key.read(), passphrase)


def own_keys(settings: Settings, certificate: Identity | None) -> tuple[PublicKey, ...]:
    """Our own public key in each suite that is configured, OpenPGP first. Blocks: it asks GnuPG.

    Raises:
        OwnKeyUnusable.
    """
    folder = settings.openpgp.folder
    ours = PublicKey(suite=Suite.OPENPGP, fingerprint=own_fingerprint(folder), material=export_public(folder))
    return (ours, _as_others_hold(certificate)) if certificate else (ours,)


def _as_others_hold(certificate: Identity) -> PublicKey:
    return PublicKey(suite=Suite.SMIME, fingerprint=certificate.fingerprint, material=pem(certificate.certificate))


def worker_material(settings: Settings, certificate: Identity | None) -> Callable[[Sequence[PublicKey]], bytes]:
    """What a worker is told to open S/MIME, given the partners' keys; nothing without such a section.

    Raises:
        SecretUnreadable, OwnKeyUnusable.
    """
    if certificate is None:
        return lambda _others: b""
    former = former_certificate(settings)
    # Our own certificate is known as well: we try our servers by mails to ourselves.
    return lambda others: encode(certificate, (*others, _as_others_hold(certificate)), former=former)


def authority(settings: Settings, partner: str) -> Authority:
    """Where this partner's certification authority is written, if anywhere."""
    section = settings.partners.get(partner)
    return Authority(ca=section.ca, crl=section.crl) if section else Authority()


def make_sealer(settings: Settings, home: Home, certificate: Identity | None, clock: Clock, passphrase: str) -> Suites:
    """One sealer over all suites that are configured; ``home`` and ``certificate`` are ours."""
    openpgp = OpenPgpSealer(home, fingerprint=home.own.fingerprint, passphrase=passphrase)
    sealers: dict[Suite, Sealer] = {Suite.OPENPGP: openpgp}
    if certificate is not None and settings.smime is not None:
        agreed = {
            name: Agreed(authority=authority(settings, name), cipher=Cipher(section.cipher or Cipher.AES256_CBC))
            for name, section in settings.partners.items()
        }
        pss = settings.smime.signature == "pss"
        sealers[Suite.SMIME] = SmimeSealer(certificate, agreed=agreed, clock=clock, pss=pss)
    return Suites(sealers)


class PublicKeys:
    """Pins as public keys, each time with what their authorities' files say by then.

    A file that became unreadable while we run is told once, and what it said last goes on counting: reading mail must
    not stop because somebody copies a list badly.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._last: dict[tuple[str, str], PublicKey] = {}
        self._told: set[tuple[str, str]] = set()

    def of(self, pins: Iterable[Pin]) -> tuple[PublicKey, ...]:
        """The keys of these pins, without those of partners whom the configuration does not name.

        Raises:
            KeyFileInvalid, AuthorityUnusable: a certificate or an authority's file cannot be used, and never could.
        """
        return tuple(self._one(pin) for pin in pins if pin.partner in self._settings.partners)

    def _one(self, pin: Pin) -> PublicKey:
        key = PublicKey(suite=Suite(pin.suite), fingerprint=pin.fingerprint, material=pin.material)
        if key.suite is not Suite.SMIME:
            return key
        place = (pin.partner, pin.fingerprint)
        certificate = read_certificate(pin.material.encode(), path=pin.fingerprint)
        try:
            who = authority(self._settings, pin.partner).correspondent(certificate)
        except AuthorityUnusable as error:
            if place not in self._last:
                raise
            if place not in self._told:
                _log.warning("authority.unusable", partner=pin.partner, told=error.sentence())
            self._told.add(place)
            return self._last[place]
        self._told.discard(place)
        self._last[place] = replace(key, authorities=bundle(who.authorities), revoked=who.revoked)
        return self._last[place]


def of_suite(keys: Iterable[PublicKey], suite: Suite) -> tuple[PublicKey, ...]:
    """Those of one suite."""
    return tuple(key for key in keys if key.suite is suite)
