"""Casts doubt on a recorded silence, in the caller's act: the record stays, and a person is called.

The same finding counts once. What persons ruled on is settled; what is found after their word opens the doubt again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Protocol

from gateway.domain import request as life
from gateway.domain.audit import iso
from gateway.domain.challenge import Finding, Ground
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.request import Event
from gateway.storage import Acceptance, Act, Challenge, Matter, Request, Rows, Ruling, Store


class Advance(Protocol):
    """One step of a request along its table, recorded; see :meth:`gateway.services.requests.Requests.advance`."""

    async def __call__(self, act: Act, request: Request, event: Event, *, actor: str, **told: Any) -> Request:
        """The request after it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An acceptance with everything that was found against it and said of it, oldest first."""

    acceptance: Acceptance
    challenges: tuple[Challenge, ...]
    rulings: tuple[Ruling, ...]

    @property
    def open(self) -> tuple[Challenge, ...]:
        """What nobody has ruled on yet."""
        if self.acceptance.withdrawn_at is not None:
            return ()
        upheld = [row.about for row in self.rulings if row.decides and row.finding is Finding.UPHELD]
        return tuple(row for row in self.challenges if row.id > max(upheld, default=0))

    @property
    def waiting(self) -> tuple[Ruling, ...]:
        """What persons said of the newest of it, while more of them are needed."""
        newest = max((row.id for row in self.open), default=0)
        return tuple(row for row in self.rulings if row.about == newest)


async def standing_acceptance(view: Rows, request: Request) -> Acceptance | None:
    """The acceptance that stands for a request."""
    return await view.one(Acceptance, site=request.site, request_hash=request.hash, withdrawn_at=None)


async def acceptances_of(view: Rows, site: str, request_hash: str) -> tuple[Standing, ...]:
    """Every acceptance of a request, the withdrawn ones as well, oldest first."""
    rulings = await view.all(Ruling, site=site, request_hash=request_hash, matter=Matter.ACCEPTANCE)
    challenges = await view.all(Challenge, site=site, request_hash=request_hash)
    found = []
    for acceptance in await view.all(Acceptance, site=site, request_hash=request_hash):
        own = tuple(row for row in challenges if row.acceptance == acceptance.id)
        said = tuple(row for row in rulings if row.about in {each.id for each in own})
        found.append(Standing(acceptance=acceptance, challenges=own, rulings=said))
    return tuple(found)


def contested(found: Sequence[Standing]) -> bool:
    """Whether something is still open against one of them."""
    return any(each.open for each in found)


async def is_contested(view: Rows, request: Request) -> bool:
    """Whether the silence recorded on a request is in doubt."""
    return request.state in life.SILENT and contested(await acceptances_of(view, request.site, request.hash))


async def challenge_ahead(store: Store, advance: Advance, *, site: str, now: datetime) -> None:
    """Challenge what bears a time that has not come yet: the clock was ahead when it was recorded, and is put right."""
    async with store.view() as view:
        newest = await view.all(Acceptance, site=site, withdrawn_at=None, newest=True)
    for accepted in takewhile(lambda row: row.recorded_at > now + CLOCK_TOLERANCE, newest):
        async with store.act() as act:
            request = await act.one(Request, site=site, hash=accepted.request_hash)
            if request is not None and request.state in life.SILENT:
                await act.lock(request.case_id)
                told = {"recorded_at": iso(accepted.recorded_at), "now": iso(now)}
                await challenge(
                    act,
                    advance,
                    request,
                    accepted,
                    Ground.CLOCK_WRONG,
                    about="clock",
                    by="gateway",
                    at=now,
                    details=told,
                )


async def challenge(
    act: Act,
    advance: Advance,
    request: Request,
    acceptance: Acceptance,
    ground: Ground,
    *,
    about: str,
    by: str,
    at: datetime,
    words: bytes | None = None,
    **told: Any,
) -> Request:
    """Append what was found; nothing when it is known already. ``told`` goes into the record of the step."""
    finding = {"acceptance": acceptance.id, "ground": ground, "about": about}
    if await act.one(Challenge, **finding) is not None:
        return request
    row = await act.add(
        Challenge(
            site=request.site,
            acceptance=acceptance.id,
            request_hash=request.hash,
            ground=ground,
            about=about,
            words=words,
            raised_at=at,
            raised_by=by,
        )
    )
    details = {"challenge": row.id, "ground": ground.value, "about": about, **told.pop("details", {})}
    return await advance(act, request, Event.CHALLENGED, actor=by, details=details, **told)
