"""Networks that tear and servers that refuse, between a whole gateway and its mail server, over real TLS.

What the courier and the mailbox session do on each of a bad server's days is tested beside them; here, that nothing is
lost on the way and that nothing goes twice but the same bytes.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.imap import ImapFactory, ImapSettings
from gateway.adapters.smtp import SmtpCourier, SmtpSettings, SmtpTls
from gateway.domain.errors import ServerUnreachable
from gateway.mailservers import ServerSection
from gateway.ports import Envelope
from tests.faults.moments import ACKNOWLEDGED, RECEIVING, SENDING, Moment, compare, recovered, undisturbed
from tests.faults.proxy import Proxy, before
from tests.faults.stage import ADDRESSES, Stage
from tests.faults.sweep import WHOLE, some

Property = Callable[[str, object], None]

KILOBYTE = 1024
NOT_NOTED = "SELECT 1 FROM transmissions WHERE state = 'unknown'"
WAITING = "SELECT 1 FROM transmissions WHERE state = 'ready'"
REFUSED = "SELECT partner FROM transmissions WHERE state = 'refused'"
UNTOLD = ServerSection.model_fields["timeout_seconds"].default
"""Seconds that a gateway waits that was told nothing: who still waits then is killed."""


@contextmanager
def behind(stage: Stage, moment: Moment, name: str) -> Iterator[Proxy]:
    """The moment, its gateway being told the port of a proxy instead of the server's; told right afterwards."""
    port = stage.server.smtp_port if name == "smtp" else stage.server.imap_port
    stage.put_back(moment.role, moment.name)
    config = stage.parties[moment.role].config
    true = config.read_text()
    with before(port) as proxy:
        config.write_text(true.replace(f"port = {port}\n", f"port = {proxy.port}\ntimeout_seconds = 2\n"))
        try:
            yield proxy
        finally:
            config.write_text(true)


def length(stage: Stage, moment: Moment, name: str) -> int:
    """How many bytes the longest connection carries to the server."""
    with behind(stage, moment, name) as proxy:
        stage.works(moment.role, moment.work)
    return max(proxy.sent)


@pytest.mark.fault("F22")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("moment", [SENDING, RECEIVING], ids=lambda moment: moment.name)
def test_a_connection_that_breaks_anywhere_loses_nothing(
    stage: Stage, record_property: Property, moment: Moment
) -> None:
    """At each kilobyte of the dialogue and the mail: it goes again, byte for byte the same."""
    expected, _ = undisturbed(stage, moment)
    whole = length(stage, moment, "smtp")
    assert whole > 3 * KILOBYTE
    points = list(range(0, whole, KILOBYTE))
    points = points if WHOLE else some(points, 3)
    for point in points:
        with behind(stage, moment, "smtp") as proxy:
            proxy.cut_at = point
            stage.run(moment.role, moment.work)
        compare(expected, recovered(stage, moment), point)
    record_property("points", len(points))


@pytest.mark.fault("F23")
@pytest.mark.parametrize("moment", [SENDING, RECEIVING], ids=lambda moment: moment.name)
def test_a_yes_that_never_arrives_is_a_doubt(stage: Stage, moment: Moment) -> None:
    """The server has the mail, its 250 is lost behind the final dot: the same bytes go once more, after a while."""
    expected, _ = undisturbed(stage, moment)
    with behind(stage, moment, "smtp") as proxy:
        stage.on_post = proxy.deaf.set
        stage.run(moment.role, moment.work)
        stage.on_post = None
    assert len(stage.posts) == 1
    assert stage.count(moment.role, NOT_NOTED) == 1
    after = recovered(stage, moment)
    compare(expected, after, moment.name)
    assert sum(map(len, after.sent.values())) == sum(map(len, expected.sent.values())) + 1


@pytest.mark.fault("F26")
@pytest.mark.parametrize(("name", "moment"), [("smtp", SENDING), ("imap", ACKNOWLEDGED)], ids=["smtp", "imap"])
def test_a_server_that_falls_silent_costs_its_time_and_nothing_else(stage: Stage, name: str, moment: Moment) -> None:
    """No byte more, at the greeting or in the dialogue: given up within the configured time, and done later."""
    expected, _ = undisturbed(stage, moment)
    for point in (0, 300):
        with behind(stage, moment, name) as proxy:
            proxy.silent_at = point
            seen = stage.run(moment.role, moment.work, seconds=UNTOLD)
        assert (seen.code, seen.told.partition(b":")[0]) == (1, b"ServerUnreachable"), seen
        assert (len(proxy.sent), stage.posts) == (1, [])
        compare(expected, recovered(stage, moment), point)


