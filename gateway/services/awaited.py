"""What one folder keeps its poller waiting for: UIDs without a mail, and mails that cannot be read or worked on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import FolderState

ABSENT_LOOKS, ABSENT_SECONDS = 3, 60.0
"""Looks that must miss a UID, and seconds between two of them, before it counts as gone: some servers give a UID out
before all their nodes show its message."""

FETCH_TRIES = 3
"""Failures of one kind on one mail after which it is left to a person, so that it does not hide those behind it."""

SHORTAGE = "shortage"
"""Of memory or files: the machine's fault as a rule, so it is counted apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """How many looks missed something, and the uptime of the last one that counted."""

    looks: int
    at: float

    def again(self, uptime: float) -> "Absence":
        """Missed again; a look too soon after the last one says nothing new."""
        return Absence(looks=self.looks + 1, at=uptime) if uptime - self.at >= ABSENT_SECONDS else self


class Awaited:
    """What one folder keeps us waiting for, as long as its UIDVALIDITY stays."""

    def __init__(self, uidvalidity: int) -> None:
        self.uidvalidity = uidvalidity
        self._absences: dict[int, Absence] = {}
        self._failures: dict[int, Counter[str]] = {}
        self._looks: list[FolderState] = []

    def gone(self, missing: Sequence[int], uptime: float) -> tuple[int, ...]:
        """Remember which UIDs this look missed. Returns those that enough looks missed."""
        first = Absence(looks=1, at=uptime)
        self._absences = {uid: self._absences[uid].again(uptime) if uid in self._absences else first for uid in missing}
        return tuple(uid for uid in missing if self._absences[uid].looks >= ABSENT_LOOKS)

    def failed(self, uid: int, code: str) -> int:
        """A mail could not be fetched, or not be worked on. Returns how often, in this way."""
        failures = self._failures.setdefault(uid, Counter())
        failures[code] += 1
        return failures[code]

    def unreadable(self, uid: int) -> bool:
        """It failed often enough, in one way, to be the mail's own fault and not the connection's."""
        found = self._failures.get(uid, Counter())
        return max((times for code, times in found.items() if code != SHORTAGE), default=0) >= FETCH_TRIES

    def done(self, uid: int) -> None:
        """It has a committed row."""
        self._absences.pop(uid, None)
        self._failures.pop(uid, None)

    def complete(self, state: FolderState) -> FolderState | None:
        """The latest look below whose UIDNEXT every UID has a row; None when there is no new one."""
        if self._looks and self._looks[-1].uidnext == state.uidnext:
            self._looks.pop()
        self._looks.append(state)
        if not self._absences:
            self._looks = []
            return state
        limit = min(self._absences)
        finished = [look for look in self._looks if look.uidnext <= limit]
        self._looks = [look for look in self._looks if look.uidnext > limit]
        return finished[-1] if finished else None
