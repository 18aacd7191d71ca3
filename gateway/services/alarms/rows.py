"""From the rows of the database to the facts of the alarms, one function for each sort; nothing sealed is opened."""

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.alarms.facts import Asked, Brought, Challenged, Handed, Happened, Outgoing, Owed, Stay, Unsorted
from gateway.domain.case import State
from gateway.domain.readers import PREFIX
from gateway.domain.readers import State as Handing
from gateway.domain.transmission import MAX_DOUBTS
from gateway.services.casework import standing_facts
from gateway.services.challenged import acceptances_of, contested
from gateway.storage import (
    FOR_A_PERSON,
    Case,
    Challenge,
    Direction,
    EnteredProof,
    Mail,
    Message,
    OwedCopy,
    ReaderHandover,
    Request,
    Transmission,
    View,
)

LOOKED_AT, TRIES = 200, 3
"""Mails of the outbox that are looked at, the oldest; and tries in vain after which one is stuck."""

_WATCHED = (*life.UNANSWERED, life.State.ANSWER_DISPUTED, life.State.TACITLY_ACCEPTED)
_STAYS = (State.AUTHORISED, State.ADMITTED, State.INTERRUPTED, State.REPATRIATION_PENDING)


async def requests(view: View, site: str, *, quiet: bool) -> tuple[Asked, ...]:
    """Those that are not settled, or about which a notice is owed; ``quiet``: nobody ever confirms them."""
    watched = await view.all(Request, site=site, state=_WATCHED)
    owing = await view.all(Request, site=site, owes_notice=True)
    rows = {row.id: row for row in (*watched, *owing)}
    cases = await _cases(view, {row.case_id for row in rows.values()})
    lacking = tuple(row.hash for row in rows.values() if row.state in life.UNACKNOWLEDGED)
    sent = await view.all(Message, site=site, direction=Direction.OUT, mic=lacking)
    mails = {message.mic: str(message.id) for message in sent}
    return tuple(_asked(row, cases[row.case_id].ref, message=mails.get(row.hash), quiet=quiet) for row in rows.values())


async def stays(view: View, site: str) -> tuple[Stay, ...]:
    """The cases whose patient is here or awaited, with the days of what happened and all their requests."""
    found = []
    for case in await view.all(Case, site=site, closed_at=None, state=_STAYS):
        facts = await standing_facts(view, case)
        asked = await view.all(Request, site=site, case_id=case.id)
        found.append(
            Stay(
                ref=case.ref,
                state=case.state,
                authorised_until=case.authorised_until,
                facts=tuple(Happened(kind=fact.kind, day=fact.day, request=fact.request_hash) for fact in facts),
                requests=tuple(_asked(row, case.ref) for row in asked),
            )
        )
    return tuple(found)


async def outgoing(view: View, site: str) -> tuple[Outgoing, ...]:
    """What did not leave, or nobody knows whether it did."""
    stopped = await view.all(Transmission, site=site, state=(sending.State.UNKNOWN, sending.State.HELD))
    waiting = await view.all(Transmission, site=site, state=sending.State.READY, limit=LOOKED_AT)
    rows = [row for row in (*stopped, *waiting) if row.state is not sending.State.READY or row.attempts >= TRIES]
    about = await _messages(view, {row.message for row in rows})
    found = []
    for row in rows:
        held, doubt = row.state is sending.State.HELD, row.doubts >= MAX_DOUBTS
        # Mail to our own people has alarms of its own, unless nothing leaves at all.
        ours = ":" in row.partner
        found.append(
            Outgoing(
                message=str(row.message),
                partner=row.partner,
                request=about[row.message].request_hash,
                since=about[row.message].at,
                held=held and not ours,
                doubt=row.state is sending.State.UNKNOWN and doubt and not ours,
                tried=row.state is sending.State.READY,
            )
        )
    return tuple(found)


async def unsorted(view: View, site: str) -> tuple[Unsorted, ...]:
    """The mails that hold silence back."""
    rows = await view.all(Mail, site=site, verdict=tuple(FOR_A_PERSON), settled_at=None, held_back=True)
    return tuple(Unsorted(mail=row.id, since=row.recorded_at) for row in rows)


async def copies(view: View, site: str) -> tuple[Owed, ...]:
    """The copies that have not left."""
    rows = await view.all(OwedCopy, site=site, settled_at=None)
    about = await _messages(view, {row.message for row in rows})
    cases = await _cases(view, {message.case_id for message in about.values()})
    return tuple(
        Owed(
            message=str(row.message),
            partner=row.partner,
            case=_ref(cases, about[row.message]),
            request=about[row.message].request_hash,
            since=row.noticed_at,
        )
        for row in rows
    )


async def handovers(view: View, site: str) -> tuple[Handed, ...]:
    """The hand-overs of which a person was or must be told."""
    waiting = await view.all(ReaderHandover, site=site, state=Handing.WAITING)
    rows = (*await view.all(ReaderHandover, site=site, alarmed=True), *waiting)
    about = await _messages(view, {row.message for row in rows})
    cases = await _cases(view, {message.case_id for message in about.values()})
    return tuple(
        Handed(
            message=str(row.message),
            reader=f"{PREFIX}{row.reader}" if row.reader else None,
            case=_ref(cases, about[row.message]),
            request=about[row.message].request_hash,
            failed=row.state is not Handing.DONE and row.state is not Handing.WAITING,
            since=row.due_at,
        )
        for row in rows
    )


async def challenged(view: View, site: str) -> tuple[Challenged, ...]:
    """The recorded silences that are in doubt."""
    hashes = {row.request_hash for row in await view.all(Challenge, site=site)}
    open_ = {hash_ for hash_ in hashes if contested(await acceptances_of(view, site, hash_))}
    rows = await view.all(Request, site=site, hash=tuple(open_)) if open_ else ()
    cases = await _cases(view, {row.case_id for row in rows})
    return tuple(Challenged(case=cases[row.case_id].ref, request=row.hash) for row in rows)


async def proofs(view: View, site: str) -> tuple[Brought, ...]:
    """The proofs that await a second person."""
    rows = await view.all(EnteredProof, site=site, settled_at=None)
    cases = await _cases(view, {row.case_id for row in rows})
    return tuple(Brought(proof=row.id, case=cases[row.case_id].ref, request=row.request_hash) for row in rows)


def _asked(row: Request, ref: str, *, message: str | None = None, quiet: bool = False) -> Asked:
    return Asked(
        hash=row.hash,
        case=ref,
        state=row.state,
        submitted_at=row.submitted_at,
        authorised_until=row.authorised_until,
        prolongs=row.nature == "prolongation",
        message=message,
        handed_over_at=row.handed_over_at,
        ends_at=row.nominal_at,
        due_at=row.due_at,
        settled_at=row.settled_at,
        form_owed=row.form_owed,
        quiet=quiet,
        unsealed=row.owes_notice,
    )


async def _messages(view: View, ids: set[int]) -> dict[int, Message]:
    return {row.id: row for row in await view.all(Message, id=tuple(ids))} if ids else {}


async def _cases(view: View, ids: "set[int | None] | set[int]") -> dict[int | None, Case]:
    return {row.id: row for row in await view.all(Case, id=tuple(ids))} if ids else {}


def _ref(cases: "dict[int | None, Case]", message: Message) -> str | None:
    case = cases.get(message.case_id)
    return case.ref if case else None
