"""Forms under way, found and opened: for whom they are, what is in them, and how they end with their case."""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.case import OPENINGS
from gateway.domain.errors import Unknown
from gateway.domain.kinds import KINDS, Kind, Subject, Travel, as_kept
from gateway.domain.parties import Party
from gateway.domain.readers import has_medical
from gateway.domain.words import said
from gateway.ports import SpoolFile
from gateway.services.cabinet import Cabinet, wrapped
from gateway.services.cases import find_case
from gateway.services.draft_content import Content, content_of
from gateway.services.fiche import Fiche
from gateway.storage import Act, Case, FormDraft, Request, VaultKey, View
from gateway.wire.payload import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a form is for: its kind, its case when there is one, the request that it is about when one is named."""

    kind: str
    ref: str | None = None
    request: str | None = None


def sendable(kind_id: str, us: Party) -> Kind:
    """The kind of this identifier, which our role sends by a form.

    Raises:
        Unknown.
    """
    kind = KINDS.get(kind_id)
    if kind is None or kind.travel is not Travel.MAIL or kind.subject is Subject.NOTICE or kind.route(us.role) is None:
        raise Unknown(kind=said("type"), ref=kind_id[:40])
    return kind


def is_medical(kind: Kind, content: Content) -> bool:
    """Whether a physician must look at it before it is sent."""
    return has_medical(kind, content.values, [piece.role for piece in content.pieces])


def fiche_of(draft: FormDraft, content: Content, case: Case | None, pieces: tuple[Attachment, ...] = ()) -> Fiche:
    """The form as the desk takes it."""
    kind = KINDS[draft.kind]
    return Fiche(
        path=kind.title,
        kind=kind,
        ref=case.ref if case else None,
        values=as_kept(kind, content.values),
        attachments=pieces,
        request=draft.request_hash,
        hospital=content.hospital or None,
        because=content.because.strip() or None,
    )


async def aimed(view: View, us: Party, aim: Aim) -> tuple[Aim, Case | None]:
    """The same aim with its request as it is kept, and its case.

    Raises:
        Unknown: no such case or request, not ours to send, or a case must be named.
    """
    kind = sendable(aim.kind, us)
    if aim.ref is None:
        if kind.outcome.case not in OPENINGS:
            raise Unknown(kind=said("dossier"), ref="–")
        return replace(aim, request=None), None
    case = await find_case(view, us.site, aim.ref)
    if aim.request is None or kind.subject in {Subject.CASE, Subject.REQUEST}:
        return replace(aim, ref=case.ref, request=None), case
    rows = await view.all(Request, site=us.site, case_id=case.id)
    found = [row.hash for row in rows if row.hash.startswith(aim.request)]
    if len(found) != 1:
        raise Unknown(kind=said("demande"), ref=aim.request[:12])
    return replace(aim, ref=case.ref, request=found[0]), case


async def same(view: View, us: Party, case: Case | None, aim: Aim) -> FormDraft | None:
    """The form under way for the same; forms without a case are each for another patient."""
    if case is None:
        return None
    return await view.one(
        FormDraft, site=us.site, case_id=case.id, kind=aim.kind, request_hash=aim.request, ended_at=None
    )


async def under_way(view: View, us: Party, code: str) -> FormDraft:
    """The form of this code that has not ended.

    Raises:
        Unknown.
    """
    draft = await view.one(FormDraft, site=us.site, code=code, ended_at=None)
    if draft is None:
        raise Unknown(kind=said("formulaire"), ref=code[:40])
    return draft


async def case_of(view: View, draft: FormDraft) -> Case | None:
    """The case of a form."""
    return None if draft.case_id is None else await view.one(Case, id=draft.case_id)


async def key_of(view: View, draft: FormDraft) -> VaultKey:
    """The key that seals a form.

    Raises:
        Unknown: its row is gone.
    """
    key = await view.one(VaultKey, id=draft.vault_key)
    if key is None:
        raise Unknown(kind=said("clé"), ref=draft.code)
    return key


def opened(cabinet: Cabinet, draft: FormDraft, key: VaultKey) -> Content:
    """What is in a form.

    Raises:
        VaultClosed.
    """
    return content_of(cabinet.vault.open_text(draft.content, wrapped(key)))


async def record(act: Act, event: str, draft: FormDraft, actor: str, **details: str | int | bool | None) -> None:
    """Tell of a form in the log, never of what is in it."""
    case = await case_of(act, draft)
    told = {"draft": draft.id, "kind": draft.kind, "version": draft.version, **details}
    ref, outcome = case.ref if case else None, draft.outcome or "under_way"
    await act.record(event, actor=actor, case=ref, request=draft.request_hash, outcome=outcome, details=told)


async def end(act: Act, cabinet: Cabinet, draft: FormDraft, outcome: str, *, by: str, at: datetime) -> list[str]:
    """End a form in the caller's act. Returns the files to remove once it is committed."""
    content = opened(cabinet, draft, await key_of(act, draft))
    ended = replace(draft, content=b"", ended_at=at, outcome=outcome)
    await act.save(ended)
    await record(act, "draft.ended", ended, by)
    return await emptied(act, {piece.file for piece in content.pieces})


async def forgotten(act: Act, case: Case, at: datetime) -> None:
    """The forms of a case whose key is destroyed end with it, in that act."""
    for draft in await act.all(FormDraft, site=case.site, case_id=case.id):
        ended_at, outcome = draft.ended_at or at, draft.outcome or "forgotten"
        await act.save(replace(draft, content=b"", ended_at=ended_at, outcome=outcome))


async def emptied(act: Act, names: set[str]) -> list[str]:
    """Make files unreadable in this act; they are removed once it is committed."""
    for name in sorted(names):
        file = await act.one(SpoolFile, name=name)
        if file is not None:
            await act.save(replace(file, wrapped=b""))
    return sorted(names)
