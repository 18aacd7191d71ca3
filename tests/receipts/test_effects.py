"""What each shape moves when it reports on a request that was sent, and that it moves nothing when it is not ours."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.adapters.openpgp.open import OpenLimits
from gateway.domain.parties import Grade, PartnerKind, Role
from gateway.domain.request import State
from gateway.domain.transmission import State as Sending
from gateway.services.desk import Submitted
from gateway.storage import Request, StoredEvidence, Transmission, Verdict
from gateway.wire.incoming import Incoming
from gateway.worker import Bench, read
from tests.nobody import NOBODY
from tests.receipts.shapes import SHAPES, raw
from tests.services.mails import START
from tests.services.suites import arrive
from tests.services.world import MINUTE, World, open_world, partner

GRADES = {
    "dsn-delivered": Grade.DSN_DELIVERED,
    **dict.fromkeys(
        ("mdn-displayed", "mdn-odd-writing", "mdn-no-report-type", "mdn-utf8", "mdn-by-a-server"), Grade.MDN
    ),
    **dict.fromkeys(("out-of-office", "out-of-office-exchange"), Grade.AUTO_REPLY),
}
"""What attests reception, and how strongly; nothing else does."""

FAILED = {
    *("dsn-failed", "dsn-failed-mailbox-full", "dsn-two-recipients", "dsn-recipients-in-one-block"),
    *("dsn-blank-line-inside-a-recipient", "dsn-answer-not-indented", "dsn-no-report-type", "dsn-utf8"),
    "dsn-addressed-with-a-tag",
}
"""What says of the CNAS's copy that it failed."""

DECIDED = {
    "dsn-unknown-action": (Verdict.REPORT, "dsn-other", False),
    "dsn-delayed": (Verdict.REPORT, "dsn-delayed", False),
    "dsn-failed": (Verdict.REPORT, "dsn-failed-address", False),
    "dsn-failed-mailbox-full": (Verdict.REPORT, "dsn-failed", False),
    "dsn-report-without-recipient": (Verdict.AUTOMATIC, "bounce-final", False),
    "complaint": (Verdict.PLAIN, "not-sealed", False),
    "bounce-qmail": (Verdict.TRIAGE, "bounce-address", True),
    "bounce-exim": (Verdict.AUTOMATIC, "bounce-final", False),
    "bounce-exchange-2003": (Verdict.TRIAGE, "bounce-address", True),
    "warning-delayed-in-words": (Verdict.TRIAGE, "bounce-passing", True),
    "mdn-displayed": (Verdict.REPORT, "mdn-displayed", False),
    "mdn-deleted": (Verdict.REPORT, "mdn-deleted", False),
    "mdn-with-an-error": (Verdict.REPORT, "mdn-processed-error", False),
    "mdn-unknown-disposition": (Verdict.REPORT, "mdn-other", False),
    "mdn-two-originals": (Verdict.PLAIN, "not-sealed", True),
    "read-notice-in-words": (Verdict.PLAIN, "not-sealed", True),
    "read-notice-winmail": (Verdict.PLAIN, "not-sealed", True),
    "out-of-office": (Verdict.AUTOMATIC, "auto-reply", False),
    "out-of-office-without-a-mark": (Verdict.PLAIN, "not-sealed", True),
    "acknowledgement-in-words": (Verdict.PLAIN, "not-sealed", True),
}
"""Verdict, reason, and whether it holds a silence back until a person has looked."""


class Opener:
    """The worker without any key: none of these mails is signed or sealed."""

    def __init__(self) -> None:
        self._bench = Bench(
            home=Path("/nonexistent"), passphrase="", own=NOBODY, limits=OpenLimits(max_plain=1024 * 1024)
        )

    async def open(self, data: bytes) -> Incoming:
        """The facts of a mail."""
        return read(data, self._bench)

    async def signed(self, data: bytes) -> bytes | None:
        """Nothing is."""
        return read(data, self._bench, whole=True).whole


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital whose CNAS has only a mail program."""
    partners = (partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE))
    async with open_world(tmp_path, partners=partners, opener=Opener()) as world:
        yield world


async def sent(world: World) -> Submitted:
    """A request that was handed over."""
    submitted = await world.submit()
    await world.send_all()
    world.clock.advance(2 * MINUTE)
    return submitted


async def knowledge(world: World) -> tuple[object, ...]:
    """All that a report could change."""
    return (await world.all(Request), await world.all(Transmission), await world.all(StoredEvidence))


@pytest.mark.parametrize("name", sorted(SHAPES))
async def test_a_mail_about_a_request_moves_what_its_grade_allows(hospital: World, name: str) -> None:
    """Positive receipts start a provisional period, what is weaker is kept, a failure is an alarm, the rest nothing."""
    submitted = await sent(hospital)
    await arrive(hospital, raw(name, submitted.message.message_id))
    found = {row.partner: row.grade for row in await hospital.all(StoredEvidence)}
    assert found.get("cnas") == GRADES.get(name)
    request = await hospital.request()
    starts = GRADES.get(name, Grade.NONE) >= Grade.MDN
    expected = State.RUNNING if starts else State.DELIVERY_FAILED if name in FAILED else State.SENT
    assert request.state is expected
    assert request.asks_person == (("grade_below_policy",) if starts else ())
    ((to_cnas,), (to_cnse,)) = (await hospital.outbox("cnas"), await hospital.outbox("cnse"))
    assert to_cnas.state is (Sending.RETURNED if name in FAILED else Sending.HANDED_OVER)
    assert to_cnse.state is Sending.HANDED_OVER
    assert len(await hospital.events("alarm.delivery_failed")) == (name in FAILED)


@pytest.mark.parametrize("name", sorted(DECIDED))
async def test_a_mail_is_put_where_a_person_finds_it(hospital: World, name: str) -> None:
    """Kept with a reason; what a person may have written holds the silence back, what a machine reports does not."""
    submitted = await sent(hospital)
    row = await arrive(hospital, raw(name, submitted.message.message_id))
    assert (row.verdict, row.reason, row.held_back) == DECIDED[name]


@pytest.mark.parametrize("name", sorted(SHAPES))
async def test_a_mail_about_nothing_of_ours_moves_nothing(hospital: World, name: str) -> None:
    """The same mails with an id that we never gave; nothing leaves either."""
    await sent(hospital)
    before, taken = await knowledge(hospital), len(hospital.courier.taken)
    row = await arrive(hospital, raw(name))
    await hospital.send_all()
    assert await knowledge(hospital) == before
    assert (len(hospital.courier.taken), row.file is not None) == (taken, True)


async def test_no_stranger_s_word_reaches_a_record(hospital: World) -> None:
    """Whatever stands where an action or a disposition should."""
    submitted = await sent(hospital)
    for name in ("dsn-unknown-action", "mdn-unknown-disposition"):
        await arrive(hospital, raw(name, submitted.message.message_id))
    assert all(b"benali" not in entry.canonical for entry in await hospital.events())


async def test_the_instant_of_a_delivery_report_is_that_of_the_recipient_it_speaks_of(hospital: World) -> None:
    """Its Last-Attempt-Date; the report itself was written later."""
    submitted = await sent(hospital)
    await arrive(hospital, raw("dsn-delivered", submitted.message.message_id))
    evidence = await hospital.only(StoredEvidence)
    assert (evidence.stated_at, evidence.dated_at) == (START + MINUTE / 2, START + MINUTE)
