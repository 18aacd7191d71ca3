"""Two ledgers in one chained log: what watches over security, and what is evidence; each is kept for its own time.

One chain, because a record cannot leave a chain without its hash; two ledgers, because traces of who read what are
kept for months (CNIL, deliberation 2021-122) and what a dispute may turn on for years. What nobody has sorted is
evidence.
"""

from collections.abc import Iterable
from enum import Enum
from hashlib import sha256

from gateway.domain.alarms.shape import PREFIX as STAFF
from gateway.domain.checkpoint import MAILBOX
from gateway.domain.merkle import HASH_BYTES

PURGED = "log.purged"
"""The event that tells which records were erased; it is never erased itself."""

BATCH = 10_000
"""Records that one event tells of, and one commit erases."""


class Ledger(Enum):
    """Which of the two."""

    SECURITY = "security"
    EVIDENCE = "evidence"


READINGS = (
    *("case.listed", "case.read", "case.searched", "draft.read", "fact.read"),
    *("log.read", "mail.read", "message.read", "proof.read"),
)
"""Who read what."""

FAMILIES = ("alarm.", "console.", "mailbox.", "watch.", "transmission.")
"""Of these, what is about no case and no request, or about mail in clear to our own people."""


def ledger_of(event: str, *, case: str | None, request: str | None, partner: str | None) -> Ledger:
    """Where a record belongs, by its columns."""
    if event in READINGS:
        return Ledger.SECURITY
    if case is not None or request is not None or not event.startswith(FAMILIES):
        return Ledger.EVIDENCE
    if event.startswith("transmission."):
        ours = partner is not None and (partner == MAILBOX or partner.startswith(STAFF))
        return Ledger.SECURITY if ours else Ledger.EVIDENCE
    return Ledger.SECURITY


class Erased:
    """Sums up erased records in the order of their index, as the event that tells of them does."""

    def __init__(self) -> None:
        self.count = 0
        self.first: int | None = None
        self.last: int | None = None
        self._hash = sha256()

    def add(self, index: int, leaf: bytes) -> None:
        """One more; its index is greater than those before.

        Raises:
            ValueError: ``leaf`` is not a hash.
        """
        if len(leaf) != HASH_BYTES:
            raise ValueError("a leaf is a hash of 32 bytes")
        self.first = index if self.first is None else self.first
        self.count, self.last = self.count + 1, index
        self._hash.update(index.to_bytes(8, "big") + leaf)

    def details(self) -> dict[str, str | int | None]:
        """What the event says of them: SHA-256 over index (8 bytes, big-endian) and leaf of each."""
        return {"count": self.count, "first": self.first, "last": self.last, "leaves": self._hash.hexdigest()}


def erased(records: Iterable[tuple[int, bytes]]) -> Erased:
    """All of these at once."""
    found = Erased()
    for index, leaf in records:
        found.add(index, leaf)
    return found
