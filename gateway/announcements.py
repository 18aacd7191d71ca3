"""Puts together what tells other programs that something happened."""

from gateway.access import WebSection
from gateway.adapters.webhook import HttpCarrier
from gateway.domain.errors import SecretUnreadable
from gateway.domain.words import said
from gateway.hooks import WebhookSection
from gateway.ports import Target
from gateway.rooms import Rooms
from gateway.services.webhooks import Webhooks
from gateway.setting import Secret
from gateway.wire.webhook import key_of


def webhooks(base: Rooms) -> Webhooks | None:
    """The teller of programs; None where there are none.

    Raises:
        SecretUnreadable: a secret is absent, or is none.
    """
    sections = base.settings.webhooks
    if not sections:
        return None
    return Webhooks(
        store=base.store,
        clock=base.clock,
        party=base.settings.party,
        targets=tuple(_target(section) for section in sections),
        carrier=HttpCarrier(),
        origin=(base.settings.web or WebSection()).origin,
    )


def _target(section: WebhookSection) -> Target:
    secrets = [secret for secret in (section.secret, section.former_secret) if secret is not None]
    return Target(
        name=section.name,
        address=section.address,
        keys=tuple(_key(section.name, secret) for secret in secrets),
        events=section.events,
        ca=str(section.ca) if section.ca else None,
    )


def _key(name: str, secret: Secret) -> bytes:
    try:
        return key_of(secret.read())
    except ValueError:
        reason = said("« whsec_ » et 24 à 64 octets en base64 sont attendus.")
        raise SecretUnreadable(source=f"webhooks {name}", reason=reason) from None
