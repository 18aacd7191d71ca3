"""Who pays for a day: the reasons of the texts, one by one, and that a request made in time never loses cover."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.coverage import (
    SOURCES,
    Absence,
    Asked,
    Certificate,
    Payer,
    Reason,
    Stay,
    authorised_until,
    coverage,
)
from gateway.domain.request import DISCUSSED, DISCUSSING, OPEN, State

ONE_DAY = timedelta(days=1)
CERTIFICATE = Certificate(issued_on=date(2026, 1, 2), first=date(2026, 1, 10), last=date(2026, 2, 20))
STAY = Stay(certificates=(CERTIFICATE,), admitted_on=date(2026, 1, 10))
ASKED = Asked(
    hash="h",
    state=State.RUNNING,
    prolongs=True,
    in_time=True,
    authorised_until=date(2026, 2, 20),
    first=date(2026, 2, 21),
    last=date(2026, 3, 20),
)
DURING = date(2026, 2, 1)
AFTER = date(2026, 2, 25)
LATE = date(2026, 4, 1)


def asked(state: State, *, settled: date | None = date(2026, 2, 22), **changes: object) -> Stay:
    """The stay with one request in this state."""
    return replace(STAY, requests=(replace(ASKED, state=state, settled_on=settled, **changes),))  # type: ignore[arg-type]


@pytest.mark.law("K3", "R8", "R12", "R18")
@pytest.mark.parametrize(
    ("stay", "day", "payer", "reason"),
    [
        (STAY, DURING, Payer.CNAS, Reason.AUTHORISED),
        (STAY, date(2026, 1, 10), Payer.CNAS, Reason.AUTHORISED),
        (STAY, date(2026, 2, 20), Payer.CNAS, Reason.AUTHORISED),
        (STAY, date(2026, 2, 21), Payer.HOSPITAL, Reason.UNCOVERED),
        (STAY, date(2026, 1, 9), Payer.PATIENT, Reason.NOT_ADMITTED),
        (Stay(certificates=(CERTIFICATE,)), DURING, Payer.PATIENT, Reason.NOT_ADMITTED),
        (Stay(admitted_on=date(2026, 1, 10)), DURING, Payer.PATIENT, Reason.NOT_AUTHORISED),
        (replace(STAY, discharged_on=date(2026, 1, 30)), DURING, Payer.PATIENT, Reason.DISCHARGED),
        (replace(STAY, repatriated_on=date(2026, 1, 30)), DURING, Payer.PATIENT, Reason.REPATRIATED),
        (replace(STAY, repatriated_on=DURING), DURING, Payer.CNAS, Reason.AUTHORISED),
        (asked(State.RUNNING, settled=None), AFTER, Payer.CNAS, Reason.MAINTAINED),
        (asked(State.SENT, settled=None), LATE, Payer.CNAS, Reason.MAINTAINED),
        (asked(State.RUNNING, settled=None, in_time=False), AFTER, Payer.HOSPITAL, Reason.UNCOVERED),
        (asked(State.RUNNING, settled=None, prolongs=False), AFTER, Payer.HOSPITAL, Reason.UNCOVERED),
        (asked(State.ACCEPTED), AFTER, Payer.CNAS, Reason.EXTENDED),
        (asked(State.ACCEPTED), LATE, Payer.HOSPITAL, Reason.UNCOVERED),
        (asked(State.TACITLY_ACCEPTED), AFTER, Payer.CNAS, Reason.TACITLY_EXTENDED),
        (asked(State.REGULARISED), AFTER, Payer.CNAS, Reason.TACITLY_EXTENDED),
        (asked(State.PARTLY_ACCEPTED, last=date(2026, 2, 24)), AFTER, Payer.CNAS, Reason.UNTIL_REPATRIATION),
        (asked(State.REFUSED), date(2026, 2, 22), Payer.CNAS, Reason.MAINTAINED),
        (asked(State.REFUSED), LATE, Payer.CNAS, Reason.UNTIL_REPATRIATION),
        (asked(State.REFUSED, in_time=False), LATE, Payer.HOSPITAL, Reason.UNCOVERED),
        (asked(State.SUPERSEDED), AFTER, Payer.HOSPITAL, Reason.UNCOVERED),
        (asked(State.VITAL_DISPUTED), AFTER, Payer.UNDECIDED, Reason.VITAL_DISCUSSED),
        (asked(State.MEDIATION_FAILED), AFTER, Payer.HOSPITAL, Reason.FAILED_MEDIATION),
        (asked(State.MEDIATION_SETTLED), LATE, Payer.CNAS, Reason.SETTLED_MEDIATION),
        (asked(State.VITAL_CONFIRMED), AFTER, Payer.CNAS, Reason.VITAL_CONFIRMED),
        (asked(State.VITAL_DENIED, decided_on=LATE), AFTER, Payer.HOSPITAL, Reason.EXPERT_DECISION),
        (asked(State.VITAL_DENIED, decided_on=LATE), LATE, Payer.CNAS, Reason.UNTIL_REPATRIATION),
        (asked(State.VITAL_DENIED, decided_on=LATE), DURING, Payer.CNAS, Reason.AUTHORISED),
    ],
)
def test_each_reason_of_the_texts(stay: Stay, day: date, payer: Payer, reason: Reason) -> None:
    """The payer and the reason that decides, with the lines that say so."""
    found = coverage(stay, day)
    assert (found.decides.payer, found.decides.reason) == (payer, reason)
    assert found.decides.source == SOURCES[reason]
    assert found.covered is (payer is Payer.CNAS)


def test_an_interruption_suspends_the_length() -> None:
    """The days away are added at the end, within the calendar year of issue; nothing is covered meanwhile."""
    away = Absence(since=date(2026, 1, 20), until=date(2026, 1, 30))
    stay = replace(STAY, absences=(away,))
    assert authorised_until(CERTIFICATE, stay.absences) == date(2026, 3, 2)
    assert coverage(stay, date(2026, 1, 25)).decides.reason is Reason.INTERRUPTED
    assert coverage(stay, date(2026, 1, 20)).covered
    assert coverage(stay, date(2026, 1, 30)).covered
    assert coverage(stay, date(2026, 3, 2)).covered
    assert not coverage(stay, date(2026, 3, 3)).covered


def test_who_is_away_is_not_covered() -> None:
    """Until a readmission, however long the certificate runs."""
    stay = replace(STAY, absences=(Absence(since=date(2026, 1, 20), until=None),))
    assert coverage(stay, DURING).decides.reason is Reason.INTERRUPTED


@pytest.mark.law("K4")
def test_a_readmission_in_the_next_year_needs_a_new_certificate() -> None:
    """K4: the old one says nothing any more; a new one covers (003, line 352)."""
    old = Certificate(issued_on=date(2026, 11, 1), first=date(2026, 11, 10), last=date(2027, 1, 31))
    away = Absence(since=date(2026, 12, 20), until=date(2027, 1, 5))
    stay = Stay(certificates=(old,), admitted_on=date(2026, 11, 10), absences=(away,))
    assert coverage(stay, date(2027, 1, 10)).decides.reason is Reason.CALENDAR_YEAR
    new = Certificate(issued_on=date(2027, 1, 4), first=date(2027, 1, 5), last=date(2027, 2, 1))
    renewed = replace(stay, certificates=(old, new))
    assert coverage(renewed, date(2027, 1, 10)).covered
    assert coverage(renewed, date(2027, 2, 2)).decides.reason is Reason.UNCOVERED


def test_a_length_that_was_suspended_is_lost_with_its_year() -> None:
    """Days of the certificate are left, and only the calendar year ended them: that is the reason given."""
    certificate = Certificate(issued_on=date(2026, 6, 1), first=date(2026, 6, 8), last=date(2026, 12, 20))
    away = Absence(since=date(2026, 12, 10), until=date(2026, 12, 28))
    stay = Stay(certificates=(certificate,), admitted_on=date(2026, 6, 8), absences=(away,))
    assert coverage(stay, date(2026, 12, 31)).decides.reason is Reason.AUTHORISED
    assert coverage(stay, date(2027, 1, 1)).decides.reason is Reason.CALENDAR_YEAR
    assert coverage(stay, date(2027, 1, 7)).decides.reason is Reason.CALENDAR_YEAR
    assert coverage(stay, date(2027, 1, 8)).decides.reason is Reason.UNCOVERED


def test_a_readmission_after_the_last_day_of_the_year_is_told_by_its_reason() -> None:
    """The certificate ended with its year while the patient was away: the suspended days are not simply uncovered."""
    certificate = Certificate(issued_on=date(2026, 1, 11), first=date(2026, 1, 18), last=date(2026, 12, 31))
    away = Absence(since=date(2026, 6, 14), until=date(2027, 1, 10))
    stay = Stay(certificates=(certificate,), admitted_on=date(2026, 1, 18), absences=(away,))
    found = coverage(stay, date(2027, 1, 10)).decides
    assert (found.payer, found.reason) == (Payer.HOSPITAL, Reason.CALENDAR_YEAR)


def test_a_supplementary_authorisation_runs_until_the_return() -> None:
    """Without an end it covers until the repatriation (003, line 328)."""
    extra = Certificate(issued_on=LATE, first=LATE, last=None, supplementary=True)
    stay = replace(STAY, certificates=(CERTIFICATE, extra))
    assert coverage(stay, LATE + 60 * ONE_DAY).decides.reason is Reason.SUPPLEMENTARY
    assert not coverage(replace(stay, repatriated_on=LATE), LATE + ONE_DAY).covered


def test_a_stay_taken_over_rests_on_its_request() -> None:
    """The request itself states the authorisation of a stay that began before the gateway."""
    stay = Stay(taken_over=True, requests=(ASKED,))
    assert coverage(stay, date(2026, 2, 20)).decides.reason is Reason.AUTHORISED
    assert coverage(stay, AFTER).decides.reason is Reason.MAINTAINED


@pytest.mark.law("K3")
@given(
    st.sampled_from([state for state in State if state not in {*DISCUSSED, *DISCUSSING, State.SUPERSEDED}]),
    st.integers(min_value=0, max_value=28),
)
def test_cover_is_never_lost_by_asking_in_time(state: State, offset: int) -> None:
    """From the end of the authorisation to the end of what was asked, whatever the CNAS does or does not."""
    settled = None if state in OPEN else date(2026, 2, 24)
    day = date(2026, 2, 20) + offset * ONE_DAY
    assert coverage(asked(state, settled=settled), day).covered
