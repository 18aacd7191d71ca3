"""Reading and writing the small pieces of IMAP syntax that the gateway needs (RFC 3501): dates, names, FETCH answers.

Pure functions over bytes; what the server sent is never put into an error.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone

from gateway.adapters.imap.protocol import Broken, Response
from gateway.domain.words import said
from gateway.ports import Folder, Listed

_MONTHS = (b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC")
_DATE = re.compile(rb"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_UID = re.compile(rb"[( ]UID (\d{1,10})\b")
_SIZE = re.compile(rb"[( ]RFC822\.SIZE (\d{1,12})\b")
_INTERNALDATE = re.compile(rb'[( ]INTERNALDATE "([^"]{0,40})"')
_BODY_LITERAL = re.compile(rb"[( ]BODY\[\] ~?\{\d+\}$")
_BODY_QUOTED = re.compile(rb'[( ]BODY\[\] "((?:[^"\\]|\\.)*)"')
_FETCH = re.compile(rb"\d+ FETCH \(", re.IGNORECASE)
_SEARCH = re.compile(rb"SEARCH((?: \d{1,10})*) *", re.IGNORECASE)
_STATE = re.compile(rb"OK \[(UIDVALIDITY|UIDNEXT) (\d{1,10})\]", re.IGNORECASE)
_LIST = re.compile(rb'LIST \(([^)]*)\) (?:"(?:[^"\\]|\\.)"|NIL) (.*)', re.IGNORECASE | re.DOTALL)
_USES = {rb"\JUNK": "junk", rb"\SENT": "sent", rb"\DRAFTS": "drafts", rb"\TRASH": "trash", rb"\ALL": "all"}
_STATUS_LIMIT = re.compile(rb"STATUS .*\(APPENDLIMIT (\d{1,15})\)", re.IGNORECASE | re.DOTALL)
_APPENDUID = re.compile(rb"\[APPENDUID \d+ (\d{1,10})\]", re.IGNORECASE)


def internaldate(text: bytes) -> datetime:
    """RFC 3501 date-time, as aware UTC.

    Raises:
        Broken: the server sent something else.
    """
    match = _DATE.fullmatch(text)
    if match is None or match[2].upper() not in _MONTHS:
        raise Broken(said("date de réception illisible"))
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(match[8]), minutes=int(match[9])) * (-1 if match[7] == b"-" else 1)
    month = _MONTHS.index(match[2].upper()) + 1
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Broken(said("date de réception illisible")) from error


def mailbox_name(name: str) -> str:
    """A folder name as a quoted string in modified UTF-7 (RFC 3501 section 5.1.3)."""
    pieces: list[str] = []
    for run in re.findall(r"[ -~]+|[^ -~]+", name):
        if " " <= run[0] <= "~":
            pieces.append(run.replace("&", "&-"))
        else:
            coded = b64encode(run.encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",")
            pieces.append(f"&{coded}-")
    return quoted("".join(pieces))


def folder_name(raw: bytes) -> str:
    """The reverse of ``mailbox_name`` without the quotes.

    Raises:
        Broken: not modified UTF-7.
    """
    try:
        return re.sub(r"&([^-&]*)-", _decoded_run, raw.decode("ascii"))
    except ValueError as error:
        raise Broken(said("nom de dossier illisible")) from error


def _decoded_run(match: re.Match[str]) -> str:
    coded = match[1].replace(",", "/")
    return b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode("utf-16-be") if coded else "&"


def quoted(text: str) -> str:
    """A quoted string (RFC 3501 section 4.3)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def uid_set(uids: Iterable[int]) -> str:
    """A sequence set that names each UID."""
    return ",".join(str(uid) for uid in uids)


def searched(responses: Iterable[Response]) -> set[int]:
    """All UIDs of the SEARCH answers.

    Raises:
        Broken: a SEARCH answer holds something else than numbers.
    """
    found: set[int] = set()
    for response in responses:
        if response[0][:6].upper() != b"SEARCH":
            continue
        match = _SEARCH.fullmatch(response[0])
        if match is None:
            raise Broken(said("réponse SEARCH illisible"))
        found.update(int(number) for number in match[1].split())
    return found


