"""Receipt, answer, plain receipt, report of delivery and our own commit: whatever comes first, the same is known.

Each order is played on the real store, with the same instants; then everything that is stored of it is compared.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import timedelta
from itertools import combinations, permutations
from pathlib import Path

import pytest

from gateway.domain.parties import PartnerKind, Role
from gateway.domain.request import State
from gateway.domain.transmission import State as Sending
from gateway.ports import HandOver, HandOverOutcome
from gateway.storage import Case, Fact, Mail, Message, Request, StoredEvidence, Transmission, Value
from tests.services.mails import START, answer_mail, delivery_report, plain_mdn, receipt
from tests.services.world import END, MINUTE, SECOND, World, open_world, partner

EVENTS = ("receipt", "answer", "mdn", "dsn", "commit")
NOW = START + 10 * MINUTE
TAKEN = HandOverOutcome(result=HandOver.ACCEPTED, code=250, text="ok")

OWN = frozenset(
    {
        *("id", "hash", "case_id", "ref", "vault_key", "identity", "mic", "message_id", "request_hash", "entity"),
        *("message", "about", "envid", "next_at", "file", "details", "mail", "uid", "size", "sha256"),
        *("likely_case", "likely_request"),
    }
)
"""What tells one play from another: names, numbers, what is sealed, and when a capped receipt may leave."""

Known = dict[str, list[dict[str, object]]]
Build = Callable[[PartnerKind], Awaitable[World]]


@pytest.fixture
async def build(in_memory: Path) -> AsyncIterator[Build]:
    """Hospitals, ten minutes after each of their requests was made."""
    async with AsyncExitStack() as stack:

        async def make(kind: PartnerKind) -> World:
            partners = (partner(Role.CNAS, kind=kind), partner(Role.CNSE))
            return await stack.enter_async_context(open_world(in_memory, partners=partners, at=NOW))

        yield make


async def play(world: World, order: tuple[str, ...], *, action: str) -> Known:
    """A new request of START, these events in this order, and all that is stored of it in the end."""
    world.clock.at = START
    submitted = await world.submit()
    message, (row, _) = submitted.message, await world.all(Transmission, message=submitted.message.id)
    async with world.store.act() as act:
        claimed = await world.sender._claim(act, row)
    assert claimed is not None
    world.clock.at = NOW
    ref, digest, cited = submitted.case.ref, submitted.request.hash, (message.message_id,)
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "commit": lambda: world.sender._settle(claimed, TAKEN),
        "receipt": lambda: world.take(receipt(message, received_at=START + MINUTE)),
        "mdn": lambda: world.take(plain_mdn(message.message_id, at=START + 2 * MINUTE)),
        "dsn": lambda: world.take(delivery_report(action=action, envid=row.envid, at=START + 30 * SECOND)),
        "answer": lambda: world.take(answer_mail(digest, ref=ref, stated=START + 5 * MINUTE, cited=cited)),
    }
    mails = [await steps[name]() for name in order]
    sent = tuple(each.id for each in await world.all(Message, case_id=submitted.case.id))
    return {
        "request": plain(await world.all(Request, id=submitted.request.id)),
        "case": plain(await world.all(Case, id=submitted.case.id)),
        "evidence": plain(await world.all(StoredEvidence, request_hash=digest)),
        "transmissions": plain(await world.all(Transmission, message=sent)),
        "messages": plain(await world.all(Message, case_id=submitted.case.id)),
        "facts": plain(await world.all(Fact, case_id=submitted.case.id)),
        "mails": plain(mail for mail in mails if isinstance(mail, Mail)),
    }


def plain(rows: object) -> list[dict[str, object]]:
    """Rows without their own names, in an order of their own."""
    assert not isinstance(rows, str)
    found = [_fields(row) for row in rows]  # type: ignore[attr-defined]  # rows of one table
    return sorted(found, key=repr)


def _fields(row: Value) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name not in OWN}


def differences(first: Known, other: Known) -> dict[str, object]:
    """What is not the same, table by table."""
    return {name: (first[name], other[name]) for name in first if first[name] != other[name]}


@pytest.mark.fault("F33")
@pytest.mark.parametrize(("kind", "action"), [(PartnerKind.MAIL, "failed"), (PartnerKind.GATEWAY, "delivered")])
async def test_all_orders_of_the_five_end_in_the_same_state(build: Build, kind: PartnerKind, action: str) -> None:
    """120 orders: answered, with every evidence, the same start and end of the period, the same hand-over."""
    world = await build(kind)
    first = await play(world, EVENTS, action=action)
    for order in permutations(EVENTS):
        assert differences(first, await play(world, order, action=action)) == {}, order
    (request,) = first["request"]
    assert (request["state"], request["started_at"]) == (State.ACCEPTED, START + MINUTE)
    assert (request["nominal_at"], request["due_at"], request["settled_at"]) == (END, None, NOW)
    assert (request["handed_over_at"], request["asks_person"]) == (START + MINUTE, ())
    kinds = {"signed_receipt", "signed_reply", "mdn", *(("dsn_delivered",) if action == "delivered" else ())}
    assert {row["kind"] for row in first["evidence"]} == kinds
    states = [row["state"] for row in first["transmissions"] if row["partner"] == "cnas" and not row["receipt"]]
    assert states == [Sending.EVIDENCED]


@pytest.mark.parametrize("size", [2, 3, 4])
async def test_all_orders_of_some_of_them_end_in_the_same_state(build: Build, size: int) -> None:
    """What lacks may come later or never: a mail that failed before our commit has failed all the same."""
    world = await build(PartnerKind.MAIL)
    for some in combinations(EVENTS, size):
        first = await play(world, some, action="failed")
        for order in permutations(some):
            assert differences(first, await play(world, order, action="failed")) == {}, order


@pytest.mark.parametrize("order", [("commit", "dsn"), ("dsn", "commit")])
async def test_a_failure_that_is_faster_than_our_commit_is_not_forgotten(build: Build, order: tuple[str, ...]) -> None:
    """The loudest state before the period starts, and one alarm."""
    world = await build(PartnerKind.GATEWAY)
    known = await play(world, order, action="failed")
    (request,) = known["request"]
    assert (request["state"], request["handed_over_at"]) == (State.DELIVERY_FAILED, NOW)
    assert len(await world.events("alarm.delivery_failed")) == 1


async def test_evidence_after_the_answer_is_known_and_moves_nothing(build: Build) -> None:
    """The answer came first: nothing is due, nobody is told twice, and when it was received is known all the same."""
    world = await build(PartnerKind.GATEWAY)
    await play(world, ("answer", "receipt"), action="failed")
    names = [entry.event for entry in await world.events() if entry.event.startswith("request.")]
    assert names == ["request.submitted", "request.accepted", "request.handed_over", "request.evidence_refined"]
    assert await world.deadlines.tick() == 0
    assert [row.due_at for row in await world.all(Request)] == [None]
    world.clock.advance(timedelta(days=9))
    await world.deadlines.tick()
    assert [row.state for row in await world.all(Request)] == [State.ACCEPTED]
