"""How a person tells the requests of one case apart: by their number in it, and the day on which each was made.

The number alone names exactly one; the day is what a person remembers. Neither changes while a request lives.
"""

from dataclasses import dataclass
from datetime import date

from gateway.domain.words import Said, dated, said


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestName:
    """The ``number`` counts the requests of the case from 1, in the order in which they came here."""

    number: int
    made_on: date

    @property
    def told(self) -> Said:
        """After the word « demande »."""
        return said("n° {number} du {day}", number=self.number, day=dated(self.made_on))
