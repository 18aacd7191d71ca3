"""« Qu'est-ce que ce courrier ? »: a mail that waits for a person, as its page shows it, and the word said of it.

Who sorts sees the envelope; a physician of the case may read, which is recorded before the bytes leave. A mail that
was refused is known by its envelope and the step that refused it, and nothing of it is opened here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.errors import NotAllowed, ProofOwed, Unknown
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.kinds import Kind, Subject
from gateway.domain.media import media_of
from gateway.domain.parties import Directory, Partner, Party, Role
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.services.arrived import FORM
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.casework import IDENTITY_FIELDS
from gateway.services.form_fields import Box, field_faults
from gateway.services.mail_queue import Queue, is_sorted, read_queue
from gateway.services.rights import Actor, entitled
from gateway.services.sorting_words import Choice, choices
from gateway.services.triage import Triage
from gateway.storage import FOR_A_PERSON, Case, Letter, Mail, Request, Store, Verdict, View
from gateway.wire.payload import Attachment, Payload, read_payload

Reads = Callable[[Actor, Case | None], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stands in the second step for a choice: the fields of its kind, the requests that it may be about."""

    choice: Choice
    ref: str
    opens: bool
    boxes: tuple[Box, ...] = ()
    wants_form: bool = False
    has_form: bool = False
    requests: tuple[Request, ...] = ()
    request: str = ""
    lacks_form: bool = False
    lacks_case: bool = False

    @property
    def wrong(self) -> bool:
        """Whether something is to be mended here."""
        return self.lacks_form or self.lacks_case or any(box.fault for box in self.boxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SortView:
    """A mail. ``likely`` is the case that it is or seems to be about, ``request`` that case's request.

    ``dates`` are those that disagree, by their source. ``reads``: this person may read it, if there is content.
    ``counts``: it is we who count the periods.
    """

    mail: Mail
    author: Partner | None
    letter: Letter | None
    likely: Case | None
    request: Request | None
    dates: tuple[tuple[str, datetime], ...]
    choices: tuple[Choice, ...]
    holds: int
    passed_by: str | None
    passed_at: datetime | None
    mine: bool
    sorts: bool
    reads: bool
    has_content: bool
    counts: bool

    @property
    def proves(self) -> bool:
        """Whether it can be brought as a proof of reception: we count periods, and know its case."""
        return self.counts and self.has_content and self.likely is not None

    @property
    def open(self) -> bool:
        """Whether a word may still be said by this person."""
        return self.sorts and self.mail.settled_at is None and not self.mine

    def choice(self, what: str) -> Choice | None:
        """The choice of this word."""
        return next((choice for choice in self.choices if choice.what == what), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a physician is shown of a mail."""

    view: SortView
    payload: Payload | None


class Sorting:
    """Reads mails for persons, and takes their word."""

    def __init__(
        self, *, store: Store, cabinet: Cabinet, triage: Triage, party: Party, directory: Directory, reads: Reads
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._triage = triage
        self._party = party
        self._directory = directory
        self._reads = reads

    # --- what is shown

    async def queue(self, actor: Actor, *, after: tuple[bool, int] | None = None) -> Queue:
        """The mails that wait for a person: those that hold a silence back, then the others, each the oldest first.

        Raises:
            NotAllowed: this person neither sorts nor sees refused mails.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.SORT, Right.QUARANTINE)
            return await read_queue(view, self._party.site, actor, after)

    async def show(self, mail_id: int, *, actor: Actor) -> SortView:
        """One mail, by its envelope.

        Raises:
            Unknown: none, or not for this person. NotAllowed.
        """
        async with self._store.view() as view:
            return await self._shown(view, mail_id, actor)

    async def asked(self, shown: SortView, choice: Choice, *, ref: str | None = None) -> Asked:
        """The second step for a choice, in the proposed case or in the one that a person names."""
        kind = choice.kind
        if kind is None:
            return Asked(choice=choice, ref="", opens=False)
        opens = kind.outcome.case in stay.OPENINGS
        proposed = shown.likely.ref if shown.likely and not opens else ""
        named = proposed if ref is None else ref
        told = shown.letter is not None and shown.letter.kind == kind.id
        boxes = () if told else tuple(Box(field=field) for field in kind.fields if _typed_by_sorters(field.id, kind))
        form = any(piece.role == FORM and piece.required for piece in kind.pieces)
        return Asked(
            choice=choice,
            ref=named,
            opens=opens,
            boxes=boxes if not opens or named else _with_identity(kind, boxes),
            wants_form=form and not told,
            requests=await self._requests(named) if kind.subject is not Subject.CASE else (),
        )

    async def read(self, mail_id: int, *, actor: Actor) -> Reading:
        """The signed text of a mail; the reading is recorded first.

        Raises:
            Unknown: none, or not for this person to read.
        """
        async with self._store.act() as act:
            shown = await self._readable(act, mail_id, actor)
            await act.record("mail.read", actor=actor.name, message=f"mail-{mail_id}", outcome="shown")
            entity = await self._cabinet.get(act, shown.letter.entity) if shown.letter else None
        return Reading(view=shown, payload=None if entity is None else read_payload(entity))

    async def piece(self, mail_id: int, number: int, *, actor: Actor) -> Attachment:
        """A piece of a signed mail; recorded first.

        Raises:
            Unknown: none, or not for this person to read.
        """
        async with self._store.act() as act:
            shown = await self._readable(act, mail_id, actor)
            await act.record("mail.read", actor=actor.name, message=f"mail-{mail_id}", outcome="saved")
            entity = await self._cabinet.get(act, shown.letter.entity) if shown.letter else b""
        pieces = read_payload(entity).attachments if entity else ()
        if not 0 <= number < len(pieces):
            raise Unknown(kind=said("pièce"), ref=str(number))
        return pieces[number]

    async def file(self, mail_id: int, *, actor: Actor) -> Attachment:
        """A mail that nobody signed, or a scan, as it came; recorded first.

        Raises:
            Unknown: none, or not for this person to read.
        """
        async with self._store.act() as act:
            shown = await self._readable(act, mail_id, actor)
            await act.record("mail.read", actor=actor.name, message=f"mail-{mail_id}", outcome="saved")
            data = await self._cabinet.get(act, shown.mail.file or "")
        known = media_of(data) if shown.mail.verdict is Verdict.ENTERED else None
        media_type, extension = (known.type, known.extension) if known else ("application/octet-stream", "eml")
        return Attachment(name=f"courrier-{mail_id}.{extension}", media_type=media_type, data=data, role=None)

    # --- what is said

    async def classify(
        self,
        mail_id: int,
        what: str,
        *,
        actor: Actor,
        ref: str | None = None,
        request: str | None = None,
        values: Mapping[str, str] | None = None,
        has_form: bool = False,
        proved: bool = False,
    ) -> Mail:
        """Say what a mail is; what takes two persons is for who ``proved`` a short while ago who they are.

        Raises:
            ProofOwed, NotAllowed, Unknown; and as :meth:`gateway.services.triage.Triage.classify`.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.SORT)
            shown = await self._shown(view, mail_id, actor)
        choice = shown.choice(what)
        if choice is None:
            raise NotAllowed(act=_SORTING, reason=said("Choisissez ce que c'est."))
        if choice.two and not proved:
            raise ProofOwed
        fields = choice.kind.fields if choice.kind else ()
        typed = values or {}
        places = {field.fiche: typed[field.id].strip() for field in fields if typed.get(field.id, "").strip()}
        return await self._triage.classify(
            mail_id, what, actor=actor.name, ref=ref, request_hash=request, places=places, has_form=has_form
        )

    async def hand_on(self, mail_id: int, *, actor: Actor) -> None:
        """Leave a mail to a physician: it stays where it is, and holds back what it holds back.

        Raises:
            Unknown. NotAllowed: settled already, or not theirs.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor.name, Right.SORT)
            shown = await self._shown(act, mail_id, actor)
            if shown.mail.settled_at is not None:
                raise NotAllowed(act=_SORTING, reason=said("Déjà classé par {who}.", who=shown.mail.settled_by))
            await act.record("triage.passed", actor=actor.name, message=f"mail-{mail_id}", outcome="physician")

    # --- parts

    async def _shown(self, view: View, mail_id: int, actor: Actor) -> SortView:
        await entitled(view, self._party, actor.name, Right.SORT, Right.QUARANTINE)
        mail = await view.one(Mail, site=self._party.site, id=mail_id)
        sorts = actor.may(Right.SORT) and mail is not None and is_sorted(mail)
        refused = actor.may(Right.QUARANTINE) and mail is not None and mail.verdict is Verdict.QUARANTINE
        if mail is None or mail.verdict not in FOR_A_PERSON or not (sorts or refused):
            raise Unknown(kind=said("courrier à trier"), ref=str(mail_id))
        letter = await view.one(Letter, site=mail.site, mail=mail.id)
        about = mail.case_id or mail.likely_case
        likely = None if about is None else await view.one(Case, id=about)
        named = letter.author if letter else mail.partner
        author = self._directory.find(named) if named else None
        passed = await view.entries(event="triage.passed", message=f"mail-{mail.id}", newest=True, limit=1)
        return SortView(
            mail=mail,
            author=author,
            letter=letter,
            likely=likely,
            request=await view.one(Request, site=mail.site, hash=mail.likely_request) if mail.likely_request else None,
            dates=_disagreeing(mail),
            choices=await self._choices(view, mail, author),
            holds=len(await self._triage.waiting_for(view, mail)),
            passed_by=passed[0].actor if passed else None,
            passed_at=passed[0].at if passed else None,
            mine=mail.settled_at is None and mail.settled_as is not None and mail.settled_by == actor.name,
            sorts=sorts,
            reads=sorts and self._reads(actor, likely),
            counts=self._party.role is Role.HOSPITAL,
            has_content=letter is not None or (mail.file is not None and mail.verdict is not Verdict.QUARANTINE),
        )

    async def _choices(self, view: View, mail: Mail, author: Partner | None) -> tuple[Choice, ...]:
        found = choices(self._party.role, author.role if author else None)
        frees = await self._triage.would_free(view, mail)
        always = self._triage.two_for_entered(mail)
        return tuple(
            replace(choice, two=always or (frees and (choice.kind is None or choice.kind.answer is None)))
            for choice in found
        )

    async def _readable(self, view: View, mail_id: int, actor: Actor) -> SortView:
        shown = await self._shown(view, mail_id, actor)
        if not shown.reads or not shown.has_content:
            raise Unknown(kind=said("courrier à trier"), ref=str(mail_id))
        return shown

    async def _requests(self, ref: str) -> tuple[Request, ...]:
        """The open requests of a case, when there are several."""
        async with self._store.view() as view:
            try:
                case = await find_case(view, self._party.site, ref)
            except (Unknown, NotAllowed):
                return ()
            rows = await view.all(Request, site=case.site, case_id=case.id)
        still_open = tuple(row for row in rows if row.state in life.OPEN)
        return still_open if len(still_open) > 1 else ()


