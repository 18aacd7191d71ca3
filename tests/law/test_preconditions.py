"""What comes before what: an exchange that answers another does not leave before it, unless a person insists."""

from dataclasses import dataclass

import pytest

from gateway.domain.errors import PreconditionMissing
from gateway.domain.kinds import KINDS
from gateway.domain.parties import Role
from gateway.storage import Case, Message, Request, Verdict
from tests.law.papers import fiche, mail
from tests.services.conftest import Build
from tests.services.mails import REF
from tests.services.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A party whose case begins by ``opened`` sends ``kind`` only after ``after``; each is (sender, kind)."""

    party: Role
    opened: tuple[Role, str]
    after: tuple[Role, str]
    kind: str


ORDERS = {
    "M04": Order(
        party=Role.CNAS,
        opened=(Role.CNAS, "CARE_REQUEST"),
        after=(Role.HOSPITAL, "PRE_ADMISSION_INFO_REQUEST"),
        kind="PRE_ADMISSION_INFO_RESPONSE",
    ),
    "M15": Order(
        party=Role.HOSPITAL,
        opened=(Role.HOSPITAL, "EXTENSION_REQUEST"),
        after=(Role.CNAS, "INFO_REQUEST"),
        kind="INFO_RESPONSE",
    ),
    "M22": Order(
        party=Role.HOSPITAL,
        opened=(Role.HOSPITAL, "EXTENSION_REQUEST.vital"),
        after=(Role.CNAS, "VITAL_INFO_REQUEST"),
        kind="VITAL_INFO_RESPONSE",
    ),
    "M33": Order(
        party=Role.CNSE,
        opened=(Role.CNAS, "ENTITLEMENT_CERTIFICATE"),
        after=(Role.HOSPITAL, "MEDICAL_REPORT"),
        kind="MEDICAL_REPORT_RELAY",
    ),
    "M39": Order(
        party=Role.HOSPITAL,
        opened=(Role.CNAS, "ENTITLEMENT_CERTIFICATE"),
        after=(Role.CNSE, "CLAIM_DISPUTE"),
        kind="DISPUTE_EVIDENCE",
    ),
}


async def happens(world: World, sender: Role, kind: str) -> None:
    """This party sends it, or gets it."""
    ref = next((case.ref for case in await world.all(Case)), None)
    if sender is world.role:
        await world.desk.submit(fiche(kind, ref=ref), actor="alice")
        return
    request = next((row.hash for row in await world.all(Request)), None)
    row = await world.take(mail(kind, sender, ref=ref or REF, request=request))
    assert row.verdict is Verdict.ACCEPTED


@pytest.mark.law("M*")
@pytest.mark.parametrize("row", ORDERS)
async def test_an_answer_does_not_leave_before_its_question(build: Build, row: str) -> None:
    """What its row presupposes lacks: told, and nothing is kept; it came: the same fiche leaves."""
    order = ORDERS[row]
    assert KINDS[order.kind].number == row
    world = await build(order.party)
    await happens(world, *order.opened)
    with pytest.raises(PreconditionMissing):
        await happens(world, order.party, order.kind)
    assert await world.all(Message, kind=order.kind) == ()

    await happens(world, *order.after)
    await happens(world, order.party, order.kind)
    assert len(await world.all(Message, kind=order.kind)) == 1


@pytest.mark.law("M05")
async def test_only_what_was_asked_for_is_declined(hospital: World) -> None:
    """003:L180. A case that begins by its certificate holds no request for care to refuse."""
    await happens(hospital, Role.CNAS, "ENTITLEMENT_CERTIFICATE")
    with pytest.raises(PreconditionMissing, match="M01"):
        await happens(hospital, Role.HOSPITAL, "CARE_REFUSAL")
    assert await hospital.all(Message, kind="CARE_REFUSAL") == ()
