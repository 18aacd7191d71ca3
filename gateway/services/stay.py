"""A stay as coverage sees it, gathered from what the database keeps: facts, certificates, requests."""

from collections.abc import Sequence
from datetime import date, datetime

from gateway.domain.coverage import Absence, Asked, Certificate, Stay
from gateway.domain.kinds import ENTITLEMENT_CERTIFICATE, parse_date
from gateway.domain.kinds.care import ENTITLEMENT_PRESENTED
from gateway.domain.kinds.stay import ADMISSION, DISCHARGE, INTERRUPTION, READMISSION, REPATRIATION_DONE
from gateway.domain.kinds.vital import EXPERT_OPINION, SUPPLEMENTARY_AUTHORISATION
from gateway.domain.tacit import end_of_day_in_paris
from gateway.services.casework import hospital_day, standing_facts
from gateway.services.challenged import is_contested
from gateway.storage import Case, Fact, Request, View


async def read_stay(view: View, case: Case) -> Stay:
    """All that decides the coverage of a case, as it is known now."""
    facts = await standing_facts(view, case)
    requests = await view.all(Request, site=case.site, case_id=case.id)
    admitted = _days(facts, ADMISSION.id)
    return Stay(
        certificates=tuple(_certificate(fact) for fact in _certified(facts)),
        # Followers are told of requests, not of the admission; a stay may also be older than its case.
        taken_over=not admitted and bool(requests),
        admitted_on=min(admitted, default=None),
        absences=_absences(facts),
        discharged_on=max(_days(facts, DISCHARGE.id), default=None),
        repatriated_on=min(_days(facts, REPATRIATION_DONE.id), default=None),
        requests=tuple(
            [_asked(row, facts, in_doubt=await is_contested(view, row)) for row in requests],
        ),
    )


def _certified(facts: Sequence[Fact]) -> list[Fact]:
    """What says which days are authorised; copy 1, which the patient brings, only while copy 2 has not come."""
    dated = [fact for fact in facts if fact.first is not None]
    copies = [fact for fact in dated if fact.kind == ENTITLEMENT_CERTIFICATE.id]
    copies = copies or [fact for fact in dated if fact.kind == ENTITLEMENT_PRESENTED.id]
    return copies + [fact for fact in dated if fact.kind == SUPPLEMENTARY_AUTHORISATION.id]


def _days(facts: Sequence[Fact], kind: str) -> list[date]:
    return [fact.day for fact in facts if fact.kind == kind]


def _certificate(fact: Fact) -> Certificate:
    return Certificate(
        issued_on=fact.day,
        first=fact.first or fact.day,
        last=fact.last,
        supplementary=fact.kind == SUPPLEMENTARY_AUTHORISATION.id,
    )


def _absences(facts: Sequence[Fact]) -> tuple[Absence, ...]:
    returns = sorted(_days(facts, READMISSION.id))
    found = []
    for since in sorted(_days(facts, INTERRUPTION.id)):
        until = next((back for back in returns if back >= since), None)
        if until is not None:
            returns.remove(until)
        found.append(Absence(since=since, until=until))
    return tuple(found)


def _asked(request: Request, facts: Sequence[Fact], *, in_doubt: bool) -> Asked:
    left = request.handed_over_at or request.submitted_at
    opinions = [fact.day for fact in facts if fact.kind == EXPERT_OPINION.id and fact.request_hash == request.hash]
    return Asked(
        hash=request.hash,
        state=request.state,
        prolongs=request.nature == "prolongation",
        in_time=left < end_of_day_in_paris(request.authorised_until),
        authorised_until=request.authorised_until,
        first=request.granted_from or request.requested_from,
        last=request.granted_until or request.requested_until,
        settled_on=_day(request.settled_at),
        decided_on=max(opinions, default=None),
        contested=in_doubt,
    )


def _day(at: datetime | None) -> date | None:
    return None if at is None else hospital_day(at)


def day_of(text: str, now: datetime) -> date | None:
    """The day that a person names: a date, an instant with its zone, or nothing for today; None when it is neither."""
    if not text:
        return hospital_day(now)
    found = parse_date(text)
    if found is not None:
        return found
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return hospital_day(at) if at.tzinfo is not None else None
