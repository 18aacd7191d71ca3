"""The alarm watch at work: what starts, stays and ends, who is told, and what happens when mail does not leave."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.domain.alarms import Desk
from gateway.domain.alarms.staff import Absence, Member, Staff
from gateway.domain.errors import AlreadyThere, NotAllowed, OtherPathFailed, StorageFailed, Unknown
from gateway.domain.lifetimes import Lifetime
from gateway.domain.parties import PartnerKind, Role
from gateway.domain.request import State
from gateway.domain.words import said
from gateway.storage import Alarm, Call, Direction, Message, Transmission, Verdict
from tests.services.conftest import Build
from tests.services.fakes import DEFERRED, REFUSED
from tests.services.mails import (
    ADDRESSES,
    START,
    answer_mail,
    delivery_report,
    plain_mail,
    plain_mdn,
    receipt,
    request_mail,
)
from tests.services.world import MINUTE, World, partner

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAR = {"authorised_until": "2026-06-30", "requested_from": "2026-07-01", "requested_until": "2026-07-20"}
SECRET = ("BENALI", "Amine", "1980", "rééducation", "complication", "Martin", "12500", "démuni")
"""Words of the request that must never be in an alarm."""


def member(name: str, *desks: Desk, **changes: Any) -> Member:
    """A person who is told."""
    return Member(id=name, address=f"{name}@hopital.test", desks=frozenset(desks or Desk), **changes)


STAFF = Staff(members=(member("accueil", Desk.SECRETARIAT), member("informatique", Desk.ADMINISTRATOR)))
CHAIN = Staff(members=(member("un"), member("deux"), member("trois")))


@pytest.fixture
async def staffed(build: Build) -> World:
    """A hospital with a secretariat and an administrator."""
    return await polled(await build(staff=STAFF))


@pytest.fixture
async def chained(build: Build) -> World:
    """A hospital with three people, one after the other."""
    return await polled(await build(staff=CHAIN))


async def polled(world: World) -> World:
    """Its mailbox has been looked at, and the second source agrees: nothing is wrong."""
    await world.deadlines.tick()
    await world.poll()
    await world.alarms.round()
    assert await world.open_alarms() == ()
    return world


async def silent(world: World, **values: str) -> Any:
    """A request that was handed over and that nobody acknowledges."""
    submitted = await world.submit(**(FAR | values))
    await world.send_all()
    return submitted


async def goes_by(world: World, by: timedelta) -> None:
    """Time goes by as in a running gateway: the mailbox is polled, the watch looks, mail leaves."""
    world.clock.advance(by)
    await world.poll()
    await world.alarms.round()
    await world.send_all()


def mails_to(world: World, name: str) -> list[Any]:
    """What was handed over to a person, parsed."""
    taken = [envelope for envelope in world.courier.taken if envelope.recipient == f"{name}@hopital.test"]
    return [message_from_bytes(envelope.data, policy=policy.default) for envelope in taken]


def text(mail: Any) -> str:
    """What the person reads."""
    return str(mail.get_content())


async def outcomes(world: World, kind: str) -> list[str | None]:
    """What the log tells of a kind, in order."""
    return [entry.outcome for entry in await world.events(f"alarm.{kind}")]


# --- From the start of a condition to its end.


@pytest.mark.law("M13")
async def test_a_request_that_nobody_acknowledges_is_chased_until_it_is(staffed: World) -> None:
    """1 hour, 12 hours, 24 hours: each once, each in its turn; the receipt ends it, and the office is told so."""
    submitted = await silent(staffed)
    await staffed.take(receipt(submitted.message, received_at=START, sender=Role.CNSE))
    seen = []
    for hours in (0.9, 0.2, 5, 6, 1, 11, 1, 24):
        await goes_by(staffed, hours * HOUR)
        seen.append(await staffed.open_alarms())
    assert seen == [
        (),
        ("receipt_late",),
        ("receipt_late",),
        ("receipt_missing",),
        ("receipt_missing",),
        ("receipt_uncertain",),
        ("receipt_uncertain",),
        ("receipt_uncertain",),
    ]
    await staffed.take(receipt(submitted.message, received_at=staffed.clock.now()))
    await goes_by(staffed, MINUTE)

    assert await staffed.open_alarms() == ()
    for kind in ("receipt_late", "receipt_missing", "receipt_uncertain"):
        assert await outcomes(staffed, kind) == ["started", "ended"]
    subjects = [mail["Subject"].rpartition(" : ")[2] for mail in mails_to(staffed, "accueil")]
    assert subjects == ["1 à savoir", "1 à traiter", "1 urgente", "1 terminée"]
    assert mails_to(staffed, "informatique") == []


@pytest.mark.fault("F24")
async def test_the_loudest_alarm_says_what_is_at_stake(staffed: World) -> None:
    """Sent, no receipt, and the authorisation ends: one mail with the day and the mend."""
    submitted = await silent(staffed, authorised_until="2026-01-30", requested_from="2026-01-31")
    await goes_by(staffed, HOUR)
    (mail,) = mails_to(staffed, "accueil")

    assert await staffed.open_alarms() == ("receipt_missing_at_end",)
    told = text(mail)
    assert "URGENT – alarme n° 1, depuis le 25/01/2026 à 11 h 00" in told
    assert f"la demande n° 1 du {submitted.message.at:%d/%m/%Y} n'a pas d'accusé de réception" in told
    assert "l'autorisation finit le 30/01/2026." in told
    assert f"gateway message resend {submitted.message.id}" in told
    assert "gateway alarms take 1" in told


async def test_a_restart_in_the_middle_starts_no_second_alarm_and_sends_no_second_mail(staffed: World) -> None:
    """What stands is in the database; the process remembers nothing that matters."""
    await silent(staffed)
    await goes_by(staffed, HOUR)
    for _ in range(3):
        staffed.alarms = staffed.new_watch()
        await goes_by(staffed, MINUTE)

    assert await outcomes(staffed, "receipt_late") == ["started"]
    assert len(await staffed.all(Alarm)) == 1
    assert len(mails_to(staffed, "accueil")) == 1
    staffed.alarms = staffed.new_watch()
    await goes_by(staffed, 12 * HOUR)
    assert await outcomes(staffed, "receipt_late") == ["started", "ended"]


async def test_the_alarm_its_record_and_its_mail_are_one_commit(
    staffed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that refuses the mail leaves no alarm that nobody is told of: all of it comes later, once."""
    await silent(staffed)
    staffed.clock.advance(HOUR)
    good = staffed.vault.store
    failing = [True]

    async def store(*arguments: Any) -> Any:
        if failing:
            raise StorageFailed(place="spool", reason="plein")
        return await good(*arguments)

    monkeypatch.setattr(staffed.vault, "store", store)
    with pytest.raises(StorageFailed):
        await staffed.alarms.round()
    assert await staffed.all(Alarm) == ()
    assert await outcomes(staffed, "receipt_late") == []
    failing.clear()
    await goes_by(staffed, MINUTE)
    assert await outcomes(staffed, "receipt_late") == ["started"]
    assert len(mails_to(staffed, "accueil")) == 1


