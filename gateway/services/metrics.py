"""The gateway's health and the pulse of this process, as numbers with names for a monitoring program.

Labels are states, codes, ranks and the ids that the configuration gives to partners; never a name, an address, a case,
or the id of a reader or of a physician's mailbox, which may be somebody's name.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from math import inf

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.workdays import algiers_day
from gateway.services.health import FAULTS, Health
from gateway.services.pulse import FAULTS as OWN_FAULTS
from gateway.services.pulse import STORAGE_FAILS, Pulse
from gateway.storage import Tally, Verdict
from gateway.wire.exposition import Family, Form, Sample, histogram

PREFIX = "soins_"
REASONS = ("died", "memory", "own-key", "protocol", "start", "timeout")
"""Why workers are ended; a rate needs the nought from which it rises."""

READER = "reader"
"""Stands for every reader of ours among the owners of keys."""


def of_gateway(health: Health, also: tuple[str, ...] = ()) -> Iterator[Family]:
    """What the database tells, the same from whichever process; ``also`` are faults that it does not know of."""
    now = health.now
    yield from _faults(health.faults + also)
    yield _each("outbox_mails", "Sealed mails, by state.", "state", _all(sending.State, health.outbox))
    yield _one(
        "outbox_waiting_seconds", "Since the oldest mail that waits to leave was due.", _age(now, health.waiting_since)
    )
    yield _each("received_mails", "Mails taken in, by verdict.", "verdict", _all(Verdict, health.mails))
    yield _one("triage_mails", "Mails that hold something back until a person sorts them.", health.to_triage)
    yield _one("triage_waiting_seconds", "Since the oldest of them came.", _age(now, health.to_triage_since))
    yield _one("quarantine_mails", "Those of them that failed a trust step.", health.quarantined)
    yield _each("requests", "Open requests, by state of their clock.", "state", _all(life.OPEN, health.clocks))
    if health.next_end is not None:
        yield _one("next_end_timestamp_seconds", "End of the nearest period that runs.", health.next_end.timestamp())
    polled = [
        Sample(_age(now, at, never=inf), {"folder": str(rank)}) for rank, at in enumerate(health.polled_at.values())
    ]
    yield Family(f"{PREFIX}poll_age_seconds", Form.GAUGE, "Since each watched folder was last polled.", tuple(polled))
    yield _one(
        "clock_suspended",
        "1 while the time is in doubt and no silence is recorded.",
        health.clock_suspended_at is not None,
    )
    yield _one("copies_owed", "Copies that an author forgot and that have not left.", health.owed_copies)
    yield _one("acceptances_contested", "Recorded silences on which nobody has ruled.", health.contested)
    yield _one("handovers_failing", "Hand-overs to readers that fail.", health.failing_handovers)
    yield _one("handovers_without_reader", "Hand-overs that nobody may have yet.", health.waiting_handovers)
    days = (health.calendar_covers_until - algiers_day(now)).days
    yield _one("calendar_days", "Days for which the calendar is still complete.", days)
    yield _one("log_records_total", "Records of the audit log.", health.audit_size, Form.COUNTER)
    yield from _alarms(health)
    yield from _partners(health)
    yield _one("backup_age_seconds", "Since the latest backup.", _age(now, health.backed_up_at, never=inf))
    if health.disk is not None:
        yield _one("disk_free_bytes", "Left on the disk that holds the data.", health.disk.free)
        yield _one("disk_size_bytes", "Size of that disk.", health.disk.total)


def of_no_database() -> Iterator[Family]:
    """What is left to tell when it cannot be read: an alert on health must find a number, and it must be nought."""
    yield from _faults((STORAGE_FAILS,))


def _faults(found: tuple[str, ...]) -> Iterator[Family]:
    yield _one("healthy", "1 when the gateway does its work.", not found)
    known = {code: code in found for code in (*FAULTS, *OWN_FAULTS)}
    yield _each("fault", "1 for each reason why the gateway does not do its work.", "code", known)


def _alarms(health: Health) -> Iterator[Family]:
    standing = [
        Sample(each.count, {"kind": each.kind, "severity": each.severity.name.lower()}) for each in health.standing
    ]
    yield Family(f"{PREFIX}alarms", Form.GAUGE, "Alarms that stand.", tuple(standing))
    yield _one("alarms_untaken", "Alarms that nobody has taken.", health.alarms.untaken)


def _partners(health: Health) -> Iterator[Family]:
    asked = {each.partner: each.sent for each in health.habits}
    yield _each("partner_requests", "Our latest requests that a partner had time to confirm.", "partner", asked)
    confirmed = {each.partner: each.confirmed for each in health.habits}
    yield _each("partner_confirmed", "Those of them that it confirmed.", "partner", confirmed)
    left: dict[tuple[str, str], float] = {}
    for key in health.lifetimes:
        seconds = inf if key.ends_at is None else (key.ends_at - health.now).total_seconds()
        owner = READER if ":" in key.owner else key.owner
        mine = (owner, key.suite)
        left[mine] = min(left.get(mine, inf), seconds if key.usable else 0.0)
    samples = [Sample(seconds, {"owner": owner, "suite": suite}) for (owner, suite), seconds in left.items()]
    yield Family(
        f"{PREFIX}key_seconds", Form.GAUGE, "Left to each key or certificate; 0 when it is of no use.", tuple(samples)
    )


def of_process(pulse: Pulse) -> Iterator[Family]:
    """What this process alone knows."""
    yield _one("uptime_seconds", "Since this process began its work.", pulse.uptime)
    rounds = [
        Sample(count, {"task": task, "outcome": "good" if good else "failed"})
        for (task, good), count in sorted(pulse.rounds.items())
    ]
    yield Family(
        f"{PREFIX}task_rounds_total", Form.COUNTER, "Rounds of each task; inbound ones are polls.", tuple(rounds)
    )
    yield _each("task_idle_seconds", "Since the last good round of each task.", "task", pulse.idle)
    failures = dict.fromkeys(REASONS, 0) | pulse.worker_failures
    yield _each("worker_failures_total", "Workers that were ended, by reason.", "reason", failures, Form.COUNTER)
    told = "How long commits took."
    yield histogram(f"{PREFIX}commit_seconds", told, counts=pulse.commits, total=pulse.commit_seconds)


def _one(name: str, told: str, value: float, form: Form = Form.GAUGE) -> Family:
    return Family(PREFIX + name, form, told, (Sample(value),))


def _each(name: str, told: str, label: str, values: Mapping[str, float], form: Form = Form.GAUGE) -> Family:
    return Family(PREFIX + name, form, told, tuple(Sample(value, {label: key}) for key, value in values.items()))


def _all(states: Iterable[Enum], found: tuple[Tally, ...]) -> dict[str, float]:
    """Every state, also those in which nothing is: an alert cannot look at what is not there."""
    known = {each.value: each.count for each in found}
    return {str(state.value): known.get(state, 0) for state in sorted(states, key=lambda state: str(state.value))}


def _age(now: datetime, at: datetime | None, *, never: float = 0.0) -> float:
    return never if at is None else max(0.0, (now - at).total_seconds())
