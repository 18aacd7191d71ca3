"""The mails that wait for a person, as a list: those that hold a silence back, then the others, oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.rights import Right
from gateway.services.gathered import Gathered
from gateway.services.rights import Actor
from gateway.storage import FOR_A_PERSON, Case, Mail, Rows, Verdict, View


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLine:
    """A mail in the list. ``passed_by`` handed it to a physician."""

    mail: Mail
    ref: str | None
    passed_by: str | None
    awaits_me: bool


SHOWN = 50
"""Mails on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The mails that wait: some of those to sort, and some of those that were refused.

    ``waiting`` counts those to sort, ``holding`` those of them that hold a silence back, ``set_aside`` the refused
    ones; ``after`` leads to the next ones to sort, None at the end.
    """

    lines: tuple[MailLine, ...]
    waiting: int
    holding: int
    after: tuple[bool, int] | None
    refused: tuple[Mail, ...]
    set_aside: int


async def read_queue(view: View, site: str, actor: Actor, after: tuple[bool, int] | None) -> Queue:
    """Some of them, from the beginning or after a place, as far as this person may know of them."""
    waiting = FOR_A_PERSON - {Verdict.AUTOMATIC}
    rows = await view.all(Mail, site=site, verdict=tuple(waiting), settled_at=None)
    refused = tuple(row for row in rows if row.verdict is Verdict.QUARANTINE)
    here = sorted([row for row in rows if is_sorted(row)], key=_turn) if actor.may(Right.SORT) else []
    following = [row for row in here if after is None or _turn(row) > after]
    shown = following[:SHOWN]
    known = Gathered(view)
    await known.take(Case, "id", {row.case_id or row.likely_case for row in shown} - {None})
    passed = await _passed(view, shown)
    return Queue(
        lines=tuple([await _line(known, row, passed.get(row.id), actor) for row in shown]),
        waiting=len(here),
        holding=sum(row.held_back for row in here),
        after=_turn(shown[-1]) if len(following) > SHOWN else None,
        refused=refused[:SHOWN] if actor.may(Right.QUARANTINE) else (),
        set_aside=len(refused),
    )


def is_sorted(mail: Mail) -> bool:
    """Whether it is among the mails that are sorted; one that was refused is, when it may come from a partner."""
    return mail.verdict is not Verdict.QUARANTINE or mail.held_back


async def _passed(view: View, mails: Sequence[Mail]) -> dict[int, str]:
    """Who left which mail to a physician."""
    names = {f"mail-{mail.id}": mail.id for mail in mails}
    found = await view.entries(event="triage.passed", message=tuple(names)) if names else ()
    return {names[entry.message]: entry.actor for entry in found if entry.message is not None}


async def _line(known: Rows, mail: Mail, passed_by: str | None, actor: Actor) -> MailLine:
    about = mail.case_id or mail.likely_case
    case = None if about is None else await known.one(Case, id=about)
    return MailLine(
        mail=mail,
        ref=case.ref if case else None,
        passed_by=passed_by,
        awaits_me=mail.settled_as is None or mail.settled_by != actor.name,
    )


def _turn(mail: Mail) -> tuple[bool, int]:
    """Where a mail stands among those to sort."""
    return not mail.held_back, mail.id