async def test_nothing_is_written_while_nothing_changes(staffed: World) -> None:
    """A round without news is a reading."""
    await silent(staffed)
    await goes_by(staffed, HOUR)
    before = len(await staffed.events())
    await staffed.watch(MINUTE, times=5)

    assert len(await staffed.events()) == before


async def test_two_alarms_of_one_thing_cannot_stand(hospital: World) -> None:
    """By constraint, whoever watches; one that ended may start again."""
    alarm = Alarm(
        site="s",
        kind="mail_to_sort",
        about="|mail-1",
        case=None,
        request=None,
        message="mail-1",
        partner=None,
        words="{}",
        started_at=START,
    )
    async with hospital.store.act() as act:
        first = await act.add(alarm)
    with pytest.raises(AlreadyThere):
        async with hospital.store.act() as act:
            await act.add(alarm)
    async with hospital.store.act() as act:
        await act.save(Alarm(**{**_fields(first), "ended_at": START}))
        await act.add(alarm)


def _fields(alarm: Alarm) -> dict[str, Any]:
    return {name: getattr(alarm, name) for name in Alarm.__dataclass_fields__}


# --- What is told.


@pytest.fixture
async def told_much(staffed: World) -> World:
    """Many alarms of many kinds were told, by mail and otherwise."""
    submitted = await silent(staffed, authorised_until="2026-01-30", requested_from="2026-01-31")
    staffed.drop(plain_mail("dr.martin@cnas.test"))
    await goes_by(staffed, 2 * HOUR)
    staffed.keys.found = (Lifetime(owner="cnas", suite="openpgp", usable=True, ends_at=START + 3 * DAY),)
    await staffed.take(receipt(submitted.message, received_at=staffed.clock.now()))
    await goes_by(staffed, 2 * HOUR)
    staffed.courier.script = [REFUSED]
    await staffed.take(answer_mail(submitted.request.hash, accepts=False, ref=submitted.case.ref))
    await goes_by(staffed, 12 * DAY)
    staffed.courier.script = [DEFERRED] * 9
    await goes_by(staffed, HOUR)
    await goes_by(staffed, HOUR)
    return staffed


