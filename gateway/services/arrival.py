"""A mail as it lies in a watched folder, when it may have been received here, and the row that it begins with."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.evidence import CLOCK_TOLERANCE, OwnReception, reception
from gateway.storage import Mail, Verdict
from gateway.wire.incoming import Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A mail as it lies in a watched folder. ``raw`` is None when it vanished before it was read.

    ``not_before`` is the last poll that did not see it, ``seen_at`` the one that did. ``personal``: the mailbox is
    somebody's own, of which only what concerns us is kept.
    """

    mailbox: str
    folder: str
    uidvalidity: int
    uid: int
    internaldate: datetime | None
    size: int
    raw: bytes | None
    too_large: bool
    not_before: datetime | None
    seen_at: datetime
    personal: bool = False


def reception_of(arrival: Arrival, seen: Incoming, own_mta: frozenset[str]) -> OwnReception:
    """When it was received here, by our servers' stamps, its INTERNALDATE and the polls around it."""
    hops = [(host or "", at) for host, at in seen.outer.hops] if seen.outer else []
    listed = arrival.internaldate or arrival.seen_at
    return reception(hops, own_mta, listed, arrival.not_before, seen_at=arrival.seen_at)


def row_of(arrival: Arrival, own: OwnReception | None, file: str | None, *, site: str, at: datetime) -> Mail:
    """Its row before anything is decided on it; ``own`` is None when it was not read."""
    return Mail(
        site=site,
        mailbox=arrival.mailbox,
        folder=arrival.folder,
        uidvalidity=arrival.uidvalidity,
        uid=arrival.uid,
        verdict=Verdict.PLAIN,
        step=None,
        reason=None,
        partner=None,
        held_back=False,
        internaldate=arrival.internaldate,
        received_earliest=own.earliest if own else arrival.not_before,
        received_latest=own.latest if own else arrival.seen_at,
        dated_by=own.told if own else (),
        recorded_at=at,
        size=arrival.size,
        file=file,
    )


def in_doubt(mail: Mail) -> bool:
    """Whether a mail that was read has dates further apart than two well-kept clocks."""
    if not mail.dated_by or mail.received_earliest is None or mail.received_latest is None:
        return False
    return mail.received_latest - mail.received_earliest > CLOCK_TOLERANCE
