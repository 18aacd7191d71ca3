"""Polls: every mail once, nothing forgotten, and a poll that is recorded only when all of it is committed."""

import errno
from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.domain.errors import ProtocolBroken, ServerError, ServerUnreachable, StorageFailed, WorkerFailed
from gateway.services import awaited, inbox
from gateway.storage import Mail, Poll, Request, Transmission, Verdict
from tests.services.fakes import FakeMailbox
from tests.services.mails import START, plain_mail, request_mail
from tests.services.world import MAX_MAIL, MINUTE, SECOND, World


def fill(world: World, number: int, folder: str = "INBOX") -> list[int]:
    """Some mails."""
    return [world.drop(plain_mail("x@ailleurs.test"), folder=folder) for _ in range(number)]


async def polls(world: World, folder: str = "INBOX") -> tuple[Poll, ...]:
    """The recorded polls of a folder."""
    return await world.all(Poll, folder=folder)


async def look_until_gone(world: World) -> None:
    """As many looks as it takes for an absent UID to count as gone."""
    for _ in range(awaited.ABSENT_LOOKS):
        await world.poll()
        world.clock.advance(MINUTE)


async def test_every_mail_is_taken_once(cnas: World) -> None:
    """Of every watched folder; a second look takes only what is new."""
    fill(cnas, 2)
    cnas.drop(request_mail(), folder="Junk")
    assert await cnas.poll() == 3
    assert await cnas.poll() == 0
    fill(cnas, 1)
    assert await cnas.poll() == 1
    assert len(cnas.mailbox.fetched) == 4
    assert len(await cnas.all(Request)) == 1


async def test_a_poll_says_below_which_uid_all_is_committed(cnas: World) -> None:
    """Its UIDNEXT, asked before the mails were listed."""
    fill(cnas, 2)
    await cnas.poll()
    (poll,) = await polls(cnas)
    assert (poll.uidnext, poll.uidvalidity, poll.first_at, poll.last_at, poll.count) == (3, 1, START, START, 1)
    (empty,) = await polls(cnas, "Junk")
    assert empty.uidnext == 1


async def test_polls_without_news_are_one_row_with_their_longest_gap(cnas: World) -> None:
    """The proof of silence stays small."""
    await cnas.poll()
    for seconds in (15, 40, 15):
        cnas.clock.advance(seconds * SECOND)
        await cnas.poll()
    (poll,) = await polls(cnas)
    assert (poll.first_at, poll.last_at, poll.count, poll.longest_gap) == (START, START + 70 * SECOND, 4, 40)


async def test_a_gap_in_the_polls_is_seen(cnas: World) -> None:
    """After a longer time without a look, a new row tells how long."""
    await cnas.poll()
    cnas.clock.advance(timedelta(hours=5))
    await cnas.poll()
    first, second = await polls(cnas)
    assert (first.count, second.count, second.longest_gap) == (1, 1, 5 * 3600)


@pytest.mark.fault("F31")
async def test_a_uid_that_came_and_went_is_recorded(cnas: World) -> None:
    """Nobody read it here, and that is known for ever."""
    await cnas.poll()
    cnas.clock.advance(MINUTE)
    gone, stays = fill(cnas, 2)
    del cnas.mailbox.folders["INBOX"].mails[gone]
    await look_until_gone(cnas)
    rows = {row.uid: row.verdict for row in await cnas.all(Mail)}
    assert rows == {gone: Verdict.VANISHED, stays: Verdict.PLAIN}
    await cnas.poll()
    assert len(await cnas.all(Mail)) == 2