async def test_no_alarm_says_a_word_of_a_patient_or_a_mail(told_much: World) -> None:
    """Neither mails, nor rows, nor records, nor what the other path is given."""
    alarms = await told_much.all(Alarm)
    assert len({alarm.kind for alarm in alarms}) >= 5
    ours = [envelope.data.decode() for envelope in told_much.courier.taken if "@hopital.test" in envelope.recipient]
    read = [text(mail) for name in ("accueil", "informatique") for mail in mails_to(told_much, name)]
    assert ours
    assert told_much.path.told
    records = [entry.canonical.decode() for entry in await told_much.events()]
    everything = "\n".join([*ours, *read, *map(str, alarms), *map(str, told_much.path.told), *records])
    everything = everything.replace("soins@hopital.test", "")
    assert [word for word in (*SECRET, *ADDRESSES.values()) if word in everything] == []


async def test_a_mail_tells_all_the_news_of_a_round_at_once(staffed: World) -> None:
    """The loudest first; automatic, without a receipt asked, to one person; nothing of a case in its subject."""
    await silent(staffed, authorised_until="2026-01-30", requested_from="2026-01-31")
    for _ in range(3):
        staffed.drop(plain_mail("x@cnas.test"))
    await staffed.poll()
    await goes_by(staffed, HOUR)
    (mail,) = mails_to(staffed, "accueil")

    assert mail["Subject"] == "Alarmes de la passerelle des soins programmés : 1 urgente, 3 à traiter"
    assert (mail["From"], mail["To"]) == ("soins@hopital.test", "accueil@hopital.test")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Disposition-Notification-To"] is None
    told = text(mail)
    assert [line.split(" ")[0] for line in told.splitlines() if "alarme n°" in line] == ["URGENT", *["À"] * 3]
    assert told.index("n'a pas d'accusé") < told.index("attend d'être trié")
    assert "ne contient rien de médical" in told


async def test_times_are_those_of_the_house(build: Build) -> None:
    """In Algiers at the CNAS."""
    world = await polled(await build(Role.CNAS, staff=Staff(members=(member("un"),))))
    world.drop(plain_mail("x@hopital.test"))
    await world.poll()
    await goes_by(world, HOUR)
    (mail,) = mails_to(world, "un")
    assert "depuis le 25/01/2026 à 11 h 00" in text(mail)


async def test_an_answer_of_our_own_people_holds_nothing_back(staffed: World) -> None:
    """Somebody replies to a mail that tells an alarm: no partner has answered."""
    await silent(staffed)
    await goes_by(staffed, HOUR)
    (mail,) = mails_to(staffed, "accueil")
    row = await staffed.take(plain_mail("accueil@hopital.test", cited=(mail["Message-ID"],)))

    assert (row.verdict, row.held_back) == (Verdict.PLAIN, False)


