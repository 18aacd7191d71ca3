"""Polls as proof of silence: downtime, gaps, moved and forged mails, and when each of them asks for a person."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.domain.challenge import Finding
from gateway.domain.parties import PartnerKind, ReceptionPolicy, Role, default_policy
from gateway.domain.request import State
from gateway.domain.tacit import POLL_GAP
from gateway.domain.watching import Place
from gateway.services.desk import Submitted
from gateway.storage import Acceptance, Mail, Poll, Verdict
from gateway.wire.incoming import Incoming
from tests.services.conftest import Build
from tests.services.mails import START, answer_mail, plain_mail
from tests.services.world import END, MINUTE, OWN_MTA, RIPE, SECOND, World, partner

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
CONVENTION = replace(default_policy(PartnerKind.MAIL), answers_come_here="convention du 3 mars 2025")


def lies(
    world: World, seen: Incoming, *, internaldate: datetime, stamped: datetime | None = None, folder: str = "INBOX"
) -> int:
    """A mail is in the mailbox with these dates; ``stamped`` by our own server, or not at all."""
    data = f"X-Number: {next(world.numbers)}\r\n\r\n".encode()
    hops = () if stamped is None else ((OWN_MTA, stamped),)
    outer = seen.outer
    assert outer is not None
    world.opener.scripted[data] = replace(seen, outer=replace(outer, hops=hops))
    return world.mailbox.folders[folder].put(data, internaldate)


def refusal(submitted: Submitted, stated: datetime = END - HOUR) -> Incoming:
    """The CNAS's answer."""
    return answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=False, stated=stated)


async def wakes(world: World, at: datetime, *, tick_first: bool) -> None:
    """The daemon is back: its tasks start in one order or the other, and go on."""
    world.clock.go_to(at)
    if tick_first:
        await world.deadlines.tick()
    await world.poll()
    await world.deadlines.tick()
    assert await world.told(at)
    await world.deadlines.tick()


# --- downtime


@pytest.mark.parametrize("tick_first", [True, False])
async def test_an_answer_delivered_in_time_counts_when_it_is_read_days_later(
    hospital: World, *, tick_first: bool
) -> None:
    """Whichever task wakes first: nothing is recorded before the folders are read, and then it is an answer in time."""
    submitted = await hospital.to_running()
    await hospital.poll()
    lies(hospital, refusal(submitted), internaldate=END - MINUTE, stamped=END - MINUTE)
    await wakes(hospital, RIPE + 3 * DAY, tick_first=tick_first)
    assert (await hospital.request()).state is State.REFUSED
    assert await hospital.all(Acceptance) == ()


@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
async def test_every_watched_folder_is_read_before_anything_is_recorded(hospital: World, folder: str) -> None:
    """Also the one where filters put what they do not like."""
    submitted = await hospital.to_running()
    await hospital.poll()
    lies(hospital, refusal(submitted), internaldate=END - MINUTE, stamped=END - MINUTE, folder=folder)
    await wakes(hospital, RIPE + DAY, tick_first=True)
    assert (await hospital.request()).state is State.REFUSED


async def test_silence_during_days_of_downtime_is_recorded_and_its_gap_printed(hospital: World) -> None:
    """A gateway partner: UIDs prove that nothing was missed; how long nobody looked stands in the record."""
    await hospital.to_running()
    await hospital.poll()
    await wakes(hospital, RIPE + 3 * DAY, tick_first=True)
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    (record,) = await hospital.events("request.silence_recorded")
    gap = int((RIPE + 3 * DAY - START).total_seconds())
    assert f"longest_gap_s={gap}".encode() in record.canonical


async def test_an_answer_that_no_server_of_ours_stamped_is_disputed_when_the_end_lies_in_the_downtime(
    hospital: World,
) -> None:
    """Its INTERNALDATE is from before the end, as any program may set it: it came some time between the two polls."""
    submitted = await hospital.to_running()
    await hospital.poll()
    lies(hospital, refusal(submitted), internaldate=END - MINUTE)
    await wakes(hospital, RIPE + DAY, tick_first=False)
    assert (await hospital.request()).state is State.ANSWER_DISPUTED
    row = await hospital.only(Mail, verdict=Verdict.ACCEPTED)
    assert (row.received_earliest, row.received_latest) == (END - MINUTE, RIPE + DAY)
    assert len(await hospital.events("alarm.reception_disagrees")) == 1
    await hospital.disputes.settle(submitted.case.ref, Finding.IN_TIME, because="vu au journal", actor="alice")
    assert (await hospital.request()).state is State.REFUSED


