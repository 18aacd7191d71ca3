"""Which mail of ours a receipt or a report is about, and what that makes of it. It reads only: others act on it.

A receipt is matched by our own Message-ID, a delivery report by our envelope id first; never by order or subject.
"""

from dataclasses import dataclass

from gateway.domain.errors import MailRefused
from gateway.domain.parties import Directory, Partner, PartnerKind, Party
from gateway.domain.trust import VerifiedMail
from gateway.storage import Direction, Message, Transmission, Verdict, View
from gateway.wire.dsn import Dsn, DsnRecipient
from gateway.wire.failure import Failure
from gateway.wire.incoming import ACTIONS, DISPOSITIONS, MODIFIERS, OTHER, Attested, Incoming

POSITIVE = frozenset({"processed", "dispatched", "displayed"})
"""Dispositions that attest reception; ``deleted``, ``denied``, ``failed`` and unknown words attest nothing."""

Lines = tuple[DsnRecipient, ...]
"""What a report says of one recipient; several lines where a list was expanded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a mail that reports something is; ``message`` is our own that it is about, None when it fits none."""

    verdict: Verdict
    reason: str
    partner: str | None = None
    message: Message | None = None


async def ours(view: View, site: str, message_id: str | None) -> Message | None:
    """Our own message of this id."""
    if message_id is None:
        return None
    found = await view.all(Message, site=site, direction=Direction.OUT, message_id=message_id, limit=1)
    return found[0] if found else None


class Matching:
    """Looks up what reports are about."""

    def __init__(self, *, party: Party, directory: Directory) -> None:
        self._party = party
        self._directory = directory

    async def signed(self, view: View, seen: Incoming, mail: VerifiedMail) -> Match:
        """A receipt under a partner's signature.

        Raises:
            MailRefused: its MIC is not that of our message.
        """
        partner, receipt = mail.partner, seen.receipt
        message = await ours(view, self._party.site, receipt.original_message_id if receipt else None)
        if receipt is None or message is None or partner.id not in message.partner.split("+"):
            return Match(verdict=Verdict.TRIAGE, reason="matches-nothing", partner=partner.id)
        same = receipt.mic is not None and receipt.mic == message.mic and receipt.mic_algorithm == "sha-256"
        if not same and (partner.kind is PartnerKind.GATEWAY or receipt.mic is not None):
            raise MailRefused(step="match", reason="mic-missing" if receipt.mic is None else "mic-mismatch")
        if not is_positive(receipt):
            return Match(verdict=Verdict.TRIAGE, reason="not-positive", partner=partner.id, message=message)
        return Match(verdict=Verdict.RECEIPT, reason=_word(receipt.kind), partner=partner.id, message=message)

    async def unsigned(self, view: View, seen: Incoming) -> Match:
        """A mail that nobody signed: a plain receipt, a delivery report, an out-of-office, or just a mail."""
        partner = self.sender(seen)
        if seen.receipt is not None:
            message = await ours(view, self._party.site, seen.receipt.original_message_id)
            if message is None or partner is None or partner.id not in message.partner.split("+"):
                # Who it says it is from does not matter then; that it cites a mail of ours does.
                return _or_automatic(seen, Match(verdict=Verdict.TRIAGE, reason="matches-nothing", message=message))
            return Match(verdict=Verdict.REPORT, reason=told_by(seen), partner=partner.id, message=message)
        if seen.report is not None:
            found = await self.transmissions(view, seen.report)
            if not found:
                return _or_automatic(seen, Match(verdict=Verdict.TRIAGE, reason="dsn-matches-nothing"))
            lines = tuple(line for _, some in found for line in some)
            named = found[0][0].partner if len(found) == 1 else None
            return Match(verdict=Verdict.REPORT, reason=_delivery(lines, seen.failure), partner=named)
        if seen.failure is not Failure.NONE:
            return _or_automatic(seen, Match(verdict=Verdict.TRIAGE, reason=told_by(seen)))
        verdict = Verdict.AUTOMATIC if seen.notice else Verdict.PLAIN
        return Match(verdict=verdict, reason=told_by(seen), partner=partner.id if partner else None)

    def sender(self, seen: Incoming) -> Partner | None:
        """The partner whose address a mail writes in its From, as anyone may."""
        sender = seen.outer.senders[0] if seen.outer and len(seen.outer.senders) == 1 else ""
        return self._directory.at_address(sender)

    async def transmissions(self, view: View, report: Dsn) -> tuple[tuple[Transmission, Lines], ...]:
        """The transmissions that a report is about, each with what is said of its recipient."""
        if report.original_envelope_id:
            found = await view.one(Transmission, site=self._party.site, envid=report.original_envelope_id)
            if found is not None:
                # The envelope had this one recipient: a report that names another was made by an alias or a list there.
                return ((found, self._lines(found, report) or report.recipients),)
        message = await ours(view, self._party.site, report.original_message_id)
        if message is None:
            return ()
        sent = await view.all(Transmission, message=message.id)
        named = tuple((each, lines) for each in sent if (lines := self._lines(each, report)))
        if named or len(sent) != 1:
            return named
        return ((sent[0], report.recipients),)

    def _lines(self, transmission: Transmission, report: Dsn) -> Lines:
        partner = self._directory.find(transmission.partner)
        if partner is None:
            return ()
        return tuple(
            line for line in report.recipients if _is_of(partner, line.original) or _is_of(partner, line.final)
        )


def is_positive(receipt: Attested) -> bool:
    """Whether a receipt attests reception, without an error or a warning."""
    return receipt.kind in POSITIVE and not receipt.modifiers


def actions(lines: Lines) -> set[str]:
    """Words of ours: what a stranger wrote goes into no record."""
    return {line.action if line.action in ACTIONS else OTHER for line in lines}


def told_by(seen: Incoming) -> str:
    """What an unsigned mail is by its own word alone, whatever it is about."""
    if seen.receipt is not None:
        modifiers = seen.receipt.modifiers
        modifier = modifiers if not modifiers or modifiers in MODIFIERS else OTHER
        return "-".join(filter(None, ("mdn", _word(seen.receipt.kind), modifier)))
    if seen.report is not None:
        return _delivery(seen.report.recipients, seen.failure)
    if seen.failure is not Failure.NONE:
        return f"bounce-{seen.failure.value}"
    return "auto-reply" if seen.notice else "not-sealed"


def _delivery(lines: Lines, failure: Failure) -> str:
    found = actions(lines)
    told = "dsn-" + "-".join(sorted(found))
    return f"{told}-address" if "failed" in found and failure is Failure.ADDRESS else told


def _or_automatic(seen: Incoming, match: Match) -> Match:
    """A report on a mail that is not ours is a machine's answer: persons write from this mailbox too."""
    if not seen.notice:
        return match
    return Match(verdict=Verdict.AUTOMATIC, reason=match.reason, partner=match.partner, message=match.message)


def _is_of(partner: Partner, address: str | None) -> bool:
    """Whether mail to this address is the partner's: a server may write the tag that it delivers to (RFC 5233)."""
    if address is None:
        return False
    local, _, domain = address.rpartition("@")
    return address in partner.addresses or f"{local.partition('+')[0]}@{domain}" in partner.addresses


def _word(told: str) -> str:
    """A word of ours: what a stranger wrote goes into no record."""
    return told if told in DISPOSITIONS else OTHER