def folder_numbers(responses: Iterable[Response]) -> tuple[int, int]:
    """UIDVALIDITY and UIDNEXT from the answer to SELECT.

    Raises:
        Broken: one of them is not there (RFC 3501 section 6.3.1 demands both).
    """
    matches = (_STATE.match(response[0]) for response in responses)
    found = {match[1].upper(): int(match[2]) for match in matches if match}
    try:
        return found[b"UIDVALIDITY"], found[b"UIDNEXT"]
    except KeyError as error:
        raise Broken(said("UIDVALIDITY ou UIDNEXT absent")) from error


def capabilities(responses: Iterable[Response]) -> frozenset[str]:
    """Names of the CAPABILITY answers, upper case."""
    lines = (response[0].upper() for response in responses)
    names = (word for line in lines if line.startswith(b"CAPABILITY ") for word in line.split()[1:])
    return frozenset(name.decode("ascii", "replace") for name in names)


def folders(responses: Iterable[Response]) -> Iterator[Folder]:
    """Folders of the LIST answers that can be opened.

    Raises:
        Broken: a LIST answer is not one.
    """
    for response in responses:
        if response[0][:5].upper() != b"LIST ":
            continue
        match = _LIST.fullmatch(response[0])
        if match is None:
            raise Broken(said("réponse LIST illisible"))
        flags = set(match[1].upper().split())
        if not flags & {rb"\NOSELECT", rb"\NONEXISTENT"}:
            use = next((use for flag, use in _USES.items() if flag in flags), None)
            yield Folder(name=folder_name(_string(match[2], response)), use=use)


def _string(text: bytes, response: Response) -> bytes:
    """A name as literal, quoted string or atom."""
    if text.startswith(b"{") and len(response) > 1:
        return response[1]
    return re.sub(rb"\\(.)", rb"\1", text[1:-1]) if text.startswith(b'"') else text


def append_limit(names: Iterable[str], responses: Iterable[Response]) -> int | None:
    """The limit of RFC 7889, from the capabilities or else from a STATUS answer; None when neither says a number."""
    told = (name.partition("=")[2] for name in names if name.startswith("APPENDLIMIT="))
    number = next((value for value in told if value.isdecimal()), None)
    if number is not None:
        return int(number)
    matches = (_STATUS_LIMIT.match(response[0]) for response in responses)
    return next((int(match[1]) for match in matches if match), None)


def listed(responses: Iterable[Response]) -> Iterator[Listed]:
    """UID, size and INTERNALDATE of every FETCH answer that has all three; the server may push others (flags)."""
    for response in responses:
        text = _fetch_text(response)
        uid, size, date = _UID.search(text), _SIZE.search(text), _INTERNALDATE.search(text)
        if uid and size and date:
            yield Listed(uid=int(uid[1]), size=int(size[1]), internaldate=internaldate(date[1]))


def dates(responses: Iterable[Response]) -> Iterator[tuple[int, datetime]]:
    """UID and INTERNALDATE of every FETCH answer that has both."""
    for response in responses:
        text = _fetch_text(response)
        uid, date = _UID.search(text), _INTERNALDATE.search(text)
        if uid and date:
            yield int(uid[1]), internaldate(date[1])


def body(responses: Iterable[Response], uid: int) -> bytes | None:
    """The whole message of this UID, or None when no answer holds it."""
    for response in responses:
        text = _fetch_text(response)
        named = _UID.search(text)
        if named is None or int(named[1]) != uid:
            continue
        if _BODY_LITERAL.search(response[0]) and len(response) > 1:
            return response[1]
        short = _BODY_QUOTED.search(text)
        if short is not None:
            return re.sub(rb"\\(.)", rb"\1", short[1])
    return None


def appended_uid(text: bytes) -> int | None:
    """The UID that APPENDUID gives (RFC 4315), or None when the server does not say it."""
    match = _APPENDUID.search(text)
    return int(match[1]) if match else None


def _fetch_text(response: Response) -> bytes:
    """A FETCH answer without the content of its literals; empty when it is another answer."""
    if _FETCH.match(response[0]) is None:
        return b""
    return b" ".join(response[::2])  # lines and literals alternate
