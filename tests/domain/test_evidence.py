"""What starts a period, what a person must confirm, and when a mail was received on our own side."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.evidence import (
    CLOCK_TOLERANCE,
    Doubt,
    Evidence,
    ReceptionDoubt,
    ReceptionSource,
    Start,
    entered_instant,
    reception,
    start_of,
    upper_bound,
)
from gateway.domain.parties import Grade, PartnerKind, ReceptionPolicy, default_policy

SENT = datetime(2026, 2, 2, 9, tzinfo=UTC)
ARRIVED = datetime(2026, 2, 2, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MAIL = {"cnas": default_policy(PartnerKind.MAIL)}
GATEWAY = {"cnas": default_policy(PartnerKind.GATEWAY)}


def evidence(
    grade: Grade,
    *,
    stated_at: datetime | None = None,
    dated_at: datetime | None = None,
    arrived_at: datetime = ARRIVED,
    partner: str = "cnas",
    is_statement: bool = False,
    message: str = "m",
) -> Evidence:
    """An evidence on a mail sent at SENT."""
    return Evidence(
        kind=grade.name.lower(),
        grade=grade,
        partner=partner,
        message=message,
        sent_at=SENT,
        stated_at=stated_at,
        dated_at=dated_at,
        arrived_at=arrived_at,
        recorded_at=arrived_at,
        is_statement=is_statement,
    )


def mdn(hours: float) -> Evidence:
    """An unsigned MDN dated some hours after our sending."""
    return evidence(Grade.MDN, dated_at=SENT + hours * HOUR, message="mdn")


def receipt(hours: float) -> Evidence:
    """A signed receipt that states a reception some hours after our sending."""
    return evidence(Grade.SIGNED_RECEIPT, stated_at=SENT + hours * HOUR, is_statement=True, message="receipt")


def citing(hours: float) -> Evidence:
    """A signed mail that cites the request and states no reception."""
    at = SENT + hours * HOUR
    return evidence(Grade.SIGNED_REPLY, dated_at=at, arrived_at=max(at, ARRIVED), message="citing")


def started(*evidences: Evidence, policies: dict[str, ReceptionPolicy] = MAIL) -> Start:
    """The start, which must be the same in whatever order the evidence came."""
    found = {start_of(order, policies) for order in permutations(evidences)}
    assert len(found) == 1
    start = found.pop()
    assert start is not None
    return start


def policy(starts: Grade, alone: Grade, convention: str | None = None) -> dict[str, ReceptionPolicy]:
    """One addressee with this policy."""
    return {"cnas": ReceptionPolicy(starts_from=starts, records_alone_from=alone, convention=convention)}


# --- one evidence


def test_the_stated_reception_bounds_before_the_date_and_the_arrival() -> None:
    """A DSN's Last-Attempt-Date goes before its Date; without either the arrival here is the bound."""
    stated, dated = SENT + HOUR, SENT + 2 * HOUR

    assert upper_bound(evidence(Grade.DSN_DELIVERED, stated_at=stated, dated_at=dated)) == stated
    assert upper_bound(evidence(Grade.MDN, dated_at=dated)) == dated
    assert upper_bound(evidence(Grade.MDN)) == ARRIVED


