"""One incoming mail, from raw bytes to one recorded decision.

The raw mail is kept first (written, fsynced; from a physician's mailbox only if it concerns us), opened in the capped
worker, verified, then decided in one commit: the mail's row, what it changes, its audit record, and the receipt in the
outbox. A mail that fails any check is kept in quarantine and stays unanswered, whatever failed.
"""

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256

import structlog

from gateway.domain.errors import AlreadyThere, IllegalTransition, MailRefused, VaultClosed, WorkerFailed
from gateway.domain.evidence import OwnReception
from gateway.domain.parties import Directory, Party
from gateway.domain.trust import VerifiedMail
from gateway.ports import Clock
from gateway.services.accept import Accept
from gateway.services.acknowledge import Acknowledgements
from gateway.services.arrival import Arrival, in_doubt, reception_of, row_of
from gateway.services.arrived import Decision
from gateway.services.cabinet import EVIDENCE, QUARANTINE, Cabinet
from gateway.services.compose import SealedReceipt
from gateway.services.identify import Identification
from gateway.services.judge import OUR_FAULTS, Judge, by_machine
from gateway.services.overtaken import Came, came_with, may_go_on, received, waiting
from gateway.services.proofs import Proofs
from gateway.services.reports import Reports
from gateway.services.verify import Verifier
from gateway.storage import Act, Direction, Letter, Mail, Message, Store, Verdict
from gateway.wire.incoming import Incoming

__all__ = ["OUR_FAULTS", "Arrival", "Receiver", "Verified"]
"""An arrival and our faults are defined elsewhere, and taken from here with the receiver."""

_log = structlog.get_logger()