# --- Escalation.


async def test_what_nobody_takes_goes_to_the_next_person_and_at_last_the_other_way(chained: World) -> None:
    """One after the other, each once; whoever was told hears of the end; the other path too."""
    submitted = await silent(chained, authorised_until="2026-01-30", requested_from="2026-01-31")
    told, called = [], []
    for _ in range(6):
        await goes_by(chained, HOUR)
        told.append([len(mails_to(chained, name)) for name in ("un", "deux", "trois")])
        called.append(len(chained.path.told))
    assert told == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert called == [0, 0, 0, 1, 1, 1]
    assert "parce que personne ne l'a prise" in text(mails_to(chained, "deux")[0])
    assert "parce que personne" not in text(mails_to(chained, "un")[0])
    steps = [(entry.event, entry.partner) for entry in await chained.events() if entry.event.startswith("watch.")]
    assert steps == [("watch.escalated", "staff:deux"), ("watch.escalated", "staff:trois"), ("watch.called", None)]

    await chained.take(receipt(submitted.message, received_at=chained.clock.now()))
    await goes_by(chained, MINUTE)
    assert [len(mails_to(chained, name)) for name in ("un", "deux", "trois")] == [2, 2, 2]
    assert [call["event"] for call in chained.path.told] == ["start", "end"]


async def test_an_alarm_that_somebody_took_goes_no_further(chained: World) -> None:
    """And stands until its condition is over."""
    await silent(chained, authorised_until="2026-01-30", requested_from="2026-01-31")
    await goes_by(chained, HOUR)
    taken = await chained.book.take(1, actor="alice")
    for _ in range(5):
        await goes_by(chained, HOUR)

    assert (taken.taken_by, taken.ended_at) == ("alice", None)
    assert mails_to(chained, "deux") == []
    assert chained.path.told == []
    assert await chained.open_alarms() == ("receipt_missing_at_end",)
    (record,) = await chained.events("watch.taken")
    assert (record.actor, record.outcome) == ("alice", "receipt_missing_at_end")


async def test_a_notice_asks_nobody_to_do_anything(chained: World) -> None:
    """It is told once, to one person."""
    await silent(chained)
    await goes_by(chained, HOUR)
    for _ in range(10):
        await goes_by(chained, HOUR)

    assert await chained.open_alarms() == ("receipt_late",)
    assert [len(mails_to(chained, name)) for name in ("un", "deux", "trois")] == [1, 0, 0]
    assert chained.path.told == []


async def test_a_restart_between_two_persons_forgets_nobody(chained: World) -> None:
    """How far it went is in the row."""
    await silent(chained, authorised_until="2026-01-30", requested_from="2026-01-31")
    for _ in range(3):
        await goes_by(chained, HOUR)
        chained.alarms = chained.new_watch()
        await goes_by(chained, timedelta())

    assert [len(mails_to(chained, name)) for name in ("un", "deux", "trois")] == [1, 1, 1]


async def test_who_is_away_has_a_delegate(build: Build) -> None:
    """From the day of the absence on; the delegate is not told twice when their own turn comes."""
    away = member("un", absences=(Absence(first=START.date(), last=START.date()),), delegate="trois")
    world = await polled(await build(staff=Staff(members=(away, member("deux"), member("trois")))))
    await silent(world, authorised_until="2026-01-30", requested_from="2026-01-31")
    for _ in range(4):
        await goes_by(world, HOUR)

    assert [len(mails_to(world, name)) for name in ("un", "deux", "trois")] == [0, 1, 1]
    order = [envelope.recipient for envelope in world.courier.taken if envelope.recipient.endswith("@hopital.test")]
    assert order == ["trois@hopital.test", "deux@hopital.test"]


# --- The other path.


