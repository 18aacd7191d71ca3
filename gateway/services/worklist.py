"""What is to be done: the duties of cases, and the mails that await sorting; the most urgent first, some at a time.

Which cases have something to do is found in the kept worklist (gateway.services.kept_worklist), completed by the cases
that the audit log has named since; what is to be done there is read from the cases themselves. Where the kept worklist
does not know enough, or says what a case does not bear out, every open case is read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.domain.duties import Duty, Urgency, instant_of
from gateway.domain.duties.spans import RANKS
from gateway.domain.parties import Party, Role
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.casework import hospital_day
from gateway.services.gathered import gathered
from gateway.services.kept_worklist import cases_named, named_since
from gateway.services.owed import Owed
from gateway.storage import FOR_A_PERSON, Case, Mail, Store, TaskKey, View, WorklistMark

ALL_AT_ONCE = 500
"""Items of a page, for who wants all of them."""

_VERDICTS = tuple(FOR_A_PERSON)
_NO_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do; ``case`` is None for a mail of which nothing is known."""

    key: TaskKey
    duty: Duty
    case: Case | None = None

    @property
    def ref(self) -> str | None:
        """The reference of its case."""
        return self.case.ref if self.case else None

    @property
    def hospital(self) -> str | None:
        """Whose case it is; of a mail that is not known before it is sorted."""
        return self.case.hospital if self.case and not self.key.mail else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """A page of the worklist; ``after`` leads to the next one, None at the end. ``counts`` are those of the whole."""

    items: tuple[Item, ...]
    counts: Mapping[Urgency, int]
    after: TaskKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is to be done in cases, as far as a page needs it; ``counts`` are those of all cases."""

    items: Sequence[Item]
    counts: Mapping[int, int]


class _NotBorneOut(Exception):
    """The kept worklist names a duty that its case does not have."""


class Worklist:
    """Reads what is to be done."""

    def __init__(self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self.owed = Owed(cabinet=cabinet, clock=clock, party=party)

    async def todo(self, ref: str | None = None) -> tuple[Item, ...]:
        """Everything that is to be done, or all of one case; the most urgent first.

        Raises:
            Unknown: no such case.
        """
        if ref is not None:
            return await self._of_one(ref)
        page = await self.page(limit=ALL_AT_ONCE)
        found = [*page.items]
        while page.after is not None:
            page = await self.page(page.after, limit=ALL_AT_ONCE)
            found += page.items
        return tuple(found)

    async def page(self, after: TaskKey | None = None, *, limit: int) -> Todo:
        """Some of what is to be done, from the beginning or after a place."""
        async with self._store.view() as view:
            fresh = await self._fresh(view)
            if fresh is not None:
                try:
                    return await self._page(view, await self._completed(view, fresh, after, limit), after, limit)
                except _NotBorneOut:
                    # The cases are right, whatever the reason; slow to load for every command that only reads.
                    import structlog

                    structlog.get_logger().warning("worklist.not_borne_out")
            cases = await view.all(Case, site=self._party.site, closed_at=None)
            return await self._page(view, _counted(await self._items(view, cases)), after, limit)

    async def _of_one(self, ref: str) -> tuple[Item, ...]:
        async with self._store.view() as view:
            case = await find_case(view, self._party.site, ref)
            mails = await view.all(
                Mail,
                site=self._party.site,
                verdict=_VERDICTS,
                settled_at=None,
                held_back=True,
                likely_case=case.id,
            )
            found = [*await self._items(view, [case]), *(self._sorting(mail, case) for mail in mails)]
        return tuple(sorted(found, key=lambda item: item.key))

    # --- where they are

    async def _fresh(self, view: View) -> tuple[Case, ...] | None:
        """The cases that the log has named since the worklist was kept; None: it does not know enough."""
        mark = await view.one(WorklistMark, site=self._party.site)
        named = None if mark is None or not mark.whole else await named_since(view, mark)
        return None if named is None else await cases_named(view, self._party.site, named)

    async def _completed(self, view: View, fresh: Sequence[Case], after: TaskKey | None, limit: int) -> _Found:
        """What is kept of this day, but for the fresh cases, of which everything is read."""
        site, day, without = self._party.site, hospital_day(self._clock.now()), frozenset(case.id for case in fresh)
        tasks = {each.key: each for each in await view.tasks(site, day, without=without, after=after, limit=limit + 1)}
        kept = tuple({task.case_id for task in tasks.values()})
        still_open = tuple(case for case in fresh if case.closed_at is None)
        items = await self._items(view, (*still_open, *(await view.all(Case, id=kept) if kept else ())))
        counts = Counter(item.key.urgency for item in items if item.key.number in without)
        counts.update(await view.task_counts(site, day, without=without))
        found = [item for item in items if item.key in tasks or item.key.number in without]
        if not tasks.keys() <= {item.key for item in found}:
            raise _NotBorneOut
        return _Found(items=found, counts=counts)

    async def _items(self, view: View, cases: Sequence[Case]) -> list[Item]:
        """The duties of these cases, as they are now."""
        rows = await gathered(view, self._party.site, cases)
        return [
            Item(key=_key(case, duty), duty=duty, case=case)
            for case in cases
            for duty in await self.owed.of(rows, case)
        ]

    # --- a page of them

    async def _page(self, view: View, found: _Found, after: TaskKey | None, limit: int) -> Todo:
        mails = await self._mails(view, after, limit + 1)
        likely = {mail.likely_case for mail in mails} - {None}
        about = {case.id: case for case in await view.all(Case, id=tuple(likely))} if likely else {}
        every = [*found.items, *(self._sorting(mail, about.get(mail.likely_case or 0)) for mail in mails)]
        items = sorted([item for item in every if after is None or item.key > after], key=lambda item: item.key)
        counts = Counter(found.counts)
        counts[Urgency.NOW] += await self._mails_to_sort(view)
        return Todo(
            items=tuple(items[:limit]),
            counts={urgency: counts[urgency] for urgency in Urgency},
            after=items[limit - 1].key if len(items) > limit else None,
        )

    # --- mails

    async def _mails(self, view: View, after: TaskKey | None, limit: int) -> tuple[Mail, ...]:
        """Mails that hold something back, the oldest first, from a place on."""
        first = _MAILS if after is None or after < _MAILS else after
        if (first.urgency, first.due_at, first.mail) != (_MAILS.urgency, _MAILS.due_at, _MAILS.mail):
            return ()
        return await view.following(
            Mail,
            first.number,
            limit=limit,
            site=self._party.site,
            verdict=_VERDICTS,
            settled_at=None,
            held_back=True,
        )

    async def _mails_to_sort(self, view: View) -> int:
        found = await view.tally(
            Mail,
            by="verdict",
            oldest="recorded_at",
            site=self._party.site,
            verdict=_VERDICTS,
            settled_at=None,
            held_back=True,
        )
        return sum(each.count for each in found)

    def _sorting(self, mail: Mail, case: Case | None) -> Item:
        sentence = said("Trier le courrier {number} : une personne doit dire ce qu'il est.", number=mail.id)
        if self._party.role is Role.HOSPITAL:
            sentence = said(
                "Trier le courrier {number} : peut-être une réponse ; d'ici là, aucune acceptation ne s'enregistre.",
                number=mail.id,
            )
        if mail.settled_as is not None:
            sentence = said(
                "Confirmer ce que {who} a dit du courrier {number} : une seconde personne est demandée.",
                who=mail.settled_by,
                number=mail.id,
            )
        duty = Duty(
            code="mail_to_sort",
            by=self._party.role,
            sentence=sentence,
            urgency=Urgency.NOW,
            commands=(f"gateway triage show {mail.id}", f"gateway triage classify {mail.id} …"),
            request=mail.likely_request,
        )
        return Item(key=_mail_key(mail), duty=duty, case=case)


_MAILS = TaskKey(urgency=Urgency.NOW, due_at=_NO_END, mail=True, number=0)
"""The place before all mails: after the tasks of cases that are as urgent and have no end either."""


def _mail_key(mail: Mail) -> TaskKey:
    return TaskKey(urgency=Urgency.NOW, due_at=_NO_END, mail=True, number=mail.id)


def _key(case: Case, duty: Duty) -> TaskKey:
    return TaskKey(
        urgency=duty.urgency,
        due_at=instant_of(duty.due),
        mail=False,
        number=case.id,
        rank=RANKS[duty.code],
        request=duty.request or "",
    )


def _counted(items: Sequence[Item]) -> _Found:
    return _Found(items=items, counts=Counter(item.duty.urgency for item in items))