class Receiver:
    """Takes mails in, one at a time."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        judge: Judge,
        acknowledgements: Acknowledgements,
        accept: Accept,
        reports: Reports,
        clock: Clock,
        party: Party,
        directory: Directory,
        own_mta: frozenset[str],
        verifier: Verifier,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._judge = judge
        self._acknowledgements = acknowledgements
        self._accept = accept
        self._reports = reports
        self._clock = clock
        self._party = party
        self._one_at_a_time = asyncio.Lock()
        self._behind = True
        self._own_mta = own_mta
        self._verifier = verifier
        self._identification = Identification(party=party, directory=directory)
        self._proofs = Proofs(party=party, directory=directory, cabinet=cabinet)

    async def look(self, raw: bytes) -> Incoming | None:
        """Open a mail before its turn; None when that could not be done: in its turn it is tried again, and told."""
        try:
            return await self._judge.open(raw)
        except Exception as error:  # noqa: BLE001  whatever it is, it stops nobody before its turn
            _log.info("mail.not_opened_ahead", error=type(error).__name__)
            return None

    async def take(self, arrival: Arrival, seen: Incoming | None = None) -> Mail:
        """Keep, open, verify, decide, record; then decide again on what waited for it. Returns the committed row.

        ``seen`` when it was opened already.

        Raises:
            GatewayError: our disk, key or vault failed; nothing was recorded, the next poll sees the mail again.
        """
        # One at a time, though several mailboxes are watched: the same mail may come to two of them at once.
        async with self._one_at_a_time:
            behind, self._behind = self._behind, True
            taken = await self._take(arrival, seen)
            await self._catch_up(taken)
            self._behind = behind
        return taken

    async def _take(self, arrival: Arrival, seen: Incoming | None) -> Mail:
        if arrival.raw is None:
            verdict = Verdict.QUARANTINE if arrival.too_large else Verdict.VANISHED
            reason = "too-large" if arrival.too_large else "vanished"
            row = replace(self._row(arrival), verdict=verdict, reason=reason, held_back=arrival.too_large)
            return await self._keep(row)
        digest = sha256(arrival.raw).hexdigest()
        async with self._store.view() as view:
            known = await view.all(Mail, site=self._party.site, sha256=digest, limit=1)
        if known:
            same = self._row(arrival, file=known[0].file)
            return await self._keep(
                replace(same, verdict=Verdict.DUPLICATE, reason="same-bytes", sha256=digest, message=known[0].message)
            )
        if arrival.personal:
            seen = seen or await self._judge.open(arrival.raw)
            if await self._is_private(arrival.raw, seen):
                return await self._keep(replace(self._row(arrival), verdict=Verdict.PRIVATE, internaldate=None, size=0))
        file = await self._cabinet.put(arrival.raw, await self._cabinet.standing_key(QUARANTINE))
        seen = seen or await self._judge.open(arrival.raw)
        own = reception_of(arrival, seen, self._own_mta)
        row = replace(self._row(arrival, own, file.name), sha256=digest)
        if self._judge.is_probe(seen):
            # The file gets no row: the next sweep of the spool removes it.
            return await self._keep(replace(row, verdict=Verdict.PROBE, file=None))
        try:
            verified = await self._verify(seen, own)
            async with self._store.act() as act:
                await act.add(file)
                return await self._decide(act, await act.add(row), seen, own, verified)
        except (MailRefused, IllegalTransition, AlreadyThere) as error:
            # Any other error is ours (our key, the vault, the disk): it goes up, and the next poll sees the mail again.
            step, reason = _refusal(error)
            refused = replace(row, verdict=Verdict.QUARANTINE, step=step, reason=reason)
            async with self._store.act() as act:
                await act.add(file)
                held = await self._identification.may_concern_us(act, arrival.raw, seen)
                refused = await self._identification.suggested(act, refused, seen, signed=False)
                kept = await self._record(act, replace(refused, held_back=held))
                await self._attested_in_clear(act, seen, kept)
                return kept

    async def resume(self) -> None:
        """Once after a start, a failure or another gateway: what waited for a mail that came may not be decided yet.

        Raises:
            GatewayError: as ``take``; the next poll tries again.
        """
        async with self._one_at_a_time:
            if self._behind:
                await self._decide_waiting(None)
                self._behind = False

    def fall_behind(self) -> None:
        """Another gateway took mails in until now, and may have ended in between."""
        self._behind = True

    async def _catch_up(self, taken: Mail) -> None:
        async with self._store.view() as view:
            came = await came_with(view, taken)
        if came is not None:
            await self._decide_waiting(came)

    async def _decide_waiting(self, came: Came | None) -> None:
        async with self._store.view() as view:
            rows = await waiting(view, self._party.site)
        for row in rows:
            try:
                await self._decide_again(row, came)
            except (MailRefused, IllegalTransition, AlreadyThere) as error:
                if isinstance(error, WorkerFailed) and error.reason in OUR_FAULTS:
                    raise
                _log.info("mail.still_waiting", mail=row.id, reason=_refusal(error)[1])
            except VaultClosed as error:
                # Its file is damaged: that keeps no other from what it waited for.
                _log.warning("mail.still_waiting", mail=row.id, reason=error.code)

    async def _decide_again(self, row: Mail, came: Came | None) -> None:
        async with self._store.view() as view:
            raw = await self._cabinet.get(view, row.file or "")
        seen = await self._judge.open(raw)
        async with self._store.view() as view:
            if not await may_go_on(view, self._party.site, seen, came):
                return
        own = received(row)
        verified = await self._verify(seen, own)
        async with self._store.act() as act:
            if await act.one(Mail, id=row.id) == row:
                await self._decide(act, row, seen, own, verified)

    async def give_up(self, arrival: Arrival, code: str) -> Mail:
        """Record a mail on which our own code failed: kept on the server, held back, for a person."""
        row = self._row(arrival)
        return await self._keep(
            replace(row, verdict=Verdict.QUARANTINE, step="internal", reason=code[:60], held_back=True)
        )

    async def _is_private(self, raw: bytes, seen: Incoming) -> bool:
        async with self._store.view() as view:
            return await self._identification.is_private(view, raw, seen)

    # --- verify

    async def _verify(self, seen: Incoming, own: OwnReception) -> "Verified | None":
        """What was proved, with the receipt already signed; None for a mail that claims nothing.

        Raises:
            MailRefused: at the first step that fails.
        """
        mail = await self._judge.prove(seen)
        if mail is None:
            return None
        return Verified(mail=mail, receipt=await self._acknowledgements.sign(seen, mail, own))

    # --- decide and record

    async def _decide(
        self, act: Act, row: Mail, seen: Incoming, own: OwnReception, verified: "Verified | None"
    ) -> Mail:
        if verified is None:
            return await self._unsigned(act, row, seen)
        mail = verified.mail
        await self._flagged(act, row, seen, mail)
        if mail.duplicate:
            return await self._finish(act, row, await self._repeat(act, row, seen, mail))
        if mail.receipt:
            return await self._finish(act, row, await self._reports.signed(act, seen, mail, row))
        if by_machine(seen):
            return await self._finish(act, row, await self._reports.machine_answer(act, seen, mail.partner, row))
        decision = await self._accept.take(act, seen, mail, own)
        if decision.verdict is Verdict.TRIAGE:
            return await self._for_a_person(act, row, seen, verified, decision)
        if decision.message is not None and verified.receipt is not None and decision.verdict is Verdict.ACCEPTED:
            await self._acknowledgements.queue(act, verified.receipt, decision.message)
        await self._replied(act, seen, mail, row)
        return await self._finish(act, row, decision)

    async def _flagged(self, act: Act, row: Mail, seen: Incoming, mail: VerifiedMail) -> None:
        """Only what was signed counts; that the outer header says otherwise is noted for whoever looks into it."""
        if seen.outer_differs:
            await act.record(
                "mail.outer_differs",
                actor="gateway",
                message=f"mail-{row.id}",
                partner=mail.partner.id,
                details={"fields": seen.outer_differs},
            )

    async def _unsigned(self, act: Act, row: Mail, seen: Incoming) -> Mail:
        decision = await self._reports.unsigned(act, seen, row)
        if decision.verdict in {Verdict.PLAIN, Verdict.TRIAGE}:
            held = decision.held_back or await self._identification.concerns_us(act, seen)
            decision = replace(decision, held_back=held)
        if decision.verdict is not Verdict.REPORT:
            row = await self._identification.suggested(act, row, seen, signed=False)
        return await self._finish(act, row, decision)

    async def _for_a_person(
        self, act: Act, row: Mail, seen: Incoming, verified: "Verified", decision: Decision
    ) -> Mail:
        """A partner's own signed word, of which only a person can say what it is: what it proves is kept with it."""
        mail = verified.mail
        letter = await self._proofs.keep(act, row, seen, mail, await self._verifier.pins(act))
        if seen.copied is not None and letter is None:
            decision = replace(decision, reason="copy-unverified")
            seen = replace(seen, copied=replace(seen.copied, inner=None))
        row = await self._identification.suggested(act, row, seen, signed=True)
        if letter is not None and letter.kind is None and verified.receipt is not None:
            receipt = await self._acknowledgements.queue(act, verified.receipt, None)
            await act.save(replace(letter, receipt=receipt.id))
        await self._replied(act, seen, mail, row)
        return await self._finish(act, row, decision)

    async def _replied(self, act: Act, seen: Incoming, mail: VerifiedMail, row: Mail) -> None:
        """Whatever a partner signed, as an answer to mails of ours, attests that it received them."""
        if seen.copied is None and seen.inner is not None:
            messages = await self._identification.cited(act, seen.inner.cited)
            await self._reports.replied(act, messages, mail.partner, seen, row)

    async def _attested_in_clear(self, act: Act, seen: Incoming, row: Mail) -> None:
        """The same of a mail that was signed and not sealed: nobody acts on it, and it stays in quarantine."""
        partner = await self._verifier.signer(act, seen)
        if partner is not None and seen.inner is not None:
            messages = await self._identification.cited(act, seen.inner.cited)
            await self._reports.replied(act, messages, partner, seen, row)

    async def _repeat(self, act: Act, row: Mail, seen: Incoming, mail: VerifiedMail) -> Decision:
        site, author, named = self._party.site, mail.partner.id, mail.message_id
        message = await act.one(Message, site=site, direction=Direction.IN, partner=author, message_id=named)
        letters = await act.all(Letter, site=site, author=author, message_id=named, copied=False, kind=None, limit=1)
        first = message or next(iter(letters), None)
        if first is None:
            raise AlreadyThere(table="messages")
        if row.mailbox != self._party.address:
            # Its copy in a physician's mailbox: the partner repeats nothing.
            return Decision(verdict=Verdict.DUPLICATE, reason="copy", partner=mail.partner.id, message=message)
        reason = await self._acknowledgements.repeat(act, seen, mail, first)
        return Decision(verdict=Verdict.DUPLICATE, reason=reason, partner=mail.partner.id, message=message)

    async def _finish(self, act: Act, row: Mail, decision: Decision) -> Mail:
        if row.file is not None and decision.key is not None:
            await self._cabinet.hand_to(act, row.file, decision.key)
        elif row.file is not None and decision.verdict in {Verdict.RECEIPT, Verdict.REPORT}:
            await self._cabinet.hand_to(act, row.file, await self._cabinet.standing_key_in(act, EVIDENCE))
        message, about = decision.message, decision.about
        if about is not None:
            row = replace(row, likely_case=about.case_id, likely_request=about.request_hash)
        return await self._record(
            act,
            replace(
                row,
                verdict=decision.verdict,
                step=decision.step,
                reason=decision.reason,
                partner=decision.partner,
                held_back=decision.held_back,
                message=None if message is None else message.id,
                case_id=None if message is None else message.case_id,
            ),
        )

    def _row(self, arrival: Arrival, own: OwnReception | None = None, file: str | None = None) -> Mail:
        return row_of(arrival, own, file, site=self._party.site, at=self._clock.now())

    async def _keep(self, row: Mail) -> Mail:
        async with self._store.act() as act:
            return await self._record(act, row)

    async def _record(self, act: Act, row: Mail) -> Mail:
        stored = await act.save(row) if row.id else await act.add(row)
        outcome = stored.reason if stored.verdict is Verdict.QUARANTINE else None
        await act.record(
            f"mail.{stored.verdict.value}",
            actor="gateway",
            message=f"mail-{stored.id}",
            partner=stored.partner,
            outcome=outcome,
            details={
                "folder_uid": f"{stored.uidvalidity}/{stored.uid}",
                "sha256": stored.sha256,
                "size": stored.size,
                "step": stored.step,
                "reason": stored.reason,
                "held_back": stored.held_back,
                "message": stored.message,
                "dated_by": stored.dated_by,
            },
        )
        await self._told_apart(act, stored)
        _log.info("mail.decided", mail=stored.id, verdict=stored.verdict.value, step=stored.step, reason=stored.reason)
        return stored

    async def _told_apart(self, act: Act, mail: Mail) -> None:
        """A person is told when a mail that may matter has dates that no two well-kept clocks give."""
        if not in_doubt(mail) or not (mail.held_back or mail.verdict is Verdict.ACCEPTED):
            return
        alarm, named = "alarm.reception_disagrees", f"mail-{mail.id}"
        # A mail that overtook its case is decided twice.
        if not await act.entries(event=alarm, message=named, limit=1):
            await act.record(
                alarm,
                actor="gateway",
                message=named,
                partner=mail.partner,
                outcome="raised",
                details={"dated_by": mail.dated_by},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A verified mail and the receipt that is ready for it."""

    mail: VerifiedMail
    receipt: SealedReceipt | None


def _refusal(error: MailRefused | IllegalTransition | AlreadyThere) -> tuple[str, str]:
    match error:
        case MailRefused():
            return error.step, error.reason
        case IllegalTransition():
            return "state", "unexpected-in-this-state"
        case AlreadyThere():
            return "replay", "already-recorded"
