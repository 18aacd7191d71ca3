"""The gateway's health: what is counted, since when, and what is a fault of the gateway."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.database import DatabaseStore
from gateway.cli.glance import lines
from gateway.domain.errors import StorageFailed
from gateway.domain.lifetimes import Lifetime
from gateway.domain.parties import PartnerKind, Role
from gateway.services import monitor
from gateway.services.health import Health
from gateway.services.metrics import of_gateway, of_process
from gateway.services.monitor import Monitor
from gateway.services.pulse import BOUNDS, FAULTS, STORAGE_FAILS, TASK_FAILS, Pulse
from gateway.services.shapes.status import glance
from gateway.storage import Alarm, ClockMark, Store
from gateway.wire.exposition import page
from tests.services.conftest import Build
from tests.services.fakes import FakeClock, FakeRoom
from tests.services.mails import ADDRESSES, FINGERPRINTS, REF, START, VALUES, plain_mail
from tests.services.world import END, MINUTE, PHYSICIAN, SECOND, World, partner

Numbers = dict[tuple[str, tuple[str, ...]], float]


def numbers(text: bytes) -> Numbers:
    """The samples of a page: by name and values of the labels."""
    return {
        (sample.name.removeprefix("soins_"), tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def of(health: Health) -> Numbers:
    """What the page says of a health."""
    return numbers(page(of_gateway(health)))


@pytest.mark.both_databases
async def test_what_waits_is_counted_with_its_oldest(hospital: World) -> None:
    """Sealed mails and open requests by state, what a person must sort, what came."""
    await hospital.poll()
    hospital.clock.advance(MINUTE)
    await hospital.submit()
    hospital.clock.advance(MINUTE)
    await hospital.take(plain_mail(ADDRESSES[Role.CNAS]))
    hospital.clock.advance(MINUTE)

    found = await hospital.health.read()
    told = of(found)

    assert (found.waiting_mails, found.waiting_since) == (2, START + MINUTE)
    assert (found.to_triage, found.to_triage_since) == (1, START + 2 * MINUTE)
    assert (found.open_requests, found.unacknowledged, found.next_end) == (1, 0, None)
    assert told["outbox_mails", ("ready",)] == 2
    assert told["outbox_mails", ("unknown",)] == 0
    assert told["outbox_waiting_seconds", ()] == 120
    assert told["triage_waiting_seconds", ()] == 60
    assert told["received_mails", ("plain",)] + told["received_mails", ("triage",)] == 1
    assert told["requests", ("submitted",)] == 1
    assert told["healthy", ()] == 1


async def test_a_running_period_is_a_clock_with_its_end(hospital: World) -> None:
    """The nearest end, as an instant."""
    await hospital.to_running()

    told = of(await hospital.health.read())

    assert told["requests", ("running",)] == 1
    assert told["next_end_timestamp_seconds", ()] == END.timestamp()


async def test_a_gateway_without_a_fault_has_none_and_each_fault_has_its_name(hospital: World) -> None:
    """Mail that is not read, time in doubt, mail that does not leave: together they are all told."""
    await hospital.poll()
    assert (await hospital.health.read()).faults == ()
    hospital.clock.advance(11 * MINUTE)
    async with hospital.store.act() as act:
        mark = ClockMark(site="s", wall=START, uptime=0.0, boot="b", suspended_at=START)
        await act.add(mark)
        await act.add(
            Alarm(
                site="s",
                kind="outbox_stuck",
                about="",
                case=None,
                request=None,
                message=None,
                partner=None,
                words="{}",
                started_at=START,
            )
        )

    found = await hospital.health.read()
    told = of(found)

    assert found.faults == ("mail_not_polled", "clock_suspended", "mail_fails")
    assert not found.healthy
    assert told["healthy", ()] == 0
    assert {key[1][0] for key, value in told.items() if key[0] == "fault" and value} == set(found.faults)
    assert told["clock_suspended", ()] == 1
    assert told["alarms", ("outbox_stuck", "urgent")] == 1
    assert told["poll_age_seconds", ("0",)] == 660


async def test_what_never_was_is_endlessly_old(hospital: World) -> None:
    """A folder never polled and a backup never made are the worst of all, not the best."""
    told = of(await hospital.health.read())

    assert (told["poll_age_seconds", ("0",)], told["backup_age_seconds", ()]) == (inf, inf)
    assert told["healthy", ()] == 0


async def test_the_latest_backup_counts(hospital: World) -> None:
    """As the log tells it."""
    for _ in range(2):
        hospital.clock.advance(MINUTE)
        async with hospital.store.act() as act:
            await act.record("backup.made", actor="gateway", outcome="made")
    hospital.clock.advance(SECOND)

    assert of(await hospital.health.read())["backup_age_seconds", ()] == 1


async def test_a_disk_that_does_not_tell_is_left_out(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No number is better than a wrong one; the rest is told."""
    assert of(await hospital.health.read())["disk_free_bytes", ()] == 30 * 10**9

    async def silent(self: FakeRoom) -> None:
        del self

    monkeypatch.setattr(FakeRoom, "space", silent)

    told = of(await hospital.health.read())
    assert ("disk_free_bytes", ()) not in told
    assert ("triage_mails", ()) in told


