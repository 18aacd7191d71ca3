"""What happens when receiving a mail fails: the mail's fault is quarantine, ours is raised and leaves nothing."""

from typing import NoReturn

import pytest

from gateway.domain.errors import KeyUnusable, MailMalformed, OwnKeyUnusable, StorageFailed, VaultClosed, WorkerFailed
from gateway.ports import SpoolFile
from gateway.services.receive import Arrival
from gateway.storage import Case, Mail, Message, Request, Transmission, Verdict
from gateway.wire.incoming import Incoming
from tests.services.mails import (
    START,
    outer,
    request_mail,
)
from tests.services.world import World

TABLES = (Mail, Message, Request, Case, Transmission, SpoolFile)


async def rows(world: World) -> dict[str, int]:
    """How many rows each table has."""
    return {kind.__name__: len(await world.all(kind)) for kind in TABLES}


@pytest.mark.parametrize("reason", ["start", "own-key", "closed"])
async def test_a_worker_that_could_not_try_records_nothing(cnas: World, reason: str) -> None:
    """Our own fault is never written down as the mail's: the next poll takes it again."""
    with pytest.raises(WorkerFailed):
        await cnas.take(WorkerFailed(reason=reason))
    assert await cnas.all(Mail) == ()


@pytest.mark.fault("F11")
@pytest.mark.parametrize("error", [WorkerFailed(reason="memory"), MailMalformed(reason="too-large")])
async def test_a_mail_that_the_worker_does_not_survive_is_quarantined(cnas: World, error: Exception) -> None:
    """Kept, held for a person when a partner's domain stands in its header, and the next mail is taken."""
    row = await cnas.take(error, raw=b"From: a@HOPITAL.test\r\n\r\nbomb")
    assert (row.verdict, row.held_back) == (Verdict.QUARANTINE, True)
    other = await cnas.take(error, raw=b"From: a@ailleurs.test\r\n\r\nbomb")
    assert (other.verdict, other.held_back) == (Verdict.QUARANTINE, False)
    assert (await cnas.take(request_mail())).verdict is Verdict.ACCEPTED


async def test_an_unreadable_mail_that_cites_us_is_held_back(hospital: World) -> None:
    """The worker died on it, it comes from elsewhere, and its header cites our request: it may be the answer."""
    submitted = await hospital.submit()
    raw = f"From: a@ailleurs.test\r\nIn-Reply-To: {submitted.message.message_id}\r\n\r\n".encode()
    assert (await hospital.take(WorkerFailed(reason="memory"), raw=raw)).held_back


async def test_what_the_worker_refused_is_quarantined_with_its_reason(cnas: World) -> None:
    """The step that failed inside the worker is the step that a person reads."""
    seen = Incoming(
        shape="ENCRYPTED", outer=outer("soins@hopital.test"), failed_step="decrypt", failed_reason="integrity"
    )
    row = await cnas.take(seen)
    assert (row.step, row.reason, row.held_back) == ("decrypt", "integrity", True)


@pytest.mark.fault("F36")
async def test_our_own_key_that_fails_records_nothing(cnas: World) -> None:
    """No receipt can be signed: the mail waits in the mailbox until it can."""
    cnas.sealer.own_key_fails = True
    with pytest.raises(OwnKeyUnusable):
        await cnas.take(request_mail(), raw=b"one")
    assert await cnas.all(Mail) == ()
    cnas.sealer.own_key_fails = False
    assert (await cnas.take(request_mail(), raw=b"one")).verdict is Verdict.ACCEPTED


@pytest.mark.fault("F1")
@pytest.mark.parametrize("error", [StorageFailed(place="x", reason="y"), RuntimeError("defect")])
async def test_a_crash_inside_the_commit_leaves_nothing(
    cnas: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The last step of the act fails: no row of any table, no record; the same mail is then accepted as if new."""

    async def fail(*_: object) -> NoReturn:
        raise error

    before = await cnas.names()
    mail = request_mail()
    with monkeypatch.context() as patched:
        patched.setattr(cnas.receiver._acknowledgements, "queue", fail)
        with pytest.raises(type(error)):
            await cnas.take(mail, raw=b"one")
    assert set((await rows(cnas)).values()) == {0}
    assert await cnas.names() == before
    assert (await cnas.take(mail, raw=b"one")).verdict is Verdict.ACCEPTED


@pytest.mark.fault("F7")
async def test_nothing_is_recorded_when_the_raw_mail_cannot_be_kept(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: no row, no receipt."""

    async def fail(*_: object) -> NoReturn:
        raise StorageFailed(place="spool", reason="full")

    monkeypatch.setattr(cnas.vault, "store", fail)
    with pytest.raises(StorageFailed):
        await cnas.take(request_mail())
    assert set((await rows(cnas)).values()) == {0}


@pytest.mark.parametrize(
    "error", [VaultClosed(item="x", reason="y"), KeyUnusable(partner="p", fingerprint="f", reason="r")]
)
async def test_an_error_of_ours_goes_up(cnas: World, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """It is not the mail's fault, and must not look like it."""

    async def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(cnas.composer, "receipt", fail)
    with pytest.raises(type(error)):
        await cnas.take(request_mail())
    assert await cnas.all(Mail) == ()


async def test_a_mail_on_which_our_code_fails_is_given_up_to_a_person(cnas: World) -> None:
    """Held back, with the kind of the defect, and no file: it lies on the server."""
    arrival = Arrival(
        mailbox="m",
        folder="INBOX",
        uidvalidity=1,
        uid=5,
        internaldate=START,
        size=3,
        raw=b"raw",
        too_large=False,
        not_before=None,
        seen_at=START,
    )
    row = await cnas.receiver.give_up(arrival, "ValueError")
    assert (row.verdict, row.step, row.reason, row.held_back) == (
        Verdict.QUARANTINE,
        "internal",
        "ValueError",
        True,
    )