@pytest.mark.parametrize(
    ("claim", "in_bounds"),
    [
        (SENT - CLOCK_TOLERANCE, True),
        (SENT - CLOCK_TOLERANCE - timedelta(microseconds=1), False),
        (ARRIVED + CLOCK_TOLERANCE, True),
        (ARRIVED + CLOCK_TOLERANCE + timedelta(microseconds=1), False),
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_a_claim_before_the_sending_or_after_the_arrival_goes_to_a_person(
    claim: datetime, *, stated: bool, in_bounds: bool
) -> None:
    """Five minutes of clock error are allowed; beyond them the arrival bounds meanwhile."""
    stated_at, dated_at = (claim, None) if stated else (None, claim)
    item = evidence(Grade.SIGNED_RECEIPT, is_statement=True, stated_at=stated_at, dated_at=dated_at)

    start = started(item)

    assert start.at == (claim if in_bounds else ARRIVED)
    assert start.doubts == (() if in_bounds else (Doubt.BOUNDS_VIOLATED,))
    assert start.provisional is not in_bounds
    assert start.firm == (item if in_bounds else None)


def test_naive_instants_are_refused() -> None:
    """An instant without a zone proves nothing."""
    with pytest.raises(ValueError, match="aware"):
        evidence(Grade.MDN, dated_at=datetime(2026, 2, 2, 12))  # noqa: DTZ001 (the point of the test)


def test_a_date_alone_is_the_last_instant_of_that_algiers_day() -> None:
    """Entered later it is 23:59:59.999999 in Algiers; entered the same day, the entry itself."""
    day = date(2026, 2, 3)

    assert entered_instant(day, datetime(2026, 2, 5, 9, tzinfo=UTC)) == datetime(
        2026, 2, 3, 22, 59, 59, 999999, tzinfo=UTC
    )
    same_day = datetime(2026, 2, 3, 9, tzinfo=UTC)
    assert entered_instant(day, same_day) == same_day
    # 23:30Z of the 2nd is the 3rd in Algiers.
    assert entered_instant(day, datetime(2026, 2, 2, 23, 30, tzinfo=UTC)) == datetime(2026, 2, 2, 23, 30, tzinfo=UTC)


def test_a_day_to_come_that_is_entered_is_out_of_bounds() -> None:
    """Nobody received tomorrow."""
    at = entered_instant(date(2026, 2, 9), ARRIVED)

    assert started(evidence(Grade.SIGNED_RECEIPT, stated_at=at, is_statement=True)).doubts == (Doubt.BOUNDS_VIOLATED,)


# --- what starts


def test_nothing_starts_without_evidence() -> None:
    """No acknowledgement, no period."""
    assert start_of([], MAIL) is None


@pytest.mark.parametrize(
    ("grade", "policies", "starts"),
    [
        (Grade.MDN, MAIL, True),
        (Grade.DSN_DELIVERED, MAIL, False),
        (Grade.MDN, GATEWAY, False),
        (Grade.SIGNED_REPLY, GATEWAY, False),
        (Grade.SIGNED_RECEIPT, GATEWAY, True),
        (Grade.NONE, policy(Grade.NONE, Grade.NONE, "c"), False),
    ],
)
def test_evidence_below_the_policy_starts_nothing(
    grade: Grade, policies: dict[str, ReceptionPolicy], *, starts: bool
) -> None:
    """A gateway partner starts with its signed receipt, a mail partner with an MDN; a hand-over proves nothing."""
    assert (start_of([evidence(grade, dated_at=SENT + HOUR)], policies) is not None) is starts


def test_evidence_of_anyone_else_starts_nothing() -> None:
    """The copy that the French liaison body received is not the request that CNAS received."""
    assert start_of([evidence(Grade.SIGNED_RECEIPT, partner="cnse", stated_at=SENT + HOUR)], MAIL) is None


def test_the_earliest_bound_of_any_addressee_starts() -> None:
    """Two addressees with policies of their own; a DSN before an MDN counts where the policy takes it."""
    both = {"cnas": MAIL["cnas"], "cnas2": policy(Grade.DSN_DELIVERED, Grade.SIGNED_REPLY)["cnas"]}
    dsn = evidence(Grade.DSN_DELIVERED, partner="cnas2", stated_at=SENT + HOUR)

    assert started(mdn(2), dsn, policies=both).at == SENT + HOUR
    assert started(mdn(2), evidence(Grade.DSN_DELIVERED, stated_at=SENT + HOUR), policies=both).at == SENT + 2 * HOUR
    assert started(mdn(2), mdn(3)).at == SENT + 2 * HOUR


def test_a_signed_statement_replaces_unsigned_bounds() -> None:
    """Later than the MDN, the signed receipt still decides; it carries the record alone."""
    start = started(mdn(1), receipt(3))

    assert start.at == SENT + 3 * HOUR
    assert start.evidence.message == "receipt"
    assert not start.provisional


def test_a_signed_mail_that_only_cites_never_moves_the_start_later() -> None:
    """After an MDN it changes nothing, before it it is the earlier bound, beside a statement too."""
    assert started(mdn(1), citing(30)).at == SENT + HOUR
    assert started(mdn(3), citing(2)).at == SENT + 2 * HOUR
    assert started(receipt(3), citing(2)).at == SENT + 2 * HOUR
    assert started(receipt(3), citing(4), mdn(1)).at == SENT + 3 * HOUR


def test_an_unsigned_statement_replaces_nothing() -> None:
    """Anyone can write an unsigned one."""
    claim = evidence(Grade.MDN, stated_at=SENT + 5 * HOUR, is_statement=True)

    assert started(claim, mdn(1)).at == SENT + HOUR


def test_an_impossible_statement_replaces_nothing_and_calls_a_person() -> None:
    """A signed receipt from before the sending beside a sound MDN: the MDN runs, provisionally."""
    start = started(receipt(-1), mdn(1))

    assert start.at == SENT + HOUR
    assert Doubt.BOUNDS_VIOLATED in start.doubts


def test_a_possible_claim_goes_before_the_arrival_of_an_impossible_one() -> None:
    """The impossible one came first, but it may not start the period while a sound one is there."""
    impossible = evidence(Grade.MDN, stated_at=SENT - HOUR, arrived_at=SENT + HOUR)

    assert started(impossible).at == SENT + HOUR
    assert started(impossible, mdn(3)).at == SENT + 3 * HOUR


def test_an_impossible_unsigned_claim_is_forgotten_once_a_statement_is_there() -> None:
    """It was replaced like every unsigned bound."""
    assert not started(receipt(2), mdn(-1)).provisional


# --- what records alone


@pytest.mark.parametrize(
    ("policies", "provisional"),
    [
        (MAIL, True),
        (policy(Grade.MDN, Grade.MDN), True),
        (policy(Grade.MDN, Grade.MDN, ""), True),
        (policy(Grade.MDN, Grade.MDN, "convention du 3 mars 2025"), False),
        (policy(Grade.MDN, Grade.SIGNED_RECEIPT, "convention du 3 mars 2025"), True),
    ],
)
def test_only_a_convention_lets_an_unsigned_evidence_record_alone(
    policies: dict[str, ReceptionPolicy], *, provisional: bool
) -> None:
    """A lower threshold without the agreement that allows it has no effect."""
    start = started(mdn(1), policies=policies)

    assert start.provisional is provisional
    assert start.doubts == ((Doubt.GRADE_BELOW_POLICY,) if provisional else ())
    assert (start.firm is None) is provisional


def test_a_stricter_threshold_holds() -> None:
    """A partner whose receipts are demanded is not recorded on a mere signed reply."""
    assert started(citing(1), policies=policy(Grade.MDN, Grade.SIGNED_RECEIPT)).provisional
    assert not started(citing(1)).provisional


def test_stronger_evidence_of_the_same_algiers_day_carries_a_weak_start() -> None:
    """The signed mail of the afternoon gives the same end as the MDN of the morning; that of the next day does not."""
    same_day, next_day = started(mdn(1), citing(13)), started(mdn(1), citing(14))

    assert citing(13).dated_at == datetime(2026, 2, 2, 22, tzinfo=UTC)  # 23:00 in Algiers
    assert (same_day.at, same_day.provisional) == (SENT + HOUR, False)
    assert (next_day.at, next_day.provisional) == (SENT + HOUR, True)
    assert next_day.firm == citing(14)


@given(
    hours=st.lists(
        st.tuples(st.sampled_from([Grade.MDN, Grade.SIGNED_REPLY, Grade.SIGNED_RECEIPT]), st.integers(-2, 9)),
        min_size=1,
        max_size=4,
    ),
    late=st.integers(1, 300),
)
def test_a_later_citing_mail_never_moves_any_start(hours: list[tuple[Grade, int]], late: int) -> None:
    """Whatever evidence there is, one more citing mail keeps the start or makes it earlier."""
    known = [
        evidence(grade, stated_at=SENT + hour * HOUR, is_statement=grade is Grade.SIGNED_RECEIPT, message=str(number))
        for number, (grade, hour) in enumerate(hours)
    ]

    before, after = start_of(known, MAIL), start_of([*known, citing(late)], MAIL)

    assert before is not None
    assert after is not None
    # An impossible claim only lends its arrival until a possible one comes.
    assert after.at <= before.at or not before.evidence.in_bounds


# --- reception on our own side

OWN = frozenset({"mx1.hopital.fr", "mx2.hopital.fr"})
AT = datetime(2026, 2, 5, 22, 58, tzinfo=UTC)


def test_the_lowest_stamp_of_our_own_run_is_the_reception() -> None:
    """From the top through our two hosts; what stands below, even in our name, is not ours."""
    hops = (
        ("MX2.hopital.fr.", AT + 3 * MINUTE),
        ("mx1.hopital.fr", AT),
        ("out.cnas.dz", AT - HOUR),
        ("mx1.hopital.fr", AT - 9 * HOUR),
    )

    found = reception(hops, OWN, AT + 4 * MINUTE, AT - HOUR)

    assert found.agreed
    assert (found.earliest, found.latest) == (AT, AT)
    assert [item.source for item in found.candidates] == [ReceptionSource.RECEIVED, ReceptionSource.INTERNALDATE]


@pytest.mark.parametrize(("apart", "agreed"), [(5 * MINUTE, True), (5 * MINUTE + timedelta(seconds=1), False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_internaldate_over_five_minutes_apart_is_for_a_person(apart: timedelta, sign: int, *, agreed: bool) -> None:
    """Answers use the earliest candidate, our receipts the latest, until a person settles it."""
    found = reception((("mx1.hopital.fr", AT),), OWN, AT + sign * apart, None)

    assert found.agreed is agreed
    ends = [AT, AT] if agreed else sorted([AT, AT + sign * apart])
    assert [found.earliest, found.latest] == ends
    assert found.doubts == (() if agreed else (ReceptionDoubt.SOURCES_DISAGREE,))


def test_a_poll_that_did_not_see_the_mail_contradicts_earlier_dates() -> None:
    """A back-dated mail: both dates say 22:58, but at 23:40 its UID was still to come."""
    poll = AT + 42 * MINUTE

    found = reception((("mx1.hopital.fr", AT),), OWN, AT, poll)

    assert not found.agreed
    assert (found.earliest, found.latest) == (AT, poll)
    assert found.candidates[-1].source is ReceptionSource.POLL_BEFORE


def test_a_poll_before_or_just_after_the_dates_agrees() -> None:
    """The bound is a lower one, and clocks may differ by five minutes."""
    hops = (("mx1.hopital.fr", AT),)

    assert reception(hops, OWN, AT, AT - 9 * HOUR).agreed
    assert reception(hops, OWN, AT, AT + 5 * MINUTE).agreed
    assert len(reception(hops, OWN, AT, AT + 5 * MINUTE).candidates) == 2
    assert not reception(hops, OWN, AT, AT + 6 * MINUTE).agreed


def test_a_date_after_the_mail_was_seen_is_for_a_person() -> None:
    """Both dates lie in the future of the poll that fetched it."""
    found = reception((("mx1.hopital.fr", AT),), OWN, AT, None, seen_at=AT - HOUR)

    assert (found.earliest, found.latest, found.agreed) == (AT - HOUR, AT, False)
    assert reception((("mx1.hopital.fr", AT),), OWN, AT, None, seen_at=AT).agreed


@pytest.mark.parametrize(
    "hops",
    [(), (("relay.elsewhere.fr", AT), ("mx1.hopital.fr", AT)), (("mx2.hopital.fr", AT), ("mx1.hopital.fr", None))],
)
def test_without_a_readable_stamp_of_ours_a_person_settles_it(hops: tuple[tuple[str, datetime | None], ...]) -> None:
    """INTERNALDATE alone is a candidate that any client can forge with APPEND."""
    found = reception(hops, OWN, AT + MINUTE, None)

    assert found.doubts == (ReceptionDoubt.NO_OWN_RECEIVED,)
    assert (found.earliest, found.latest) == (AT + MINUTE, AT + MINUTE)
    assert [item.source for item in found.candidates] == [ReceptionSource.INTERNALDATE]
