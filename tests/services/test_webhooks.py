"""Programs that are told what happened: in order, at least once, by a reference only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.errors import StorageFailed
from gateway.ports import Target
from gateway.services.webhooks import FAMILIES, WAITS, Webhooks
from gateway.storage import WebhookMark
from tests.services.mails import VALUES
from tests.services.world import World, open_world

KEY = b"k" * 32
ORIGIN = "https://soins.hopital.test"


@dataclass
class FakeCarrier:
    """Keeps what it brings; fails as told, by target."""

    taken: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    failing: dict[str, str] = field(default_factory=dict)
    tries: int = 0

    async def bring(self, target: Target, headers: Mapping[str, str], body: bytes) -> str | None:
        """Once."""
        self.tries += 1
        if target.name in self.failing:
            return self.failing[target.name]
        self.taken.append((target.name, headers, body))
        return None

    def told(self, name: str = "dpi") -> list[str]:
        """The events that a program got, in order."""
        return [json.loads(body)["type"] for target, _, body in self.taken if target == name]


def target(name: str = "dpi", *events: str) -> Target:
    """A program."""
    return Target(name=name, address="https://dpi.hopital.test/", keys=(KEY,), events=events)


def webhooks(world: World, carrier: FakeCarrier, *targets: Target) -> Webhooks:
    """What tells them, as after a restart."""
    return Webhooks(
        store=world.store,
        clock=world.clock,
        party=world.party,
        targets=targets or (target(),),
        carrier=carrier,
        origin=ORIGIN,
    )


async def round_of(hooks: Webhooks) -> int:
    """A round of each program, one after the other."""
    return sum([await serve() for serve in hooks.rounds().values()])


@pytest.fixture
def carrier() -> FakeCarrier:
    """Nothing was brought yet."""
    return FakeCarrier()


async def test_a_program_learns_what_happens_from_its_first_day_on(hospital: World, carrier: FakeCarrier) -> None:
    """Not what was before; then each event once, in the order of the log, however often one looks."""
    await hospital.submit()
    hooks = webhooks(hospital, carrier)
    assert await round_of(hooks) == 0

    await hospital.to_running()
    await round_of(hooks)
    await round_of(webhooks(hospital, carrier))

    names = [entry.event for entry in await hospital.events()][-len(carrier.told()) - 20 :]
    expected = [name for name in names if name.startswith(FAMILIES)]
    assert carrier.told() == expected[-len(carrier.told()) :]
    assert "request.submitted" in carrier.told()
    ids = [headers["webhook-id"] for _, headers, _ in carrier.taken]
    assert len(set(ids)) == len(ids)


async def test_a_message_names_a_reference_and_no_person(hospital: World, carrier: FakeCarrier) -> None:
    """Event, instant, case, link: nothing else."""
    hooks = webhooks(hospital, carrier)
    await round_of(hooks)
    ref = (await hospital.submit()).case.ref
    await round_of(hooks)

    for _, _, body in carrier.taken:
        told = json.loads(body)
        assert set(told) == {"type", "timestamp", "data"}
        assert told["data"] == {"reference": ref, "link": f"{ORIGIN}/dossiers/{ref}"}
        assert VALUES["patient_name"] not in body.decode()


async def test_a_program_that_fails_is_told_again_later_and_in_order(hospital: World, carrier: FakeCarrier) -> None:
    """The same id, a new instant; it waits longer each time, also across a restart, and nothing is skipped."""
    hooks = webhooks(hospital, carrier)
    await round_of(hooks)
    await hospital.submit()
    carrier.failing["dpi"] = "HTTP 500"
    waits = []
    for _ in range(len(WAITS) + 1):
        tries, waited = carrier.tries, timedelta()
        while carrier.tries == tries:
            await round_of(webhooks(hospital, carrier))
            if carrier.tries == tries:
                hospital.clock.advance(timedelta(seconds=5))
                waited += timedelta(seconds=5)
        waits.append(waited)
    carrier.failing.clear()
    hospital.clock.advance(WAITS[-1])
    await hospital.submit()
    await round_of(webhooks(hospital, carrier))

    assert waits == [timedelta(), *WAITS[: len(WAITS)]]
    assert carrier.told()[0] == "case.opened"
    assert carrier.told() == [entry.event for entry in await hospital.events() if entry.event.startswith(FAMILIES)]


@pytest.mark.fault("F15")
async def test_after_a_backup_was_put_back_another_event_has_another_id(tmp_path: Path, carrier: FakeCarrier) -> None:
    """The log gives the same numbers again: a program that knows an id would throw the new message away."""
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        async with open_world(tmp_path / name) as world:
            await round_of(webhooks(world, carrier))
            await world.submit()
            await round_of(webhooks(world, carrier))
    ids = [headers["webhook-id"] for _, headers, _ in carrier.taken]
    assert len(ids) == len(set(ids)) > 2


async def test_one_program_does_not_hold_another_back(hospital: World, carrier: FakeCarrier) -> None:
    """Each has its own place in the log."""
    hooks = webhooks(hospital, carrier, target("mort"), target("dpi"))
    await round_of(hooks)
    carrier.failing["mort"] = "timeout"
    await hospital.submit()
    await round_of(hooks)

    assert carrier.told("mort") == []
    assert "request.submitted" in carrier.told("dpi")


async def test_a_crash_before_the_mark_tells_twice_with_the_same_id(
    hospital: World, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: the receiver recognises the second one."""
    hooks = webhooks(hospital, carrier)
    await round_of(hooks)
    await hospital.submit()

    async def crash(*_args: object) -> WebhookMark:
        raise StorageFailed(place="x", reason="y")

    with monkeypatch.context() as patch:
        patch.setattr(hooks, "_reached", crash)
        with pytest.raises(StorageFailed):
            await round_of(hooks)
    await round_of(webhooks(hospital, carrier))

    ids = [headers["webhook-id"] for _, headers, _ in carrier.taken]
    assert ids[0] == ids[1]
    assert len(set(ids)) == len(ids) - 1


async def test_what_a_program_asks_for_is_all_it_gets(hospital: World, carrier: FakeCarrier) -> None:
    """A family or a name; who read what is told to nobody, even to who asks."""
    hooks = webhooks(hospital, carrier, target("dpi", "request.*", "log.*"), target("un", "case.opened"))
    await round_of(hooks)
    await hospital.to_running()
    async with hospital.store.act() as act:
        await act.record("log.read", actor="alice")
    await round_of(hooks)

    assert carrier.told("un") == ["case.opened"]
    assert {name.partition(".")[0] for name in carrier.told("dpi")} == {"request"}
    mark = await hospital.only(WebhookMark, target="un")
    assert mark.seen == (await hospital.events())[-1].index
