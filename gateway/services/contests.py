"""Recorded silences that something was found against, for persons to read: what it is, and what was said of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.parties import Party
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.challenged import Standing, acceptances_of
from gateway.services.rulings import open_words
from gateway.storage import Case, Challenge, Request, Ruling, Store, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One acceptance with its challenges; ``words`` are what persons wrote, None where the case was forgotten."""

    ref: str
    request: Request
    found: Standing
    words: Mapping[Challenge | Ruling, str | None]


class Contests:
    """Reads them."""

    def __init__(self, *, store: Store, cabinet: Cabinet, party: Party) -> None:
        self._store = store
        self._cabinet = cabinet
        self._party = party

    async def all(self, ref: str | None = None, *, settled: bool = False) -> tuple[Contest, ...]:
        """Those on which nobody has ruled yet, of one case or all; with ``settled`` the others as well.

        Raises:
            Unknown: no such case.
        """
        async with self._store.view() as view:
            case = None if ref is None else await find_case(view, self._party.site, ref)
            found = []
            for request in await self._requests(view, case):
                known = await acceptances_of(view, self._party.site, request.hash)
                shown = [each for each in known if each.open or (settled and each.challenges)]
                found += [await self._contest(view, request, each) for each in shown]
            return tuple(found)

    async def _requests(self, view: View, case: Case | None) -> tuple[Request, ...]:
        rows = await view.all(Challenge, site=self._party.site)
        hashes = tuple(dict.fromkeys(row.request_hash for row in rows))
        found = await view.all(Request, site=self._party.site, hash=hashes)
        return tuple(row for row in found if case is None or row.case_id == case.id)

    async def _contest(self, view: View, request: Request, found: Standing) -> Contest:
        case = await view.one(Case, id=request.case_id)
        if case is None:
            raise LookupError("a request without its case")
        key = await self._cabinet.case_key(view, case)
        told: tuple[Challenge | Ruling, ...] = (*found.challenges, *found.rulings)
        return Contest(
            ref=case.ref,
            request=request,
            found=found,
            words={each: open_words(self._cabinet, key, each.words) for each in told},
        )
