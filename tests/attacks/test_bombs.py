"""Bombs in the real, capped workers: each ends within its caps, and whoever waits beside it hardly notices."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.openpgp.home import open_home
from gateway.adapters.sandbox.pool import WorkerPool
from gateway.domain.errors import MailRefused
from gateway.domain.parties import Role
from gateway.framing import Limits
from tests.attacks.make import made
from tests.attacks.scene import Scene, scene, wrapped
from tests.services.suites import PASSPHRASE

LIMITS = Limits(seconds=20.0)
LONGEST_STALL = 1.0
"""Seconds in which the loop of the parent may not turn, far above what a loaded machine causes by itself."""

TURN = 0.01

NAMES = ("a23-deep", "a23-many-parts", "a23-long-header", "a23-quotes", "a24-bomb", "a24-rounds", "a24-many-packets")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All keys."""
    with scene(tmp_path_factory.mktemp("scene")) as made_keys:
        yield made_keys


async def bombs(keys: Scene) -> list[bytes]:
    """Those of the table, and a larger one than any limit of ours."""
    large = keys.gpg_to_us("--compress-algo", "zlib", data=bytes(150 * 1024 * 1024))
    return [*[(await made(name, keys))[-1] for name in NAMES], wrapped(large)]


async def test_bombs_end_within_their_caps_while_others_are_opened(keys: Scene) -> None:
    """One worker takes bomb after bomb, its neighbour honest mail all the while; the parent's loop goes on turning."""
    folder: Path = keys.root / Role.HOSPITAL.value / "openpgp"
    pool = WorkerPool(
        slots=2,
        home_factory=lambda others: open_home(folder, others),
        passphrase=PASSPHRASE,
        limits=LIMITS,
        keys=[keys.of(Role.CNAS).openpgp],
    )
    hostile, honest = await bombs(keys), (await made("honest-openpgp", keys))[0]
    loop = asyncio.get_running_loop()
    exploded, stalls, took, opened = asyncio.Event(), [0.0], [], 0

    async def explode() -> list[str]:
        told = []
        for mail in hostile:
            started = loop.time()
            try:
                told.append((await pool.open(mail)).failed_reason or "read")
            except MailRefused as error:
                told.append(error.reason)
            took.append(loop.time() - started)
        exploded.set()
        return told

    async def watch() -> None:
        last = loop.time()
        while not exploded.is_set():
            await asyncio.sleep(TURN)
            stalls.append(loop.time() - last)
            last = loop.time()

    async def work() -> None:
        nonlocal opened
        while not exploded.is_set():
            seen = await pool.open(honest)
            assert seen.failed_reason is None
            opened += 1

    await pool.start()
    try:
        told, *_ = await asyncio.gather(explode(), watch(), work())
    finally:
        await pool.close()
    assert told == [
        *("too-deep", "too-many-parts", "header-too-long", "read"),
        *("header-too-long", "not-one-literal", "too-large", "too-large"),
    ]
    assert max(took) < LIMITS.seconds
    assert opened >= len(hostile)
    assert max(stalls) < LONGEST_STALL
