"""What the server's answers mean for one hand-over, and our own words where it gave none. No address gets through."""

import asyncio
from enum import IntEnum
from typing import Final

from aiosmtplib import SMTPResponse

from gateway.ports import Envelope, HandOver, HandOverOutcome

# Outcome texts of ours, when there was no answer of the server to quote.
TOO_LARGE: Final = "too-large"
NOT_CANONICAL: Final = "not-canonical"
NEEDS_8BITMIME: Final = "needs-8bitmime"
ENVELOPE_UNFIT: Final = "envelope-unfit"
NO_ANSWER: Final = "no-answer"
CONNECTION_LOST: Final = "connection-lost"
INTERRUPTED: Final = "interrupted"
ANSWER_BROKEN: Final = "answer-broken"

# The server's last words are shown to an operator and stored; more than this is not an explanation any more.
MAX_TEXT = 200

# A shorter local part is removed from the server's text as a whole word only, or it would blank everything.
LOCAL_PART_DISTINCTIVE = 4

REMOVED = "(...)"


class Kind(IntEnum):
    """First digit of a reply code (RFC 5321 section 4.2.1)."""

    SUCCESS = 2
    GO_ON = 3
    DELAY = 4
    REFUSAL = 5
    BROKEN = 0


def kind(code: int) -> Kind:
    """What a reply code says."""
    first = code // 100
    return Kind(first) if first in set(Kind) else Kind.BROKEN


def verdict(answer: SMTPResponse, envelope: Envelope, *, complete: bool) -> HandOverOutcome:
    """What a final answer means; a success before the whole content was sent is none."""
    results = {Kind.DELAY: HandOver.DEFERRED, Kind.REFUSAL: HandOver.REFUSED}
    if complete:
        results[Kind.SUCCESS] = HandOver.ACCEPTED
    result = results.get(kind(answer.code), HandOver.UNKNOWN)
    return HandOverOutcome(result=result, code=answer.code, text=_without_addresses(answer.message, envelope))


def loss(exc: BaseException) -> HandOverOutcome:
    """No answer to the content. A cancellation is put back, uncounted: the caller learns the outcome first."""
    task = asyncio.current_task()
    if isinstance(exc, asyncio.CancelledError):
        if task is not None:
            task.uncancel()
            task.cancel()
        return outcome(HandOver.UNKNOWN, INTERRUPTED)
    if isinstance(exc, TimeoutError):
        return outcome(HandOver.UNKNOWN, NO_ANSWER)
    return outcome(HandOver.UNKNOWN, CONNECTION_LOST if isinstance(exc, OSError) else ANSWER_BROKEN)


def outcome(result: HandOver, text: str) -> HandOverOutcome:
    """An outcome in our own words."""
    return HandOverOutcome(result=result, code=None, text=text)


def _without_addresses(text: str, envelope: Envelope) -> str:
    """The server's words, printable, short; each word that holds an address or a local part of ours is removed."""
    local_parts = [address.rpartition("@")[0].lower() for address in (envelope.recipient, envelope.sender) if address]
    printable = "".join(letter if " " <= letter <= "~" else " " for letter in text)
    words = []
    for word in printable.split():
        lowered = word.lower()
        named = any(
            lowered.strip("<>()[]{}\"'`.,:;!?") == part or (len(part) >= LOCAL_PART_DISTINCTIVE and part in lowered)
            for part in local_parts
        )
        words.append(REMOVED if named or "@" in word else word)
    return " ".join(words)[:MAX_TEXT]