async def test_an_answer_that_no_server_stamped_is_in_time_when_a_poll_saw_it_in_time(hospital: World) -> None:
    """Without downtime the polls bound it well enough."""
    submitted = await hospital.to_running()
    await hospital.poll()
    hospital.clock.go_to(END - 2 * MINUTE)
    lies(hospital, refusal(submitted), internaldate=END - 3 * MINUTE)
    await hospital.poll()
    assert (await hospital.request()).state is State.REFUSED


@pytest.mark.parametrize(("later", "told"), [(5 * MINUTE, 0), (5 * MINUTE + SECOND, 1)])
async def test_dates_that_differ_by_more_than_two_clocks_do_are_told_once(
    hospital: World, later: timedelta, told: int
) -> None:
    """Five minutes are a clock; with a second more both are kept, and told; the answer stands where both agree."""
    submitted = await hospital.to_running()
    await hospital.poll()
    hospital.clock.go_to(START + DAY)
    lies(hospital, refusal(submitted, START + HOUR), internaldate=START + HOUR + later, stamped=START + HOUR)
    await hospital.poll()
    assert (await hospital.request()).state is State.REFUSED
    assert len(await hospital.events("alarm.reception_disagrees")) == told


# --- forged dates


async def test_a_late_answer_with_forged_dates_is_disputed_because_a_poll_had_not_seen_it(hospital: World) -> None:
    """Stamp and INTERNALDATE say an hour before the end; a poll a minute after the end did not see its UID."""
    submitted = await hospital.to_running()
    await hospital.poll()
    hospital.clock.go_to(END + MINUTE)
    await hospital.poll()
    hospital.clock.go_to(END + 20 * MINUTE)
    lies(hospital, refusal(submitted), internaldate=END - HOUR, stamped=END - HOUR)
    await hospital.poll()
    assert (await hospital.request()).state is State.ANSWER_DISPUTED
    (heard,) = (await hospital.archive.case(submitted.case.ref)).requests[0].doubted
    assert (heard.earliest, heard.latest, heard.doubtful) == (END - HOUR, END + MINUTE, True)


async def test_a_late_answer_with_a_forged_internaldate_is_disputed(hospital: World) -> None:
    """Our server stamped it after the end: the two disagree, and a person says which holds."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END + HOUR)
    lies(hospital, refusal(submitted, END + MINUTE), internaldate=END - HOUR, stamped=END + HOUR - MINUTE)
    await hospital.poll()
    assert (await hospital.request()).state is State.ANSWER_DISPUTED


async def test_an_unsettled_mail_holds_silence_back_by_its_earliest_date(hospital: World) -> None:
    """Whatever else says that it came after the end; once both dates are after it, it does not."""
    await hospital.to_running()
    hospital.clock.go_to(END + HOUR)
    lies(hospital, plain_mail("a@cnas.test"), internaldate=END + HOUR, stamped=END + HOUR)
    await hospital.poll()
    assert "no_unsettled_mail" not in await hospital.lacking()
    lies(hospital, plain_mail("a@cnas.test"), internaldate=END - HOUR, stamped=END + HOUR)
    await hospital.poll()
    assert "no_unsettled_mail" in await hospital.lacking()


# --- a shared mailbox


async def test_a_mail_that_a_person_moved_away_unread_asks_for_a_word(hospital: World) -> None:
    """Its UID came and went: nothing is recorded before it is known for gone, and then only by a person's word."""
    submitted = await hospital.to_running()
    await hospital.poll()
    uid = lies(hospital, refusal(submitted), internaldate=END - HOUR, stamped=END - HOUR)
    gone = hospital.mailbox.folders["INBOX"].mails.pop(uid)
    await wakes(hospital, RIPE, tick_first=False)
    assert await hospital.lacking() == ("every_folder_polled_since",)
    for _ in range(3):
        hospital.clock.advance(MINUTE)
        await hospital.poll()
    assert await hospital.lacking() == ("no_mail_vanished_unread",)
    await hospital.deadlines.tick()
    assert await hospital.all(Acceptance) == ()
    hospital.mailbox.folders["INBOX"].put(*gone)
    await hospital.poll()
    # By now a poll had passed it: that it was there in time is for a person to say.
    assert (await hospital.request()).state is State.ANSWER_DISPUTED