async def test_every_uid_that_went_is_recorded(cnas: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many batches there are."""
    monkeypatch.setattr(inbox, "BATCH", 4)
    await cnas.poll()
    fill(cnas, 9)
    cnas.mailbox.folders["INBOX"].mails.clear()
    await look_until_gone(cnas)
    assert len(await cnas.all(Mail, verdict=Verdict.VANISHED)) == 9


async def test_a_mail_that_shows_late_is_taken(cnas: World) -> None:
    """The server gave its UID out before it showed the mail: no poll passes it, those behind it are taken at once."""
    await cnas.poll()
    cnas.clock.advance(MINUTE)
    late, _ = fill(cnas, 2)
    folder = cnas.mailbox.folders["INBOX"]
    hidden = folder.mails.pop(late)
    assert await cnas.poll() == 1
    cnas.clock.advance(MINUTE)
    assert await cnas.poll() == 0
    assert [(poll.uidnext, poll.last_at) for poll in await polls(cnas)] == [(1, START)]
    folder.mails[late] = hidden
    cnas.clock.advance(SECOND)
    assert await cnas.poll() == 1
    assert [row.verdict for row in await cnas.all(Mail)] == [Verdict.PLAIN, Verdict.PLAIN]
    assert [poll.uidnext for poll in await polls(cnas)] == [1, 3]
    assert (await polls(cnas))[-1].last_at == cnas.clock.now()


async def test_looks_in_quick_succession_do_not_make_a_uid_gone(cnas: World) -> None:
    """News may end the waiting many times within a second."""
    await cnas.poll()
    (gone,) = fill(cnas, 1)
    del cnas.mailbox.folders["INBOX"].mails[gone]
    for _ in range(10):
        cnas.clock.advance(5 * SECOND)
        await cnas.poll()
    assert await cnas.all(Mail) == ()
    assert [poll.uidnext for poll in await polls(cnas)] == [1]


async def test_absent_uids_that_keep_coming_hold_the_polls_back_only_as_long_as_each_is_awaited(cnas: World) -> None:
    """A rule that moves every mail away at once must not end the recording of polls."""
    await cnas.poll()
    for _ in range(8):
        cnas.clock.advance(MINUTE)
        fill(cnas, 1)
        cnas.mailbox.folders["INBOX"].mails.clear()
        await cnas.poll()
    latest = (await polls(cnas))[-1]
    assert cnas.clock.now() - latest.last_at == 2 * MINUTE
    assert latest.uidnext == 7
    assert len(await cnas.all(Mail, verdict=Verdict.VANISHED)) == 6


async def test_what_was_gone_before_the_first_look_is_not_recorded(cnas: World) -> None:
    """An old mailbox has many holes, and they say nothing."""
    cnas.mailbox.folders["INBOX"].uidnext = 5000
    fill(cnas, 1)
    await cnas.poll()
    assert len(await cnas.all(Mail)) == 1


@pytest.mark.fault("F31")
async def test_a_mail_that_goes_between_list_and_fetch_is_recorded(cnas: World) -> None:
    """A user moved it while we looked."""
    (uid,) = fill(cnas, 1)
    cnas.mailbox.vanish_before_fetch = {uid}
    await cnas.poll()
    assert (await cnas.only(Mail)).verdict is Verdict.VANISHED
    assert len(await polls(cnas)) == 1


@pytest.mark.fault("F30")
async def test_a_rebuilt_mailbox_is_read_again_without_a_second_act(cnas: World) -> None:
    """Another UIDVALIDITY: all mails are looked at again, and each is known by its bytes."""
    cnas.drop(request_mail(), raw=b"the request")
    fill(cnas, 1)
    await cnas.poll()
    folder = cnas.mailbox.folders["INBOX"]
    folder.uidvalidity, folder.uidnext = 2, 1
    old, folder.mails = folder.mails, {}
    for raw, at in old.values():
        folder.put(raw, at)
    assert await cnas.poll() == 2
    assert [row.verdict for row in await cnas.all(Mail, uidvalidity=2)] == [Verdict.DUPLICATE, Verdict.DUPLICATE]
    assert len(await cnas.all(Request)) == len(await cnas.all(Transmission)) == 1
    assert len(await cnas.events("mailbox.uidvalidity_changed")) == 1
    assert [poll.uidvalidity for poll in await polls(cnas)] == [1, 2]


def put_back(world: World, uidnext: int) -> None:
    """The folder is what it was when this UID was the next one, under the same UIDVALIDITY."""
    folder = world.mailbox.folders["INBOX"]
    folder.uidnext = uidnext
    folder.mails = {uid: mail for uid, mail in folder.mails.items() if uid < uidnext}


@pytest.mark.fault("F30")
async def test_a_mail_under_a_uid_that_another_had_is_read(cnas: World) -> None:
    """The server was put back from a backup, and says nothing of it: its UIDNEXT does."""
    fill(cnas, 3)
    await cnas.poll()
    put_back(cnas, 2)
    await look_until_gone(cnas)
    reused = cnas.drop(request_mail())
    await cnas.poll()
    assert reused == 2
    assert len(await cnas.all(Request)) == 1
    assert len(await cnas.events("mailbox.uidvalidity_changed")) == 1
    fill(cnas, 5)
    assert await cnas.poll() == 5
    kept = await cnas.all(Mail, uidvalidity=inbox.ERA + 1)
    assert [(row.uid, row.verdict) for row in kept[:2]] == [(1, Verdict.DUPLICATE), (2, Verdict.ACCEPTED)]
    assert [poll.uidvalidity for poll in await polls(cnas)] == [1, inbox.ERA + 1, inbox.ERA + 1, inbox.ERA + 1]


@pytest.mark.fault("F30")
async def test_while_the_uidnext_is_lower_nothing_is_taken_for_silence(cnas: World) -> None:
    """Not before as many looks as a UID is waited for; a second backup makes a third era."""
    fill(cnas, 3)
    await cnas.poll()
    for era in (1, 2):
        put_back(cnas, 2)
        cnas.drop(request_mail() if era == 1 else plain_mail("x@ailleurs.test"))
        before = await polls(cnas)
        for _ in range(awaited.ABSENT_LOOKS - 1):
            assert await cnas.poll() == 0
            cnas.clock.advance(MINUTE)
        assert await polls(cnas) == before
        assert await cnas.poll() == 2
        assert (await polls(cnas))[-1].uidvalidity == era * inbox.ERA + 1
        fill(cnas, 1)
        await cnas.poll()


@pytest.mark.fault("F30")
async def test_uids_that_were_given_again_while_the_service_was_down_are_seen_by_their_dates(cnas: World) -> None:
    """The UIDNEXT is higher again by then; a session shows what it knows once, and what a person moved says nothing."""
    fill(cnas, 5)
    await cnas.poll()
    del cnas.mailbox.folders["INBOX"].mails[5]
    put_back(cnas, 3)
    cnas.clock.advance(timedelta(hours=5))
    request = cnas.drop(request_mail())
    fill(cnas, 6)
    session = FakeMailbox(cnas.clock, ())
    session.folders = cnas.mailbox.folders
    await cnas.poller.poll(session)
    assert request == 3
    assert len(await cnas.all(Request)) == 1
    assert (await polls(cnas))[-1].uidvalidity == inbox.ERA + 1
    again = FakeMailbox(cnas.clock, ())
    again.folders = cnas.mailbox.folders
    assert await cnas.poller.poll(again) == 0


async def test_a_node_that_lags_behind_does_not_have_the_folder_read_again(cnas: World) -> None:
    """Its UIDNEXT is lower for a moment, and no UID is given a second time."""
    fill(cnas, 3)
    await cnas.poll()
    folder = cnas.mailbox.folders["INBOX"]
    for _ in range(4):
        folder.uidnext = 2
        assert await cnas.poll() == 0
        folder.uidnext = 4
        cnas.clock.advance(MINUTE)
        assert await cnas.poll() == 0
    assert len(await cnas.all(Mail)) == 3
    assert {poll.uidvalidity for poll in await polls(cnas)} == {1}


def _failing_at(world: World, number: int) -> Callable[..., object]:
    put, calls = world.cabinet.put, iter(range(1, 1000))

    async def fail(data: bytes, key: object) -> object:
        if next(calls) == number:
            raise StorageFailed(place="spool", reason="full")
        return await put(data, key)  # type: ignore[arg-type]  # passed through

    return fail


@pytest.mark.fault("F5", "F7")
async def test_a_poll_that_breaks_is_not_recorded_and_the_next_one_completes_it(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the second of three mails: no watermark; later nothing is lost, nothing is twice."""
    fill(cnas, 3)
    with monkeypatch.context() as patched:
        patched.setattr(cnas.cabinet, "put", _failing_at(cnas, 2))
        with pytest.raises(StorageFailed):
            await cnas.poll()
    assert len(await cnas.all(Mail)) == 1
    assert await polls(cnas) == ()
    await cnas.poll()
    assert sorted(row.uid for row in await cnas.all(Mail)) == [1, 2, 3]
    assert len(await polls(cnas)) == 1
    assert cnas.mailbox.fetched.count(1) == 1


async def test_a_worker_that_cannot_start_leaves_the_poll_unrecorded(cnas: World) -> None:
    """The watermark must not pass a mail that nobody looked at."""
    (uid,) = fill(cnas, 1)
    raw = cnas.mailbox.folders["INBOX"].mails[uid][0]
    good, cnas.opener.scripted[raw] = cnas.opener.scripted[raw], WorkerFailed(reason="start")
    with pytest.raises(WorkerFailed):
        await cnas.poll()
    assert await polls(cnas) == ()
    cnas.opener.scripted[raw] = good
    await cnas.poll()
    assert (await cnas.only(Mail)).verdict is Verdict.PLAIN


async def test_a_mail_that_is_too_large_is_held_back_unread(cnas: World) -> None:
    """It is not fetched; a person must look at it."""
    (uid,) = fill(cnas, 1)
    cnas.mailbox.folders["INBOX"].sizes[uid] = MAX_MAIL + 1
    await cnas.poll()
    row = await cnas.only(Mail)
    assert (row.verdict, row.reason, row.held_back, row.size) == (
        Verdict.QUARANTINE,
        "too-large",
        True,
        MAX_MAIL + 1,
    )
    assert cnas.mailbox.fetched == []


async def test_a_mail_of_exactly_the_limit_is_read(cnas: World) -> None:
    """The limit itself is allowed."""
    (uid,) = fill(cnas, 1)
    cnas.mailbox.folders["INBOX"].sizes[uid] = MAX_MAIL
    await cnas.poll()
    assert (await cnas.only(Mail)).verdict is Verdict.PLAIN


async def test_a_defect_of_ours_on_one_mail_does_not_stop_the_others(cnas: World) -> None:
    """It is held back for a person, the next mail is taken, and the poll is recorded."""
    bad, _ = fill(cnas, 2)
    cnas.opener.scripted[cnas.mailbox.folders["INBOX"].mails[bad][0]] = ZeroDivisionError()
    await cnas.poll()
    first, second = await cnas.all(Mail)
    assert (first.step, first.reason, first.held_back) == ("internal", "ZeroDivisionError", True)
    assert second.verdict is Verdict.PLAIN
    assert len(await polls(cnas)) == 1


@pytest.mark.fault("F10", "F12")
@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError(errno.EMFILE, "x"), RuntimeError("can't start new thread")],
    ids=["memory", "files", "threads"],
)
async def test_a_shortage_of_the_machine_is_not_the_fault_of_a_mail(cnas: World, error: Exception) -> None:
    """It is tried again, and taken as it is when the machine has room again: nobody has to look at it."""
    uid, _ = fill(cnas, 2)
    raw = cnas.mailbox.folders["INBOX"].mails[uid][0]
    good = cnas.opener.scripted[raw]
    cnas.opener.scripted[raw] = error
    for _ in range(inbox.SHORTAGE_TRIES - 1):
        with pytest.raises(type(error)):
            await cnas.poll()
    assert await cnas.all(Mail) == ()
    assert await polls(cnas) == ()
    cnas.opener.scripted[raw] = good
    await cnas.poll()
    assert [row.verdict for row in await cnas.all(Mail)] == [Verdict.PLAIN, Verdict.PLAIN]


