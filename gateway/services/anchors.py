"""Compares the anchors that the database tells of with what stands outside; what can be looked up is not believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import CheckpointInvalid
from gateway.domain.words import said
from gateway.storage import Anchor, LogPoint, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """``outside`` is the newest checkpoint that stands there, for each way; ``owed`` counts anchors that do not."""

    outside: Mapping[Way, LogPoint]
    owed: int
    owed_since: datetime | None


def anchored(
    points: Sequence[LogPoint],
    anchors: Sequence[Anchor],
    written: Sequence[str] | None,
    verify_stamp: Callable[[bytes, bytes], datetime] | None,
) -> Anchored:
    """What is anchored. ``written`` is the anchor file, None where it is not at hand: then the database is believed.

    A stamp that nobody here can verify anchors nothing.

    Raises:
        CheckpointInvalid: an anchor of no checkpoint, a checkpoint of the file that is gone from the database, a line
            that is gone from the file, a stamp without its proof.
        GatewayError: whatever ``verify_stamp`` raises of a stamp of something else.
    """
    by_id = {point.id: point for point in points}
    if written is not None:
        _check_file(points, written)
    lines = frozenset(written) if written is not None else None
    outside: dict[Way, LogPoint] = {}
    owed: list[LogPoint] = []
    for anchor in anchors:
        point = by_id.get(anchor.point)
        if point is None:
            raise CheckpointInvalid(reason=said("Une ancre ne se rattache à aucun point de contrôle."))
        if anchor.done_at is None:
            owed.append(point)
        if _stands(anchor, point, lines, verify_stamp) and (
            anchor.way not in outside or outside[anchor.way].size < point.size
        ):
            outside[anchor.way] = point
    return Anchored(outside=outside, owed=len(owed), owed_since=min((point.at for point in owed), default=None))


def _check_file(points: Sequence[LogPoint], written: Sequence[str]) -> None:
    known = {point.note for point in points}
    for number, note in enumerate(written, start=1):
        if note not in known:
            reason = said("L'ancre n° {number} du fichier n'est plus parmi les points de contrôle.", number=number)
            raise CheckpointInvalid(reason=reason)


def _stands(
    anchor: Anchor,
    point: LogPoint,
    written: frozenset[str] | None,
    verify_stamp: Callable[[bytes, bytes], datetime] | None,
) -> bool:
    done = anchor.done_at is not None
    if anchor.way is Way.FILE:
        if done and written is not None and point.note not in written:
            reason = said(
                "L'ancre du point de contrôle de {size} enregistrements n'est pas dans le fichier.", size=point.size
            )
            raise CheckpointInvalid(reason=reason)
        return done
    if done != (type(anchor.proof) is bytes):
        reason = said("L'horodatage du point de contrôle de {size} enregistrements se contredit.", size=point.size)
        raise CheckpointInvalid(reason=reason)
    if anchor.proof is None or verify_stamp is None:
        return False
    verify_stamp(anchor.proof, point.note.encode())
    return True
