"""Compares the anchors that the database tells of with what stands outside; what can be looked up is not believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import CheckpointInvalid
from gateway.domain.words import said
from gateway.storage import Anchor, LogPoint, Transmission, Way

VerifyStamp = Callable[[bytes, bytes], datetime]
"""The instant of an authority's answer to some data; raises what ``gateway.ports.Stamper.stamp`` raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Notes that stand outside: ``book`` is our own anchor file, whole, None where it is not at hand.

    ``brought`` are those that somebody kept: a copy of that file, or mails. A daemon writes beside us: what ``book``
    held before we looked into the database must be there, and what the database says was written must be in what the
    file holds afterwards, which ``later`` reads; without it nobody writes, and ``book`` serves for both.
    """

    book: tuple[str, ...] | None = None
    later: Callable[[], tuple[str, ...]] | None = None
    brought: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All of them."""
        return (*(self.book or ()), *self.brought)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """What went where.

    ``newest`` is the last checkpoint that went each way; ``owed`` counts anchors that did not, the first of
    ``owed_since``. ``safe`` is how many records something vouches for that is not this database alone.
    """

    newest: Mapping[Way, LogPoint]
    owed: Mapping[Way, int]
    owed_since: datetime | None
    safe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What the database says: checkpoints, their anchors, and the mails that carry some."""

    points: Sequence[LogPoint]
    anchors: Sequence[Anchor]
    mails: Sequence[Transmission]


def anchored(shelf: Shelf, outside: Outside, verify_stamp: VerifyStamp | None) -> Anchored:
    """What is anchored.

    Nothing is safe by what the database says alone: not a line of a file that is not at hand, not a stamp that nobody
    here can verify, not a mail before somebody brings it.

    Raises:
        CheckpointInvalid: an anchor of no checkpoint, a checkpoint outside that is gone from the database, a line that
            is gone from the file, a stamp without its proof, a mail that never left.
        GatewayError: whatever ``verify_stamp`` raises of a stamp of something else.
    """
    by_id = {point.id: point for point in shelf.points}
    sizes = {point.note: point.size for point in shelf.points}
    for number, note in enumerate(outside.notes, start=1):
        if note not in sizes:
            reason = said("L'ancre n° {number} du fichier n'est plus parmi les points de contrôle.", number=number)
            raise CheckpointInvalid(reason=reason)
    book = outside.later() if outside.later is not None else outside.book
    look = _Look(book=None if book is None else frozenset(book), mails=shelf.mails, stamp=verify_stamp)
    newest: dict[Way, LogPoint] = {}
    owed: dict[Way, list[datetime]] = {}
    safe = [sizes[note] for note in outside.notes]
    for anchor in shelf.anchors:
        point = by_id.get(anchor.point)
        if point is None:
            raise CheckpointInvalid(reason=said("Une ancre ne se rattache à aucun point de contrôle."))
        if look.makes_safe(anchor, point):
            safe.append(point.size)
        if anchor.done_at is None:
            owed.setdefault(anchor.way, []).append(point.at)
        elif anchor.way not in newest or newest[anchor.way].size < point.size:
            newest[anchor.way] = point
    since = [at for ats in owed.values() for at in ats]
    counts = {way: len(ats) for way, ats in owed.items()}
    return Anchored(newest=newest, owed=counts, owed_since=min(since, default=None), safe=max(safe, default=0))


class _Look:
    """At one anchor after another."""

    def __init__(
        self, *, book: frozenset[str] | None, mails: Sequence[Transmission], stamp: VerifyStamp | None
    ) -> None:
        self._book = book
        self._left = {mail.id for mail in mails if mail.handed_over_at is not None}
        self._stamp = stamp

    def makes_safe(self, anchor: Anchor, point: LogPoint) -> bool:
        done, note = anchor.done_at is not None, point.note
        match anchor.way:
            case Way.FILE:
                if done and self._book is not None and note not in self._book:
                    raise CheckpointInvalid(
                        reason=said(
                            "L'ancre du point de contrôle de {size} enregistrements n'est pas dans le fichier.",
                            size=point.size,
                        )
                    )
                return done and self._book is not None
            case Way.TIMESTAMP:
                if done != (type(anchor.proof) is bytes):
                    raise CheckpointInvalid(
                        reason=said(
                            "L'horodatage du point de contrôle de {size} enregistrements se contredit.", size=point.size
                        )
                    )
                if anchor.proof is None or self._stamp is None:
                    return False
                self._stamp(anchor.proof, note.encode())
                return True
            case Way.MAIL:
                if done and anchor.transmission not in self._left:
                    raise CheckpointInvalid(
                        reason=said(
                            "Le courrier du point de contrôle de {size} enregistrements n'est jamais parti.",
                            size=point.size,
                        )
                    )
                return False
