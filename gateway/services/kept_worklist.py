"""Keeps the worklist: what each case has to do on each day, so that no page reads every case.

It is computed from the cases and is never what decides. What it knows is said by its mark: all that the audit log told
before a record. Who reads it looks up the cases that later records name. It is made anew when its rules change, and
goes through all cases for ever, a few in each round, so that nothing in it can be wrong for long.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway.domain.duties.spans import EDITION, RANKS
from gateway.domain.parties import Party
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.gathered import gathered
from gateway.services.owed import Owed
from gateway.storage import Case, CaseTask, Named, Request, Store, View, WorklistMark

RECORDS_AT_MOST = 5000
"""Records of the log that may have come before the cases that they name are no more looked up one by one."""

AT_ONCE = 100
"""Cases of a commit: while it is made one commit follows the other, afterwards a round has one."""


async def named_since(view: View, mark: WorklistMark) -> Named | None:
    """What the log has named since; None when the mark is not one of this log and these rules, or that is too much."""
    size, _frontier, _last = await view.head()
    if mark.edition != EDITION or mark.seen > size:
        return None
    named = await view.named_since(mark.seen, limit=RECORDS_AT_MOST)
    return None if named is None or named.erased else named


async def cases_named(view: View, site: str, named: Named) -> tuple[Case, ...]:
    """The cases that records are about; a record of a request is about its case."""
    found: dict[int, Case] = {}
    if named.cases:
        found |= {case.id: case for case in await view.all(Case, site=site, ref=tuple(named.cases))}
    if named.requests:
        requests = await view.all(Request, site=site, hash=tuple(named.requests))
        wanted = {request.case_id for request in requests} - found.keys()
        found |= {case.id: case for case in await view.all(Case, id=tuple(wanted))} if wanted else {}
    return tuple(found.values())


class KeptWorklist:
    """One round at a time, whichever gateway's turn it is."""

    def __init__(self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party) -> None:
        self._store = store
        self._owed = Owed(cabinet=cabinet, clock=clock, party=party)
        self._site = party.site

    async def round(self) -> None:
        """Learn what the log told since the last one, and look at some cases more; all of them when it is new."""
        whole = await self._step()
        while not whole:
            # A hundred cases take a moment: mail and deadlines come in between.
            await asyncio.sleep(0)
            whole = await self._step()

    async def _step(self) -> bool:
        """Whether it is whole."""
        async with self._store.view() as view:
            before = await view.one(WorklistMark, site=self._site)
            size, _frontier, _last = await view.head()
            named = None if before is None else await named_since(view, before)
            mark = before
            if mark is None or named is None:
                empty = WorklistMark(site=self._site, seen=size, reached=0, whole=False, edition=EDITION)
                mark = empty if mark is None else replace(empty, id=mark.id)
            some = await view.following(Case, mark.reached, limit=AT_ONCE, site=self._site)
            cases = {case.id: case for case in (*some, *await cases_named(view, self._site, named or _NOTHING))}
            tasks = await self._tasks(view, tuple(cases.values()))
            changed = await _changed(view, tasks)
        ended = len(some) < AT_ONCE
        mark = replace(mark, seen=size, reached=0 if ended else some[-1].id, whole=mark.whole or ended)
        async with self._store.act() as act:
            if await act.one(WorklistMark, site=self._site) != before:
                # Another gateway was quicker, and its word is as good as ours.
                return True
            await act.keep_tasks(changed, [task for case in changed for task in tasks[case]])
            await (act.add(mark) if before is None else act.save(mark))
        return mark.whole

    async def _tasks(self, view: View, cases: Sequence[Case]) -> dict[int, frozenset[CaseTask]]:
        rows = await gathered(view, self._site, cases)
        return {
            case.id: frozenset(
                CaseTask(
                    site=self._site,
                    case_id=case.id,
                    code=span.code,
                    rank=RANKS[span.code],
                    request=span.request,
                    urgency=int(span.urgency),
                    due_at=span.due_at,
                    since=span.since,
                    until=span.until,
                )
                for span in await self._owed.over_time(rows, case)
            )
            for case in cases
        }


_NOTHING = Named(cases=frozenset(), requests=frozenset(), erased=False)


async def _changed(view: View, tasks: dict[int, frozenset[CaseTask]]) -> tuple[int, ...]:
    """The cases of which something else is kept."""
    kept: dict[int, set[CaseTask]] = {case: set() for case in tasks}
    for task in await view.all(CaseTask, case_id=tuple(tasks)) if tasks else ():
        kept[task.case_id].add(replace(task, id=0))
    return tuple(case for case in tasks if kept[case] != tasks[case])
