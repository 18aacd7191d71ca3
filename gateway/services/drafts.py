"""Forms that persons fill together, kept sealed until they are sent: nothing typed or uploaded is lost on the way.

A secretary keeps and completes, a physician validates what is medical, somebody sends. What changes after a validation
asks for a new one; who filled an older version is told whose change came first, and keeps what they typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gateway.domain.errors import ChangedMeanwhile, NotAllowed, Unknown
from gateway.domain.kinds import KINDS, Kind, as_kept
from gateway.domain.parties import Party
from gateway.domain.readers import Readership
from gateway.domain.rights import Right
from gateway.domain.sheet import long_instant
from gateway.domain.words import said
from gateway.ports import Clock, Noise, SpoolFile
from gateway.services.cabinet import Cabinet, wrapped
from gateway.services.desk import Desk, Submitted
from gateway.services.draft_content import MOST, Content, KeptPiece, Upload, looked_at
from gateway.services.draft_rows import (
    Aim,
    aimed,
    case_of,
    emptied,
    end,
    fiche_of,
    is_medical,
    key_of,
    opened,
    record,
    same,
    under_way,
)
from gateway.services.rights import Actor, entitled
from gateway.storage import Act, Case, FormDraft, Store, VaultKey
from gateway.wire.payload import Attachment

DRAFTS = "drafts"
"""Purpose of the key of forms that have no case yet."""

CODE_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a person sends of a form; ``version`` is the one that they saw, 0 for a form that nobody kept yet.

    ``removed`` are the places of files that they take away.
    """

    version: int = 0
    values: Mapping[str, str] = field(default_factory=dict)
    because: str = ""
    hospital: str = ""
    uploads: tuple[Upload, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A form that was kept, and why some of its files were not: codes by their place."""

    code: str
    refused: Mapping[str, str]


class Drafts:
    """The acts of persons on forms under way."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        desk: Desk,
        clock: Clock,
        noise: Noise,
        party: Party,
        readership: Readership,
        persons_needed: int,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._desk = desk
        self._clock = clock
        self._noise = noise
        self._party = party
        self._readership = readership
        self._persons_needed = persons_needed

    # --- keeping

    async def begin(self, aim: Aim, typed: Typed, *, actor: Actor) -> Kept:
        """Keep a new form; where one for the same is under way, this is a change of it.

        Raises:
            Unknown: no such case or kind. NotAllowed: not this person's, or far too long.
            ChangedMeanwhile: somebody began the same; what was uploaded for free places is kept.
        """
        _bearable(typed)
        async with self._store.view() as view:
            # Before anything is sealed on the disk; asked again in the act.
            await entitled(view, self._party, actor.name, Right.SEND, Right.VALIDATE)
            aim, case = await aimed(view, self._party, aim)
            key = await self._cabinet.case_key(view, case) if case else None
        key = key or await self._cabinet.standing_key(DRAFTS)
        kept, refused = await self._stored(KINDS[aim.kind], typed.uploads, key, actor)
        async with self._store.act() as act:
            await entitled(act, self._party, actor.name, Right.SEND, Right.VALIDATE)
            found = await same(act, self._party, case, aim)
            if found is None:
                now = self._clock.now()
                found = await act.add(
                    FormDraft(
                        site=self._party.site,
                        code=self._noise(CODE_BYTES).hex(),
                        kind=aim.kind,
                        case_id=case.id if case else None,
                        request_hash=aim.request,
                        vault_key=key.id,
                        content=self._sealed(Content(), key),
                        version=0,
                        created_at=now,
                        created_by=actor.name,
                        changed_at=now,
                        changed_by=actor.name,
                    )
                )
            stale, names, taken = await self._change(act, found, typed, kept, actor)
        return self._told(found.code, stale, names, refused | taken)

    async def keep(self, code: str, typed: Typed, *, actor: Actor) -> Kept:
        """Keep a change of a form.

        Raises:
            Unknown: there is none of this code. NotAllowed: not this person's, or far too long.
            ChangedMeanwhile: another version was kept first; what was uploaded for free places is kept.
        """
        _bearable(typed)
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.SEND, Right.VALIDATE)
            draft = await under_way(view, self._party, code)
            key = await key_of(view, draft)
        kept, refused = await self._stored(KINDS[draft.kind], typed.uploads, key, actor)
        async with self._store.act() as act:
            await entitled(act, self._party, actor.name, Right.SEND, Right.VALIDATE)
            draft = await under_way(act, self._party, code)
            stale, names, taken = await self._change(act, draft, typed, kept, actor)
        return self._told(code, stale, names, refused | taken)

    def _told(
        self, code: str, stale: ChangedMeanwhile | None, names: Sequence[str], refused: Mapping[str, str]
    ) -> Kept:
        self._cabinet.discard(names)
        if stale is not None:
            raise stale
        return Kept(code=code, refused=refused)

    async def _stored(
        self, kind: Kind, uploads: Sequence[Upload], key: VaultKey, actor: Actor
    ) -> tuple[list[tuple[KeptPiece, SpoolFile]], dict[str, str]]:
        """Seal what can be taken, before any act; a wrong file keeps no other from being taken."""
        found: list[tuple[KeptPiece, SpoolFile]] = []
        refused: dict[str, str] = {}
        for upload in uploads:
            seen = looked_at(kind, upload)
            if isinstance(seen, str):
                refused[upload.role] = seen
                continue
            file = await self._cabinet.put(upload.data, key)
            piece = KeptPiece(
                role=upload.role,
                file=file.name,
                name=seen[1],
                media_type=seen[0],
                size=len(upload.data),
                by=actor.name,
                at=self._clock.now().isoformat(),
            )
            found.append((piece, file))
        return found, refused

    async def _change(
        self,
        act: Act,
        draft: FormDraft,
        typed: Typed,
        files: Sequence[tuple[KeptPiece, SpoolFile]],
        actor: Actor,
    ) -> tuple[ChangedMeanwhile | None, list[str], dict[str, str]]:
        """Write the change; when it comes too late, only the files for places that are still free."""
        key = await key_of(act, draft)
        before = opened(self._cabinet, draft, key)
        stale = _outpaced(draft) if typed.version != draft.version else None
        after, taken = before, {}
        if stale is None:
            reads = self.reads(actor, await case_of(act, draft))
            after = _filled(KINDS[draft.kind], before, typed, reads=reads)
        for piece, file in files:
            if stale is not None and after.piece(piece.role) is not None:
                taken[piece.role] = "taken"
                continue
            await act.add(file)
            after = replace(after, pieces=(*(each for each in after.pieces if each.role != piece.role), piece))
        seen = {piece.file for piece in before.pieces} | {piece.file for piece, _file in files}
        gone = seen - {piece.file for piece in after.pieces}
        if after != before or draft.version == 0:
            await self._write(act, draft, after, key, actor)
        return stale, await emptied(act, gone), taken

    async def _write(self, act: Act, draft: FormDraft, after: Content, key: VaultKey, actor: Actor) -> None:
        changed = replace(
            draft,
            content=self._sealed(after, key),
            version=draft.version + 1,
            changed_at=self._clock.now(),
            changed_by=actor.name,
            validated_version=None,
            validated_at=None,
            validated_by=None,
        )
        await act.save(changed)
        undone = draft.validated_version is not None
        await record(act, "draft.kept", changed, actor.name, pieces=len(after.pieces), undone=undone)

    # --- validating, sending, ending

    async def validate(self, code: str, version: int, *, actor: Actor) -> None:
        """A physician's word on what is medical in this very version.

        Raises:
            Unknown, ChangedMeanwhile. NotAllowed: not theirs to validate.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor.name, Right.VALIDATE)
            draft = await under_way(act, self._party, code)
            _current(draft, version)
            if not self.reads(actor, await case_of(act, draft)):
                raise NotAllowed(act=_VALIDATING, reason=said("Vous n'êtes pas un médecin de ce dossier."))
            done = replace(draft, validated_version=version, validated_at=self._clock.now(), validated_by=actor.name)
            await act.save(done)
            await record(act, "draft.validated", done, actor.name)

    async def send(self, code: str, version: int, *, actor: Actor) -> Submitted:
        """Send it, in one commit with its end: it goes once, whatever happens meanwhile.

        Raises:
            Unknown, ChangedMeanwhile. NotAllowed: not validated, or by the same person where two are needed.
            DeskError, KeyFault: as :meth:`gateway.services.desk.Desk.submit`.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor.name, Right.SEND)
            draft = await under_way(view, self._party, code)
            _current(draft, version)
            content = opened(self._cabinet, draft, await key_of(view, draft))
            self._require_validated(draft, content, actor)
            case = await case_of(view, draft)
            pieces = [
                Attachment(
                    name=piece.name,
                    media_type=piece.media_type,
                    data=await self._cabinet.get(view, piece.file),
                    role=piece.role,
                )
                for piece in content.pieces
            ]
        order = [piece.role for piece in KINDS[draft.kind].pieces]
        pieces.sort(key=lambda piece: order.index(piece.role or ""))
        fiche = fiche_of(draft, content, case, tuple(pieces))
        names: list[str] = []
        sent = await self._desk.submit(fiche, actor=actor.name, then=partial(self._sent, draft, actor, names))
        self._cabinet.discard(names)
        return sent

    async def drop(self, code: str, version: int, *, actor: Actor) -> None:
        """Give a form up; nothing of it opens again.

        Raises:
            Unknown, ChangedMeanwhile. NotAllowed: not this person's.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor.name, Right.SEND, Right.VALIDATE)
            draft = await under_way(act, self._party, code)
            _current(draft, version)
            names = await end(act, self._cabinet, draft, "dropped", by=actor.name, at=self._clock.now())
        self._cabinet.discard(names)

    async def piece(self, code: str, role: str, *, actor: Actor) -> Attachment:
        """A file of a form; the reading of a medical one is recorded before its bytes leave.

        Raises:
            Unknown: there is none, or not for this person.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor.name, Right.SEND, Right.VALIDATE)
            draft = await under_way(act, self._party, code)
            case = await case_of(act, draft)
            kind = KINDS[draft.kind]
            found = opened(self._cabinet, draft, await key_of(act, draft)).piece(role)
            medical = any(each.medical for each in kind.pieces if each.role == role)
            if found is None or (medical and not self.reads(actor, case)):
                raise Unknown(kind=said("pièce"), ref=role[:40])
            if medical:
                await record(act, "draft.read", draft, actor.name, role=role)
            data = await self._cabinet.get(act, found.file)
        return Attachment(name=found.name, media_type=found.media_type, data=data, role=role)

    def reads(self, actor: Actor, case: Case | None) -> bool:
        """Whether this person may read what is medical in a form about this case."""
        physician = case.physician if case else None
        return actor.may(Right.VALIDATE) and self._readership.may_read_medical(actor.name, physician)

    def _require_validated(self, draft: FormDraft, content: Content, actor: Actor) -> None:
        if not is_medical(KINDS[draft.kind], content):
            return
        if draft.validated_version != draft.version:
            raise NotAllowed(act=_SENDING, reason=said("Un médecin doit d'abord valider la partie médicale."))
        if self._persons_needed > 1 and draft.validated_by == actor.name:
            reason = said("Vous avez validé la partie médicale : une seconde personne envoie.")
            raise NotAllowed(act=_SENDING, reason=reason)

    async def _sent(self, draft: FormDraft, actor: Actor, names: list[str], act: Act) -> None:
        await entitled(act, self._party, actor.name, Right.SEND)
        now = await under_way(act, self._party, draft.code)
        _current(now, draft.version)
        names += await end(act, self._cabinet, now, "sent", by=actor.name, at=self._clock.now())

    def _sealed(self, content: Content, key: VaultKey) -> bytes:
        return self._cabinet.vault.seal_text(content.plain(), wrapped(key))


