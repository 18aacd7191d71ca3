"""Compares what is seen with the alarms that stand: which start, which end, and which only give way to a louder one.

The same sightings against the alarms that they left change nothing: neither a repeated round nor a restart starts an
alarm twice.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.domain.alarms.shape import Key, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Keys of ``begun`` and ``ended`` are each there once; one that began and is over already is in both.

    ``replaced`` are those of ``ended`` from which another rung of the same ladder took over.
    """

    begun: tuple[Sighting, ...] = ()
    ended: tuple[Key, ...] = ()
    replaced: frozenset[Key] = frozenset()

    @property
    def nothing(self) -> bool:
        """True when all is as it was."""
        return not self.begun and not self.ended


def compare(
    seen: Iterable[Sighting],
    signals: Iterable[Sighting],
    standing: Collection[Key],
    *,
    lasting: Collection[str],
    ladders: Mapping[str, str],
    frozen: bool = False,
) -> Change:
    """What changed. ``lasting`` kinds end by a person only.

    ``frozen``: time is in doubt. Then only what the log itself tells starts, and nothing ends.
    """
    found = {sighting.key: sighting for sighting in seen}
    begun: dict[Key, Sighting] = {}
    for sighting in signals:
        if sighting.key not in standing:
            # The record tells that it is so, the facts tell it best.
            told = found.get(sighting.key, sighting)
            begun.setdefault(sighting.key, replace(told, signal=sighting.signal))
    for key, sighting in found.items():
        if sighting.begins and key not in standing and not frozen:
            begun.setdefault(key, sighting)
    over = [] if frozen else [key for key in (*standing, *begun) if key not in found and key[0] not in lasting]
    taking_over = {(ladders[kind], about) for kind, about in begun if kind in ladders}
    return Change(
        begun=tuple(begun.values()),
        ended=tuple(over),
        replaced=frozenset(key for key in over if (ladders.get(key[0]), key[1]) in taking_over),
    )
