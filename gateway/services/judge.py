"""What a mail is and what it proves, before anything follows from it: one judge for whoever receives or only looks.

Reception acts on what is judged here, ``gateway inspect`` prints it. Nothing is written, kept or answered.
"""

from dataclasses import dataclass

from gateway.domain.errors import MailRefused, WorkerFailed
from gateway.domain.kinds import KINDS, REPAIRED_COPY, Subject
from gateway.domain.parties import Party
from gateway.domain.trust import VerifiedMail
from gateway.ports import Opener
from gateway.services.catalogue import require_conformity
from gateway.services.matching import Matching
from gateway.services.verify import Verifier
from gateway.storage import Request, Store, Verdict, View
from gateway.wire.incoming import Incoming
from gateway.wire.manifest import Manifest

OUR_FAULTS = frozenset({"start", "own-key", "closed"})
"""Reasons for which the worker could not even try: the mail is not to blame, and nothing can be said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What would become of a mail. ``mail`` is the proof of one that passed every trust step.

    Of a message that does, the state of its case has the last word, which is asked under the case's lock.
    """

    verdict: Verdict
    seen: Incoming
    step: str | None = None
    reason: str | None = None
    partner: str | None = None
    mail: VerifiedMail | None = None


class Judge:
    """Opens and judges mails, one at a time."""

    def __init__(self, *, store: Store, opener: Opener, verifier: Verifier, matching: Matching, party: Party) -> None:
        self._store = store
        self._opener = opener
        self._verifier = verifier
        self._matching = matching
        self._party = party

    async def open(self, raw: bytes) -> Incoming:
        """What the worker saw; a mail on which it failed is refused like any other that fails a step.

        Raises:
            WorkerFailed: for a reason of OUR_FAULTS.
        """
        try:
            return await self._opener.open(raw)
        except WorkerFailed as error:
            if error.reason in OUR_FAULTS:
                raise
            return Incoming(shape=None, outer=None, failed_step=error.step, failed_reason=error.reason)
        except MailRefused as error:
            return Incoming(shape=None, outer=None, failed_step=error.step, failed_reason=error.reason)

    def is_probe(self, seen: Incoming) -> bool:
        """Whether it is a mail of ours to ourselves, by which an administrator tried our servers."""
        return self._verifier.is_probe(seen)

    async def prove(self, seen: Incoming) -> VerifiedMail | None:
        """Steps 1 to 15; None for a mail that claims nothing.

        Raises:
            MailRefused: at the first step that fails.
        """
        mail = await self._verifier.verify(seen)
        if mail is not None and not (mail.receipt or mail.duplicate):
            require_conformity(seen, mail, self._party.role)
        return mail

    async def judge(self, raw: bytes) -> Judgement:
        """The whole judgement on a mail.

        Raises:
            WorkerFailed: as ``open``.
        """
        seen = await self.open(raw)
        if self.is_probe(seen):
            return Judgement(verdict=Verdict.PROBE, seen=seen, reason="own-probe")
        try:
            return await self._judged(seen, await self.prove(seen))
        except MailRefused as error:
            return Judgement(verdict=Verdict.QUARANTINE, seen=seen, step=error.step, reason=error.reason)

    async def _judged(self, seen: Incoming, mail: VerifiedMail | None) -> Judgement:
        async with self._store.view() as view:
            if mail is None:
                found = await self._matching.unsigned(view, seen)
                return Judgement(verdict=found.verdict, seen=seen, reason=found.reason, partner=found.partner)
            if mail.duplicate:
                verdict, reason = Verdict.DUPLICATE, "duplicate"
            elif mail.receipt:
                match = await self._matching.signed(view, seen, mail)
                verdict, reason = match.verdict, match.reason
            elif by_machine(seen):
                verdict, reason = Verdict.AUTOMATIC, "auto-reply"
            elif seen.inner is None or seen.inner.manifest is None:
                verdict, reason = Verdict.TRIAGE, "no-manifest"
            elif await self._is_known(view, seen.inner.manifest):
                verdict, reason = Verdict.ACCEPTED, seen.inner.manifest.kind
            else:
                verdict, reason = Verdict.TRIAGE, "unknown-request"
        return Judgement(verdict=verdict, seen=seen, reason=reason, partner=mail.partner.id, mail=mail)

    async def _is_known(self, view: View, told: Manifest) -> bool:
        """Whether the request that a message must be about was ever made; others open what they are about."""
        kind = KINDS.get(told.kind)
        if kind is None or kind is REPAIRED_COPY or kind.subject in {Subject.CASE, Subject.REQUEST}:
            return True
        return await view.one(Request, site=self._party.site, hash=told.request_hash) is not None


def by_machine(seen: Incoming) -> bool:
    """An out-of-office, by its own signed word: nothing but words, and no message of the protocol."""
    inner = seen.inner
    return inner is not None and inner.automatic and inner.manifest is None and not inner.pieces
