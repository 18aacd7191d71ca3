"""What partners do with our mails, learnt from the rows: who never confirms a request, whose gateway owes receipts."""

from datetime import datetime, timedelta

from gateway.domain.alarms.facts import CONFIRMS_WITHIN, Habit, Unconfirmed
from gateway.domain.kinds import KINDS, Subject
from gateway.domain.parties import Directory, Partner, PartnerKind, Role
from gateway.domain.transmission import State
from gateway.storage import Direction, Message, StoredEvidence, Transmission, View

LATEST = 20
"""Requests looked at: a habit is what a partner does lately."""

REMEMBERED = timedelta(days=14)
"""How long a mail without its receipt is spoken of: by then a person has asked, or it does not matter."""

_REQUESTS = tuple(kind.id for kind in KINDS.values() if kind.subject is Subject.REQUEST)
_LEFT = frozenset({State.HANDED_OVER, State.EVIDENCED})


async def habits(view: View, site: str, directory: Directory, now: datetime) -> tuple[Habit, ...]:
    """Of each partner who gets requests from us, as of now."""
    # Kind by kind: of one kind the newest are found by the index alone.
    newest = [
        row
        for kind in _REQUESTS
        for row in await view.all(Message, site=site, direction=Direction.OUT, kind=kind, newest=True, limit=LATEST)
    ]
    requests = sorted(newest, key=lambda row: row.id, reverse=True)[:LATEST]
    mails = await view.all(Transmission, site=site, message=tuple(row.id for row in requests))
    given = await view.all(StoredEvidence, site=site, request_hash=tuple(row.mic for row in requests))
    hashes = {row.id: row.mic for row in requests}
    found = []
    for partner in directory.with_role(Role.CNAS):
        evidence = [each for each in given if each.partner == partner.id]
        sent = {
            hashes[mail.message]: mail.state is State.EVIDENCED
            for mail in mails
            if mail.partner == partner.id and mail.state in _LEFT and _had_time(mail, now)
        }
        known = {each.request_hash for each in evidence}
        confirmed = [hash_ for hash_, receipt in sent.items() if receipt or hash_ in known]
        last = max((each.recorded_at for each in evidence), default=None)
        found.append(Habit(partner=partner.id, sent=len(sent), confirmed=len(confirmed), last_confirmed_at=last))
    return tuple(found)


async def unconfirmed(view: View, site: str, directory: Directory, now: datetime) -> tuple[Unconfirmed, ...]:
    """The partners with a gateway that owe receipts for other mails than requests, which have alarms of their own."""
    found = []
    for partner in directory.partners:
        if partner.kind is PartnerKind.GATEWAY:
            mails = await _unreceipted(view, site, partner, now)
            if mails:
                oldest = min(mail.message for mail in mails)
                found.append(Unconfirmed(partner=partner.id, count=len(mails), message=str(oldest)))
    return tuple(found)


async def _unreceipted(view: View, site: str, partner: Partner, now: datetime) -> list[Transmission]:
    left = await view.all(
        Transmission, site=site, partner=partner.id, receipt=False, state=State.HANDED_OVER, newest=True, limit=200
    )
    due = [mail for mail in left if _had_time(mail, now) and now - (mail.handed_over_at or now) <= REMEMBERED]
    about = {row.id: row for row in await view.all(Message, site=site, id=tuple(mail.message for mail in due))}
    chased = partner.role is Role.CNAS
    return [mail for mail in due if not (chased and about[mail.message].kind in _REQUESTS)]


def _had_time(mail: Transmission, now: datetime) -> bool:
    return mail.handed_over_at is not None and now - mail.handed_over_at >= CONFIRMS_WITHIN