async def test_when_mail_does_not_leave_the_other_path_is_taken(staffed: World) -> None:
    """After ten minutes for what a mail tells; at once for what says that none leaves."""
    await silent(staffed, authorised_until="2026-01-30", requested_from="2026-01-31")
    staffed.courier.script = [DEFERRED] * 100
    await goes_by(staffed, HOUR)
    await goes_by(staffed, 9 * MINUTE)
    assert staffed.path.told == []
    await goes_by(staffed, MINUTE)
    (call,) = staffed.path.told
    assert (call["kind"], call["event"], call["severity"]) == ("receipt_missing_at_end", "start", "urgent")
    assert "n'a pas d'accusé de réception" in str(call["sentence"])

    await goes_by(staffed, 5 * MINUTE)
    await goes_by(staffed, MINUTE)
    assert [each["kind"] for each in staffed.path.told] == ["receipt_missing_at_end", "outbox_stuck"]
    await goes_by(staffed, HOUR)
    assert len(staffed.path.told) == 2
    staffed.courier.script = []
    await goes_by(staffed, HOUR)
    await goes_by(staffed, MINUTE)
    assert [(each["kind"], each["event"]) for each in staffed.path.told[2:]] == [("outbox_stuck", "end")]


async def test_a_path_that_fails_is_tried_again_after_a_rest(staffed: World) -> None:
    """Told in the technical log once; the debt stays in the row, also through a restart."""
    staffed.path.script = [OtherPathFailed(reason=said("La commande ne démarre pas."))] * 2
    await silent(staffed)
    staffed.courier.script = [DEFERRED] * 100
    staffed.drop(plain_mail("x@cnas.test"))
    await staffed.poll()
    with capture_logs() as lines:
        await goes_by(staffed, HOUR)
        for _ in range(25):
            await goes_by(staffed, MINUTE)
    assert [line["event"] for line in lines if line["event"] == "watch.path_failed"] == ["watch.path_failed"]
    assert staffed.path.script == []
    assert staffed.path.told
    staffed.path.script = [OtherPathFailed(reason=said("La commande ne démarre pas."))]
    staffed.keys.found = (Lifetime(owner="us", suite="openpgp", usable=False, ends_at=None),)
    await goes_by(staffed, HOUR)
    before = len(staffed.path.told)
    await goes_by(staffed, 10 * MINUTE)
    assert (staffed.path.script, len(staffed.path.told)) == ([], before)
    staffed.alarms = staffed.new_watch()
    await goes_by(staffed, MINUTE)
    assert len(staffed.path.told) == before + 1
    assert await staffed.all(Alarm, owes_call=(Call.START, Call.END)) == ()


async def test_an_alarm_that_ends_while_its_start_is_told_owes_its_end(staffed: World) -> None:
    """Somebody was called: they learn that it is over."""
    await silent(staffed)
    staffed.courier.script = [DEFERRED] * 100
    row = await staffed.take(plain_mail("x@cnas.test"))
    await goes_by(staffed, HOUR)

    async def settle() -> None:
        await staffed.triage.classify(row.id, "not-an-answer", actor="alice")
        staffed.path.during = None
        await staffed.new_watch().round()

    staffed.path.during = settle
    await goes_by(staffed, 10 * MINUTE)
    await goes_by(staffed, MINUTE)

    events = [call["event"] for call in staffed.path.told if call["kind"] == "mail_to_sort"]
    assert events == ["start", "end"]


async def test_nobody_named_and_no_other_path_leaves_the_log(build: Build) -> None:
    """Alarms are recorded and listed all the same."""
    world = await polled(await build(another_path=False))
    await silent(world)
    with capture_logs() as lines:
        await goes_by(world, HOUR)

    assert [(line["event"], line["kind"]) for line in lines if line["event"] == "watch.started"] == [
        ("watch.started", "receipt_late")
    ]
    assert [alarm.kind for alarm in await world.book.standing()] == ["receipt_late"]
    assert (await world.only(Alarm)).told == ()


async def test_nobody_named_takes_the_other_path_at_once(hospital: World) -> None:
    """There is no mail to wait for."""
    await polled(hospital)
    await silent(hospital, authorised_until="2026-01-30", requested_from="2026-01-31")
    await goes_by(hospital, HOUR)

    assert [call["kind"] for call in hospital.path.told] == ["receipt_missing_at_end"]


