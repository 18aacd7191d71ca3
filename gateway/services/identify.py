"""What an incoming mail seems to be about: whether it may be an answer, and which case and request it suggests.

Anyone can write a header: a suggestion is shown to a person, and only a signature makes a reference more than that.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from gateway.domain import request as life
from gateway.domain.alarms.staff import ALARM
from gateway.domain.checkpoint import LOG_ANCHOR
from gateway.domain.parties import Directory, Party, Role
from gateway.storage import Case, Direction, Hint, Mail, Message, Request, View
from gateway.wire.incoming import Incoming

MAX_CITED = 100
"""Message-IDs looked up for one mail: a long thread fits."""

HEADER_SCAN = 64 * 1024
"""Bytes of an unreadable mail in which a partner's domain is looked for: the largest header that we accept."""


class Identification:
    """Looks mails up among what we sent."""

    def __init__(self, *, party: Party, directory: Directory) -> None:
        self._party = party
        self._directory = directory

    async def cited(self, view: View, message_ids: Iterable[str]) -> tuple[Message, ...]:
        """Our own messages among these, the newest first: an answer to one cites those before it as well."""
        wanted = tuple(dict.fromkeys(message_ids))[:MAX_CITED]
        if not wanted:
            return ()
        found = await view.all(Message, site=self._party.site, direction=Direction.OUT, message_id=wanted, newest=True)
        # Somebody may answer a mail that tells an alarm or carries an anchor: that is never an answer of a partner.
        return tuple(message for message in found if message.kind not in {ALARM, LOG_ANCHOR})

    # --- may it be an answer

    async def concerns_us(self, view: View, seen: Incoming) -> bool:
        """Whether a mail may be an answer: from a partner's domain, or citing a message or a case of ours."""
        if seen.outer is not None:
            senders = tuple(sender.rpartition("@")[2] for sender in seen.outer.senders)
            if self._from_partner(seen.outer.domains + senders):
                return True
        if await self.cited(view, (*_cited(seen), *_signed_cited(seen))):
            return True
        tokens = seen.outer.tokens if seen.outer else ()
        return bool(tokens and await view.all(Case, site=self._party.site, ref=tuple(tokens), limit=1))

    async def may_concern_us(self, view: View, raw: bytes, seen: Incoming) -> bool:
        """The same of a mail that could perhaps not be parsed: then its first bytes are searched."""
        if seen.outer is not None:
            return await self.concerns_us(view, seen)
        head = raw[:HEADER_SCAN].lower()
        if any(domain.encode() in head for domain in self._directory.domains):
            return True
        domain = self._party.address.rpartition("@")[2]
        ours = re.findall(rb"<[0-9a-f]{32}@" + re.escape(domain.encode()) + rb">", head)
        return bool(await self.cited(view, sorted({found.decode() for found in ours})))

    async def is_private(self, view: View, raw: bytes, seen: Incoming) -> bool:
        """Whether a mail of a physician's own mailbox is nobody's business: not about us, or our own word to them."""
        if not await self.may_concern_us(view, raw, seen):
            return True
        outer = seen.outer
        if outer is None or outer.message_id is None or outer.senders != (self._party.address,):
            return False
        sent = await view.all(
            Message, site=self._party.site, direction=Direction.OUT, message_id=outer.message_id, limit=1
        )
        return bool(sent)

    def _from_partner(self, domains: tuple[str, ...]) -> bool:
        """Sub-domains count: a person there may write from another server than the agreed mailbox."""
        partners = self._directory.domains
        return any(domain == partner or domain.endswith(f".{partner}") for domain in domains for partner in partners)

    # --- what it suggests

    async def suggested(self, view: View, row: Mail, seen: Incoming, *, signed: bool) -> Mail:
        """The row with what the mail suggests; ``signed`` says that its inner header was proved to be its author's."""
        if signed and seen.copied is not None and seen.inner is not None and seen.inner.manifest is not None:
            named = await view.one(Request, site=self._party.site, hash=seen.inner.manifest.request_hash)
            if named is not None:
                return _likely(row, named.case_id, named.hash, Hint.SIGNED_REFERENCE)
        proved = await self.cited(view, _signed_cited(seen)) if signed else ()
        found = proved or await self.cited(view, (*_cited(seen), *_signed_cited(seen), *seen.returned))
        about = next((message for message in found if message.case_id is not None), None)
        if about is not None:
            hint = Hint.SIGNED_REFERENCE if proved else Hint.UNSIGNED_REFERENCE
            return _likely(row, about.case_id, about.request_hash, hint)
        case = await self._named(view, row, seen)
        return row if case is None else _likely(row, case.id, await self._only_open(view, case), Hint.SUBJECT_TOKEN)

    async def _named(self, view: View, row: Mail, seen: Incoming) -> Case | None:
        """The only case whose number stands in the subject."""
        tokens = seen.outer.tokens if seen.outer else ()
        if not tokens:
            return None
        found = await view.all(Case, site=self._party.site, ref=tuple(tokens))
        partner = self._directory.find(row.partner or "")
        if partner is not None and partner.role is Role.HOSPITAL:
            found = tuple(case for case in found if case.hospital == partner.id)
        return found[0] if len(found) == 1 else None

    async def _only_open(self, view: View, case: Case) -> str | None:
        rows = await view.all(Request, site=case.site, case_id=case.id, state=tuple(life.OPEN))
        return rows[0].hash if len(rows) == 1 else None


def _likely(row: Mail, case_id: int | None, request_hash: str | None, hint: Hint) -> Mail:
    return replace(row, likely_case=case_id, likely_request=request_hash, likely_by=hint)


def _cited(seen: Incoming) -> tuple[str, ...]:
    return seen.outer.cited if seen.outer else ()


def _signed_cited(seen: Incoming) -> tuple[str, ...]:
    """What the signed header cites, or that of the message which a repaired copy holds."""
    copied = seen.copied.inner if seen.copied else None
    return (seen.inner.cited if seen.inner else ()) + (copied.cited if copied else ())
