"""All that the database keeps of one case, gathered for a dossier; nothing of another case comes along."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.services.cases import find_case
from gateway.storage import (
    Acceptance,
    AuditEntry,
    Case,
    Challenge,
    Confirmation,
    EnteredProof,
    Fact,
    HeardAnswer,
    Mail,
    Message,
    Pin,
    Poll,
    Request,
    Ruling,
    StoredEvidence,
    Transmission,
    Verdict,
    View,
)

SEALED = frozenset({Verdict.ACCEPTED, Verdict.DUPLICATE})
"""Mails that are encrypted, or receipts in the shape of a message: what they say is closed to who has no key."""

RECEIPTS = frozenset({Verdict.RECEIPT, Verdict.REPORT})
"""What machines wrote about our mail; it holds no content."""

KEY_EVENTS = ("key.proposed", "key.pinned", "key.retired", "key.refreshed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The rows of a case, in the order in which they were added; ``pins`` are of the partners who took part."""

    case: Case
    requests: tuple[Request, ...]
    facts: tuple[Fact, ...]
    messages: tuple[Message, ...]
    transmissions: tuple[Transmission, ...]
    mails: tuple[Mail, ...]
    evidence: tuple[StoredEvidence, ...]
    confirmations: tuple[Confirmation, ...]
    acceptances: tuple[Acceptance, ...]
    answers: tuple[HeardAnswer, ...]
    challenges: tuple[Challenge, ...]
    rulings: tuple[Ruling, ...]
    entered: tuple[EnteredProof, ...]
    pins: tuple[Pin, ...]
    polls: tuple[Poll, ...]


async def gather(view: View, site: str, ref: str, now: datetime) -> Gathered:
    """Everything of the case of this reference.

    Raises:
        Unknown, NotAllowed: none, or two of two hospitals.
    """
    case = await find_case(view, site, ref)
    requests = await view.all(Request, site=site, case_id=case.id)
    hashes = tuple(row.hash for row in requests)
    messages = await view.all(Message, site=site, case_id=case.id)
    transmissions = await view.all(Transmission, site=site, message=tuple(row.id for row in messages))
    evidence = await view.all(StoredEvidence, site=site, request_hash=hashes)
    mails = await _mails(view, case, evidence)
    joined = [*(row.partner for row in messages), *(row.partner for row in transmissions)]
    partners = _partners([*joined, *(row.partner for row in evidence), *(row.partner or "" for row in mails)])
    return Gathered(
        case=case,
        requests=requests,
        facts=await view.all(Fact, site=site, case_id=case.id),
        messages=messages,
        transmissions=transmissions,
        mails=mails,
        evidence=evidence,
        confirmations=await view.all(Confirmation, site=site, request_hash=hashes),
        acceptances=await view.all(Acceptance, site=site, request_hash=hashes),
        answers=await view.all(HeardAnswer, site=site, request_hash=hashes),
        challenges=await view.all(Challenge, site=site, request_hash=hashes),
        rulings=await view.all(Ruling, site=site, request_hash=hashes),
        entered=await view.all(EnteredProof, site=site, request_hash=hashes),
        pins=await view.all(Pin, site=site, partner=partners),
        polls=await _polls(view, site, requests, now),
    )


async def records_of(view: View, found: Gathered) -> tuple[AuditEntry, ...]:
    """The audit records of the case: its own, those of its mails, and how the keys that it used were pinned."""
    ref, prints = found.case.ref, tuple(pin.fingerprint for pin in found.pins)
    named = [f"mail-{mail.id}" for mail in found.mails]
    several = (
        await view.entries(case=ref),
        await view.entries(case=None, request=tuple(row.hash for row in found.requests)),
        await view.entries(case=None, message=tuple(named)),
        await view.entries(event=KEY_EVENTS, outcome=prints),
    )
    by_index = {entry.index: entry for entries in several for entry in entries}
    return tuple(by_index[index] for index in sorted(by_index))


async def _mails(view: View, case: Case, evidence: Iterable[StoredEvidence]) -> tuple[Mail, ...]:
    """Those of the case, and reports about its mail that only an evidence or a record ties to it."""
    cited = {row.mail for row in evidence if row.mail is not None}
    for entry in await view.entries(case=case.ref):
        number = (entry.message or "").removeprefix("mail-")
        if number != entry.message and number.isdecimal():
            cited.add(int(number))
    tied = await view.all(Mail, site=case.site, id=tuple(sorted(cited)))
    tied = tuple(row for row in tied if row.case_id is None and row.verdict in RECEIPTS)
    by_id = {row.id: row for row in (*await view.all(Mail, site=case.site, case_id=case.id), *tied)}
    return tuple(by_id[number] for number in sorted(by_id))


async def _polls(view: View, site: str, requests: Iterable[Request], now: datetime) -> tuple[Poll, ...]:
    """Those of the time in which an answer could come: the proof of silence."""
    windows = [(row.submitted_at, row.settled_at or now) for row in requests]
    if not windows:
        return ()
    since, until = min(start for start, _ in windows), max(end for _, end in windows)
    return tuple(poll for poll in await view.looks(site, since=since) if poll.first_at <= until)


def _partners(joined: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for names in joined for name in names.split("+") if name}))
