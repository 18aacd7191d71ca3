"""The root of all errors: who can mend the situation; what happened, why and the mend, in the reader's words."""

from enum import Enum
from string import Formatter
from typing import ClassVar

from gateway.domain.words import Translator, filled


class Fault(Enum):
    """Who can mend the situation."""

    OPERATOR = "operator"
    PARTNER = "partner"
    WORLD = "world"
    OURS = "ours"


class GatewayError(Exception):
    """Root of all errors that the gateway raises on purpose.

    Raises:
        TypeError: the fields given are not exactly those that the templates name (a defect of ours).
    """

    fault: ClassVar[Fault] = Fault.OURS
    retry: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1
    what: ClassVar[str] = "Erreur interne."
    why: ClassVar[str] = ""
    mend: ClassVar[str] = ""

    def __init__(self, **fields: object) -> None:
        needed = self.field_names()
        if set(fields) != needed:
            raise TypeError(f"{type(self).__name__} takes {sorted(needed)}, not {sorted(fields)}")
        self.fields = fields
        super().__init__(self.sentence())

    @classmethod
    def field_names(cls) -> set[str]:
        """Names of the fields that the templates use."""
        texts = (cls.what, cls.why, cls.mend)
        return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}

    @property
    def code(self) -> str:
        """Stable name for logs, audit records and JSON output."""
        return type(self).__name__

    def lines(self, translate: Translator = str) -> tuple[str, ...]:
        """What, why and mend, each a sentence; in French without a translator."""
        return tuple(filled(text, self.fields, translate) for text in (self.what, self.why, self.mend) if text)

    def sentence(self) -> str:
        """What, why and mend as one line of French."""
        return " ".join(self.lines())
