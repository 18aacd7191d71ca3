"""Who pays for a day of the stay, and why: computed from the certificates, the facts of the stay and the requests.

Nothing is remembered here: what is known today gives the answer for any day. Source: instruction DSS/DACI/2019/224,
lines 264-352. A day is a calendar date of the hospital (Europe/Paris).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from gateway.domain.case import needs_new_certificate
from gateway.domain.request import DISCUSSING, OPEN, State

ONE_DAY = timedelta(days=1)


class Payer(Enum):
    """Who bears the cost of a day."""

    CNAS = "cnas"
    HOSPITAL = "hospital"
    PATIENT = "patient"
    UNDECIDED = "undecided"


class Reason(Enum):
    """Why; stable ids, words for people are made elsewhere."""

    AUTHORISED = "authorised"
    EXTENDED = "extended"
    TACITLY_EXTENDED = "tacitly_extended"
    VITAL_CONFIRMED = "vital_confirmed"
    SUPPLEMENTARY = "supplementary"
    MAINTAINED = "maintained_during_period"
    UNTIL_REPATRIATION = "until_effective_repatriation"
    SETTLED_MEDIATION = "settled_mediation"
    VITAL_DISCUSSED = "vital_under_discussion"
    FAILED_MEDIATION = "failed_mediation"
    EXPERT_DECISION = "expert_decision"
    NOT_ADMITTED = "not_admitted"
    INTERRUPTED = "interrupted"
    CALENDAR_YEAR = "calendar_year_limit"
    DISCHARGED = "discharged"
    REPATRIATED = "repatriated"
    NOT_AUTHORISED = "not_authorised"
    UNCOVERED = "uncovered"


SOURCES = {
    Reason.AUTHORISED: "003:L232-250",
    Reason.EXTENDED: "003:L280",
    Reason.TACITLY_EXTENDED: "003:L272, L286",
    Reason.VITAL_CONFIRMED: "003:L294, L312",
    Reason.SUPPLEMENTARY: "003:L328",
    Reason.MAINTAINED: "003:L276",
    Reason.UNTIL_REPATRIATION: "003:L276, L284, L314",
    Reason.SETTLED_MEDIATION: "003:L328",
    Reason.VITAL_DISCUSSED: "003:L294, L310-322",
    Reason.FAILED_MEDIATION: "003:L326",
    Reason.EXPERT_DECISION: "003:L312",
    Reason.NOT_ADMITTED: "003:L350",
    Reason.INTERRUPTED: "003:L350",
    Reason.CALENDAR_YEAR: "003:L352",
    Reason.DISCHARGED: "003:L350",
    Reason.REPATRIATED: "003:L330-334",
    Reason.NOT_AUTHORISED: "003:L114, L168",
    Reason.UNCOVERED: "003:L200, L266",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A SE 352-301 or a supplementary authorisation; ``last`` None: until the repatriation."""

    issued_on: date
    first: date
    last: date | None
    supplementary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """An interruption; ``until`` is the day of readmission, None while the patient is away."""

    since: date
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as coverage sees it. ``settled_on`` is the day of its answer, or on which its silence took effect.

    ``contested`` says that its recorded silence is in doubt, and that a person must still rule on it.
    """

    hash: str
    state: State
    prolongs: bool
    in_time: bool
    authorised_until: date
    first: date
    last: date
    settled_on: date | None = None
    decided_on: date | None = None
    contested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """All that decides coverage. ``taken_over`` says that the stay began before the gateway kept the case."""

    certificates: tuple[Certificate, ...] = ()
    taken_over: bool = False
    admitted_on: date | None = None
    absences: tuple[Absence, ...] = ()
    discharged_on: date | None = None
    repatriated_on: date | None = None
    requests: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """One reason that holds on the day: who pays, until when as far as is known, and which request says so.

    ``contested``: it rests on a recorded silence that is in doubt.
    """

    payer: Payer
    reason: Reason
    until: date | None = None
    request: str | None = None
    contested: bool = False

    @property
    def source(self) -> str:
        """The lines that say so."""
        return SOURCES[self.reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The answer for a day: the reason that decides, then the others that hold as well."""

    day: date
    decides: Cover
    others: tuple[Cover, ...]

    @property
    def covered(self) -> bool:
        """Whether the CNAS pays for this day."""
        return self.decides.payer is Payer.CNAS


def coverage(stay: Stay, day: date) -> Coverage:
    """Who pays for this day of the stay."""
    found = list(_outside(stay, day)) or [*_titles(stay, day), *_waiting(stay, day), *_disputes(stay, day)]
    # What pays outranks what does not: a title beside a failed mediation is still a title.
    ranked = sorted(found, key=lambda cover: _RANK[cover.payer])
    if not ranked:
        ranked = [_none(stay)]
    return Coverage(day=day, decides=ranked[0], others=tuple(ranked[1:]))


_RANK = {Payer.CNAS: 0, Payer.UNDECIDED: 1, Payer.HOSPITAL: 2, Payer.PATIENT: 3}


def _none(stay: Stay) -> Cover:
    """Nothing covers the day: the hospital bears it when care was authorised once, else the patient (003:L168)."""
    authorised = stay.certificates or stay.requests
    if authorised:
        return Cover(payer=Payer.HOSPITAL, reason=Reason.UNCOVERED)
    return Cover(payer=Payer.PATIENT, reason=Reason.NOT_AUTHORISED)


def authorised_until(certificate: Certificate, absences: Iterable[Absence]) -> date | None:
    """The last day of a certificate: an interruption suspends its length, within its calendar year (003:L350-352)."""
    if certificate.last is None:
        return None
    year = certificate.issued_on.year
    within = (each for each in absences if each.until is not None and each.until.year == year)
    return max(certificate.last, min(_suspended(certificate, certificate.last, within), date(year, 12, 31)))


