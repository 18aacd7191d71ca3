"""Three gateways under whatever people and the post do to their mails: they end in agreement, or say so."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.domain import request as life
from gateway.domain.errors import GatewayError
from gateway.storage import Acceptance, Request
from tests.journeys.post import Letter
from tests.journeys.trio import Sent, Trio, open_trio

DISAGREEING = {
    "acceptance_challenged",
    "answer_contrary",
    "answer_disputed",
    "answer_to_superseded",
    "late_answer",
    "notice_contradicts_us",
}
"""What tells a person that two of the three hold something else."""

OPEN = {state.value for state in life.OPEN}
"""An elapsed request may wait for a person's word at the hospital: to the others it still runs."""

Deed = Callable[[], Awaitable[object]]


@dataclass
class Life:
    """What people and the post may do next."""

    trio: Trio
    asked: list[Sent] = field(default_factory=list)
    brought: list[Letter] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def deeds(self) -> dict[str, Deed]:
        """By name: what each may try, legal or not."""
        hospital, cnas, about = self.trio.hospital, self.trio.cnas, self.asked[-1]
        answers: dict[str, Deed] = {
            "the CNAS accepts": partial(cnas.sends, "EXTENSION_ACCEPTANCE", about=about, also=("form",)),
            "the CNAS accepts a part": partial(cnas.sends, "EXTENSION_PARTIAL_ACCEPTANCE", about=about),
            "the CNAS refuses": partial(cnas.sends, "EXTENSION_REFUSAL", about=about, motive="non justifié"),
            "the CNAS asks": partial(cnas.sends, "INFO_REQUEST", about=about),
            "the CNAS sends the form": partial(cnas.sends, "EXTENSION_REGULARISATION", about=about),
            "the CNAS disputes": partial(cnas.sends, "VITAL_DISPUTE", about=about),
            "the hospital informs": partial(hospital.sends, "INFO_RESPONSE", about=about),
            "physicians agree": partial(hospital.sends, "MEDIATION", about=about, result="accord"),
            "physicians do not agree": partial(cnas.sends, "MEDIATION", about=about, result="echec"),
            "an expert is asked": partial(cnas.sends, "EXPERT_REQUEST", about=about, because="urgent"),
            "the expert denies": partial(cnas.sends, "EXPERT_OPINION", about=about, result="niee"),
        }
        requests: dict[str, Deed] = {
            "the hospital asks again": partial(self._asks, "EXTENSION_REQUEST"),
            "the hospital asks, a life at stake": partial(self._asks, "EXTENSION_REQUEST.vital"),
            "the hospital corrects": partial(self._asks, "EXTENSION_REQUEST", supersedes=about.request or ""),
            "the hospital wants the patient home": partial(hospital.sends, "REPATRIATION_REQUEST"),
            "the patient leaves for a while": partial(hospital.notes, "INTERRUPTION"),
            "the patient is back": partial(hospital.notes, "READMISSION"),
        }
        post: dict[str, Deed] = {f"time passes, {days} days": partial(self.trio.days_pass, days) for days in (1, 3)}
        if self.trio.road:
            post |= {"the post brings": self._brings, "the post brings the last first": partial(self._brings, -1)}
        if self.brought:
            post["the post brings again"] = self._brings_again
        return answers | post | requests | post

    async def _asks(self, kind: str, **told: str) -> None:
        self.asked.append(await self.trio.hospital.sends(kind, about=None, also=(), because=None, **told))

    async def _brings(self, which: int = 0) -> None:
        self.brought.append(await self.trio.arrives(which))

    async def _brings_again(self) -> None:
        self.trio.road.append(self.brought[-1])
        await self.trio.arrives(-1)

    async def does(self, choice: int) -> None:
        """One deed; what is refused leaves every log as it was."""
        deeds = self.deeds()
        name = list(deeds)[choice % len(deeds)]
        self.done.append(name)
        before = [len(await party.world.events()) for party in self.trio.parties.values()]
        try:
            await deeds[name]()
        except GatewayError as error:
            self.done[-1] += f" (refused: {error.code})"
            assert [len(await party.world.events()) for party in self.trio.parties.values()] == before

    async def comes_to_rest(self) -> None:
        """Every letter arrives, in its order, and ten days go by."""
        while self.trio.road:
            await self.trio.arrives()
        self.trio.slow = False
        await self.trio.settle()
        await self.trio.days_pass(10)

    async def holds(self) -> None:
        """One period and one end for each request, at each; nothing waits for a person that nobody else wrote."""
        for party in self.trio.parties.values():
            await party.world.verify_audit()
            for row in await party.world.all(Request):
                names = [entry.event for entry in await party.world.events() if entry.request == row.hash]
                assert names.count("request.acknowledged") <= 1, self.done
                silences = names.count("request.silence_recorded")
                assert silences == len(await party.world.all(Acceptance, request_hash=row.hash)) <= 1, self.done
                assert not silences or row.state in life.SILENT, self.done

    async def agrees(self) -> None:
        """Each holds a request in the same state, or as open; or somebody is told that not."""
        told = {name for party in self.trio.parties.values() for name in await party.alarms()}
        for sent in self.asked:
            states = await self.trio.request(sent)
            alike = len(set(states)) == 1 or OPEN.issuperset(states)
            assert alike or told & DISAGREEING, (states, told, self.done)
        for party in self.trio.parties.values():
            assert await party.to_triage() == [], self.done


# A failure names every deed; to shrink it would take many minutes.
@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.booleans(), st.lists(st.integers(0, 9999), min_size=8, max_size=14))
async def test_no_order_of_deeds_and_mails_parts_the_three(
    tmp_path_factory: pytest.TempPathFactory,
    slow: bool,  # noqa: FBT001  drawn
    choices: list[int],
) -> None:
    """Mails late, twice, out of order; people who answer, ask and change their minds: what is true at all times."""
    async with open_trio(tmp_path_factory.mktemp("any")) as trio:
        told = Life(trio)
        await trio.until("2026-02-08")
        trio.slow = slow
        await told._asks("EXTENSION_REQUEST.vital" if choices[0] % 2 else "EXTENSION_REQUEST")
        for choice in choices:
            await told.does(choice)
            await told.holds()
        await told.comes_to_rest()
        await told.holds()
        await told.agrees()