async def test_a_mail_that_always_exhausts_the_machine_is_left_to_a_person(cnas: World) -> None:
    """After some minutes of trying, so that those behind it are read."""
    bad, _ = fill(cnas, 2)
    cnas.opener.scripted[cnas.mailbox.folders["INBOX"].mails[bad][0]] = MemoryError()
    for _ in range(inbox.SHORTAGE_TRIES - 1):
        with pytest.raises(MemoryError):
            await cnas.poll()
    await cnas.poll()
    first, second = await cnas.all(Mail)
    assert (first.step, first.reason, first.held_back) == ("internal", "MemoryError", True)
    assert second.verdict is Verdict.PLAIN


async def test_a_mail_is_received_after_the_last_poll_that_did_not_see_it(cnas: World) -> None:
    """A server that lost its clock gives an INTERNALDATE of last year, and no stamp: it came between the two polls."""
    await cnas.poll()
    cnas.clock.advance(MINUTE)
    raw = b"odd"
    cnas.opener.scripted[raw] = plain_mail("x@ailleurs.test")
    cnas.mailbox.folders["INBOX"].put(raw, START - timedelta(days=365))
    await cnas.poll()
    row = await cnas.only(Mail)
    assert (row.received_earliest, row.received_latest) == (START - timedelta(days=365), START + MINUTE)
    assert [each.partition(" ")[0] for each in row.dated_by] == ["internaldate", "poll_before", "poll_after"]