def _filled(kind: Kind, before: Content, typed: Typed, *, reads: bool) -> Content:
    """The form after this change; what a person cannot see is not emptied by an empty field."""
    values = dict(before.values)
    for each in kind.fields:
        text = typed.values.get(each.id)
        if text is None or (not text.strip() and each.medical and not reads):
            continue
        values[each.id] = text.replace("\r\n", "\n").strip()
    values = {name: value for name, value in as_kept(kind, values).items() if value}
    pieces = tuple(piece for piece in before.pieces if piece.role not in typed.removed)
    return replace(before, values=values, because=typed.because.strip(), hospital=typed.hospital, pieces=pieces)


def _bearable(typed: Typed) -> None:
    if any(len(text) > MOST for text in (*typed.values.values(), typed.because, typed.hospital)):
        reason = said("Un champ dépasse {most} caractères : joignez plutôt un fichier.", most=MOST)
        raise NotAllowed(act=said("garder cette page"), reason=reason)


def _current(draft: FormDraft, version: int) -> None:
    if draft.version != version:
        raise _outpaced(draft)


def _outpaced(draft: FormDraft) -> ChangedMeanwhile:
    return ChangedMeanwhile(who=draft.changed_by, at=long_instant(draft.changed_at))


_SENDING = said("envoyer ce message")
_VALIDATING = said("valider la partie médicale")
