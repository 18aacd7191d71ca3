"""What a report of a failed delivery says of its cause, for a person to read: it is never a reason to change anything.

The status code of the machine part comes first (RFC 3463: class 4 passes, class 5 stays). Most reports have no such
part, or a code that says only « no »: then the words that servers use are read. Whose mail it was, and whether it is
one of ours, is decided elsewhere.
"""

import re
from collections.abc import Iterable
from enum import Enum

from gateway.domain.errors import MailMalformed
from gateway.wire import dsn
from gateway.wire.automatic import has_null_return_path
from gateway.wire.fields import decode_words
from gateway.wire.mime import Headers, Part
from gateway.wire.reports import RETURNED, STATUS_PARTS

# Reports return one message; a digest of several is rare.
MAX_RETURNED = 10
# A server's explanation and its transcript; the returned message behind them may be a whole file.
MAX_WORDS = 16 * 1024


class Failure(Enum):
    """What became of the delivery, the gravest last. ADDRESS: the address or its domain is not there."""

    NONE = "none"
    PASSING = "passing"
    FINAL = "final"
    ADDRESS = "address"


# RFC 3463 and its registry: no such mailbox, domain, person or host, moved, no mail taken there (RFC 7505).
_ADDRESS_CODES = frozenset({"5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.1.351", "5.4.4", "5.7.27"})
# Codes with which servers say anything: their words decide.
_VAGUE = re.compile(r"5\.(?:0\.\d+|1\.0|2\.1|3\.0|4\.1|5\.\d+)")
_CODE = re.compile(r"(?<![\d.])([245]\.\d\.\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.])([45])\d\d[ ,-]")

_FULL = re.compile(r"mailbox (?:is )?full|over ?quota|quota exceeded|disk (?:space|full)")
# Refused for another reason; before RCPT it was not looked at, after DATA it had been taken.
_REFUSED = re.compile(r"spam|blocked|black ?list|block ?list|after mail from|in reply to end of data")
_AT_REST = re.compile(r"suspended|disabled|deactivated|inactive|reverse dns|timed? ?out|expired|virus")
_UNKNOWN = re.compile(
    r"(?:user|recipient|account|address|mailbox)[^.\n]{0,40}?"
    r"(?:unknown|not known|(?:does ?n.t|does not|may not|not) exist|not found|not recognized|not listed)"
    r"|(?:unknown|no such|no valid|invalid|bad|non-?exist\w+)\s+(?:local |destination |virtual |final |delivery )*"
    r"(?:user|recipient|mailbox|account|address|person)|(?:unknown|no such) (?:domain|host|name)"
    r"|does ?n.t have an? \S+ account|no mailbox here|unrout\w+|mailbox unavailable|has moved"
    r"|(?:host|domain|name|\w\.[a-z]{2,})[^.\n]{0,40}?(?:unknown|not found|does not exist)"
    r"|null mx|no mx |no smtp service|recipient address rejected: access denied"
)
_BOUNCE = re.compile(
    r"undeliver|returned mail|delivery (?:has )?fail|failure notice|mail delivery|delivery status notification"
    r"|could ?n.t be delivered|could not be delivered|not delivered|delivery notification|mail failure|non remis"
    r"|unable to deliver|transcript of session"
)
_MESSAGE_ID = re.compile(r"^[ \t>]*message-id: ?(<[^<>\s]{1,998}>)", re.MULTILINE | re.IGNORECASE)
# Texts, and multiparts of which the boundary is lost.
_READABLE = frozenset({"text/plain", "text/html", "multipart/report", "multipart/mixed"})
_DELAYED = re.compile(
    r"delayed|will (?:be )?(?:re)?tr|attempts will continue|in the queue|temporar|not yet been delivered"
)
_SENDER = re.compile(r"mailer-daemon|postmaster|mail delivery|mail administrator|no-?reply", re.IGNORECASE)
_RETURNED_HERE = re.compile(
    r"^(?:-{2,}|={2,}|_{2,})? ?(?:below this line is|this is a copy|included is a copy|(?:the )?original message|"
    r"(?:the )?headers of|returned message|unsent message|message header|start of returned|begin|return-path:)",
    re.MULTILINE | re.IGNORECASE,
)


