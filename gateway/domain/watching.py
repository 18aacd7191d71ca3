"""Where answers are looked for: the folders of the gateway's own mailbox, and of the physicians' that are watched.

Silence is only known where every place was looked at (DESIGN: watermark), and a physician's mailbox is somebody's own:
what lies there and does not concern a case is nobody's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A watched folder. ``physician`` is the reader whose mailbox it is; None for the gateway's own."""

    mailbox: str
    folder: str
    physician: str | None = None

    @property
    def name(self) -> str:
        """How it is shown and recorded: without an address."""
        return self.folder if self.physician is None else f"{self.physician}/{self.folder}"


def watches(places: Iterable[Place], physician: str | None) -> bool:
    """Whether the mailbox of this physician is watched; False when nobody is named."""
    return physician is not None and any(place.physician == physician for place in places)