@pytest.mark.fault("F7")
async def test_a_database_that_refuses_is_told_the_other_way_alone(
    staffed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row can be written: the path hears of it once, and of its end once."""
    broken = [True]
    view = staffed.store.view

    @asynccontextmanager
    async def refuse() -> AsyncIterator[Any]:
        if broken:
            raise StorageFailed(place="la base de données", reason="Le disque est plein.")
        async with view() as good:
            yield good

    monkeypatch.setattr(staffed.store, "view", refuse)
    for _ in range(3):
        with pytest.raises(StorageFailed):
            await staffed.alarms.round()
    assert [(call["kind"], call["event"]) for call in staffed.path.told] == [("storage_failed", "start")]
    broken.clear()
    await staffed.watch(times=3)
    assert [(call["kind"], call["event"]) for call in staffed.path.told[1:]] == [("storage_failed", "end")]


async def test_a_mail_of_alarms_that_comes_back_is_an_alarm_the_other_way(staffed: World) -> None:
    """The address is wrong: no mail may tell it."""
    await silent(staffed)
    await goes_by(staffed, HOUR)
    (message,) = await staffed.all(Message, kind="ALARM")
    (mail,) = await staffed.all(Transmission, message=message.id)
    await staffed.take(delivery_report(action="failed", envid=mail.envid))
    await goes_by(staffed, MINUTE)

    assert await staffed.open_alarms() == ("receipt_late", "staff_unreachable")
    (call,) = staffed.path.told
    assert call["kind"] == "staff_unreachable"
    assert "staff:accueil" in str(call["sentence"])


# --- Records of the log that start an alarm.


async def refused_without_motive(world: World) -> None:
    """A request that both partners acknowledged, and the CNAS refused without saying why."""
    submitted = await world.to_running()
    await world.take(receipt(submitted.message, received_at=world.clock.now(), sender=Role.CNSE))
    row = await world.take(answer_mail(submitted.request.hash, accepts=False, ref=submitted.case.ref))
    assert row.verdict is Verdict.ACCEPTED


async def test_what_happened_stands_until_a_person_takes_it(staffed: World) -> None:
    """A refusal without a motive: recorded in its own act, told once, ended by name."""
    await refused_without_motive(staffed)
    for _ in range(3):
        await goes_by(staffed, DAY)
        staffed.alarms = staffed.new_watch()

    assert await staffed.open_alarms() == ("refusal_not_motivated",)
    assert await outcomes(staffed, "refusal_not_motivated") == ["raised"]
    (alarm,) = await staffed.book.standing()
    assert alarm.started_at == START
    taken = await staffed.book.take(alarm.id, actor="alice")
    assert taken.ended_at == staffed.clock.now()
    await goes_by(staffed, DAY)
    assert await outcomes(staffed, "refusal_not_motivated") == ["raised", "ended"]
    assert (await staffed.events("alarm.refusal_not_motivated"))[-1].actor == "alice"


async def test_a_mail_that_is_held_is_one_alarm_until_it_leaves(staffed: World) -> None:
    """The sender's own record starts it; the key that comes ends it."""
    await staffed.submit(**FAR)
    staffed.sealer.unusable.add("cnse")
    await staffed.send_all()
    await staffed.alarms.round()
    assert await staffed.open_alarms() == ("transmission_held",)
    assert await outcomes(staffed, "transmission_held") == ["KeyUnusable"]
    staffed.sealer.unusable.clear()
    await goes_by(staffed, 16 * MINUTE)
    await goes_by(staffed, MINUTE)

    assert await outcomes(staffed, "transmission_held") == ["KeyUnusable", "ended"]
    assert await staffed.open_alarms() == ()


async def test_a_request_that_is_refused_is_one_alarm_not_two(staffed: World) -> None:
    """The CNAS's copy: the request was not delivered. The CNSE's: a mail was refused."""
    submitted = await staffed.submit(**FAR)
    staffed.courier.script = [REFUSED, REFUSED]
    await staffed.send_all()
    await goes_by(staffed, MINUTE)

    assert sorted(await staffed.open_alarms()) == ["delivery_failed", "mail_refused"]
    (refused,) = await staffed.all(Alarm, kind="mail_refused")
    assert (refused.partner, refused.message) == ("cnse", str(submitted.message.id))
    assert "renvoyez le même courrier" in "".join(text(mail) for mail in mails_to(staffed, "accueil"))


@pytest.mark.fault("F17")
async def test_a_step_of_the_clock_is_told_and_starts_nothing_else(staffed: World) -> None:
    """Ten days at once: nobody is told that everything is late before a second source says that it is so."""
    await silent(staffed)
    staffed.clock.step(10 * DAY)
    await staffed.deadlines.tick()
    await staffed.alarms.round()
    assert await staffed.open_alarms() == ("clock_stepped",)
    assert await staffed.told(staffed.clock.now())
    await staffed.alarms.round()

    assert "receipt_uncertain" in await staffed.open_alarms()
    assert await outcomes(staffed, "clock_stepped") == ["raised", "ended"]


async def test_old_records_start_nothing_when_the_log_is_read_for_the_first_time(hospital: World) -> None:
    """A gateway that is brought up to date does not tell the alarms of last year."""
    await refused_without_motive(hospital)
    hospital.clock.advance(8 * DAY)
    await hospital.alarms.round()

    assert "refusal_not_motivated" not in await hospital.open_alarms()


# --- The mailbox.


async def test_a_mailbox_that_is_not_polled_any_more_is_told_and_over_at_the_next_poll(staffed: World) -> None:
    """Ten minutes and several looks; never by a restart alone."""
    await staffed.watch(MINUTE, times=10)
    assert await staffed.open_alarms() == ()
    await staffed.watch(MINUTE, times=2)
    assert await staffed.open_alarms() == ("mailbox_unreachable",)
    staffed.alarms = staffed.new_watch()
    await staffed.watch(MINUTE, times=3)
    assert await outcomes(staffed, "mailbox_unreachable") == ["started"]
    assert [call["kind"] for call in staffed.path.told] == ["mailbox_unreachable"]
    await staffed.poll()
    await staffed.alarms.round()
    assert await outcomes(staffed, "mailbox_unreachable") == ["started", "ended"]


async def test_a_service_that_was_down_has_ten_minutes_to_poll(staffed: World) -> None:
    """The last poll is days old: that says nothing of the server."""
    staffed.clock.advance(3 * DAY)
    staffed.alarms = staffed.new_watch()
    await staffed.watch(MINUTE, times=10)
    assert "mailbox_unreachable" not in await staffed.open_alarms()
    await staffed.watch(MINUTE)
    assert "mailbox_unreachable" in await staffed.open_alarms()


async def test_one_long_jump_between_two_looks_is_no_silence(staffed: World) -> None:
    """A machine that slept, or a rehearsal that moves on."""
    await staffed.watch(DAY, times=3)

    assert "mailbox_unreachable" not in await staffed.open_alarms()


# --- Taking.


async def test_only_an_alarm_that_stands_can_be_taken(staffed: World) -> None:
    """Unknown, or over: refused; by another person: it changes hands, and the log knows both."""
    with pytest.raises(Unknown):
        await staffed.book.take(1, actor="alice")
    submitted = await silent(staffed)
    await goes_by(staffed, HOUR)
    await staffed.book.take(1, actor="alice")
    again = await staffed.book.take(1, actor="bob")
    assert again.taken_by == "bob"
    last = (await staffed.events("watch.taken"))[-1]
    assert json.loads(last.canonical)["details"] == {"alarm": 1, "former": "alice"}
    await staffed.take(receipt(submitted.message, received_at=staffed.clock.now()))
    await goes_by(staffed, MINUTE)
    with pytest.raises(NotAllowed, match="terminée"):
        await staffed.book.take(1, actor="alice")


async def test_every_alarm_is_listed_the_loudest_first(staffed: World) -> None:
    """Those that stand; with those that are over, the newest first."""
    await silent(staffed)
    await goes_by(staffed, HOUR)
    staffed.keys.found = (Lifetime(owner="cnas", suite="openpgp", usable=False, ends_at=None),)
    await goes_by(staffed, 2 * HOUR)

    assert [alarm.kind for alarm in await staffed.book.standing()] == ["key_unusable", "receipt_late"]
    await goes_by(staffed, 12 * HOUR)
    assert [alarm.kind for alarm in await staffed.book.every()] == ["receipt_missing", "key_unusable", "receipt_late"]


# --- Keys.


@pytest.mark.fault("F36")
async def test_keys_are_read_every_hour_and_when_another_is_pinned(staffed: World) -> None:
    """Reading them is slow: GnuPG starts for each."""
    assert staffed.keys.looks == [("cnas", "cnse")]
    await staffed.watch(MINUTE, times=5)
    assert len(staffed.keys.looks) == 1
    await staffed.pin(partner(Role.CNAS), "E" * 40)
    await staffed.watch(MINUTE)
    assert len(staffed.keys.looks) == 2
    await staffed.watch(HOUR)
    assert len(staffed.keys.looks) == 3


# --- Habits.


async def test_a_partner_that_never_confirms_is_learnt(build: Build) -> None:
    """Three requests without a word: it is told once, and the soft reminders stop; one receipt and they are back."""
    by_mail = (partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE))
    world = await polled(await build(partners=by_mail, staff=STAFF))
    submitted = []
    for number in range(3):
        submitted.append(await silent(world, patient_born=f"198{number}-05-01", care=f"soin {number}"))
        await goes_by(world, 25 * HOUR)
    assert "partner_never_confirms" in await world.open_alarms()
    before = len(await world.events("alarm.receipt_late"))
    fourth = await silent(world, patient_born="1990-05-01")
    await goes_by(world, HOUR)
    assert len(await world.events("alarm.receipt_late")) == before
    await world.take(plain_mdn(fourth.message.message_id, at=world.clock.now()))
    await goes_by(world, 25 * HOUR)

    assert "partner_never_confirms" not in await world.open_alarms()
    assert (await world.only(Alarm, kind="partner_never_confirms")).partner == "cnas"


