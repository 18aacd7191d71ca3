"""What is owed in a case: each duty appears with what makes it, and disappears with what meets it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.commands import app
from gateway.domain import request as request_life
from gateway.domain.case import State as Stay
from gateway.domain.duties import RULES, Asked, File, Happened, Urgency, duties, instant_of, ordered, shape
from gateway.domain.duties import requests as requests_
from gateway.domain.duties import stay as stay_
from gateway.domain.duties.spans import EDITION, spans
from gateway.domain.kinds import KINDS
from gateway.domain.labels import STATES
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.request_name import RequestName

H, A, E = Role.HOSPITAL, Role.CNAS, Role.CNSE
TODAY = date(2026, 2, 10)
END = datetime(2026, 2, 14, 23, 0, tzinfo=UTC)
REF = "7F3K-Q2"

Step = Callable[[File], File]


def file(**changes: Any) -> File:
    """A case in which nothing is owed."""
    return replace(File(ref=REF, state=Stay.CLOSED, today=TODAY), **changes)


def fact(kind: str, *, request: str | None = None, sent: bool = False, **values: str) -> Happened:
    """Something that happened."""
    assert kind in KINDS
    return Happened(kind=kind, day=TODAY, values=values, request=request, sent=sent)


def asked(state: State, **changes: Any) -> Asked:
    """A request to prolong."""
    base = Asked(
        hash="ab12cd" + "0" * 58,
        name=RequestName(number=2, made_on=TODAY),
        state=state,
        prolongs=True,
        last=date(2026, 3, 20),
        authorised_until=date(2026, 2, 20),
        sent_on=TODAY,
        ends_at=END,
    )
    return replace(base, **changes)


HASH = asked(State.SENT).hash


def case(state: Stay, *facts: Happened, requests: tuple[Asked, ...] = (), **more: Any) -> File:
    """A case in this state."""
    return file(state=state, facts=facts, requests=requests, **more)


def and_then(*facts: Happened) -> Step:
    """Later something else happens."""
    return lambda before: replace(before, facts=(*before.facts, *facts))


def becomes(state: State, **changes: Any) -> Step:
    """The request moves."""
    return lambda before: replace(before, requests=(replace(before.requests[0], state=state, **changes),))


def in_state(state: Stay) -> Step:
    """The case moves."""
    return lambda before: replace(before, state=state)


M06 = fact("CARE_ACCEPTANCE_WITH_QUOTE", length_days="20")
M08 = fact("ENTITLEMENT_CERTIFICATE", length_days="20", repatriation_accepted="oui")
M09 = fact("ENTITLEMENT_PRESENTED", signed="oui")
M10 = fact("ENTITLEMENT_TO_CPAM", sent=True)
M20 = fact("EXTENSION_TO_CPAM", request=HASH, sent=True)
M28 = fact("REPATRIATION_REQUEST", sent=True)
REFUSED = fact("EXTENSION_REFUSAL", request=HASH, motive="oui")
ADMITTED = fact("ADMISSION")

TABLE: list[tuple[str, Role, File, Step]] = [
    ("care_to_answer", H, case(Stay.RECEIVED), in_state(Stay.QUOTED)),
    ("care_to_answer", A, case(Stay.UNDER_REVIEW), in_state(Stay.DECLINED)),
    ("complement_to_give", A, case(Stay.AWAITING_INFORMATION), in_state(Stay.UNDER_REVIEW)),
    ("entitlement_to_decide", A, case(Stay.QUOTED, M06), in_state(Stay.AUTHORISED)),
    ("copy_2_missing", H, case(Stay.ADMITTED, ADMITTED, M09, M10), and_then(M08)),
    ("copy_1_missing", H, case(Stay.ADMITTED, M08, M10, ADMITTED), and_then(M09)),
    (
        "copy_1_unsigned",
        H,
        case(Stay.ADMITTED, M08, M10, ADMITTED, fact("ENTITLEMENT_PRESENTED", signed="non")),
        and_then(M09),
    ),
    (
        "repatriation_not_accepted",
        H,
        case(Stay.AUTHORISED, fact("ENTITLEMENT_CERTIFICATE", repatriation_accepted="non")),
        and_then(M08),
    ),
    (
        "length_differs",
        H,
        case(Stay.AUTHORISED, M06, fact("ENTITLEMENT_CERTIFICATE", length_days="10")),
        and_then(M08),
    ),
    ("certificate_to_cpam", H, case(Stay.AUTHORISED, M08), and_then(M10)),
    ("certificate_to_cpam", H, case(Stay.ADMITTED, M09), and_then(M10)),
    ("certificate_to_cpam", H, case(Stay.ADMITTED, M08, M10, M08), and_then(M10)),
    ("number_awaited", H, case(Stay.AUTHORISED, M08, M10), and_then(fact("PROVISIONAL_ID"))),
    ("receipt_missing", H, case(Stay.ADMITTED, requests=(asked(State.DELIVERY_FAILED),)), becomes(State.RUNNING)),
    (
        "receipt_missing",
        H,
        case(Stay.ADMITTED, requests=(asked(State.SENT, sent_on=TODAY - timedelta(days=1)),)),
        becomes(State.RUNNING),
    ),
    ("request_to_answer", A, case(Stay.ADMITTED, requests=(asked(State.RUNNING),)), becomes(State.REFUSED)),
    (
        "question_to_answer",
        H,
        case(Stay.ADMITTED, fact("INFO_REQUEST", request=HASH), requests=(asked(State.RUNNING),)),
        and_then(fact("INFO_RESPONSE", request=HASH, sent=True)),
    ),
    (
        "question_to_answer",
        A,
        case(Stay.ADMITTED, fact("VITAL_INFO_REQUEST", request=HASH), requests=(asked(State.RUNNING),)),
        and_then(fact("VITAL_INFO_RESPONSE", request=HASH)),
    ),
    ("silence_to_confirm", H, case(Stay.ADMITTED, requests=(asked(State.ELAPSED),)), becomes(State.TACITLY_ACCEPTED)),
    ("answer_disputed", H, case(Stay.ADMITTED, requests=(asked(State.ANSWER_DISPUTED),)), becomes(State.ACCEPTED)),
    (
        "acceptance_contested",
        H,
        case(Stay.ADMITTED, requests=(asked(State.REGULARISED, contested=True, form_owed=True),)),
        becomes(State.REGULARISED, contested=False),
    ),
    *[
        (
            "regularisation_awaited",
            role,
            case(Stay.ADMITTED, requests=(asked(State.TACITLY_ACCEPTED),)),
            becomes(State.REGULARISED),
        )
        for role in (H, A, E)
    ],
    *[
        (
            "form_owed",
            role,
            case(Stay.ADMITTED, requests=(asked(State.ACCEPTED, form_owed=True),)),
            becomes(State.ACCEPTED, form_owed=False),
        )
        for role in (H, A, E)
    ],
    ("form_to_cpam", H, case(Stay.ADMITTED, requests=(asked(State.REGULARISED),)), and_then(M20)),
    ("form_to_cpam", H, case(Stay.ADMITTED, requests=(asked(State.ACCEPTED, prolongs=False),)), and_then(M20)),
    (
        "rights_to_note",
        H,
        case(Stay.ADMITTED, M20, requests=(asked(State.ACCEPTED),)),
        and_then(fact("RIGHTS_EXTENDED", request=HASH)),
    ),
    (
        "rights_to_check",
        E,
        case(Stay.ADMITTED, requests=(asked(State.REGULARISED),)),
        and_then(fact("RIGHTS_EXTENDED", request=HASH)),
    ),
    (
        "refusal_not_motivated",
        H,
        case(Stay.ADMITTED, fact("EXTENSION_REFUSAL", request=HASH), M28, requests=(asked(State.REFUSED),)),
        and_then(REFUSED),
    ),
    ("repatriation_to_ask", H, case(Stay.ADMITTED, REFUSED, requests=(asked(State.REFUSED),)), and_then(M28)),
    (
        "repatriation_to_ask",
        H,
        case(Stay.ADMITTED, M28, REFUSED, requests=(asked(State.REFUSED),)),
        in_state(Stay.REPATRIATED),
    ),
    (
        "repatriation_to_ask",
        H,
        case(Stay.ADMITTED, REFUSED, requests=(asked(State.REFUSED),)),
        lambda before: replace(
            before, requests=(*before.requests, asked(State.RUNNING, hash="f" * 64, last=date(2026, 4, 1)))
        ),
    ),
    (
        "repatriation_to_ask",
        H,
        case(Stay.ADMITTED, fact("EXPERT_OPINION", request=HASH, result="niee"), requests=(asked(State.VITAL_DENIED),)),
        and_then(M28),
    ),
    (
        "repatriation_to_ask",
        H,
        case(
            Stay.ADMITTED,
            fact("EXTENSION_PARTIAL_ACCEPTANCE", request=HASH),
            requests=(asked(State.PARTLY_ACCEPTED, last=date(2026, 3, 1)),),
        ),
        in_state(Stay.DISCHARGED),
    ),
    (
        "mediation_to_lead",
        H,
        case(Stay.ADMITTED, requests=(asked(State.VITAL_DISPUTED),)),
        becomes(State.MEDIATION_SETTLED),
    ),
    ("mediation_to_lead", A, case(Stay.ADMITTED, requests=(asked(State.MEDIATION),)), becomes(State.MEDIATION_FAILED)),
    ("opinion_awaited", H, case(Stay.ADMITTED, requests=(asked(State.EXPERTISE),)), becomes(State.VITAL_CONFIRMED)),
    (
        "authorisation_ends",
        H,
        case(Stay.ADMITTED, authorised_until=TODAY + timedelta(days=7)),
        lambda before: replace(before, requests=(asked(State.RUNNING),)),
    ),
    (
        "authorisation_ends",
        H,
        case(Stay.ADMITTED, authorised_until=TODAY - timedelta(days=1)),
        in_state(Stay.DISCHARGED),
    ),
    ("repatriation_to_organise", A, case(Stay.REPATRIATION_PENDING, M28), in_state(Stay.REPATRIATED)),
    ("repatriation_to_organise", H, case(Stay.REPATRIATION_PENDING, M28), in_state(Stay.REPATRIATED)),
    ("reports_to_send", H, case(Stay.DISCHARGED, fact("DISCHARGE")), and_then(fact("MEDICAL_REPORT", sent=True))),
    (
        "reports_to_relay",
        E,
        case(Stay.ADMITTED, fact("MEDICAL_REPORT"), fact("MEDICAL_REPORT_RELAY", sent=True), fact("MEDICAL_REPORT")),
        and_then(fact("MEDICAL_REPORT_RELAY", sent=True)),
    ),
    (
        "dispute_to_answer",
        H,
        case(Stay.DISCHARGED, fact("MEDICAL_REPORT"), fact("CLAIM_DISPUTE")),
        and_then(fact("DISPUTE_EVIDENCE", sent=True)),
    ),
    (
        "dispute_to_pass_on",
        E,
        case(Stay.DISCHARGED, fact("CLAIM_DISPUTE")),
        and_then(fact("CLAIM_DISPUTE", sent=True)),
    ),
]


def codes(of: File, us: Role) -> list[str]:
    """The codes of what is owed."""
    return [duty.code for duty in duties(of, us)]


@pytest.mark.parametrize(("code", "us", "before", "step"), TABLE, ids=[f"{row[0]}-{row[1].value}" for row in TABLE])
def test_a_duty_appears_and_disappears(code: str, us: Role, before: File, step: Step) -> None:
    """With what makes it, and with what meets it; a closed case owes nothing any more."""
    assert codes(before, us).count(code) == 1
    assert code not in codes(step(before), us)
    assert codes(replace(before, state=Stay.CLOSED), us) == []


def test_every_rule_has_its_test() -> None:
    """No duty that nobody saw appear."""
    assert {row[0] for row in TABLE} == {rule.code for rule in RULES}
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.source for rule in RULES)


@pytest.mark.parametrize("state", [State.ANSWER_DISPUTED, State.TACITLY_ACCEPTED])
def test_what_one_person_said_is_for_a_second_one_to_confirm(state: State) -> None:
    """The duty names who spoke, and stays urgent."""
    waits = case(
        Stay.ADMITTED, requests=(asked(state, contested=state is not State.ANSWER_DISPUTED, ruled_by="alice"),)
    )
    first = duties(waits, H)[0]
    assert (first.urgency, first.request) == (Urgency.NOW, HASH)
    assert "alice" in str(first.sentence)
    assert any("gateway settle" in line or "gateway challenge" in line for line in first.commands)


def test_nothing_is_owed_in_a_case_where_all_is_done() -> None:
    """A stay under its certificate, with its copies and its number."""
    done = case(
        Stay.ADMITTED,
        *(M06, M08, M10, fact("PROVISIONAL_ID"), ADMITTED, M09),
        authorised_until=TODAY + timedelta(days=30),
    )
    for role in (H, A, E):
        assert duties(done, role) == ()


def test_a_request_that_has_just_left_is_no_trouble_yet() -> None:
    """Its receipt takes minutes; the next day is another matter."""
    sent = case(Stay.ADMITTED, requests=(asked(State.SENT),))
    assert codes(sent, H) == []
    assert codes(replace(sent, today=TODAY + timedelta(days=1)), H) == ["receipt_missing"]


def test_a_refusal_of_a_modification_sends_nobody_home() -> None:
    """The stay goes on as it was authorised."""
    refused = case(Stay.ADMITTED, REFUSED, requests=(asked(State.REFUSED, prolongs=False),))
    assert codes(refused, H) == []


def test_the_most_urgent_comes_first_and_the_nearest_end_before_the_farther() -> None:
    """By urgency, then by end; the CNAS sees its requests in the order in which they end."""
    near = asked(State.RUNNING, hash="1" * 64, ends_at=END - timedelta(days=3))
    far = asked(State.RUNNING, hash="2" * 64)
    found = duties(case(Stay.ADMITTED, requests=(far, near)), A)
    assert [(duty.request, duty.urgency) for duty in found] == [
        (near.hash, Urgency.NOW),
        (far.hash, Urgency.SOON),
    ]
    assert [duty.due for duty in ordered([*reversed(found)])] == [near.ends_at, far.ends_at]


def test_what_another_owes_and_nobody_here_can_hasten_is_only_to_be_known() -> None:
    """The hospital waits for the certificate; the CNAS must decide on it."""
    quoted = case(Stay.QUOTED, M06)
    assert [(duty.by, duty.urgency) for duty in duties(quoted, H)] == [(A, Urgency.LATER)]
    assert [(duty.by, duty.urgency) for duty in duties(quoted, A)] == [(A, Urgency.SOON)]


@pytest.mark.parametrize(("code", "us", "before", "step"), TABLE, ids=[f"{row[0]}-{row[1].value}" for row in TABLE])
def test_each_duty_names_commands_that_exist(code: str, us: Role, before: File, step: Step) -> None:
    """Their words and options are looked up in the application, their kinds in the catalogue."""
    del step
    (duty,) = [each for each in duties(before, us) if each.code == code]
    assert duty.commands
    for command in duty.commands:
        words = command.split()
        assert words[0] == "gateway"
        found: Any = typer.main.get_command(app)
        rest = words[1:]
        while getattr(found, "commands", None):
            found, rest = found.commands[rest[0]], rest[1:]
        known = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, command
        if words[1] in {"fiche", "note"}:
            _may(us, words[2], noted=words[1] == "note")


def _may(us: Role, kind: str, *, noted: bool) -> None:
    assert us in (KINDS[kind].noted_by if noted else KINDS[kind].senders), (us, kind)


def test_the_sentences_are_whole() -> None:
    """No hole is left, and a request is named as everywhere."""
    for _code, us, before, _step in TABLE:
        for duty in duties(before, us):
            text = str(duty.sentence)
            assert "{" not in text
            assert text.endswith(".")
            assert duty.request is None or "n° 2 du " in text


FACTS = st.sampled_from(sorted(KINDS))
VALUES = st.dictionaries(
    st.sampled_from(["signed", "length_days", "motive", "repatriation_accepted"]), st.text(max_size=3)
)


@given(
    stay=st.sampled_from(sorted(Stay, key=lambda state: state.value)),
    kinds=st.lists(st.tuples(FACTS, VALUES, st.booleans()), max_size=8),
    states=st.lists(
        st.tuples(st.sampled_from(sorted(State, key=lambda state: state.value)), st.booleans()), max_size=3
    ),
    us=st.sampled_from([H, A, E, Role.CPAM]),
)
def test_any_case_has_duties_that_can_be_told(
    stay: Stay, kinds: list[tuple[str, Mapping[str, str], bool]], states: list[tuple[State, bool]], us: Role
) -> None:
    """Whatever happened, in whatever order: no error, an order, a sentence."""
    requests = tuple(asked(state, hash=f"{number}" * 64, form_owed=owed) for number, (state, owed) in enumerate(states))
    facts = tuple(
        Happened(kind=kind, day=TODAY, values=values, request=requests[0].hash if requests else None, sent=sent)
        for kind, values, sent in kinds
    )
    found = duties(case(stay, *facts, requests=requests, authorised_until=TODAY), us)
    assert list(found) == sorted(found, key=lambda duty: duty.urgency)
    assert all(str(duty.sentence) for duty in found)
    assert len(STATES) == len(State)


@given(
    stay=st.sampled_from(sorted(Stay, key=lambda state: state.value)),
    kinds=st.lists(st.tuples(FACTS, VALUES, st.booleans()), max_size=8),
    states=st.lists(
        st.tuples(
            st.sampled_from(sorted(State, key=lambda state: state.value)),
            st.integers(-5, 5),
            st.integers(-5, 5),
            st.booleans(),
        ),
        max_size=3,
    ),
    us=st.sampled_from([H, A, E, Role.CPAM]),
)
def test_what_is_owed_over_time_is_what_is_owed_on_each_day(
    stay: Stay, kinds: list[tuple[str, Mapping[str, str], bool]], states: list[tuple[State, int, int, bool]], us: Role
) -> None:
    """Spans say for every day, near or far, which duties there are, how urgent, until when; and each only once."""
    requests = tuple(
        asked(
            state,
            hash=f"{number}" * 64,
            sent_on=TODAY + timedelta(days=sent),
            ends_at=END + timedelta(days=ends) if owed else None,
            form_owed=owed,
        )
        for number, (state, sent, ends, owed) in enumerate(states)
    )
    facts = tuple(
        Happened(kind=kind, day=TODAY, values=values, request=requests[0].hash if requests else None, sent=sent)
        for kind, values, sent in kinds
    )
    file_ = case(stay, *facts, requests=requests, authorised_until=TODAY)
    found = spans(file_, us)
    for day in (date.min, *(TODAY + timedelta(days=days) for days in range(-20, 21)), date(2999, 12, 31)):
        on_this_day = [
            (span.code, span.request, span.urgency, span.due_at) for span in found if span.since <= day < span.until
        ]
        told = duties(replace(file_, today=day), us)
        assert sorted(on_this_day) == sorted(
            (duty.code, duty.request or "", duty.urgency, instant_of(duty.due)) for duty in told
        )
        assert len({(code, request) for code, request, _, _ in on_this_day}) == len(on_this_day)


def test_who_changes_the_rules_raises_their_edition() -> None:
    """What was kept by other rules is thrown away only where their edition says so (gateway.domain.duties.spans)."""
    told = sha256()
    for module in (shape, requests_, stay_, request_life):
        told.update(inspect.getsource(module).encode())
    assert (EDITION, told.hexdigest()[:16]) == ("1", "19914d31ad90953f")
