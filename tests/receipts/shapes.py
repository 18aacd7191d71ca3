"""Mails that attest or report something, each named by what is odd about it, and what is read in each."""

from dataclasses import dataclass
from pathlib import Path

from gateway.wire.failure import Failure

MAILS = Path(__file__).parent / "mails"

OURS = "<00112233445566778899aabbccddeeff@hopital.test>"
"""The Message-ID of the request that they are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is read in a mail.

    ``disposition`` is a receipt's word, ``actions`` a report's by recipient; ``original`` says that it names the mail
    it is about; ``notice`` that a machine wrote it by its own word; ``failure`` what failed.
    """

    disposition: str | None = None
    actions: tuple[tuple[str, str], ...] = ()
    original: bool = False
    notice: bool = False
    failure: Failure = Failure.NONE


def raw(name: str, message_id: str = OURS) -> bytes:
    """The mail, about the message of this id."""
    return (MAILS / f"{name}.eml").read_bytes().replace(OURS.strip("<>").encode(), message_id.strip("<>").encode())


def _dsn(*actions: str, failure: Failure = Failure.NONE, address: str = "conv@cnas.test") -> Shape:
    told = tuple((address, action) for action in actions)
    return Shape(actions=told, original=True, notice=True, failure=failure)


def _mdn(disposition: str, *, notice: bool = False) -> Shape:
    return Shape(disposition=disposition, original=True, notice=notice)


CNAS, CNSE = "conv@cnas.test", "medical@cnse.test"

SHAPES = {
    "dsn-delivered": _dsn("delivered"),
    "dsn-relayed": _dsn("relayed"),
    "dsn-expanded": _dsn("expanded"),
    "dsn-delayed": _dsn("delayed", failure=Failure.PASSING),
    "dsn-failed": _dsn("failed", failure=Failure.ADDRESS),
    "dsn-failed-mailbox-full": _dsn("failed", failure=Failure.FINAL),
    "dsn-unknown-action": _dsn("other"),
    "dsn-two-recipients": Shape(
        actions=((CNAS, "failed"), (CNSE, "delivered")), original=True, notice=True, failure=Failure.ADDRESS
    ),
    "dsn-recipients-in-one-block": Shape(
        actions=((CNSE, "delivered"), (CNAS, "failed")), original=True, notice=True, failure=Failure.FINAL
    ),
    "dsn-blank-line-inside-a-recipient": _dsn("failed", failure=Failure.ADDRESS),
    "dsn-answer-not-indented": _dsn("failed", failure=Failure.FINAL),
    "dsn-no-report-type": _dsn("failed", failure=Failure.ADDRESS),
    "dsn-utf8": _dsn("failed", failure=Failure.ADDRESS),
    "dsn-addressed-with-a-tag": _dsn("failed", failure=Failure.FINAL, address="conv+soins@cnas.test"),
    "dsn-report-without-recipient": Shape(notice=True, failure=Failure.FINAL),
    "complaint": Shape(),
    "bounce-qmail": Shape(failure=Failure.ADDRESS),
    "bounce-exim": Shape(notice=True, failure=Failure.FINAL),
    "bounce-exchange-2003": Shape(failure=Failure.ADDRESS),
    "bounce-with-several-recipients-in-words": Shape(failure=Failure.ADDRESS),
    "warning-delayed-in-words": Shape(failure=Failure.PASSING),
    "mdn-displayed": _mdn("displayed"),
    "mdn-odd-writing": _mdn("displayed"),
    "mdn-no-report-type": _mdn("displayed"),
    "mdn-utf8": _mdn("displayed"),
    "mdn-deleted": _mdn("deleted"),
    "mdn-with-an-error": _mdn("processed/error"),
    "mdn-unknown-disposition": _mdn("other"),
    "mdn-by-a-server": _mdn("displayed", notice=True),
    "mdn-two-originals": Shape(),
    "read-notice-in-words": Shape(),
    "read-notice-winmail": Shape(),
    "out-of-office": Shape(notice=True),
    "out-of-office-exchange": Shape(notice=True),
    "out-of-office-without-a-mark": Shape(),
    "acknowledgement-in-words": Shape(),
}
