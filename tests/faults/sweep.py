"""Which calls of a work are its last, or fail: all of them, one after the other, until a run passes unharmed.

``FAULTS=all`` (``make test-faults``) takes each; otherwise only some, of those where something ends or begins.
"""

import os
from collections.abc import Iterator, Sequence

from tests.faults.kernel import SENDS, SYNCS, Fault, Seen
from tests.faults.moments import Moment, faulted
from tests.faults.stage import Stage

WHOLE = os.environ.get("FAULTS") == "all"
FEW = 5
"""Points of a moment in a short run."""


def edges(calls: Sequence[str]) -> list[int]:
    """The calls (from 1) at which something is over or begins: after a sync, at the first or after the last send."""
    return [
        place + 1
        for place, (before, call) in enumerate(zip(["", *calls], calls, strict=False))
        if before in SYNCS or (before in SENDS) is not (call in SENDS)
    ]


def some(points: Sequence[int], count: int = FEW) -> list[int]:
    """So many of them, from the first to the last."""
    if len(points) <= count:
        return list(points)
    return [points[round(place * (len(points) - 1) / (count - 1))] for place in range(count)]


def deaths(stage: Stage, moment: Moment, calls: Sequence[str]) -> Iterator[tuple[int, Seen]]:
    """Kill at each call, or at some; what is done with the dead gateway happens between two of them."""
    points = range(1, 2 * len(calls)) if WHOLE else some(edges(calls))
    for point in points:
        seen = faulted(stage, moment, Fault(at=point))
        if seen.fired:
            assert seen.code == -9, (point, seen)
            yield point, seen
        elif WHOLE:
            assert seen.code == 0, (point, seen, stage.log())
            # The undisturbed run had its calls at about the same number.
            assert point > len(calls) * 0.8, point
            return