async def test_a_partner_s_habits_are_told_by_its_id(hospital: World) -> None:
    """How many of our requests it had time to confirm, and how many it did."""
    await hospital.submit()
    await hospital.send_all()
    hospital.clock.advance(timedelta(hours=25))

    told = of(await hospital.health.read())

    assert (told["partner_requests", ("cnas",)], told["partner_confirmed", ("cnas",)]) == (1, 0)


async def test_a_key_is_told_by_who_has_it_and_a_reader_s_by_none(hospital: World) -> None:
    """Seconds left, zero for one of no use; a reader's id may be a person's name, and the shortest of them stands."""
    day = timedelta(days=1)
    keys = (
        Lifetime(owner="us", suite="openpgp", usable=True, ends_at=START + day),
        Lifetime(owner="cnas", suite="smime", usable=False, ends_at=START + day),
        Lifetime(owner="cnse", suite="openpgp", usable=True, ends_at=None),
        Lifetime(owner="reader:dr-fabre", suite="openpgp", usable=True, ends_at=START + 3 * day),
        Lifetime(owner="reader:dr-haddad", suite="openpgp", usable=True, ends_at=START + 2 * day),
    )
    health = replace(await hospital.health.read(), lifetimes=keys)

    text = page(of_gateway(health))

    told = {key[1]: value for key, value in numbers(text).items() if key[0] == "key_seconds"}
    assert told == {
        ("us", "openpgp"): 86400,
        ("cnas", "smime"): 0,
        ("cnse", "openpgp"): inf,
        ("reader", "openpgp"): 2 * 86400,
    }
    assert b"fabre" not in text


async def test_no_name_address_or_case_is_in_the_page(build: Build) -> None:
    """After a whole life: a patient, a physician's mailbox, answers, a mail to sort."""
    hospital = await build(
        physician="dr-haddad",
        partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)),
    )
    await hospital.to_running_by_mdn()
    await hospital.poll()
    await hospital.poll_personal()
    await hospital.take(plain_mail(ADDRESSES[Role.CNAS]))
    await hospital.watch(MINUTE)
    ref = (await hospital.request()).hash

    pulse = Pulse(hospital.clock)
    text = page((*of_gateway(await hospital.health.read()), *of_process(pulse))).decode()

    hidden = (*VALUES.values(), *ADDRESSES.values(), *FINGERPRINTS.values(), REF, PHYSICIAN, "haddad", ref[:6], "@")
    assert [word for word in hidden if len(word) > 3 and word in text] == []
    assert [word for word in hidden if word == "@" and word in text] == []
    assert 'poll_age_seconds{folder="3"}' in text


# --- this process


def test_rounds_failures_and_commits_are_counted() -> None:
    """By task and outcome, by reason, by how long they took."""
    clock = FakeClock(START)
    pulse = Pulse(clock)
    beat = pulse.of("inbound")
    beat(None)
    clock.advance(5 * SECOND)
    beat("server-unreachable")
    pulse.worker_failed("timeout")
    for seconds in (0.001, 0.0011, 0.3, 99):
        pulse.committed(seconds)

    told = numbers(page(of_process(pulse)))

    assert (told["task_rounds_total", ("inbound", "good")], told["task_rounds_total", ("inbound", "failed")]) == (1, 1)
    assert told["task_idle_seconds", ("inbound",)] == 5
    assert told["uptime_seconds", ()] == 5
    assert told["worker_failures_total", ("timeout",)] == 1
    assert told["commit_seconds_bucket", ("0.001",)] == 1
    assert told["commit_seconds_bucket", ("0.0025",)] == 2
    assert told["commit_seconds_bucket", ("0.5",)] == 3
    assert told["commit_seconds_bucket", ("+Inf",)] == told["commit_seconds_count", ()] == 4
    assert told["commit_seconds_sum", ()] == pytest.approx(99.3021)


def test_every_bound_is_there_before_the_first_commit() -> None:
    """A rate can be taken from the start."""
    told = numbers(page(of_process(Pulse(FakeClock(START)))))

    assert len([key for key in told if key[0] == "commit_seconds_bucket"]) == len(BOUNDS)


