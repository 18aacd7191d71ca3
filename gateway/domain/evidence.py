"""What attests reception, how strongly, as of when: at the partner's (receipts) and on our side (our own servers).

Every evidence is an upper bound of the reception there, and the period starts at the earliest bound that the policy
accepts. Sources: instruction DSS/DACI/2019/224 § 5.1 b (the acknowledgement is the proof), RFC 3464 (DSN), RFC 8098
(MDN), RFC 5321 § 4.4 (Received). Nothing here knows the calendar: whether a late recording needs a person is decided by
the period.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from gateway.domain.feasts import ONE_DAY
from gateway.domain.parties import Grade, ReceptionPolicy
from gateway.domain.workdays import algiers_day, start_of_day

CLOCK_TOLERANCE = timedelta(minutes=5)  # two well-kept clocks differ by less; more is a wrong clock or a wrong claim
SIGNED = (
    Grade.SIGNED_REPLY
)  # from this grade on, the partner's own signature (or two persons) stands behind the instant
LAST_INSTANT = timedelta(microseconds=1)


class Doubt(Enum):
    """Why a start is provisional; stable English ids."""

    GRADE_BELOW_POLICY = "grade_below_policy"
    BOUNDS_VIOLATED = "bounds_violated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that attests reception by a partner, with its five instants (aware).

    ``sent_at`` t1 our Date; ``stated_at`` t2 the reception it states (a DSN's Last-Attempt-Date, a receipt's field);
    ``dated_at`` t3 its own date, of a signed mail the later of signed Date and signature time; ``arrived_at`` t4 here;
    ``recorded_at`` t5. ``is_statement``: it states the reception, instead of merely citing the request. ``partner`` is
    the id of the addressee that gave it, ``message`` our reference of the mail or scan.

    Raises:
        ValueError: an instant is naive.
    """

    kind: str
    grade: Grade
    partner: str
    message: str
    sent_at: datetime
    arrived_at: datetime
    recorded_at: datetime
    stated_at: datetime | None = None
    dated_at: datetime | None = None
    is_statement: bool = False

    def __post_init__(self) -> None:
        for at in (self.sent_at, self.stated_at, self.dated_at, self.arrived_at, self.recorded_at):
            if at is not None and at.utcoffset() is None:
                raise ValueError("the instants of an evidence must be aware")

    @property
    def claimed_at(self) -> datetime | None:
        """The instant that the partner gives: the stated reception, else the evidence's own date."""
        return self.stated_at or self.dated_at

    @property
    def in_bounds(self) -> bool:
        """True when the claim lies between our sending and its arrival here, 5 minutes of clock error allowed."""
        claim = self.claimed_at
        if claim is None:
            return True
        return self.sent_at - CLOCK_TOLERANCE <= claim <= self.arrived_at + CLOCK_TOLERANCE

    @property
    def is_signed_statement(self) -> bool:
        """True when it replaces unsigned bounds: it states a possible reception, and is signed or entered."""
        return self.is_statement and self.grade >= SIGNED and self.stated_at is not None and self.in_bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The reception that starts a period: ``at`` in aware UTC, the ``evidence`` that gives it, and what is in doubt.

    ``firm`` is the earliest evidence on which a tacit acceptance may be recorded without a person, None when there is
    none; when nothing is in doubt it gives the same Algiers day as ``at``, hence the same end.
    """

    at: datetime
    evidence: Evidence
    firm: Evidence | None
    doubts: tuple[Doubt, ...]

    @property
    def provisional(self) -> bool:
        """True when a person must confirm before anything is recorded."""
        return bool(self.doubts)


def upper_bound(evidence: Evidence) -> datetime:
    """An instant (UTC) by which the partner had received: its claim, or the arrival here if that is impossible."""
    claim = evidence.claimed_at if evidence.in_bounds else None
    return (claim or evidence.arrived_at).astimezone(UTC)


def entered_instant(day: date, entered_at: datetime) -> datetime:
    """What a date alone is worth when a person enters it: the last instant of that Algiers day.

    A day that is not over when it is entered is worth the entry itself, which lies in the same day.
    """
    if algiers_day(entered_at) == day:
        return entered_at.astimezone(UTC)
    return start_of_day(day + ONE_DAY) - LAST_INSTANT


def is_day_alone(received_at: datetime, entered_at: datetime) -> bool:
    """Whether a person who entered this instant gave a day without an hour."""
    return received_at == entered_instant(algiers_day(received_at), entered_at)


def same_reception(received_at: datetime, entered_at: datetime, read_again: date | datetime) -> bool:
    """Whether a second reader of a document found what the first one entered: the day, and the minute if one was."""
    alone = is_day_alone(received_at, entered_at)
    if isinstance(read_again, datetime):
        return not alone and received_at.replace(second=0, microsecond=0) == read_again.astimezone(UTC)
    return alone and algiers_day(received_at) == read_again


def start_of(evidences: Iterable[Evidence], addressees: Mapping[str, ReceptionPolicy]) -> Start | None:
    """The start of the period of one request, None while nothing starts it.

    ``addressees`` are the CNAS addressees of this request by partner id, each with its policy; evidence of anyone else
    and evidence below ``starts_from`` is ignored. A signed statement of reception replaces all unsigned bounds; any
    other signed evidence adds a bound, and so never moves the start later.
    """
    accepted = [item for item in evidences if _starts(item, addressees.get(item.partner))]
    if any(item.is_signed_statement for item in accepted):
        accepted = [item for item in accepted if item.grade >= SIGNED]
    if not accepted:
        return None
    # A possible claim goes before an impossible one; the stronger of two equal bounds is the one to show.
    order = sorted(accepted, key=lambda item: (not item.in_bounds, upper_bound(item), -item.grade))
    first = order[0]
    firm = next((item for item in order if item.in_bounds and item.grade >= _floor(addressees[item.partner])), None)
    doubts = _doubts(first, firm, accepted, _floor(addressees[first.partner]))
    return Start(at=upper_bound(first), evidence=first, firm=firm, doubts=tuple(doubts))


def _starts(item: Evidence, policy: ReceptionPolicy | None) -> bool:
    return policy is not None and item.grade is not Grade.NONE and item.grade >= policy.starts_from


def _floor(policy: ReceptionPolicy) -> Grade:
    """Only a written agreement lets an unsigned evidence record alone."""
    if policy.convention:
        return policy.records_alone_from
    return max(policy.records_alone_from, SIGNED)


def _doubts(first: Evidence, firm: Evidence | None, accepted: Iterable[Evidence], floor: Grade) -> Iterable[Doubt]:
    # Firm evidence of the same Algiers day gives the same end, so the weaker first one needs nobody.
    carried = firm is not None and algiers_day(upper_bound(firm)) == algiers_day(upper_bound(first))
    if first.grade < floor and not carried:
        yield Doubt.GRADE_BELOW_POLICY
    if not all(item.in_bounds for item in accepted):
        yield Doubt.BOUNDS_VIOLATED


# --- reception on our own side


class ReceptionSource(Enum):
    """Where a candidate comes from."""

    RECEIVED = "received"
    INTERNALDATE = "internaldate"
    POLL_BEFORE = "poll_before"
    POLL_AFTER = "poll_after"


class ReceptionDoubt(Enum):
    """Why a person must settle a reception; stable English ids."""

    NO_OWN_RECEIVED = "no_own_received"
    SOURCES_DISAGREE = "sources_disagree"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionCandidate:
    """One instant (UTC) at which a mail may have been received here, and who says so."""

    at: datetime
    source: ReceptionSource


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReception:
    """When a mail was received here. Until a person settles a disagreement all candidates are kept.

    Answers and the watermark use ``earliest``, our receipts ``latest``; both are the reception when ``agreed``.
    """

    candidates: tuple[ReceptionCandidate, ...]
    earliest: datetime
    latest: datetime
    doubts: tuple[ReceptionDoubt, ...]

    @property
    def agreed(self) -> bool:
        """True when nobody needs to look."""
        return not self.doubts

    @property
    def disagrees(self) -> bool:
        """True when the sources give instants that no two well-kept clocks give."""
        return ReceptionDoubt.SOURCES_DISAGREE in self.doubts

    @property
    def told(self) -> tuple[str, ...]:
        """Every candidate with its source, to be kept: ``received 2026-01-28T22:58:00+00:00``."""
        return tuple(f"{item.source.value} {item.at.isoformat()}" for item in self.candidates)


def reception(
    received_hops: Iterable[tuple[str, datetime | None]],
    own_mta: frozenset[str],
    internaldate: datetime,
    poll_lower_bound: datetime | None,
    *,
    seen_at: datetime | None = None,
) -> OwnReception:
    """When a mail was received here, from its trace and the facts that check it; all instants aware.

    ``received_hops`` are (by-host, date) from the top, date None when unreadable; ``own_mta`` is lower case. A poll at
    ``poll_lower_bound`` did not see the mail in its folder, so it entered later; at ``seen_at`` it was there. The
    reception is the date of the lowest Received in the unbroken run, from the top, written by our own hosts: whatever
    stands below may be forged. INTERNALDATE only checks it, because APPEND sets it at will: of a mail that none of our
    servers stamped, no more is known than that it came before the poll that saw it. Differences over 5 minutes are for
    a person.
    """
    received = _lowest_own(received_hops, own_mta)
    facts = [(received, ReceptionSource.RECEIVED), (internaldate, ReceptionSource.INTERNALDATE)]
    known = [ReceptionCandidate(at=at.astimezone(UTC), source=source) for at, source in facts if at is not None]
    earliest, latest = min(item.at for item in known), max(item.at for item in known)
    if poll_lower_bound is not None and earliest < poll_lower_bound - CLOCK_TOLERANCE:
        known.append(ReceptionCandidate(at=poll_lower_bound.astimezone(UTC), source=ReceptionSource.POLL_BEFORE))
    impossible = seen_at is not None and latest > seen_at + CLOCK_TOLERANCE
    unproved = received is None and seen_at is not None and seen_at > latest + CLOCK_TOLERANCE
    if seen_at is not None and (impossible or unproved):
        known.append(ReceptionCandidate(at=seen_at.astimezone(UTC), source=ReceptionSource.POLL_AFTER))
    earliest, latest = min(item.at for item in known), max(item.at for item in known)
    doubts = [] if received is not None else [ReceptionDoubt.NO_OWN_RECEIVED]
    if latest - earliest > CLOCK_TOLERANCE:
        doubts.append(ReceptionDoubt.SOURCES_DISAGREE)
    if not doubts:
        earliest = latest = known[0].at
    return OwnReception(candidates=tuple(known), earliest=earliest, latest=latest, doubts=tuple(doubts))


def _lowest_own(hops: Iterable[tuple[str, datetime | None]], own_mta: frozenset[str]) -> datetime | None:
    """The date of the lowest of our own stamps; None when there is none, or it cannot be read."""
    lowest = None
    for host, at in hops:
        if host.lower().rstrip(".") not in own_mta:
            break
        lowest = at
    return lowest
