"""What a person notes in a case, corrects or closes, as pages show it: the fields, and what stands against it.

The desk does the acts; here is what a page needs before one, and whether this person may ask for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.errors import GatewayError, IllegalTransition, Unknown
from gateway.domain.kinds import KINDS, Kind, Subject, as_kept
from gateway.domain.parties import Party
from gateway.domain.rights import Right
from gateway.domain.words import Said, said
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, unfinished
from gateway.services.casework import Casework, standing_facts
from gateway.services.desk import Desk
from gateway.services.fiche import Fiche
from gateway.services.form_fields import Box, as_typed, field_faults
from gateway.services.rights import Actor, entitled
from gateway.services.terms import worded
from gateway.storage import Case, Fact, Request, Store, View

Reads = Callable[[Actor, Case | None], bool]
"""Whether a person may read what is medical of a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """A fact to be noted, or one to be corrected (``fact``)."""

    case: Case
    kind: Kind
    boxes: tuple[Box, ...]
    request: str | None = None
    requests: tuple[Request, ...] = ()
    fact: Fact | None = None
    because: str = ""

    @property
    def wrong(self) -> bool:
        """Whether a field has a fault."""
        return any(box.fault for box in self.boxes)

    def typed(self, values: Mapping[str, str], because: str, request: str | None) -> "NoteView":
        """The same with what a person typed, and what is wrong with it."""
        stands = {box.field.id: "—" for box in self.boxes if box.hidden}
        faults = field_faults(self.kind, stands | {name: text for name, text in values.items() if text.strip()})
        boxes = tuple(
            replace(box, value=values.get(box.field.id, ""), fault=faults.get(box.field.id)) for box in self.boxes
        )
        return replace(self, boxes=boxes, because=because, request=request or self.request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A case that somebody would close, and why it cannot be yet."""

    case: Case
    reasons: tuple[Said, ...]
    obstacle: GatewayError | None


class Notes:
    """Reads them, and asks the desk."""

    def __init__(
        self, *, store: Store, cabinet: Cabinet, casework: Casework, desk: Desk, party: Party, reads: Reads
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._casework = casework
        self._desk = desk
        self._party = party
        self._reads = reads

    def kinds(self) -> tuple[Kind, ...]:
        """What our role notes."""
        return tuple(kind for kind in KINDS.values() if self._party.role in kind.noted_by and kind.fields)

    async def choice(self, ref: str, *, actor: Actor) -> tuple[Case, tuple[Kind, ...]]:
        """A case, and what may be noted of it.

        Raises:
            Unknown. NotAllowed.
        """
        async with self._store.view() as view:
            return await self._case(view, ref, actor), self.kinds()

    async def blank(self, ref: str, kind_id: str, *, actor: Actor, request: str | None = None) -> NoteView:
        """A fact of this kind to be noted.

        Raises:
            Unknown: no such case, or not a fact that our role notes. NotAllowed.
        """
        kind = next((kind for kind in self.kinds() if kind.id == kind_id), None)
        if kind is None:
            raise Unknown(kind=said("type"), ref=kind_id[:40])
        async with self._store.view() as view:
            case = await self._case(view, ref, actor)
            boxes = tuple(Box(field=field) for field in kind.fields)
            rows = await self._requests(view, case, kind)
        return NoteView(case=case, kind=kind, boxes=boxes, request=request, requests=rows)

    async def fact(self, ref: str, fact_id: int, *, actor: Actor) -> NoteView:
        """A noted fact, to be corrected; reading what is medical in it is recorded before it leaves.

        Raises:
            Unknown: no such fact, or it no longer stands, or a message brought it. NotAllowed.
        """
        async with self._store.act() as act:
            case = await self._case(act, ref, actor)
            fact = next((fact for fact in await standing_facts(act, case) if fact.id == fact_id), None)
            if fact is None or fact.message is not None:
                raise Unknown(kind=said("fait"), ref=str(fact_id))
            kind, reads = KINDS[fact.kind], self._reads(actor, case)
            values = self._casework.details(fact, await self._cabinet.case_key(act, case))
            if reads and any(field.medical and values.get(field.id) for field in kind.fields):
                await act.record("fact.read", actor=actor.name, case=case.ref, details={"fact": fact.id})
        boxes = []
        for field in kind.fields:
            value = values.get(field.id, "")
            hidden = field.medical and bool(value) and not reads
            boxes.append(Box(field=field, value="" if hidden else as_typed(field, value), hidden=hidden))
        return NoteView(case=case, kind=kind, boxes=tuple(boxes), fact=fact)

    async def closing(self, ref: str, *, actor: Actor) -> Closing:
        """Whether a case can be closed.

        Raises:
            Unknown. NotAllowed.
        """
        async with self._store.view() as view:
            case = await self._case(view, ref, actor)
            reason = await unfinished(view, case)
        obstacle = None
        try:
            stay.step(case.state, stay.Event.CLOSED)
        except IllegalTransition as error:
            obstacle = worded(error)
        return Closing(case=case, reasons=(reason,) if reason else (), obstacle=obstacle)

    # --- acts

    async def note(
        self,
        ref: str,
        kind_id: str,
        values: Mapping[str, str],
        *,
        actor: Actor,
        because: str = "",
        request: str | None = None,
    ) -> Case:
        """Note a fact; raises as :meth:`gateway.services.desk.Desk.note`, and Unknown."""
        view = await self.blank(ref, kind_id, actor=actor)
        fiche = Fiche(
            path=view.kind.title,
            kind=view.kind,
            ref=view.case.ref,
            values=as_kept(view.kind, {name: text.strip() for name, text in values.items() if text.strip()}),
            request=request,
            because=because.strip() or None,
        )
        return await self._desk.note(fiche, actor=actor.name)

    async def correct(self, ref: str, fact_id: int, values: Mapping[str, str] | None, *, actor: Actor) -> Fact:
        """Correct a fact, or withdraw it (None); raises as :meth:`gateway.services.desk.Desk.correct`, and Unknown."""
        view = await self._mine(ref, fact_id, actor)
        if values is None:
            return await self._desk.correct(fact_id, None, actor=actor.name)
        places = {
            field.fiche: values[field.id].strip()
            for field in view.fields
            if field.id in values and (values[field.id].strip() or not field.medical)
        }
        return await self._desk.correct(fact_id, places, actor=actor.name)

    async def close(self, ref: str, *, actor: Actor) -> Case:
        """Close a case; raises as :meth:`gateway.services.desk.Desk.close`, and Unknown."""
        async with self._store.view() as view:
            case = await self._case(view, ref, actor)
        return await self._desk.close(case.ref, actor=actor.name)

    async def _mine(self, ref: str, fact_id: int, actor: Actor) -> Kind:
        async with self._store.view() as view:
            case = await self._case(view, ref, actor)
            fact = await view.one(Fact, site=case.site, case_id=case.id, id=fact_id)
        if fact is None:
            raise Unknown(kind=said("fait"), ref=str(fact_id))
        return KINDS[fact.kind]

    async def _case(self, view: View, ref: str, actor: Actor) -> Case:
        await entitled(view, self._party, actor.name, Right.SEND)
        return await find_case(view, self._party.site, ref)

    async def _requests(self, view: View, case: Case, kind: Kind) -> tuple[Request, ...]:
        if kind.subject not in {Subject.ANSWER, Subject.EXCHANGE}:
            return ()
        rows = await view.all(Request, site=case.site, case_id=case.id)
        still_open = tuple(row for row in rows if row.state in life.OPEN)
        return still_open if len(still_open) > 1 else ()
