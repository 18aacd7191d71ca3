"""What we say in one transaction: MAIL, RCPT and DATA with their extensions (RFC 5321, RFC 1870, RFC 3461). Pure."""

import re

import aiosmtplib

from gateway.adapters.smtp.answers import ENVELOPE_UNFIT, NOT_CANONICAL, Kind
from gateway.ports import Envelope

# RFC 3461 section 4: longest ENVID and ORCPT values. Both only help to match reports, so a longer one is left out.
MAX_ENVID = 100
MAX_ORCPT = 500

# RFC 5321 section 4.5.3.1.3: a path is 256 octets at most, with its angle brackets.
MAX_ADDRESS = 254

_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 section 4


def fault(envelope: Envelope) -> str | None:
    """Why this must not leave whatever the server says, or None.

    Only canonical lines travel unchanged: a bare CR or LF would be rewritten (which breaks the signature) or smuggle a
    second mail (CVE-2023-51764), and a last line without CRLF would get one.
    """
    data = envelope.data
    lines = data.count(b"\r\n")
    if b"\0" in data or data.count(b"\r") != lines or data.count(b"\n") != lines or not data.endswith(b"\r\n"):
        return NOT_CANONICAL
    addresses = {envelope.recipient, envelope.sender or envelope.recipient}
    fit = all(len(address) <= MAX_ADDRESS and _ADDRESS.fullmatch(address) for address in addresses)
    return None if fit and envelope.envid.isascii() else ENVELOPE_UNFIT


def size_limit(client: aiosmtplib.SMTP) -> int | None:
    """The announced limit in octets; zero means that there is none (RFC 1870 section 4)."""
    announced = client.esmtp_extensions.get("size", "").strip()
    return (int(announced) or None) if _SIZE.fullmatch(announced) else None


def commands(client: aiosmtplib.SMTP, envelope: Envelope) -> tuple[tuple[tuple[bytes, ...], Kind], ...]:
    """The three commands before the content, each with the kind of answer that lets us go on."""
    mail = [f"FROM:<{envelope.sender}>"]
    rcpt = [f"TO:<{envelope.recipient}>"]
    if client.supports_extension("size"):
        mail.append(f"SIZE={len(envelope.data)}")
    if not envelope.data.isascii():
        mail.append("BODY=8BITMIME")
    # A null return path cannot receive a report, so none is asked for it.
    if envelope.sender and client.supports_extension("dsn"):
        more_mail, more_rcpt = _reports(envelope)
        mail += more_mail
        rcpt += more_rcpt
    return (
        ((b"MAIL", *(part.encode("ascii") for part in mail)), Kind.SUCCESS),
        ((b"RCPT", *(part.encode("ascii") for part in rcpt)), Kind.SUCCESS),
        ((b"DATA",), Kind.GO_ON),
    )


def _reports(envelope: Envelope) -> tuple[list[str], list[str]]:
    """Parameters of MAIL and RCPT that say which reports we want (RFC 3461)."""
    if envelope.unreported:
        return [], ["NOTIFY=NEVER"]
    if not envelope.dsn:
        return [], []
    envid, original = _xtext(envelope.envid), "rfc822;" + _xtext(envelope.recipient)
    mail = ["RET=HDRS", *([f"ENVID={envid}"] if 0 < len(envid) <= MAX_ENVID else [])]
    return mail, ["NOTIFY=SUCCESS,FAILURE,DELAY", *([f"ORCPT={original}"] if len(original) <= MAX_ORCPT else [])]


def _xtext(text: str) -> str:
    """RFC 3461 section 4: "+", "=" and what is not printable become "+" and two hexadecimal digits."""
    return _NOT_XTEXT.sub(lambda letter: f"+{ord(letter[0]):02X}", text)
