"""Mails that came before what they are about: two senders share no post, and a small mail overtakes a large one.

A message that names a case or a request that nobody sent here yet waits for a person. When that comes, what waited for
it is decided again, as of its own reception.
"""

from dataclasses import dataclass

from gateway.domain.case import OPENINGS
from gateway.domain.evidence import OwnReception, ReceptionDoubt
from gateway.domain.kinds import KINDS, Subject
from gateway.services.cabinet import Cabinet
from gateway.storage import Case, Mail, Message, Verdict, View
from gateway.wire.incoming import Incoming

REASONS = ("unknown-case", "unknown-request")
"""Why such a mail waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A mail that may have waited for what just came: its row, its bytes."""

    row: Mail
    raw: bytes
    case: str
    request: str | None

    def named_by(self, seen: Incoming) -> bool:
        """Whether it is about what just came."""
        told = seen.inner.manifest if seen.inner else None
        return told is not None and told.case == self.case and told.request_hash in {None, self.request}

    @property
    def own(self) -> OwnReception:
        """Its reception, as it was recorded."""
        earliest, latest = self.row.received_earliest, self.row.received_latest
        if earliest is None or latest is None:
            raise LookupError("an opened mail has a reception")
        doubts = () if earliest == latest else (ReceptionDoubt.SOURCES_DISAGREE,)
        return OwnReception(candidates=(), earliest=earliest, latest=latest, doubts=doubts)


async def overtaken_by(view: View, cabinet: Cabinet, taken: Mail) -> tuple[Waiting, ...]:
    """The mails that may have waited for this one, oldest first.

    Raises:
        VaultClosed, StorageFailed.
    """
    message = await view.one(Message, id=taken.message) if taken.verdict is Verdict.ACCEPTED else None
    if message is None or not _is_new(message):
        return ()
    case = await view.one(Case, id=message.case_id)
    if case is None:
        return ()
    rows = await view.all(Mail, site=taken.site, reason=REASONS, settled_at=None)
    return tuple(
        [
            Waiting(row=row, raw=await cabinet.get(view, row.file), case=case.ref, request=message.request_hash)
            for row in rows
            if row.file is not None
        ]
    )


def _is_new(message: Message) -> bool:
    """Whether it is a request, or may have opened its case."""
    kind = KINDS[message.kind]
    return kind.subject is Subject.REQUEST or kind.outcome.case in OPENINGS