@pytest.mark.fault("F29")
@pytest.mark.timeout(1800)
def test_a_mailbox_that_breaks_off_anywhere_loses_nothing(stage: Stage, record_property: Property) -> None:
    """In the login, the selection, the list, the reading of the mail: it is read once, by the next connection."""
    expected, _ = undisturbed(stage, RECEIVING)
    whole = length(stage, RECEIVING, "imap")
    points = list(range(0, whole, 64 if WHOLE else whole // 3))
    for point in points:
        with behind(stage, RECEIVING, "imap") as proxy:
            proxy.cut_at = point
            stage.run("cnas", "exchange")
        compare(expected, recovered(stage, RECEIVING), point)
    record_property("points", len(points))


@contextmanager
def refusing(stage: Stage, verb: str, answer: str) -> Iterator[None]:
    """The server answers so to one verb, of a mail for the CNAS."""
    usual: dict[str, Any] = {"RCPT": stage.server.handle_RCPT, "DATA": stage.server.handle_DATA}

    async def hook(server: Any, session: Any, envelope: Any, *more: Any) -> Any:
        to = more[0] if more else envelope.rcpt_tos[0]
        if to == ADDRESSES["cnas"]:
            return answer
        return await usual[verb](server, session, envelope, *more)

    setattr(stage.server, f"handle_{verb}", hook)
    try:
        yield
    finally:
        delattr(stage.server, f"handle_{verb}")


@pytest.mark.fault("F24")
@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
def test_a_server_that_says_later_gets_it_later(stage: Stage, verb: str) -> None:
    """It waits a minute; the copy for the CNSE has left meanwhile."""
    expected, _ = undisturbed(stage, SENDING)
    stage.put_back("hospital", SENDING.name)
    with refusing(stage, verb, "451 4.3.0 later"):
        stage.works("hospital", "hand_over")
    assert [post.recipient for post in stage.posts] == [ADDRESSES["cnse"]]
    assert stage.count("hospital", WAITING) == 1
    compare(expected, recovered(stage, SENDING), verb)


@pytest.mark.fault("F25")
@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
def test_a_server_that_says_never_is_told_to_a_person(stage: Stage, verb: str) -> None:
    """It is never tried again, the request stands as not delivered, and the copy for the CNSE has left."""
    undisturbed(stage, SENDING)
    stage.put_back("hospital", SENDING.name)
    with refusing(stage, verb, "550 5.7.1 no"):
        stage.works("hospital", "hand_over")
    stage.works("hospital", "hand_over", later=True)
    assert [post.recipient for post in stage.posts] == [ADDRESSES["cnse"]]
    assert stage.rows("hospital", REFUSED) == [("cnas",)]
    assert stage.rows("hospital", "SELECT state FROM requests") == [("delivery_failed",)]


# --- names that are not found


class Slow:
    """A resolver that says that there is no such name once the loop lets it, and never by itself."""

    def __init__(self) -> None:
        self.asked, self.let = threading.Event(), threading.Event()
        self.by_the_loop: list[bool] = []

    def __call__(self, *_: Any, **__: Any) -> Any:
        """In a thread of its own, or the loop could not let it."""
        self.asked.set()
        self.by_the_loop.append(self.let.wait(20))
        raise socket.gaierror(socket.EAI_NONAME, "no such name")


async def goes_on(work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the loop goes on while a name is looked up."""
    slow = Slow()
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    working = asyncio.ensure_future(work())
    while not (slow.asked.is_set() or working.done()):
        await asyncio.wait({working}, timeout=0.01)
    slow.let.set()
    with pytest.raises(ServerUnreachable):
        await working
    return bool(slow.by_the_loop) and all(slow.by_the_loop)


@pytest.mark.fault("F37")
@pytest.mark.parametrize("which", ["smtp", "imap"])
async def test_a_slow_resolver_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    """The name is looked up beside the loop; the failure is one that is tried again."""
    envelope = Envelope(sender="a@hopital.test", recipient="b@cnas.test", data=b"A: b\r\n\r\n", envid="E", dsn=False)
    courier = SmtpCourier(SmtpSettings(host="relais.invalid", port=25, tls=SmtpTls.STARTTLS))
    mailboxes = ImapFactory(
        settings=ImapSettings(host="relais.invalid", port=993, user="a", password="b"), clock=SystemClock()
    )
    work = (lambda: courier.hand_over(envelope)) if which == "smtp" else mailboxes.connect
    assert await goes_on(work, monkeypatch)
    await courier.close()