def typed(asked: Asked, values: Mapping[str, str], *, request: str, has_form: bool) -> Asked:
    """The second step with what a person typed, and what is missing in it."""
    kind = asked.choice.kind
    if kind is None:
        return asked
    faults = field_faults(kind, {name: text for name, text in values.items() if text.strip()})
    return replace(
        asked,
        boxes=tuple(
            replace(box, value=values.get(box.field.id, ""), fault=faults.get(box.field.id)) for box in asked.boxes
        ),
        request=request,
        has_form=has_form,
        lacks_form=asked.wants_form and not has_form,
        lacks_case=not asked.opens and not asked.ref.strip(),
    )


def _typed_by_sorters(field_id: str, kind: Kind) -> bool:
    """What is medical stands in the mail itself; who sorts need neither read nor type it."""
    field = kind.field(field_id)
    return field_id not in IDENTITY_FIELDS and field is not None and (not field.medical or bool(field.choices))


def _with_identity(kind: Kind, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    return (*(Box(field=field) for field in kind.fields if field.id in IDENTITY_FIELDS), *boxes)


def _disagreeing(mail: Mail) -> tuple[tuple[str, datetime], ...]:
    """Every date that was found for its arrival, where they contradict each other."""
    first, last = mail.received_earliest, mail.received_latest
    if first is None or last is None or last - first <= CLOCK_TOLERANCE:
        return ()
    parted = [told.partition(" ") for told in mail.dated_by]
    return tuple((source, datetime.fromisoformat(at)) for source, _space, at in parted)


_SORTING = said("classer ce courrier")
