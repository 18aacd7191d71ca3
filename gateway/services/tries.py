"""How often somebody may try something in a minute, before they wait. Counted in memory."""

from gateway.domain.errors import TooManyTries
from gateway.ports import Clock

ALLOWED = 5
"""Wrong tries of one person from one place, or from one place alone."""

ALLOWED_FROM_ANYWHERE = 60
"""Wrong tries of one person, from wherever: few enough to guess nothing, too many for a stranger to lock them out."""

ALLOWED_SEARCHES = 30
"""Of one person: whoever leafs through the house is not looking for a case."""

ALLOWED_RETURNS = 30
"""Returns from the identity provider, from one place: a ward may come in through one address at eight o'clock."""

WITHIN_SECONDS = 60.0


class Tries:
    """Counts by key: a login, an address; ``allowed`` of each in a minute."""

    def __init__(self, clock: Clock, *, allowed: int = ALLOWED) -> None:
        self._clock = clock
        self._allowed = allowed
        self._made: dict[str, list[float]] = {}

    def make(self, *keys: str) -> None:
        """One more try of these; it counts before it is known to be wrong, so that none goes beside it.

        Raises:
            TooManyTries: the try must not be made.
        """
        now = self._clock.uptime()
        self._forget(now)
        waits = [
            self._made[key][0] + WITHIN_SECONDS - now for key in keys if len(self._made.get(key, ())) >= self._allowed
        ]
        if waits:
            raise TooManyTries(allowed=self._allowed, seconds=int(max(waits)) + 1)
        for key in keys:
            self._made.setdefault(key, []).append(now)

    def succeed(self, *keys: str) -> None:
        """The last try of these was right: only wrong ones count."""
        for key in keys:
            if self._made.get(key):
                self._made[key].pop()

    def _forget(self, now: float) -> None:
        recent = {key: [at for at in made if now - at < WITHIN_SECONDS] for key, made in self._made.items()}
        self._made = {key: made for key, made in recent.items() if made}
