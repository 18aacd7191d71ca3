"""What happened in a case, in the order in which it happened: mails, facts, clocks, proofs, decisions; for a page.

Built from what a case's view holds already; an instant is never invented: a fact without an hour has a day only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import Enum

from gateway.domain import transmission as sending
from gateway.domain.days import PARIS
from gateway.domain.kinds import KINDS, Travel
from gateway.domain.labels import GRADES
from gateway.domain.words import Said, french, said
from gateway.services.dossier import CaseView
from gateway.services.partner_words import from_partner, partner_named, to_partners
from gateway.services.request_view import RequestView
from gateway.services.terms import SENDING_STATES
from gateway.storage import Direction, Message, Transmission


class Shape(Enum):
    """How an entry is drawn: what left or came, a fact of the stay, a clock, what needs attention."""

    OUT = "out"
    IN = "in"
    FACT = "fact"
    CLOCK = "clock"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. ``timed`` is False for what has only a day; ``message``, ``request`` can be opened."""

    at: datetime
    timed: bool = True
    shape: Shape
    title: Said
    lines: tuple[Said, ...] = ()
    message: int | None = None
    request: str | None = None
    fact: int | None = None


def chronicle(view: CaseView) -> tuple[Entry, ...]:
    """Everything, the newest first."""
    found = [*_messages(view), *_facts(view)]
    for item in view.requests:
        found += _clock(item)
    return tuple(sorted(found, key=lambda entry: entry.at, reverse=True))


def _messages(view: CaseView) -> Iterator[Entry]:
    sent: dict[int, list[Transmission]] = {}
    for row in view.transmissions:
        sent.setdefault(row.message, []).append(row)
    forgotten = {row.message: row for row in view.owed_copies}
    for message in view.messages:
        if message.kind not in KINDS or KINDS[message.kind].travel is Travel.RECEIPT:
            # What a receipt brought is told by the evidence.
            continue
        if message.direction is Direction.OUT:
            yield _left(message, sent.get(message.id, []))
            continue
        owed = forgotten.get(message.id)
        lines: tuple[Said, ...] = ()
        if owed is not None:
            told = french("Copie oubliée par son auteur, transmise {target} par la passerelle.")
            if owed.settled_at is None:
                told = french("Copie oubliée par son auteur : la passerelle la transmet {target}.")
            lines = (said(told, target=to_partners(owed.partner)),)
        yield Entry(
            at=message.at,
            shape=Shape.IN,
            title=said("{what}, {origin}", what=said(KINDS[message.kind].title), origin=from_partner(message.partner)),
            lines=lines,
            message=message.id,
            request=message.request_hash,
        )


def _left(message: Message, rows: list[Transmission]) -> Entry:
    failed = any(row.state in {sending.State.REFUSED, sending.State.RETURNED, sending.State.HELD} for row in rows)
    lines = [
        said("{partner} : {state}", partner=partner_named(row.partner), state=said(SENDING_STATES[row.state]))
        for row in rows
    ]
    handed = [row.handed_over_at for row in rows if row.handed_over_at is not None]
    return Entry(
        at=min(handed, default=message.at),
        shape=Shape.STOP if failed else Shape.OUT,
        title=said("{what}, {target}", what=said(KINDS[message.kind].title), target=to_partners(message.partner)),
        lines=tuple(lines),
        message=message.id,
        request=message.request_hash,
    )


def _facts(view: CaseView) -> Iterator[Entry]:
    """What persons noted; what a mail brought is told by the mail."""
    for fact in view.facts:
        if fact.message is None:
            yield Entry(
                at=datetime.combine(fact.day, time.min, PARIS).astimezone(UTC),
                timed=False,
                shape=Shape.FACT,
                title=said(KINDS[fact.kind].title),
                lines=(said("Noté par {who}.", who=fact.by),),
                request=fact.request_hash,
                fact=fact.id,
            )


def _clock(item: RequestView) -> Iterator[Entry]:
    request = item.request
    for row in item.evidence:
        yield Entry(
            at=row.arrived_at,
            shape=Shape.IN,
            title=said("Preuve de réception, {origin}", origin=from_partner(row.partner)),
            lines=(said(GRADES[row.grade]),),
            request=request.hash,
        )
    if request.started_at is not None:
        yield Entry(
            at=request.started_at,
            shape=Shape.CLOCK,
            title=said("Le délai commence : la CNAS a reçu la demande"),
            lines=(said("Preuve : {grade}.", grade=said(GRADES[request.grade])),),
            request=request.hash,
        )
    if request.elapsed_at is not None:
        yield Entry(
            at=request.elapsed_at,
            shape=Shape.CLOCK,
            title=said("Le délai est écoulé sans réponse"),
            request=request.hash,
        )
    for each in item.acceptances:
        yield Entry(
            at=each.acceptance.recorded_at,
            shape=Shape.CLOCK,
            title=said("Demande réputée acceptée : silence enregistré"),
            request=request.hash,
        )
        if each.acceptance.withdrawn_at is not None:
            yield Entry(
                at=each.acceptance.withdrawn_at,
                shape=Shape.STOP,
                title=said("Cette acceptation est retirée"),
                request=request.hash,
            )
