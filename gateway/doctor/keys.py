"""Keys: ours signs, opens and lasts; each partner has one that is pinned and usable; client certificates last."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from gateway.adapters.openpgp.home import open_home
from gateway.adapters.openpgp.keyfiles import KeyFacts, KeyState, own_key, read_public_key
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.doctor.finding import Finding, Words, blocking, fine, of_error, to_mend
from gateway.doctor.installation import Installation
from gateway.domain.errors import GatewayError, SecretUnreadable
from gateway.domain.words import said
from gateway.storage import Pin

SOON = timedelta(days=90)
"""How long before its end a key or certificate must be renewed: an exchange of keys takes telephone calls."""

_STATES = {
    KeyState.EXPIRED: said("Elle a expiré."),
    KeyState.REVOKED: said("Elle est révoquée."),
    KeyState.INVALID: said("GnuPG la tient pour invalide."),
}


async def own(installation: Installation) -> AsyncIterator[Finding]:
    """Our own key is whole, signs with our passphrase, can be written to, and does not end soon.

    Raises:
        OwnKeyUnusable, SecretUnreadable.
    """
    settings = installation.settings
    facts = await asyncio.to_thread(own_key, settings.openpgp.folder)
    told = _told(facts, owner="us")
    if not (facts.can_sign and facts.can_encrypt):
        yield blocking(
            "keys.own",
            said("Votre clé est inutilisable."),
            _STATES.get(facts.state, said("Une de ses parties a expiré ou a été révoquée.")),
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


async def _sign(folder: Path, passphrase: str) -> None:
    home = await asyncio.to_thread(open_home, folder, ())
    try:
        await OpenPgpSealer(home, fingerprint=home.own.fingerprint, passphrase=passphrase).sign(b"essai\r\n")
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
        yield await _partner(installation, partner.id, theirs)


async def _partner(installation: Installation, partner: str, pins: list[Pin]) -> Finding:
    confirmed = [pin for pin in pins if pin.confirmed_by is not None]
    if not confirmed:
        return _not_in_force(partner, proposed=bool(pins))
    pin = confirmed[-1]
    try:
        facts = await asyncio.to_thread(read_public_key, pin.material.encode(), path=partner)
    except GatewayError as error:
        return of_error("keys.partner", error, partner=partner)
    told = _told(facts, partner=partner)
    if not (facts.can_encrypt and facts.can_sign):
        return blocking(
            "keys.partner",
            said("La clé de {partner} est inutilisable : rien ne peut lui être envoyé.", partner=partner),
            _STATES.get(facts.state, said("Une de ses parties a expiré ou a été révoquée.")),
            said("Demandez-lui sa clé à jour, puis : gateway keys import FICHIER --partner {partner}", partner=partner),
            **told,
        )
    return _lasting(
        "keys.partner",
        installation.clock.now(),
        facts.usable_until,
        name=said("La clé de {partner}", partner=partner),
        mend=said("Demandez-lui de la prolonger, puis réimportez-la (même empreinte) ou importez la nouvelle."),
        **told,
    )


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
    day = f"{until:%d/%m/%Y}"
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


def _told(facts: KeyFacts, **whose: object) -> dict[str, object]:
    return {**whose, "fingerprint": facts.fingerprint, "state": facts.state, "usable_until": facts.usable_until}
