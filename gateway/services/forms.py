"""Makes the page of a form under way: prefilled from its case, checked as the desk checks, shown to who may read.

Showing what is medical is a reading, recorded before it leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.errors import DeskError, FicheInvalid, IllegalTransition, NoCorrespondent
from gateway.domain.kinds import KINDS, Field, Kind, Subject, parse_date
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.rights import Right
from gateway.domain.tacit import end_of_day_in_paris
from gateway.domain.words import Said
from gateway.ports import Clock
from gateway.services.almanac import Almanac
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.casework import IDENTITY_FIELDS, Casework, standing_facts
from gateway.services.compose import ENCRYPTION_OVERHEAD, Composer, current_pins
from gateway.services.draft_content import Content
from gateway.services.draft_rows import (
    Aim,
    aimed,
    case_of,
    fiche_of,
    is_medical,
    key_of,
    opened,
    record,
    same,
    under_way,
)
from gateway.services.drafts import Drafts
from gateway.services.form_fields import Box, as_typed, field_faults
from gateway.services.form_view import LATE, FormView, Outlook, Tray, checks
from gateway.services.gathered import Gathered
from gateway.services.patients import identity_of, name_of
from gateway.services.placing import Placing, foreseen
from gateway.services.rights import Actor, entitled
from gateway.services.terms import worded
from gateway.storage import Case, FormDraft, Request, Rows, Store, VaultKey, View

SHOWN = 200
"""Open cases that are proposed; others are named by their reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A form under way in a list. ``theirs`` says that it waits for this person."""

    code: str
    kind: Kind
    ref: str | None
    patient: str | None
    changed_by: str
    changed_at: datetime
    medical: bool
    validated_by: str | None
    theirs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What may be begun, for which case, and what is under way."""

    kinds: tuple[Kind, ...]
    opening: tuple[Kind, ...]
    cases: tuple[tuple[str, str | None], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A form with what it stands on."""

    aim: Aim
    case: Case | None
    draft: FormDraft | None
    content: Content


class Forms:
    """Reads forms."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        drafts: Drafts,
        placing: Placing,
        casework: Casework,
        composer: Composer,
        almanac: Almanac,
        clock: Clock,
        party: Party,
        directory: Directory,
        max_bytes: int,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._drafts = drafts
        self._placing = placing
        self._casework = casework
        self._composer = composer
        self._almanac = almanac
        self._clock = clock
        self._party = party
        self._directory = directory
        self._max_bytes = max_bytes

    # --- lists

    async def start(self, actor: Actor) -> Start:
        """The first step: which message, for which case.

        Raises:
            NotAllowed: this person neither sends nor validates.
        """
        ours = [kind for kind in KINDS.values() if self._sends(kind)]
        opening = tuple(kind for kind in ours if kind.outcome.case in stay.OPENINGS)
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.SEND, Right.VALIDATE)
            cases = await view.all(Case, site=self._party.site, closed_at=None, newest=True, limit=SHOWN)
            rows = Gathered(view)
            await rows.take(VaultKey, "id", (case.vault_key for case in cases))
            names = [(case.ref, await self._patient(rows, case, actor)) for case in cases]
        return Start(
            kinds=(*opening, *(kind for kind in ours if kind not in opening)),
            opening=opening,
            cases=tuple(names),
            lines=await self.under_way(actor),
        )

    async def under_way(self, actor: Actor, ref: str | None = None) -> tuple[Line, ...]:
        """The forms under way, of one case or all, newest change first; none for who neither sends nor validates."""
        if not actor.may(Right.SEND, Right.VALIDATE):
            return ()
        async with self._store.view() as view:
            case = None if ref is None else await find_case(view, self._party.site, ref)
            rows = await view.all(FormDraft, site=self._party.site, ended_at=None)
            found = [await self._line(view, row, actor) for row in rows if case is None or row.case_id == case.id]
        return tuple(sorted(found, key=lambda line: line.changed_at, reverse=True))

    async def _line(self, view: View, row: FormDraft, actor: Actor) -> Line:
        case = await case_of(view, row)
        content = opened(self._cabinet, row, await key_of(view, row))
        medical = is_medical(KINDS[row.kind], content)
        await_physician = medical and row.validated_by is None
        return Line(
            code=row.code,
            kind=KINDS[row.kind],
            ref=case.ref if case else None,
            patient=_named(content.values) or (await self._patient(view, case, actor) if case else None),
            changed_by=row.changed_by,
            changed_at=row.changed_at,
            medical=medical,
            validated_by=row.validated_by,
            theirs=self._drafts.reads(actor, case) if await_physician else actor.may(Right.SEND),
        )

    def _sends(self, kind: Kind) -> bool:
        mails = kind.subject is not Subject.NOTICE and kind.route(self._party.role) is not None
        return mails and sendable_by_hand(kind)

    # --- one form

    async def blank(self, aim: Aim, *, actor: Actor) -> FormView:
        """A form that nobody kept yet, prefilled from its case.

        Raises:
            Unknown: no such case or kind. NotAllowed: this person neither sends nor validates.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.SEND, Right.VALIDATE)
            aim, case = await aimed(view, self._party, aim)
            kind = KINDS[aim.kind]
            values = {} if case is None else await self._prefilled(view, case, kind)
            known = _Known(aim=aim, case=case, draft=None, content=Content(values=values))
            return await self._shown(view, kind, known, actor)

    async def begun(self, aim: Aim) -> str | None:
        """The code of the form that is under way for the same.

        Raises:
            Unknown: no such case, kind or request.
        """
        async with self._store.view() as view:
            aim, case = await aimed(view, self._party, aim)
            found = await same(view, self._party, case, aim)
        return found.code if found else None

    async def show(self, code: str, *, actor: Actor) -> FormView:
        """A form under way.

        Raises:
            Unknown. NotAllowed: this person neither sends nor validates.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.SEND, Right.VALIDATE)
            draft = await under_way(view, self._party, code)
            case, kind = await case_of(view, draft), KINDS[draft.kind]
            content = opened(self._cabinet, draft, await key_of(view, draft))
            aim = Aim(kind=kind.id, ref=case.ref if case else None, request=draft.request_hash)
            known = _Known(aim=aim, case=case, draft=draft, content=content)
            found = await self._shown(view, kind, known, actor)
        if found.reads and any(box.field.medical and box.value for box in found.boxes):
            async with self._store.act() as act:
                await record(act, "draft.read", draft, actor.name, role=None)
        return found

    async def _shown(self, view: View, kind: Kind, known: _Known, actor: Actor) -> FormView:
        case, draft, content = known.case, known.draft, known.content
        reads = self._drafts.reads(actor, case)
        faults = field_faults(kind, content.values)
        opens = case is None and self._party.role is not Role.HOSPITAL
        made = FormView(
            kind=kind,
            ref=known.aim.ref,
            request=known.aim.request,
            patient=_named(content.values) or (await self._patient(view, case, actor) if case else None),
            boxes=tuple(_box(field, content.values.get(field.id, ""), faults, reads=reads) for field in kind.fields),
            trays=tuple(
                Tray(piece=piece, kept=content.piece(piece.role), readable=reads or not piece.medical)
                for piece in kind.pieces
            ),
            because=content.because,
            hospital=content.hospital,
            hospitals=tuple(each.id for each in self._directory.with_role(Role.HOSPITAL)) if opens else (),
            requests=await self._requests(view, case, kind) if case else (),
            outlook=await self._outlook(view, kind, known),
            medical=is_medical(kind, content),
            may_send=actor.may(Right.SEND),
            may_validate=reads,
            reads=reads,
        )
        if draft is not None:
            made = replace(
                made,
                code=draft.code,
                version=draft.version,
                changed_by=draft.changed_by,
                changed_at=draft.changed_at,
                validated_by=draft.validated_by,
                validated_at=draft.validated_at,
            )
        return replace(made, checks=checks(made, self._clock.now()))

    async def _requests(self, view: View, case: Case, kind: Kind) -> tuple[Request, ...]:
        """Which requests it may be about, when a person must say which."""
        if kind.subject not in {Subject.ANSWER, Subject.EXCHANGE}:
            return ()
        rows = await view.all(Request, site=case.site, case_id=case.id)
        still_open = tuple(row for row in rows if row.state in life.OPEN)
        return still_open if len(still_open) > 1 else ()

    # --- what the desk would say

    async def _outlook(self, view: View, kind: Kind, known: _Known) -> Outlook:
        now, values = self._clock.now(), known.content.values
        obstacle, warning = await self._said_against(view, known)
        until = parse_date(values.get("authorised_until", ""))
        if kind.subject is Subject.REQUEST and until is not None and now >= end_of_day_in_paris(until):
            warning = LATE
        try:
            to, copy = self._composer.addressees(kind, self._hospital(known))
        except (NoCorrespondent, FicheInvalid) as error:
            return Outlook(obstacle=error, warning=warning)
        pins = await current_pins(view, self._party.site)
        limits = [self._max_bytes, *(partner.max_bytes for partner in (*to, *copy))]
        asks = kind.subject is Subject.REQUEST
        return Outlook(
            to=to,
            copy=copy,
            without_key=tuple(partner.id for partner in (*to, *copy) if partner.id not in pins),
            obstacle=obstacle,
            warning=warning,
            clock=await self._almanac.explained(view, now, None) if asks else None,
            room=int(min(limits) / ENCRYPTION_OVERHEAD),
            until=until,
        )

    def _hospital(self, known: _Known) -> str:
        if known.case is not None:
            return known.case.hospital
        draft = known.draft or _unkept(known, self._party, self._clock.now())
        return self._placing.hospital(fiche_of(draft, known.content, None))

    async def _said_against(self, view: View, known: _Known) -> tuple[DeskError | None, Said | None]:
        draft = known.draft or _unkept(known, self._party, self._clock.now())
        fiche = fiche_of(draft, known.content, known.case)
        if fiche.ref is None and fiche.kind.outcome.case in stay.OPENINGS:
            return None, None
        try:
            place = await self._placing.place(view, fiche)
            foreseen(fiche, place)
            return None, await self._placing.warning(view, fiche, place)
        except IllegalTransition as error:
            return worded(error), None
        except DeskError as error:
            return error, None

    # --- what the case knows

    async def _prefilled(self, view: View, case: Case, kind: Kind) -> dict[str, str]:
        """What need not be typed again; nothing medical, no choice."""
        asked = {field.id for field in kind.fields}
        found = await self._identity(view, case)
        until = case.authorised_until
        if until is not None:
            found["authorised_until"] = until.isoformat()
            found["requested_from"] = (until + timedelta(days=1)).isoformat()
            found |= {name: value for name, value in await self._rights(view, case) if value}
        return {name: value for name, value in found.items() if name in asked and value}

    async def _rights(self, view: View, case: Case) -> list[tuple[str, str]]:
        """The days of the certificate, and the physician who was named last."""
        facts = await standing_facts(view, case)
        key = await self._cabinet.case_key(view, case)
        found: list[tuple[str, str]] = []
        for fact in facts:
            if fact.first is not None and fact.last is not None and fact.last == case.authorised_until:
                found += [("authorised_from", fact.first.isoformat()), ("covered_from", fact.first.isoformat())]
                found.append(("covered_until", fact.last.isoformat()))
            if key.destroyed_at is None:
                found.append(("physician", self._casework.details(fact, key).get("physician", "")))
        return found

    async def _identity(self, view: Rows, case: Case) -> dict[str, str]:
        known = identity_of(self._cabinet, case, await self._cabinet.case_key(view, case))
        return {} if known is None else {name: str(known.get(name, "")) for name in IDENTITY_FIELDS}

    async def _patient(self, view: Rows, case: Case, actor: Actor) -> str | None:
        return await name_of(self._cabinet, view, case) if actor.may(Right.IDENTITY) else None


def sendable_by_hand(kind: Kind) -> bool:
    """Whether a person fills a form for it: a copy, a trial and a receipt are the gateway's own."""
    return bool(kind.fields or kind.pieces) and kind.id not in {"REPAIRED_COPY", "PROBE"}


def _box(field: Field, value: str, faults: Mapping[str, Said], *, reads: bool) -> Box:
    hidden = field.medical and bool(value) and not reads
    return Box(field=field, value="" if hidden else as_typed(field, value), hidden=hidden, fault=faults.get(field.id))


def _named(values: Mapping[str, str]) -> str | None:
    return f"{values.get('patient_name', '')} {values.get('patient_first_name', '')}".strip() or None


def _unkept(known: _Known, us: Party, at: datetime) -> FormDraft:
    """A form that nobody kept, for the same questions."""
    return FormDraft(
        site=us.site,
        code="",
        kind=known.aim.kind,
        case_id=known.case.id if known.case else None,
        request_hash=known.aim.request,
        vault_key="",
        content=b"",
        version=0,
        created_at=at,
        created_by="",
        changed_at=at,
        changed_by="",
    )