async def test_a_partners_gateway_that_sends_no_receipt_is_told(staffed: World) -> None:
    """The CNSE's copy of a request: after a day; over when its receipt comes."""
    submitted = await silent(staffed)
    await staffed.take(receipt(submitted.message, received_at=staffed.clock.now()))
    await goes_by(staffed, 25 * HOUR)
    found = [alarm for alarm in await staffed.book.standing() if alarm.kind == "partner_unconfirmed"]
    assert [alarm.partner for alarm in found] == ["cnse"]
    for message in await staffed.all(Message, direction=Direction.OUT):
        if "cnse" in message.partner:
            await staffed.take(receipt(message, received_at=staffed.clock.now(), sender=Role.CNSE))
    await goes_by(staffed, 11 * MINUTE)
    assert "partner_unconfirmed" not in await staffed.open_alarms()


async def test_who_follows_a_request_does_not_chase_it(cnse: World) -> None:
    """The CNSE has the copy of a request that the CNAS did not acknowledge: the hospital sees to it."""
    await polled(cnse)
    await cnse.take(request_mail(Role.CNSE))
    await goes_by(cnse, 25 * HOUR)

    assert (await cnse.request()).state is State.SENT
    assert await cnse.open_alarms() == ()


@pytest.mark.parametrize("role", [Role.CNAS, Role.CNSE])
async def test_partners_of_a_silence_in_question_are_told_to_see_with_the_hospital(build: Build, role: Role) -> None:
    """Only the hospital decides on it, so its own words do not stand at theirs."""
    world = await polled(await build(role))
    async with world.store.act() as act:
        await act.record("alarm.acceptance_challenged", actor="gateway", case="7F3K-Q2", request="a" * 64)
    await world.watch()
    found = [kind for kind in await world.open_alarms() if kind.startswith("acceptance_")]
    assert found == ["acceptance_contradicted"]
