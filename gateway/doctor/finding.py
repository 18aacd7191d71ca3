"""What a check found: how grave it is, what it is, why it matters, and the mend, as sentences for a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gateway.domain.errors import GatewayError
from gateway.domain.reasons import system_reason
from gateway.domain.words import Said, Translator, said, told

Words = Said | str


class Level(Enum):
    """How grave a finding is."""

    OK = "ok"
    TO_KNOW = "to_know"
    TO_MEND = "to_mend"
    BLOCKING = "blocking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. ``check`` is a stable name, ``family.subject``; ``facts`` are plain values for programs."""

    check: str
    level: Level
    what: Words
    why: Words | None = None
    mend: Words | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def wants_mending(self) -> bool:
        """True when the installation should not stay as it is."""
        return self.level in {Level.TO_MEND, Level.BLOCKING}

    def words(self, translate: Translator = str) -> dict[str, str | None]:
        """What, why and mend in the reader's language; in French without a translator."""
        sentences = {"what": self.what, "why": self.why, "mend": self.mend}
        return {name: str(told(text, translate)) if text else None for name, text in sentences.items()}


def fine(check: str, what: Words, **facts: object) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, what=what, facts=facts)


def to_know(check: str, what: Words, why: Words | None = None, mend: Words | None = None, **facts: object) -> Finding:
    """Nothing is wrong, and yet somebody should know."""
    return Finding(check=check, level=Level.TO_KNOW, what=what, why=why, mend=mend, facts=facts)


def to_mend(check: str, what: Words, why: Words, mend: Words, **facts: object) -> Finding:
    """It works less well than it should, or soon will."""
    return Finding(check=check, level=Level.TO_MEND, what=what, why=why, mend=mend, facts=facts)


def blocking(check: str, what: Words, why: Words, mend: Words, **facts: object) -> Finding:
    """The gateway cannot do its work as long as this stays."""
    return Finding(check=check, level=Level.BLOCKING, what=what, why=why, mend=mend, facts=facts)


def of_error(check: str, error: GatewayError, level: Level = Level.BLOCKING, **facts: object) -> Finding:
    """An error, in its own words."""
    what, why, mend = (said(text, **error.fields) if text else None for text in (error.what, error.why, error.mend))
    return Finding(
        check=check, level=level, what=what or error.code, why=why, mend=mend, facts={"error": error.code, **facts}
    )


def of_system(check: str, error: OSError) -> Finding:
    """The operating system refused something."""
    place = error.filename
    return blocking(
        check,
        said("Le système refuse l'accès à {place}.", place=place)
        if place
        else said("Le système refuse une opération."),
        system_reason(error),
        said("Vérifiez les droits du compte qui lance la commande, et le disque."),
        error=type(error).__name__,
    )
