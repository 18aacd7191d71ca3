"""Keys of both suites: ours sign and last, each partner has one that is pinned and usable; client certificates last."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from gateway import keyring
from gateway.adapters.openpgp.home import open_home
from gateway.adapters.openpgp.keyfiles import KeyState, own_key, read_public_key
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.adapters.smime.certificates import CertificateFault, Purpose, fault_of, read_certificate
from gateway.doctor.finding import Finding, Words, blocking, fine, of_error, to_mend
from gateway.doctor.installation import Installation
from gateway.domain.errors import GatewayError, SecretUnreadable
from gateway.domain.parties import Partner, Suite
from gateway.domain.words import dated, said
from gateway.storage import Pin

SOON = timedelta(days=90)
"""How long before its end a key or certificate must be renewed: an exchange of keys takes telephone calls."""

_STATES = {
    KeyState.EXPIRED: said("Elle a expiré."),
    KeyState.REVOKED: said("Elle est révoquée."),
    KeyState.INVALID: said("GnuPG la tient pour invalide."),
}
_PART_ENDED = said("Une de ses parties a expiré ou a été révoquée.")
_FAULTS = {
    CertificateFault.EXPIRED: said("Le certificat a expiré."),
    CertificateFault.NOT_YET: said("Le certificat n'est pas encore valable."),
    CertificateFault.REVOKED: said("Le certificat est révoqué par son autorité."),
    CertificateFault.WEAK: said("Sa clé est trop faible."),
    CertificateFault.PURPOSE: said("Le certificat n'est pas fait pour signer et chiffrer du courrier."),
    CertificateFault.CHAIN: said("Le certificat ne mène pas à l'autorité configurée."),
}


async def own(installation: Installation) -> AsyncIterator[Finding]:
    """Our own key is whole, signs with our passphrase, can be written to, and does not end soon.

    Raises:
        OwnKeyUnusable, SecretUnreadable.
    """
    settings = installation.settings
    facts = await asyncio.to_thread(own_key, settings.openpgp.folder)
    told: dict[str, object] = {
        "owner": "us",
        "suite": Suite.OPENPGP,
        "fingerprint": facts.fingerprint,
        "state": facts.state,
        "usable_until": facts.usable_until,
    }
    if not (facts.can_sign and facts.can_encrypt):
        yield blocking(
            "keys.own",
            said("Votre clé est inutilisable."),
            _STATES.get(facts.state, _PART_ENDED),
            said("Expirée, prolongez-la (docs/operate.md, « Prolonger votre clé ») ; sinon il en faut une nouvelle."),
            **told,
        )
        return
    await _sign(settings.openpgp.folder, settings.openpgp.passphrase.read())
    yield _lasting(
        "keys.own",
        installation.clock.now(),
        facts.usable_until,
        name=said("Votre clé"),
        mend=said("Prolongez-la avant cette date (docs/operate.md, « Prolonger votre clé »)."),
        **told,
    )


async def own_certificate(installation: Installation) -> AsyncIterator[Finding]:
    """Our S/MIME certificate, where there is one: its key is there, it is made for mail, and does not end soon.

    Raises:
        OwnKeyUnusable, SecretUnreadable.
    """
    identity = await asyncio.to_thread(keyring.own_certificate, installation.settings)
    if identity is None:
        return
    now, until = installation.clock.now(), identity.certificate.not_valid_after_utc
    identity.require_usable(now)
    yield _lasting(
        "keys.own_certificate",
        now,
        until,
        name=said("Votre certificat S/MIME"),
        mend=said("Renouvelez-le avant cette date, et remettez le nouveau à vos partenaires en S/MIME."),
        owner="us",
        suite=Suite.SMIME,
        fingerprint=identity.fingerprint,
        usable_until=until,
    )


async def former(installation: Installation) -> AsyncIterator[Finding]:
    """Our former key and our former certificate, where they are named: they still open. Their end does not matter.

    Raises:
        OwnKeyUnusable, SecretUnreadable.
    """
    settings = installation.settings
    folder = settings.openpgp.former_folder
    if folder is not None:
        facts = await asyncio.to_thread(own_key, folder)
        if facts.can_sign:
            # One passphrase for both: this is how a wrong one is noticed before a mail is.
            await _sign(folder, settings.openpgp.passphrase.read())
        yield _former(said("Votre clé d'avant"), Suite.OPENPGP, facts.fingerprint)
    identity = await asyncio.to_thread(keyring.former_certificate, settings)
    if identity is not None:
        yield _former(said("Votre certificat d'avant"), Suite.SMIME, identity.fingerprint)


def _former(name: Words, suite: Suite, fingerprint: str) -> Finding:
    what = said("{name} : ouvre ce qui est encore scellé avec, et ne signe plus.", name=name)
    return fine("keys.former", what, owner="us", suite=suite, fingerprint=fingerprint)


async def _sign(folder: Path, passphrase: str) -> None:
    home = await asyncio.to_thread(open_home, folder, ())
    try:
        await OpenPgpSealer(home, fingerprint=home.own.fingerprint, passphrase=passphrase).sign(
            b"essai\r\n", Suite.OPENPGP
        )
    finally:
        await asyncio.to_thread(home.close)


async def partners(installation: Installation) -> AsyncIterator[Finding]:
    """Each partner of the configuration has a key in force that can be written to.

    Raises:
        NotAllowed, DatabaseMissing, DatabaseDamaged, RehearsalOnly, StorageFailed.
    """
    settings = installation.settings
    async with installation.reading() as view:
        pins = await view.all(Pin, site=settings.gateway.site, retired_at=None)
    for partner in settings.directory.partners:
        theirs = [pin for pin in pins if pin.partner == partner.id]
        try:
            yield await asyncio.to_thread(_partner, installation, partner, theirs)
        except GatewayError as error:
            yield of_error("keys.partner", error, partner=partner.id)


def _partner(installation: Installation, partner: Partner, pins: list[Pin]) -> Finding:
    confirmed = [pin for pin in pins if pin.confirmed_by is not None]
    if not confirmed:
        return _not_in_force(partner.id, proposed=bool(pins))
    pin = confirmed[-1]
    if pin.suite != partner.suite.value:
        return blocking(
            "keys.partner",
            said(
                "La clé enregistrée de {partner} est en {found}, la configuration dit {suite}.",
                partner=partner.id,
                found=pin.suite,
                suite=partner.suite.value,
            ),
            said("Rien ne peut lui être envoyé."),
            said(
                "Corrigez « suite » dans [partners.{partner}], ou importez sa clé dans cette suite.", partner=partner.id
            ),
            partner=partner.id,
            suite=pin.suite,
        )
    why, until = _certificate(installation, pin) if partner.suite is Suite.SMIME else _key(pin)
    told: dict[str, object] = {
        "partner": partner.id,
        "suite": pin.suite,
        "fingerprint": pin.fingerprint,
        "usable_until": until,
    }
    if why is not None:
        return blocking(
            "keys.partner",
            said("La clé de {partner} est inutilisable : rien ne peut lui être envoyé.", partner=partner.id),
            why,
            said(
                "Demandez-lui sa clé à jour, puis : gateway keys import FICHIER --partner {partner}", partner=partner.id
            ),
            **told,
        )
    return _lasting(
        "keys.partner",
        installation.clock.now(),
        until,
        name=said("La clé de {partner}", partner=partner.id),
        mend=_RENEW[partner.suite],
        **told,
    )


_RENEW: dict[Suite, Words] = {
    Suite.OPENPGP: said("Demandez-lui de la prolonger, puis réimportez-la (même empreinte) ou importez la nouvelle."),
    Suite.SMIME: said("Demandez-lui son nouveau certificat, et importez-le : son empreinte est une autre."),
}


def _key(pin: Pin) -> tuple[Words | None, datetime | None]:
    """Why an OpenPGP key cannot be used now, None when it can, and until when it can."""
    facts = read_public_key(pin.material.encode(), path=pin.fingerprint)
    why = None if facts.can_encrypt and facts.can_sign else _STATES.get(facts.state, _PART_ENDED)
    return why, facts.usable_until


def _certificate(installation: Installation, pin: Pin) -> tuple[Words | None, datetime | None]:
    """The same of a certificate, under its authority where one is configured."""
    certificate = read_certificate(pin.material.encode(), path=pin.fingerprint)
    who = keyring.authority(installation.settings, pin.partner).correspondent(certificate)
    faults = (fault_of(who, purpose, at=(installation.clock.now(),)) for purpose in Purpose)
    fault = next((found for found in faults if found), None)
    return (None if fault is None else _FAULTS[fault]), certificate.not_valid_after_utc


def _not_in_force(partner: str, *, proposed: bool) -> Finding:
    if proposed:
        return blocking(
            "keys.partner",
            said("La clé de {partner} est proposée, pas encore confirmée.", partner=partner),
            said("Quatre yeux sont demandés : rien ne peut lui être envoyé avant."),
            said(
                "Une seconde personne fait le même import : gateway keys import FICHIER --partner {partner}",
                partner=partner,
            ),
            partner=partner,
            proposed=True,
        )
    return blocking(
        "keys.partner",
        said("Aucune clé de {partner} n'est enregistrée.", partner=partner),
        said("Le courrier ne part jamais en clair : rien ne peut lui être envoyé, et ses courriers ne sont pas crus."),
        said("gateway keys import FICHIER --partner {partner} --fingerprint EMPREINTE", partner=partner),
        partner=partner,
        proposed=False,
    )


def certificates(installation: Installation) -> Iterator[Finding]:
    """The certificates by which we log in, where there are any.

    Raises:
        SecretUnreadable: one cannot be read.
    """
    for section in ("imap", "smtp"):
        path = getattr(getattr(installation.settings, section, None), "client_certificate", None)
        if path is None:
            continue
        try:
            ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        except ValueError as error:
            raise SecretUnreadable(source=str(path), reason=said("Ce n'est pas un certificat PEM.")) from error
        yield _lasting(
            "keys.certificate",
            installation.clock.now(),
            ends,
            name=said("Le certificat de [{section}]", section=section),
            mend=said("Renouvelez-le avant cette date ; il est relu à chaque connexion."),
            path=str(path),
            usable_until=ends,
        )


def _lasting(check: str, now: datetime, until: datetime | None, *, name: Words, mend: Words, **told: object) -> Finding:
    if until is None:
        return fine(check, said("{name} : utilisable, sans date de fin.", name=name), **told)
    day = dated(until)
    if until <= now:
        return blocking(
            check,
            said("{name} a expiré le {day}.", name=name, day=day),
            said("Plus rien ne peut être échangé avant son renouvellement."),
            mend,
            **told,
        )
    if until - now < SOON:
        what = said("{name} expire le {day}, dans {days} jours.", name=name, day=day, days=(until - now).days)
        return to_mend(check, what, said("Après cette date, plus rien ne pourra être échangé."), mend, **told)
    return fine(check, said("{name} : utilisable jusqu'au {day}.", name=name, day=day), **told)