def test_what_may_be_counted_is_counted_from_nothing() -> None:
    """An alert on a rise must not miss the first one."""
    pulse = Pulse(FakeClock(START))
    pulse.of("outbound")
    told = numbers(page(of_process(pulse)))

    assert told["task_rounds_total", ("outbound", "failed")] == 0
    assert told["worker_failures_total", ("memory",)] == 0


@pytest.mark.fault("F7")
def test_a_disk_that_takes_nothing_is_a_fault_until_it_takes_something() -> None:
    """At once, whichever task met it; another error of a moment is none."""
    pulse = Pulse(FakeClock(START))
    beats = {task: pulse.of(task) for task in ("inbound", "worklist")}
    beats["inbound"]("ServerUnreachable")
    assert not pulse.faults
    for error in ("StorageFailed", "DatabaseUnreachable", "DatabaseBusy"):
        beats["worklist"](error)
        assert pulse.faults == (STORAGE_FAILS,)
    beats["worklist"](None)
    assert not pulse.faults


def test_a_task_that_does_nothing_for_long_is_a_fault() -> None:
    """What sends, and what watches the deadlines; whatever the reason, also when it changes."""
    clock = FakeClock(START)
    pulse = Pulse(clock)
    sending, other = pulse.of("outbound"), pulse.of("webhooks.dpi")
    for error in ("KeyError", "ServerUnreachable"):
        sending(error)
        other(error)
        clock.advance(6 * MINUTE)
    assert pulse.faults == (TASK_FAILS,)
    sending(None)
    assert not pulse.faults


# --- who asks often


def monitor_of(world: World) -> Monitor:
    """What the pages ask."""
    return Monitor(health=world.health, pulse=Pulse(world.clock), clock=world.clock)


async def test_who_asks_often_makes_the_database_work_once(hospital: World) -> None:
    """For a few seconds the same look serves all; then there is another."""
    watch = monitor_of(hospital)
    first = numbers(await watch.metrics())
    await hospital.submit()

    assert numbers(await watch.metrics())["outbox_mails", ("ready",)] == first["outbox_mails", ("ready",)] == 0
    hospital.clock.advance(monitor.FRESH_SECONDS * SECOND)
    assert numbers(await watch.metrics())["outbox_mails", ("ready",)] == 2


async def test_a_database_that_does_not_answer_is_no_health(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen before is not told again in its place."""
    watch = monitor_of(hospital)
    assert await watch.faults() == ("mail_not_polled",)
    hospital.clock.advance(MINUTE)

    def broken(store: Store) -> None:
        del store
        raise StorageFailed(place="base", reason="panne")

    monkeypatch.setattr(DatabaseStore, "view", broken)
    with pytest.raises(StorageFailed):
        await watch.faults()
    told = numbers(await watch.metrics())
    assert (told["healthy", ()], told["fault", (STORAGE_FAILS,)]) == (0, 1)
    assert ("outbox_mails", ("ready",)) not in told
    assert told["uptime_seconds", ()] == 60


async def test_what_only_the_process_knows_is_told_with_the_rest(hospital: World) -> None:
    """Three answers to one question: not ready, not healthy, and why."""
    pulse = Pulse(hospital.clock)
    watch = Monitor(health=hospital.health, pulse=pulse, clock=hospital.clock)
    await hospital.poll()
    assert await watch.faults() == ()
    pulse.of("deadlines")("StorageFailed")

    assert await watch.faults() == (STORAGE_FAILS,)
    told, (health, also) = numbers(await watch.metrics()), await watch.health()
    assert (told["healthy", ()], told["fault", (STORAGE_FAILS,)], told["fault", (TASK_FAILS,)]) == (0, 1, 0)
    glanced = glance(health, also)
    assert (glanced["healthy"], glanced["faults"]) == (False, [STORAGE_FAILS])
    for fault in FAULTS:
        printed = "\n".join(lines(glanced | {"faults": [fault]}))
        assert ("REFUSE D'ÉCRIRE" in printed, "ÉCHOUE" in printed) == (fault == STORAGE_FAILS, fault == TASK_FAILS)
        assert "Tout va bien" not in printed


async def test_the_store_tells_how_long_its_commits_take(hospital: World) -> None:
    """Each act once; one that fails has no commit."""
    took: list[float] = []
    store = DatabaseStore(hospital.url, clock=hospital.clock, site="s", party="p", committed=took.append)
    try:
        for event in ("calendar.read", "message.read"):
            async with store.act() as act:
                await act.record(event, actor="alice")
        with pytest.raises(ZeroDivisionError):
            async with store.act():
                raise ZeroDivisionError
    finally:
        await store.close()

    assert took == [0.0, 0.0]
