"""Composes what leaves the gateway for people (dossier, certificate, printed message), and what examines a dossier."""

from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from gateway import keyring, legal_time, records, vouching
from gateway.adapters.clock import SystemClock
from gateway.adapters.document.pdf import TypstPrinter
from gateway.adapters.log_key import verify_attested, verify_note
from gateway.adapters.openpgp.attest import attest
from gateway.adapters.smime.certificates import CertificateFault, Correspondent, read_certificate
from gateway.adapters.smime.verify import verify_detached
from gateway.adapters.tsa import TimestampAuthority
from gateway.catalogues import Language
from gateway.config import Settings
from gateway.domain.errors import MailRefused, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.domain.words import Said, said
from gateway.ports import PublicKey
from gateway.records import Base
from gateway.services.clock_sheet import clock_sheet
from gateway.services.clock_view import ClockView
from gateway.services.excerpt import Opened
from gateway.services.export.case import Exporter, Vouched
from gateway.services.export.certified import Clerk
from gateway.services.export.certify import Certifier
from gateway.services.export.examine import Tools
from gateway.services.export.facts import Policy
from gateway.services.message_sheet import message_sheet
from gateway.wire.sealed import SignedParts

_OVER = {
    CertificateFault.EXPIRED.value: said("la signature est juste ; la clé a expiré depuis."),
    CertificateFault.REVOKED.value: said("la signature est juste ; la clé a été révoquée depuis."),
}
"""What a key may become after it signed: both suites name it so."""


def exporter(base: Base, *, playing: bool = False) -> Exporter:
    """What exports the cases of a gateway; ``playing``: of a demonstration that still runs, so that its log goes on.

    Raises:
        SecretUnreadable, CalendarInvalid.
    """
    settings, vouched = base.settings, _vouched(base, playing=playing)
    return Exporter(
        store=base.store,
        cabinet=base.cabinet,
        clock=base.clock,
        party=settings.party,
        directory=settings.directory,
        almanac=legal_time.almanac(settings),
        readership=settings.readership,
        policy=_policy(settings),
        own_keys=lambda: keyring.own_keys(settings, keyring.own_certificate(settings)),
        vouched=vouched,
        certifier=_certifier(base, vouched, playing=playing),
        printer=TypstPrinter(),
        recorded=playing or not base.rehearsal,
    )


def certifier(base: Base, *, playing: bool = False) -> Certifier:
    """What certifies its tacit acceptances; ``playing`` as of ``exporter``.

    Raises:
        SecretUnreadable, CalendarInvalid.
    """
    return _certifier(base, _vouched(base, playing=playing), playing=playing)


async def printed_message(base: Base, number: int, *, actor: str, language: str) -> tuple[Opened, bytes]:
    """A message as a PDF file, as far as this person may read it; the reading is recorded first.

    Raises:
        Unknown, VaultClosed, StorageFailed, DocumentFailed.
    """
    opened = await records.archive(base).read(number, actor=actor, purpose="printed")
    at = base.clock.now()
    sheet = message_sheet(opened, party=base.settings.party, actor=actor, at=at, rehearsal=base.rehearsal)
    return opened, TypstPrinter().pdf(sheet, language=language, at=at)


def printed_clock(base: Base, view: ClockView, *, actor: str, language: str) -> bytes:
    """The explanation of a period as a PDF file, in French, English or Arabic.

    Raises:
        DocumentFailed.
    """
    at = base.clock.now()
    sheet = clock_sheet(
        view,
        party=base.settings.party,
        actor=actor,
        at=at,
        rehearsal=base.rehearsal,
        unreviewed=language == Language.ARABIC.value,
    )
    return TypstPrinter().pdf(sheet, language=language, at=at)


def _certifier(base: Base, vouched: Vouched, *, playing: bool) -> Certifier:
    settings = base.settings
    clerk = Clerk(
        cabinet=base.cabinet,
        party=settings.party,
        directory=settings.directory,
        almanac=legal_time.almanac(settings),
        policy=_policy(settings),
        key=vouched.key,
        rehearsal=base.rehearsal,
    )
    return Certifier(
        store=base.store,
        clock=base.clock,
        clerk=clerk,
        printer=TypstPrinter(),
        signer=vouching.log_key(settings),
        witness=vouched.witness,
        recorded=playing or not base.rehearsal,
    )


def _vouched(base: Base, *, playing: bool) -> Vouched:
    """Nothing is added to the log of a rehearsal that is over, and no checkpoint of it is signed."""
    ours = vouching.log_key(base.settings)
    signs = vouching.witness(base) if playing or not base.rehearsal else None
    return Vouched(key=ours.verifier if ours else None, witness=signs)


def _policy(settings: Settings) -> Policy:
    return Policy(
        grace=timedelta(hours=settings.deadlines.grace_hours),
        persons_needed=2 if settings.four_eyes else 1,
        watched=tuple(place.name for place in settings.watched),
        software=f"soins-gateway {version('soins-gateway')}",
    )


def tools(authority: Path | None = None) -> Tools:
    """What examines a dossier; ``authority`` is the PEM file of a time-stamping authority's root."""
    stamp = TimestampAuthority(url="", roots=authority).check if authority is not None else None
    return Tools(note=verify_note, attested=verify_attested, signature=_signature, stamp=stamp)


def _signature(keys: tuple[PublicKey, ...], parts: SignedParts) -> Said | None:
    check: Callable[[tuple[PublicKey, ...], SignedParts], None]
    check = _by_certificate if parts.suite is Suite.SMIME else _by_openpgp
    try:
        check(keys, parts)
    except MailRefused as error:
        remark = _OVER.get(str(error.fields["reason"]))
        if remark is None:
            raise
        return remark
    except OwnKeyUnusable:
        return said("GnuPG n'est pas sur cette machine : sa signature n'est pas vérifiée.")
    return None


def _by_openpgp(keys: tuple[PublicKey, ...], parts: SignedParts) -> None:
    attest(keys, parts.entity, parts.signature)


def _by_certificate(keys: tuple[PublicKey, ...], parts: SignedParts) -> None:
    known = [Correspondent(certificate=read_certificate(key.material.encode(), path=key.fingerprint)) for key in keys]
    verify_detached(parts.entity, parts.signature, known, at=SystemClock().now())
