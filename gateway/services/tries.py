"""How often somebody may try to come in: five wrong tries a minute, then they wait. Counted in memory."""

from gateway.domain.errors import TooManyTries
from gateway.ports import Clock

ALLOWED = 5
WITHIN_SECONDS = 60.0


class Tries:
    """Counts by key: a login, an address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[str, list[float]] = {}

    def make(self, *keys: str) -> None:
        """One more try of these; it counts before it is known to be wrong, so that none goes beside it.

        Raises:
            TooManyTries: the try must not be made.
        """
        now = self._clock.uptime()
        self._forget(now)
        waits = [self._made[key][0] + WITHIN_SECONDS - now for key in keys if len(self._made.get(key, ())) >= ALLOWED]
        if waits:
            raise TooManyTries(seconds=int(max(waits)) + 1)
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
