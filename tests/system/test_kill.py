"""Power cuts: any daemon dies at any moment of a thread; nothing is lost, nothing is doubled, all logs verify."""

import os
import random
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.mailserver import Machine
from tests.system.gateways import PATIENCE, Gateway, Trio, together, until
from tests.system.steps import counted, move_to, now, over_at, reaches, request_of, settles, submit

pytestmark = pytest.mark.system

KILLS = 10
LONGEST_LIFE = 1.5
"""Seconds that a daemon lives at most before the next one is killed; a thread takes some five seconds in all."""

DOUBT = timedelta(minutes=16)
"""A hand-over of unknown outcome is tried again after fifteen minutes."""

OPEN_MAILS = "SELECT 1 FROM transmissions WHERE state IN ('ready', 'sending', 'unknown')"


@pytest.mark.fault("F1", "F2")
def test_ten_kills_lose_nothing_and_double_nothing(trio: Trio, place: Path, mail_machine: Machine) -> None:
    """One request at the CNAS, one period at the hospital, one silence, told to both."""
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"KILL_SEED={seed}")  # noqa: T201  shown with a failure, which it plays again
    trio.start()
    digest = submit(trio.hospital, place)["request"]
    _kill_at_random(trio, random.Random(seed))  # noqa: S311  a seed that can be played again, no secret
    if not _quiet(trio, PATIENCE / 6):
        move_to(mail_machine, now(mail_machine) + DOUBT)
    for gateway in trio:
        settles(gateway, digest, "running")
    until(lambda: _quiet(trio, 0), "every mail is handed over", 2 * PATIENCE)
    ours, theirs = request_of(trio.hospital, digest), request_of(trio.cnas, digest)
    assert ours is not None
    assert theirs is not None
    assert ours["tacit_at"] == theirs["tacit_at"]
    move_to(mail_machine, max(over_at(ours), now(mail_machine)))
    accepted = reaches(trio.hospital, digest, "tacitly_accepted")
    assert accepted["acceptance"]["effective_at"] == accepted["latest_tacit_at"]
    settles(trio.cnas, digest, "tacitly_accepted")
    settles(trio.cnse, digest, "tacitly_accepted")
    hospital, cnas, cnse = together([partial(counted, gateway) for gateway in trio])
    for event in ("request.submitted", "request.acknowledged", "request.period_over", "request.silence_recorded"):
        assert hospital[event] == 1, event
    assert cnas["request.received"] == cnse["request.received"] == 1
    assert cnas["request.silence_notified"] == cnse["request.silence_notified"] == 1
    for gateway in (trio.cnas, trio.cnse):
        assert len(gateway.peek("SELECT 1 FROM requests")) == 1


def _kill_at_random(trio: Trio, chance: random.Random) -> None:
    """Each victim is started again at once, and may be killed again before it is ready."""
    gateways: list[Gateway] = list(trio)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        victim = chance.choice(gateways)
        victim.kill()
        victim.launch()
    for gateway in gateways:
        ready = partial(_is_ready, gateway)
        until(ready, f"{gateway.role} is ready again")


def _is_ready(gateway: Gateway) -> bool:
    return b"gateway.ready" in gateway.logs[-1].read_bytes()


def _quiet(trio: Trio, seconds: float) -> bool:
    """True when, within so many seconds, no mail waits to be handed over anywhere."""
    end = time.monotonic() + seconds
    while any(gateway.peek(OPEN_MAILS) for gateway in trio):
        if time.monotonic() >= end:
            return False
        time.sleep(0.2)
    return True
