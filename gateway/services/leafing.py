"""Who leafs through the house: each list of names that was shown is recorded, and who searches too much is told of.

A list is recorded once per person, content and quarter of an hour: whoever refreshes the page writes nothing more, and
a case that is new in it is a new content. What was recorded is remembered in memory; a restart records once more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.domain.errors import TooManyTries
from gateway.ports import Clock
from gateway.services.tries import ALLOWED_SEARCHES, Tries
from gateway.storage import Store

LISTED, TOO_MANY = "case.listed", "alarm.searches_refused"
QUARTER = timedelta(minutes=15)

Key = TypeVar("Key")


class Leafing:
    """Keeps the record of it."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._searches = Tries(clock, allowed=ALLOWED_SEARCHES)
        self._shown: dict[tuple[str, tuple[str, ...]], datetime] = {}
        self._told: dict[str, datetime] = {}

    async def shown(self, refs: Sequence[str], *, actor: str) -> None:
        """The names of these cases leave for this person: recorded before they do."""
        if refs and self._fresh(self._shown, (actor, tuple(refs))):
            async with self._store.act() as act:
                await act.record(
                    LISTED, actor=actor, outcome="shown", details={"found": len(refs), "cases": list(refs)}
                )
            self._shown[actor, tuple(refs)] = self._clock.now()

    async def searches(self, *, actor: str) -> None:
        """One more search by this person.

        Raises:
            TooManyTries: more than anybody needs; an alarm tells of it, once in a quarter of an hour.
        """
        try:
            self._searches.make(actor)
        except TooManyTries:
            if self._fresh(self._told, actor):
                async with self._store.act() as act:
                    await act.record(TOO_MANY, actor=actor, outcome="refused", details={"allowed": ALLOWED_SEARCHES})
                self._told[actor] = self._clock.now()
            raise

    def _fresh(self, known: dict[Key, datetime], key: Key) -> bool:
        """Whether this was not recorded in the last quarter of an hour."""
        now = self._clock.now()
        for old in [each for each, at in known.items() if not now - QUARTER < at <= now]:
            del known[old]
        return key not in known
