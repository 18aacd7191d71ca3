"""Persons' words on what no machine decides: who said what, why, and when enough different persons said the same."""

from dataclasses import replace

from gateway.domain import request as life
from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.words import Said, said
from gateway.services.answers import binding, doubted
from gateway.services.cabinet import Cabinet, wrapped
from gateway.services.challenged import acceptances_of
from gateway.storage import Act, Case, Matter, Request, Rows, Ruling, VaultKey

LONGEST_WORDS = 2000
"""Characters of a person's reason: more belongs in a letter."""


async def seal_words(act: Act, cabinet: Cabinet, case: Case, words: str, *, act_named: Said) -> bytes:
    """A person's reason, sealed under the case's key: it may name anybody.

    Raises:
        NotAllowed: there is none, it is too long, or the case was forgotten.
    """
    text = words.strip()
    if not text:
        raise NotAllowed(act=act_named, reason=said("Dites pourquoi : --because « raison »."))
    if len(text) > LONGEST_WORDS:
        raise NotAllowed(act=act_named, reason=said("La raison tient en {most} caractères.", most=LONGEST_WORDS))
    key = await cabinet.case_key(act, case)
    return cabinet.vault.seal_text(text, wrapped(key))


def open_words(cabinet: Cabinet, key: VaultKey, words: bytes | None) -> str | None:
    """A person's reason, None when the case was forgotten."""
    if words is None or key.destroyed_at is not None:
        return None
    return cabinet.vault.open_text(words, wrapped(key))


async def rule(act: Act, word: Ruling, *, needed: int, act_named: Said) -> Ruling:
    """Keep one person's word; it decides once enough different persons have said the same of the same.

    Who changes their mind before that is heard by their last word.

    Raises:
        NotAllowed: this person has said it already.
    """
    known = await act.all(Ruling, site=word.site, matter=word.matter, about=word.about, binding=word.binding)
    last = {row.person: row.finding for row in known}
    if last.get(word.person) is word.finding:
        raise NotAllowed(act=act_named, reason=said("Vous l'avez déjà dit ; il faut une seconde personne."))
    last[word.person] = word.finding
    agreed = sum(finding is word.finding for finding in last.values())
    return await act.add(replace(word, decides=agreed >= needed))


async def proposed_by(view: Rows, request: Request, role: Role) -> str | None:
    """Who spoke last of what is open about a request, while a second person is awaited."""
    if request.state is State.ANSWER_DISPUTED:
        open_ids = tuple(answer.id for answer in await doubted(view, request, role))
        rows = await view.all(Ruling, site=request.site, matter=Matter.ANSWER, about=open_ids, binding=binding(request))
    elif request.state in life.SILENT:
        found = await acceptances_of(view, request.site, request.hash)
        rows = tuple(row for each in found for row in each.waiting)
    else:
        return None
    return rows[-1].person if rows else None