def _suspended(certificate: Certificate, end: date, absences: Iterable[Absence]) -> date:
    """When the length of a certificate would be used up if no calendar year limited it."""
    for absence in sorted(absences, key=lambda each: each.since):
        if absence.until is not None and certificate.first <= absence.since <= end:
            end += absence.until - absence.since
    return end


# --- days on which nothing can be covered


def _outside(stay: Stay, day: date) -> Iterator[Cover]:
    if stay.repatriated_on is not None and day > stay.repatriated_on:
        yield Cover(payer=Payer.PATIENT, reason=Reason.REPATRIATED)
    elif stay.discharged_on is not None and day > stay.discharged_on:
        yield Cover(payer=Payer.PATIENT, reason=Reason.DISCHARGED)
    elif not stay.taken_over and (stay.admitted_on is None or day < stay.admitted_on):
        yield Cover(payer=Payer.PATIENT, reason=Reason.NOT_ADMITTED)
    elif any(absence.since < day and (absence.until is None or day < absence.until) for absence in stay.absences):
        yield Cover(payer=Payer.PATIENT, reason=Reason.INTERRUPTED)


# --- what was granted


def _titles(stay: Stay, day: date) -> Iterator[Cover]:
    for certificate in stay.certificates:
        last = authorised_until(certificate, stay.absences)
        length = certificate.last and _suspended(certificate, certificate.last, stay.absences)
        if day < certificate.first or (length is not None and day > length):
            continue
        if _of_another_year(stay, certificate, day) or (last is not None and day > last):
            if not _renewed(stay, certificate, day):
                yield Cover(payer=Payer.HOSPITAL, reason=Reason.CALENDAR_YEAR)
            continue
        reason = Reason.SUPPLEMENTARY if certificate.supplementary else Reason.AUTHORISED
        yield Cover(payer=Payer.CNAS, reason=reason, until=last)
    for asked in stay.requests:
        if stay.taken_over and asked.state is not State.SUPERSEDED and day <= asked.authorised_until:
            # The request itself states the authorisation of a stay that began before the gateway.
            yield Cover(payer=Payer.CNAS, reason=Reason.AUTHORISED, until=asked.authorised_until, request=asked.hash)
        granted = _GRANTED.get(asked.state)
        if granted is not None and asked.first <= day <= asked.last:
            yield Cover(
                payer=Payer.CNAS, reason=granted, until=asked.last, request=asked.hash, contested=asked.contested
            )


_GRANTED = {
    State.ACCEPTED: Reason.EXTENDED,
    State.PARTLY_ACCEPTED: Reason.EXTENDED,
    State.TACITLY_ACCEPTED: Reason.TACITLY_EXTENDED,
    State.REGULARISED: Reason.TACITLY_EXTENDED,
    State.VITAL_CONFIRMED: Reason.VITAL_CONFIRMED,
}


def _of_another_year(stay: Stay, certificate: Certificate, day: date) -> bool:
    """Readmitted in another calendar year than the certificate's, before this day: a new one is needed."""
    back = [absence.until for absence in stay.absences if absence.until is not None and absence.until <= day]
    return bool(back) and needs_new_certificate(certificate.issued_on, max(back))


def _renewed(stay: Stay, certificate: Certificate, day: date) -> bool:
    """Whether a newer certificate has begun, so that it alone says what is covered."""
    newer = (each for each in stay.certificates if each.issued_on > certificate.issued_on and not each.supplementary)
    return any(each.first <= day for each in newer)


# --- while an answer is awaited, and after one that does not grant all


def _waiting(stay: Stay, day: date) -> Iterator[Cover]:
    for asked in stay.requests:
        if not asked.prolongs or not asked.in_time or day <= asked.authorised_until:
            continue
        if asked.state in OPEN:
            yield Cover(payer=Payer.CNAS, reason=Reason.MAINTAINED, request=asked.hash)
        elif asked.state is State.VITAL_DENIED:
            continue  # the expert decides for the whole period (003:L312), see _disputes
        elif asked.settled_on is not None and day <= asked.settled_on:
            yield Cover(payer=Payer.CNAS, reason=Reason.MAINTAINED, until=asked.settled_on, request=asked.hash)
        elif asked.state is State.REFUSED or (asked.state is State.PARTLY_ACCEPTED and day > asked.last):
            yield Cover(payer=Payer.CNAS, reason=Reason.UNTIL_REPATRIATION, request=asked.hash)


def _disputes(stay: Stay, day: date) -> Iterator[Cover]:
    for asked in stay.requests:
        if day <= asked.authorised_until:
            continue
        decided = asked.decided_on
        match asked.state:
            case State.MEDIATION_FAILED:
                yield Cover(payer=Payer.HOSPITAL, reason=Reason.FAILED_MEDIATION, request=asked.hash)
            case State.MEDIATION_SETTLED:
                yield Cover(payer=Payer.CNAS, reason=Reason.SETTLED_MEDIATION, request=asked.hash)
            case State.VITAL_DENIED if decided is not None and day >= decided:
                yield Cover(payer=Payer.CNAS, reason=Reason.UNTIL_REPATRIATION, request=asked.hash)
            case State.VITAL_DENIED:
                yield Cover(payer=Payer.HOSPITAL, reason=Reason.EXPERT_DECISION, until=decided, request=asked.hash)
            case state if state in DISCUSSING:
                yield Cover(payer=Payer.UNDECIDED, reason=Reason.VITAL_DISCUSSED, request=asked.hash)
            case _:
                continue
