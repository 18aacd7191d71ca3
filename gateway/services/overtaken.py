"""Mails that came before what they are about: two senders share no post, and a small mail overtakes a large one.

A message that names a case or a request that nobody sent here yet waits for a person. When that comes, what waited for
it is decided again, as of its own reception; and so it is after a start, for a gateway that ended in between.
"""

from dataclasses import dataclass

from gateway.domain.case import OPENINGS
from gateway.domain.evidence import OwnReception, ReceptionDoubt
from gateway.domain.kinds import KINDS, Subject
from gateway.storage import Case, Mail, Message, Request, Verdict, View
from gateway.wire.incoming import Incoming
from gateway.wire.manifest import Manifest

REASONS = ("unknown-case", "unknown-request")
"""Why such a mail waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """A case that a message opened or went on with, and the request that the message is."""

    case: str
    request: str | None

    def is_named_by(self, told: Manifest) -> bool:
        """Whether a message is about it."""
        return told.case == self.case and told.request_hash in {None, self.request}


async def came_with(view: View, taken: Mail) -> Came | None:
    """What came with a mail, if others may have waited for it."""
    message = await view.one(Message, id=taken.message) if taken.verdict is Verdict.ACCEPTED else None
    if message is None or not _is_new(message):
        return None
    case = await view.one(Case, id=message.case_id)
    return Came(case=case.ref, request=message.request_hash) if case is not None else None


async def waiting(view: View, site: str) -> tuple[Mail, ...]:
    """The mails that wait, oldest first."""
    rows = await view.all(Mail, site=site, reason=REASONS, settled_at=None)
    return tuple(row for row in rows if row.file is not None)


async def may_go_on(view: View, site: str, seen: Incoming, came: Came | None) -> bool:
    """Whether what a mail waited for is what just came; None: whether it is here by now."""
    told = seen.inner.manifest if seen.inner else None
    if told is None:
        return False
    if came is not None:
        return came.is_named_by(told)
    if told.request_hash is not None:
        return await view.one(Request, site=site, hash=told.request_hash) is not None
    return bool(await view.all(Case, site=site, ref=told.case, limit=1))


def received(row: Mail) -> OwnReception:
    """Its reception, as it was recorded."""
    earliest, latest = row.received_earliest, row.received_latest
    if earliest is None or latest is None:
        raise LookupError("an opened mail has a reception")
    doubts = () if earliest == latest else (ReceptionDoubt.SOURCES_DISAGREE,)
    return OwnReception(candidates=(), earliest=earliest, latest=latest, doubts=doubts)


def _is_new(message: Message) -> bool:
    """Whether it is a request, or may have opened its case."""
    kind = KINDS[message.kind]
    return kind.subject is Subject.REQUEST or kind.outcome.case in OPENINGS
