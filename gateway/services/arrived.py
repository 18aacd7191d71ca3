"""One incoming message after its verification, and what is decided on it."""

from dataclasses import dataclass

from gateway.domain.evidence import OwnReception
from gateway.domain.kinds import Kind
from gateway.domain.readers import has_medical
from gateway.domain.trust import VerifiedMail
from gateway.storage import Message, VaultKey, Verdict
from gateway.wire.incoming import Incoming, Inner
from gateway.wire.manifest import Manifest

FORM = "form"
"""Role of the official form among the pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided on a mail. ``key`` is the case key under which the raw mail goes from now on.

    ``message`` is the message that the mail is, ``about`` our own that it reports on.
    """

    verdict: Verdict
    step: str | None = None
    reason: str | None = None
    partner: str | None = None
    held_back: bool = False
    message: Message | None = None
    key: VaultKey | None = None
    about: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A checked message of a partner, with what it says."""

    kind: Kind
    inner: Inner
    told: Manifest
    seen: Incoming
    mail: VerifiedMail
    own: OwnReception

    @property
    def values(self) -> dict[str, str]:
        """Its fields."""
        return values_of(self.told)

    @property
    def medical(self) -> bool:
        """Whether it holds anything for physicians alone."""
        return has_medical(self.kind, self.values, (piece.role for piece in self.inner.pieces))

    @property
    def has_form(self) -> bool:
        """Whether the official form came with it."""
        return any(piece.role == FORM for piece in self.inner.pieces)


def values_of(told: Manifest) -> dict[str, str]:
    """The fields of a manifest that are text, as all of ours are."""
    return {name: value for name, value in told.fields.items() if isinstance(value, str)}
