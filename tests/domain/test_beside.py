"""What stands beside the state of a case: the way home, the claim, what is disputed."""

import pytest

from gateway.domain.beside import CLAIMS, RETURNS, SENDS_HOME, Claim, Flag, Return, beside
from gateway.domain.kinds import KINDS
from gateway.domain.request import State

ORDINARY, VITAL = "EXTENSION_REQUEST", "EXTENSION_REQUEST.vital"
HOME = ("REPATRIATION_REQUEST", "REPATRIATION_CONDITIONS", "SUPPLEMENTARY_AUTHORISATION", "REPATRIATION_DONE")


def returns(*facts: str, state: State | None = None) -> Return | None:
    """Where the return stands after these facts, with one request in this state."""
    return beside(facts, () if state is None else ((ORDINARY, state),)).repatriation


@pytest.mark.law("S-return-needed")
@pytest.mark.parametrize("state", State)
def test_a_return_is_needed_after_what_sends_the_patient_home(state: State) -> None:
    """003:L284, L314, L328. A refusal, a settled mediation, a denied emergency; nothing else."""
    sends_home = {State.REFUSED, State.MEDIATION_SETTLED, State.VITAL_DENIED}
    assert returns(state=state) is (Return.NEEDED if state in sends_home else None)
    assert sends_home == SENDS_HOME


@pytest.mark.law("S-return-requested", "S-return-conditions", "S-return-supplementary", "S-return-effective")
@pytest.mark.law("M27", "M28", "M29", "M31")
def test_a_return_goes_step_by_step_to_its_end() -> None:
    """003:L324-344. Each step is reached by its own exchange, whatever came before; none goes back."""
    steps = list(Return)[1:]
    for number, kind in enumerate(HOME):
        assert RETURNS[kind] is steps[number]
        assert returns(*HOME[: number + 1], state=State.REFUSED) is steps[number]
        assert returns(kind) is steps[number]
    assert returns("REPATRIATION_CONDITIONS", "REPATRIATION_REQUEST") is Return.CONDITIONS_AGREED
    assert returns(*HOME[:2], *HOME[3:]) is Return.EFFECTIVE, "a supplementary authorisation is not always needed"


def test_care_that_goes_on_ends_a_return_that_was_only_prepared() -> None:
    """An extension granted meanwhile keeps the patient here; one who is home is home."""
    assert returns("REPATRIATION_REQUEST", "EXTENSION_ACCEPTANCE", state=State.ACCEPTED) is None
    assert returns(*HOME, "EXTENSION_REGULARISATION", state=State.REGULARISED) is Return.EFFECTIVE


def test_the_newest_request_says_whether_a_return_is_needed() -> None:
    """What was refused before and granted since sends nobody home."""
    assert beside((), ((ORDINARY, State.REFUSED), (ORDINARY, State.ACCEPTED))).repatriation is None
    assert beside((), ((ORDINARY, State.ACCEPTED), (ORDINARY, State.REFUSED))).repatriation is Return.NEEDED


CHAIN = {
    "INVOICE": Claim.INVOICED,
    "PAYMENT_RETURN": Claim.PAID,
    "HALF_YEARLY_STATEMENT": Claim.STATED,
    "CONSOLIDATED_CLAIM": Claim.CLAIMED,
    "REIMBURSEMENT": Claim.REIMBURSED,
    "CLAIM_DISPUTE": Claim.DISPUTED,
    "CLAIM_REPRESENTED": Claim.REPRESENTED,
    "CLAIM_DISPUTE_ACCEPTED": Claim.ACCEPTED,
    "OVERPAYMENT_RECOVERY": Claim.OVERPAYMENT,
}
ROWS = {
    "INVOICE": "M34 S-claim-invoiced",
    "PAYMENT_RETURN": "M35 S-claim-paid",
    "HALF_YEARLY_STATEMENT": "M36 S-claim-stated",
    "CONSOLIDATED_CLAIM": "M37",
    "REIMBURSEMENT": "M37 S-claim-reimbursed",
    "CLAIM_DISPUTE": "M38 S-claim-disputed",
    "CLAIM_REPRESENTED": "M38 S-claim-represented",
    "CLAIM_DISPUTE_ACCEPTED": "M38 S-claim-overpayment",
    "OVERPAYMENT_RECOVERY": "M40 S-claim-overpayment",
}


@pytest.mark.law("S-claim-*", "M*")
@pytest.mark.parametrize("kind", [pytest.param(kind, id=f"{ROWS[kind]} {kind}") for kind in CHAIN])
def test_a_claim_stands_where_its_last_exchange_put_it(kind: str) -> None:
    """002:L388-409. What lies between, evidence for a dispute for instance, moves nothing."""
    assert beside(("ADMISSION", kind, "DISPUTE_EVIDENCE", "NOTE"), ()).claim is CHAIN[kind]
    assert beside((*CHAIN, kind), ()).claim is CHAIN[kind]
    assert dict(CLAIMS) == CHAIN
    assert set(CLAIMS) | set(RETURNS) <= set(KINDS)


def test_nothing_stands_beside_a_case_that_nothing_happened_to() -> None:
    """No return, no claim, no flag."""
    nothing = beside((), ())
    assert (nothing.repatriation, nothing.claim, nothing.flags) == (None, None, ())


@pytest.mark.law("S-case-flags")
@pytest.mark.parametrize(
    ("kind", "state", "flags"),
    [
        (VITAL, State.RUNNING, (Flag.VITAL_EMERGENCY,)),
        (ORDINARY, State.RUNNING, ()),
        (VITAL, State.ACCEPTED, ()),
        (VITAL, State.VITAL_DISPUTED, (Flag.VITAL_EMERGENCY, Flag.MEDIATION)),
        (VITAL, State.MEDIATION, (Flag.VITAL_EMERGENCY, Flag.MEDIATION)),
        (VITAL, State.MEDIATION_FAILED, (Flag.VITAL_EMERGENCY,)),
        (VITAL, State.EXPERTISE, (Flag.VITAL_EMERGENCY, Flag.EXPERTISE)),
        (VITAL, State.VITAL_DENIED, ()),
    ],
)
def test_flags_say_what_is_going_on(kind: str, state: State, flags: tuple[Flag, ...]) -> None:
    """A vital emergency until it is settled, its mediation, its expertise."""
    assert beside((), ((kind, state),)).flags == flags


@pytest.mark.law("S-case-flags")
def test_a_disputed_claim_is_a_flag_until_it_is_presented_again() -> None:
    """Evidence alone does not end it."""
    assert beside(("CLAIM_DISPUTE", "DISPUTE_EVIDENCE"), ()).flags == (Flag.CLAIM_DISPUTED,)
    assert beside(("CLAIM_DISPUTE", "CLAIM_REPRESENTED"), ()).flags == ()