def read_failure(part: Part) -> Failure:
    """What failed, of a mail that nobody signed; NONE for whatever is no report of a failed delivery."""
    try:
        told = dsn.recipient_fields(part)[1]
    except MailMalformed:
        told = []
    words = f"{_decoded(part.headers, 'subject').lower()}\n{_words(part)}"
    if told:
        return _gravest(_of_recipient(each, words if len(told) == 1 else "") for each in told)
    if _has_machine(part) or _is_bounce(part.headers, part.content_type.params.get("report-type", ""), words):
        return _of_words(words)
    return Failure.NONE


def returned_ids(part: Part) -> tuple[str, ...]:
    """The Message-IDs of what a report returns, wherever it stands: enough to suggest which mail failed."""
    texts = [_text(leaf) for leaf in part.walk() if not leaf.parts and leaf.content_type.media in RETURNED | _READABLE]
    found = (identifier for text in texts for identifier in _MESSAGE_ID.findall(text[: 4 * MAX_WORDS]))
    return tuple(dict.fromkeys(found))[:MAX_RETURNED]


def _gravest(found: Iterable[Failure]) -> Failure:
    return max(found, key=list(Failure).index)


def _of_recipient(fields: Headers, words: str) -> Failure:
    action = (fields.get("action") or "failed").partition("(")[0].strip().lower()
    if action not in {"failed", "delayed"}:
        return Failure.NONE
    status = _CODE.search(fields.get("status") or "")
    answer = (fields.get("diagnostic-code") or "").lower()
    return _of(status[1] if status else "", answer, words)


def _of_words(words: str) -> Failure:
    """A text may speak of several recipients, each with a code of its own on its line."""
    lines = [line for line in words.splitlines() if _CODE.search(line)]
    found = {_of(_CODE.findall(line)[0], line, words if len(lines) == 1 else line) for line in lines}
    return _gravest(found) if found else _of("", "", words)


def _of(code: str, answer: str, words: str) -> Failure:
    """``answer`` is what the refusing server said beside its code, ``words`` all that there is."""
    said = f"{answer}\n{words}"
    if (code or _guessed(said))[0] != "5":
        return Failure.NONE if code.startswith("2") else Failure.PASSING
    if code in _ADDRESS_CODES:
        is_there = _FULL.search(said) or _REFUSED.search(answer)
        return Failure.FINAL if is_there else Failure.ADDRESS
    is_vague = not code or _VAGUE.fullmatch(code)
    otherwise = any(words_of.search(said) for words_of in (_FULL, _REFUSED, _AT_REST))
    return Failure.ADDRESS if is_vague and not otherwise and _UNKNOWN.search(said) else Failure.FINAL


def _guessed(words: str) -> str:
    """The class by an SMTP answer that is quoted, else by the words."""
    reply = _REPLY.search(words)
    return reply[1] if reply else "4" if _DELAYED.search(words) else "5"


def _has_machine(part: Part) -> bool:
    return any(leaf.content_type.media in STATUS_PARTS for leaf in part.walk())


def _is_bounce(headers: Headers, report_type: str, words: str) -> bool:
    if report_type.lower() == "feedback-report":
        return False
    if headers.get("x-failed-recipients") is not None:
        return True
    by_server = has_null_return_path(headers) or bool(_SENDER.search(_decoded(headers, "from")))
    return by_server and bool(_BOUNCE.search(words) or _UNKNOWN.search(words))


def _words(part: Part) -> str:
    """What the server wrote, in lower case, without the message that it returns."""
    found: list[str] = []
    for leaf in part.walk():
        if not leaf.parts and leaf.content_type.media in _READABLE:
            text = _text(leaf)
            cut = _RETURNED_HERE.search(text)
            found.append(text[: cut.start()] if cut is not None and cut.start() else text)
    return "\n".join(found)[:MAX_WORDS].lower()


def _text(part: Part) -> str:
    """As much as can be read: words of a report are looked at, never shown."""
    try:
        data = part.decoded()
    except MailMalformed:
        data = part.body
    return data[: 4 * MAX_WORDS].decode("utf-8", "replace").replace("\r\n", "\n")


def _decoded(headers: Headers, name: str) -> str:
    value = headers.get(name) or ""
    return decode_words(value) if len(value) <= MAX_WORDS else ""
