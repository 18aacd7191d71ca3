"""What a certificate of tacit acceptance states, as one value: nothing is printed that is not in it.

It is made of what was stored and logged, and its JSON is what the log's key signs. Nothing medical is part of it: care,
diagnosis and reasons stay in the request, which its hash names (instruction DSS/DACI/2019/224, line 286).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from gateway.domain.challenge import Finding, Ground
from gateway.domain.evidence import Evidence
from gateway.domain.parties import Grade, Role
from gateway.domain.period import Period
from gateway.domain.plain import period_json, plain
from gateway.domain.tacit import gaps

FORMAT = "soins-passerelle/certificat/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A party of the procedure; ``name`` is what it is called in the configuration."""

    role: Role
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The request: its hash stands for its exact words. ``patient`` and ``quote_eur`` are None where they stay back.

    ``patient`` is the identity alone, by the ids of the catalogue's fields.
    """

    case: str
    hash: str
    kind: str
    nature: str
    requested_from: date
    requested_until: date
    authorised_until: date
    complete: bool
    submitted_at: datetime
    handed_over_at: datetime | None
    patient: Mapping[str, str] | None = None
    quote_eur: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Successful looks into one folder without news in between; see ``gateway.storage.Poll``."""

    place: str
    first_at: datetime
    last_at: datetime
    count: int
    uidnext: int
    longest_gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One folder while an answer could come; ``gaps`` are the times of over two hours in which nobody looked."""

    place: str
    looks: int
    first_at: datetime
    last_at: datetime
    longest_gap: int
    uidnext: int
    gaps: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Why it is believed that no answer came.

    ``conditions`` all held at the record, ``confirmed`` are the codes that persons confirmed there. ``vanished`` are
    mails that left the mailbox before they were read. ``by_gateway``: the CNAS answers by a gateway, so that numbers of
    the mailbox prove that no answer was missed; otherwise ``conventions`` name the written agreements by which answers
    come to this mailbox alone. ``physician_unwatched``: a person may have answered to the treating physician's own
    mailbox, which nobody looked into.
    """

    since: datetime
    until: datetime
    watched: tuple[Watched, ...]
    vanished: int
    conditions: tuple[str, ...]
    confirmed: tuple[str, ...]
    by_gateway: bool
    conventions: tuple[str, ...]
    physician_unwatched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A person's word, by name, on the thing of this code."""

    asked: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What was found after the record; ``open`` while no person has ruled on it."""

    ground: Ground
    raised_at: datetime
    raised_by: str
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What a person said of the doubts."""

    finding: Finding
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """The record of the silence in the audit log, and what vouches for it.

    ``record`` and ``proof`` are the texts of a dossier's files (:mod:`gateway.domain.exhibit`); ``note`` is the signed
    checkpoint, None while none covers the record. ``anchored`` says where that one was written down outside, and when.
    """

    index: int
    record: str
    proof: str | None
    note: str | None
    anchored: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A recorded tacit acceptance that stands.

    ``started_by`` is the grade on which the period rests. ``calendar`` is the version that was recorded; the period's
    own is another where that one can no longer be made. ``key`` verifies the log and the signature of all this, None
    where nothing is signed. ``rehearsal``: made by a demonstration, it certifies nothing.
    """

    issued_at: datetime
    issued_by: str
    by: Side
    partners: tuple[Side, ...]
    site: str
    terms: Terms
    effective_at: datetime
    recorded_at: datetime
    started_by: Grade
    evidence: tuple[Evidence, ...]
    period: Period
    calendar: str
    silence: Silence
    words: tuple[Word, ...]
    persons_needed: int
    doubts: tuple[Doubt, ...]
    rulings: tuple[Ruled, ...]
    logged: Logged
    key: str | None
    software: str
    rehearsal: bool

    @property
    def contested(self) -> bool:
        """Whether a person must still uphold or withdraw the acceptance."""
        return any(doubt.open for doubt in self.doubts)


def watched(looks: Sequence[Look], *, since: datetime, until: datetime) -> tuple[Watched, ...]:
    """What looks, in order, say of each folder in this window; those that lie wholly outside say nothing."""
    places: dict[str, list[Look]] = {}
    for look in looks:
        if look.last_at >= since and look.first_at <= until:
            places.setdefault(look.place, []).append(look)
    return tuple(
        Watched(
            place=place,
            looks=sum(look.count for look in found),
            first_at=found[0].first_at,
            last_at=found[-1].last_at,
            longest_gap=max(look.longest_gap for look in found),
            uidnext=found[-1].uidnext,
            gaps=gaps([(look.first_at, look.last_at) for look in found], since=since, until=until),
        )
        for place, found in sorted(places.items())
    )


def certificate_json(certificate: Certificate) -> dict[str, Any]:
    """The whole of it as JSON has it."""
    told = {each.name: getattr(certificate, each.name) for each in fields(certificate)}
    told |= {"period": period_json(certificate.period), "evidence": [asdict(row) for row in certificate.evidence]}
    found: dict[str, Any] = plain({"format": FORMAT, "contested": certificate.contested} | told)
    return found