async def test_more_mails_than_a_batch_are_all_taken(cnas: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is asked in pieces."""
    monkeypatch.setattr(inbox, "BATCH", 4)
    uids = fill(cnas, 9)
    assert await cnas.poll() == 9
    assert sorted(row.uid for row in await cnas.all(Mail)) == uids


def _refuse(world: World, monkeypatch: pytest.MonkeyPatch, bad: int, error: ServerError) -> None:
    fetch = world.mailbox.fetch

    async def refuse(uid: int, max_bytes: int) -> bytes | None:
        if uid == bad:
            raise error
        return await fetch(uid, max_bytes)

    monkeypatch.setattr(world.mailbox, "fetch", refuse)


@pytest.mark.parametrize("error", [ProtocolBroken(server="s", reason="r"), ServerUnreachable(server="s", reason="r")])
async def test_a_mail_that_cannot_be_fetched_does_not_hide_those_behind_it(
    cnas: World, monkeypatch: pytest.MonkeyPatch, error: ServerError
) -> None:
    """After three failures it is held back for a person, and the others are taken."""
    bad, good = fill(cnas, 2)
    _refuse(cnas, monkeypatch, bad, error)
    for _ in range(awaited.FETCH_TRIES):
        with pytest.raises(type(error)):
            await cnas.poll()
        assert await cnas.all(Mail) == ()
        assert await polls(cnas) == ()
    assert await cnas.poll() == 2
    first, second = await cnas.all(Mail)
    assert (first.uid, first.verdict, first.reason, first.held_back) == (bad, Verdict.QUARANTINE, "unreadable", True)
    assert (second.uid, second.verdict) == (good, Verdict.PLAIN)
    assert len(await polls(cnas)) == 1
    assert await cnas.poll() == 0


@pytest.mark.fault("F29")
async def test_a_connection_that_breaks_now_and_then_is_not_the_fault_of_a_mail(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures of different kinds are not added up, and a mail that comes at last is read."""
    (uid,) = fill(cnas, 1)
    for error in (ProtocolBroken(server="s", reason="r"), ServerUnreachable(server="s", reason="r")) * 2:
        with monkeypatch.context() as patched:
            _refuse(cnas, patched, uid, error)
            with pytest.raises(ServerError):
                await cnas.poll()
    await cnas.poll()
    assert (await cnas.only(Mail)).verdict is Verdict.PLAIN


async def test_the_first_named_folder_stays_selected(cnas: World) -> None:
    """IDLE tells the news of the folder where answers arrive."""
    await cnas.poll()
    assert cnas.mailbox.selected is cnas.mailbox.folders["INBOX"]


async def test_a_folder_that_the_server_refuses_leaves_the_others_read(hospital: World) -> None:
    """A Junk that does not exist: the session ends once, then INBOX is read; Junk is watched once it is there."""
    junk = hospital.mailbox.folders.pop("Junk")
    hospital.drop(plain_mail("x@ailleurs.test"))
    with pytest.raises(ProtocolBroken):
        await hospital.poll()
    assert await hospital.poll() == 1
    assert {row.folder for row in await hospital.all(Poll)} == {"INBOX"}
    hospital.mailbox.folders["Junk"] = junk
    hospital.clock.advance(timedelta(minutes=11))
    await hospital.poll()
    assert {row.folder for row in await hospital.all(Poll)} == {"INBOX", "Junk"}