async def test_a_mail_that_a_person_moved_into_the_folder_keeps_its_own_dates(hospital: World) -> None:
    """Delivered in time elsewhere, moved in after the end: our server's stamp says so, the poll says otherwise."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END + MINUTE)
    await hospital.poll()
    hospital.clock.go_to(END + HOUR)
    lies(hospital, refusal(submitted), internaldate=END - HOUR, stamped=END - HOUR)
    await hospital.poll()
    assert (await hospital.request()).state is State.ANSWER_DISPUTED


async def test_a_mailbox_that_was_rebuilt_is_read_again_without_a_second_act_and_asks_for_a_word(
    hospital: World,
) -> None:
    """Another UIDVALIDITY: the same bytes are known, nothing happens twice, and what it held meanwhile nobody knows."""
    submitted = await hospital.to_running()
    lies(hospital, plain_mail("x@ailleurs.test"), internaldate=START, stamped=START)
    await hospital.poll()
    folder = hospital.mailbox.folders["INBOX"]
    folder.uidvalidity += 1
    await wakes(hospital, RIPE, tick_first=False)
    verdicts = [row.verdict for number in (1, 2) for row in await hospital.all(Mail, uidvalidity=number)]
    assert verdicts == [Verdict.PLAIN, Verdict.DUPLICATE]
    assert await hospital.lacking() == ("mailbox_not_rebuilt",)
    await hospital.confirmations.confirm(submitted.case.ref, actor="alice")
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED


async def test_an_answer_under_a_uid_that_another_mail_had_is_no_silence(hospital: World) -> None:
    """The mail server was put back from a backup: it counts from an earlier UID on, under the same UIDVALIDITY."""
    submitted = await hospital.to_running()
    lies(hospital, plain_mail("x@ailleurs.test"), internaldate=START, stamped=START)
    await hospital.poll()
    folder = hospital.mailbox.folders["INBOX"]
    folder.uidnext, folder.mails = 1, {}
    hospital.clock.go_to(START + DAY)
    await hospital.poll()
    lies(hospital, refusal(submitted, START + DAY), internaldate=START + DAY, stamped=START + DAY)
    for _ in range(3):
        await wakes(hospital, max(RIPE, hospital.clock.now() + MINUTE), tick_first=False)
    assert await hospital.all(Acceptance) == ()
    assert (await hospital.request()).state is State.REFUSED


# --- gaps


def clerk(policy: ReceptionPolicy) -> tuple[object, ...]:
    """The CNAS has a mail program."""
    return (partner(Role.CNAS, kind=PartnerKind.MAIL, policy=policy), partner(Role.CNSE))


async def watched_but(world: World, gap: timedelta, *, at: datetime = START + DAY) -> Submitted:
    """The mailbox of a partner with a convention was polled all the time, but for this long from this instant on."""
    submitted = await world.to_running_by_mdn()
    await world.watched_until(at)
    world.clock.go_to(at + gap)
    await world.poll()
    await world.watched_until(RIPE)
    await world.at_ripe(max(RIPE, world.clock.now()))
    await world.deadlines.tick()
    return submitted


@pytest.mark.parametrize(("gap", "asked"), [(POLL_GAP, False), (POLL_GAP + SECOND, True)])
async def test_a_gap_in_the_polls_of_a_mail_partner_asks_for_a_word(
    build: Build, gap: timedelta, *, asked: bool
) -> None:
    """Although a convention brings his answers here: whoever shares the mailbox had the time to put one away."""
    world = await build(partners=clerk(CONVENTION))
    submitted = await watched_but(world, gap)
    assert ("no_gap_in_polls" in await world.lacking()) is asked
    await world.confirmations.confirm(submitted.case.ref, actor="alice")
    await world.deadlines.tick()
    assert (await world.request()).state is State.TACITLY_ACCEPTED


async def test_a_gap_after_the_end_asks_nobody(build: Build) -> None:
    """What came then is late."""
    world = await build(partners=clerk(CONVENTION))
    await watched_but(world, 9 * HOUR, at=END + MINUTE)
    assert "no_gap_in_polls" not in await world.lacking()


async def test_a_gap_that_spans_the_end_asks_for_a_word(build: Build) -> None:
    """An answer may have come before the end and gone."""
    world = await build(partners=clerk(CONVENTION))
    await watched_but(world, 5 * HOUR, at=END - HOUR)
    assert "no_gap_in_polls" in await world.lacking()


async def test_a_gap_of_days_asks_nobody_for_a_gateway_partner(hospital: World) -> None:
    """Every UID of the gap was read: machines do not tidy up."""
    await hospital.to_running()
    await hospital.poll()
    await wakes(hospital, RIPE + 5 * DAY, tick_first=False)
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    assert max(poll.longest_gap for poll in await hospital.all(Poll)) > POLL_GAP.total_seconds()


async def test_a_word_about_a_gap_is_about_that_gap(build: Build) -> None:
    """Another gap, found with another folder, asks again."""
    world = await build(partners=clerk(CONVENTION))
    submitted = await watched_but(world, 5 * HOUR)
    _, found = await world.confirmations.asked(submitted.case.ref)
    before = next(condition.binding for condition in found if condition.name == "no_gap_in_polls")
    world.deadlines._silence._watched += (Place(mailbox=world.party.address, folder="Autre"),)
    _, found = await world.confirmations.asked(submitted.case.ref)
    assert next(condition.binding for condition in found if condition.name == "no_gap_in_polls") != before
