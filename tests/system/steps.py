"""Steps that several stories share: the machine's time, a submission, what a gateway says of a request, mailboxes."""

import imaplib
import math
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

from tests.mailserver import Account, Machine
from tests.system.documents import fiche, papers
from tests.system.gateways import Gateway, until

GRACE = timedelta(hours=12)
MARGIN = timedelta(minutes=1)


def _real_now() -> datetime:
    return datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)


def now(machine: Machine) -> datetime:
    """The time in which servers and gateways live."""
    return _real_now() + machine.offset


def move_to(machine: Machine, at: datetime) -> None:
    """Move that time to an instant, forward."""
    seconds = math.ceil((at - _real_now()).total_seconds())
    if seconds < machine.offset.total_seconds():
        raise ValueError("time moves forward only")
    machine.set_offset(f"+{seconds}s")


def instant(text: str) -> datetime:
    """An instant of a listing."""
    return datetime.fromisoformat(text)


def over_at(request: dict[str, Any]) -> datetime:
    """Just after the instant from which silence on this request may be recorded."""
    return instant(request["latest_tacit_at"]) + GRACE + MARGIN


def submit(hospital: Gateway, folder: Path, attach: Sequence[Path] | None = None) -> dict[str, str]:
    """A person submits a request: its ``case``, ``request`` (hash) and ``message``."""
    form = fiche(folder / "fiche.toml", now(hospital.machine).date())
    files = papers(folder) if attach is None else attach
    told: dict[str, str] = hospital.json("submit", str(form), *attached(files))
    return told


def attached(files: Sequence[Path]) -> list[str]:
    """The options that attach these files."""
    return [word for file in files for word in ("--attach", str(file))]


def request_of(gateway: Gateway, digest: str) -> dict[str, Any] | None:
    """What a gateway knows of the request with this hash."""
    return next(
        (request for case in gateway.json("cases") for request in case["requests"] if request["request"] == digest),
        None,
    )


def reaches(gateway: Gateway, digest: str, state: str) -> dict[str, Any]:
    """Wait until this gateway holds the request in this state, and return it."""
    settles(gateway, digest, state)
    request = request_of(gateway, digest)
    if request is None:
        raise LookupError(digest)
    return request


def settles(gateway: Gateway, digest: str, state: str) -> None:
    """Wait until this gateway holds the request in this state."""
    until(
        lambda: gateway.peek("SELECT 1 FROM requests WHERE hash = ? AND state = ?", digest, state),
        f"{gateway.role}: {state}",
    )


def polled_again(gateway: Gateway) -> None:
    """Wait until the daemon has looked into its mailbox twice more, and so ticked as well."""
    before = _polls(gateway)
    until(lambda: _polls(gateway) >= before + 2, f"{gateway.role}: another poll")


def _polls(gateway: Gateway) -> int:
    return int(gateway.peek("SELECT coalesce(sum(count), 0) FROM polls")[0][0])


def ticked_again(gateway: Gateway) -> None:
    """Wait until the daemon has looked at its deadlines twice more."""
    query, seen = "SELECT wall FROM clock", set[str]()

    def twice() -> bool:
        seen.update(wall for (wall,) in gateway.peek(query))
        return len(seen) > 2

    until(twice, f"{gateway.role}: two more ticks")


def counted(gateway: Gateway) -> Counter[str]:
    """How often each event stands in the audit log, which must verify."""
    if not gateway.json("audit", "verify")["verified"]:
        raise AssertionError(f"{gateway.role}: the audit log is altered")
    return Counter(str(record["event"]) for record in gateway.json("audit", "query"))


# --- Mailboxes, seen as their owner's mail program sees them, without marking anything.


@contextmanager
def _session(account: Account, machine: Machine) -> Iterator[imaplib.IMAP4_SSL]:
    context = ssl.create_default_context(cafile=str(machine.ca))
    with imaplib.IMAP4_SSL(machine.host, machine.ports.imaps, ssl_context=context) as session:
        session.login(account.address, account.password)
        yield session


def folders(account: Account, machine: Machine) -> set[str]:
    """Names of all folders."""
    with _session(account, machine) as session:
        _, lines = session.list()
    return {line.decode().rpartition(" ")[2].strip('"') for line in lines if isinstance(line, bytes)}


def raw_mails(account: Account, machine: Machine, folder: str = "INBOX") -> list[bytes]:
    """Every mail as it lies in a folder."""
    with _session(account, machine) as session:
        _, (count,) = session.select(folder, readonly=True)
        if not count or int(count) == 0:
            return []
        _, answers = session.fetch("1:*", "(BODY.PEEK[])")
    return [answer[1] for answer in answers if isinstance(answer, tuple)]


def mails(account: Account, machine: Machine) -> list[Message]:
    """Every mail of INBOX, parsed."""
    return [message_from_bytes(raw) for raw in raw_mails(account, machine)]


def flags(account: Account, machine: Machine) -> list[str]:
    """The flags of each mail of INBOX."""
    with _session(account, machine) as session:
        session.select("INBOX", readonly=True)
        _, answers = session.fetch("1:*", "(FLAGS)")
    return [answer.decode() for answer in answers if isinstance(answer, bytes)]


def put(account: Account, machine: Machine, raw: bytes, *, dated: datetime, folder: str = "INBOX") -> None:
    """Put a mail into a folder with the INTERNALDATE that one likes, as any mail program can (APPEND)."""
    with _session(account, machine) as session:
        kind, told = session.append(folder, "", imaplib.Time2Internaldate(dated), raw)
    if kind != "OK":
        raise LookupError(told)


def move(account: Account, machine: Machine, message_id: str, *, source: str, target: str) -> None:
    """Move a mail to another folder, as a person who shares the mailbox does."""
    with _session(account, machine) as session:
        session.create(target)
        session.select(source)
        _, (found,) = session.uid("SEARCH", "HEADER", "Message-ID", message_id)
        if len(found.split()) != 1:
            raise LookupError(message_id)
        kind, told = session.uid("MOVE", found.decode(), target)
    if kind != "OK":
        raise LookupError(told)


def delivered(account: Account, machine: Machine, message_id: str) -> bool:
    """Whether a mail of this Message-ID lies in INBOX."""
    return any(mail["Message-ID"] == message_id for mail in mails(account, machine))
