"""The worker pool against hostile mails and dying workers: one failure costs one mail, never a neighbour."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import framing
from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import base_folder, export_public, generate
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.adapters.sandbox import pool as sandbox
from gateway.adapters.sandbox.launch import launch, launched
from gateway.adapters.sandbox.pool import WorkerPool
from gateway.domain.errors import KeyFileInvalid, MailMalformed, OwnKeyUnusable, WorkerFailed
from gateway.domain.parties import Suite
from gateway.framing import Limits
from gateway.ports import PublicKey
from gateway.wire import sealed
from gateway.wire.incoming import Incoming
from gateway.wire.mime import Mailbox

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
CANARY = b"canari-9d41b7"
ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nDossier " + CANARY + b".\r\n"
LIMITS = Limits(seconds=10.0)
PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Our key folder, the partner's key, and a mail that the partner sealed for us."""

    folder: Path
    their_home: Path
    our_key: PublicKey
    their_key: PublicKey
    mail: bytes


@dataclass(slots=True)
class Homes:
    """A home factory that remembers what it made."""

    folder: Path
    made: list[Home] = field(default_factory=list)

    def __call__(self, keys: Sequence[PublicKey]) -> Home:
        """Make one."""
        self.made.append(open_home(self.folder, keys))
        return self.made[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A started pool with the homes that its factory made."""

    pool: WorkerPool
    homes: Homes

    def pid(self, slot: int = 0) -> int:
        """Process id of a slot's worker."""
        process = self.pool._slots[slot].process
        assert process is not None
        return process.pid


Start = Callable[..., AbstractAsyncContextManager[Running]]


def as_mail(ciphertext: bytes) -> bytes:
    """An encrypted mail around this message."""
    outer = sealed.Outer(
        sender=Mailbox(display="", address="b@cnas.test"),
        to=(Mailbox(display="", address="a@hopital.test"),),
        date=datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
        message_id="<1@cnas.test>",
        subject="Soins",
    )
    return sealed.outer(outer, ciphertext, "bord-chiffre")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two parties, one sealed mail."""
    folders = [tmp_path_factory.mktemp(name) for name in ("ours", "theirs")]
    prints = [generate(folder, "Etablissement d'essai", "a@hopital.test", PASSPHRASE) for folder in folders]
    keys = [
        PublicKey(suite=Suite.OPENPGP, fingerprint=fingerprint, material=export_public(folder / "openpgp"))
        for fingerprint, folder in zip(prints, folders, strict=True)
    ]
    theirs = open_home(folders[1] / "openpgp", [])
    try:
        sealer = OpenPgpSealer(theirs, fingerprint=prints[1], passphrase=PASSPHRASE)
        signature = asyncio.run(sealer.sign(ENTITY))
        content = sealed.signed(ENTITY, signature.data, signature.micalg, "bord-signe")
        mail = as_mail(asyncio.run(sealer.encrypt(content, keys[0], partner="hopital")))
    finally:
        theirs.close()
    return World(
        folder=folders[0] / "openpgp",
        their_home=folders[1] / "openpgp",
        our_key=keys[0],
        their_key=keys[1],
        mail=mail,
    )


@pytest.fixture
def start(world: World) -> Start:
    """Start a pool; at its end nothing of it may be left."""

    @asynccontextmanager
    async def started(
        *, slots: int = 1, limits: Limits = LIMITS, keys: Sequence[PublicKey] = (world.their_key,)
    ) -> AsyncIterator[Running]:
        homes = Homes(world.folder)
        pool = WorkerPool(slots=slots, home_factory=homes, passphrase=PASSPHRASE, limits=limits, keys=keys)
        await pool.start()
        workers = [slot.process for slot in pool._slots if slot.process is not None]
        try:
            yield Running(pool=pool, homes=homes)
        finally:
            await pool.close()
        assert all(worker.returncode is not None for worker in workers)
        assert not any(home.path.exists() for home in homes.made)
        assert not any(alive(home.agent_pid) for home in homes.made)

    return started


def alive(pid: int) -> bool:
    """Neither gone nor a zombie."""
    try:
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith(("Z", "X"))
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(condition: Callable[[], bool]) -> None:
    """Wait, boundedly, for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the condition lies in other processes
            await asyncio.sleep(0.01)  # the kernel and other processes set no event


async def reason(opening: "asyncio.Future[Incoming] | asyncio.Task[Incoming]") -> str:
    """With which a job failed."""
    with pytest.raises(WorkerFailed) as caught:
        await opening
    return str(caught.value.reason)


async def test_a_sealed_mail_opens(world: World, start: Start) -> None:
    """Through process, pipe and back to a value."""
    async with start() as running:
        opened = await running.pool.open(world.mail)
    assert (opened.shape, opened.entity) == ("ENCRYPTED", ENTITY)
    assert opened.fingerprint == world.their_key.fingerprint
    assert opened.signed_at is not None
    assert opened.signed_at.utcoffset() is not None


async def test_refusals_travel_and_do_not_cost_the_worker(start: Start) -> None:
    """The same process serves the next mail."""
    async with start() as running:
        before = running.pid()
        assert (await running.pool.open(b"\xff\xfe")).failed_step == "structure"
        broken = as_mail(b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n")
        seen = await running.pool.open(broken)
        assert (seen.failed_step, seen.entity, seen.inner) == ("decrypt", None, None)
        assert seen.outer is not None
        assert (await running.pool.open(b"Content-Type: text/plain\r\n\r\nx\r\n")).shape == "PLAIN"
        assert running.pid() == before


@pytest.mark.fault("F11")
async def test_a_killed_worker_costs_one_mail(world: World, start: Start) -> None:
    """The next mail finds a new worker."""
    async with start() as running:
        before = running.pid()
        os.kill(before, signal.SIGSTOP)
        job = asyncio.create_task(running.pool.open(world.mail))
        await until(lambda: running.pool._slots[0].jobs == 1)
        os.kill(before, signal.SIGKILL)
        assert await reason(job) == "died"
        assert (await running.pool.open(world.mail)).entity == ENTITY
        assert running.pid() != before


async def test_a_worker_that_died_between_two_mails_costs_nothing(world: World, start: Start) -> None:
    """It is replaced before it is used."""
    async with start() as running:
        os.kill(running.pid(), signal.SIGKILL)
        process = running.pool._slots[0].process
        assert process is not None
        await process.wait()
        assert (await running.pool.open(world.mail)).entity == ENTITY


@pytest.mark.fault("F11")
async def test_a_stuck_worker_is_killed_in_time_and_its_neighbour_works_on(world: World, start: Start) -> None:
    """One slot hangs, the other opens mail meanwhile."""
    async with start(slots=2, limits=Limits(seconds=2.0)) as running:
        stuck = running.pid(0)
        os.kill(stuck, signal.SIGSTOP)
        job = asyncio.create_task(running.pool.open(world.mail))
        await until(lambda: running.pool._slots[0].jobs == 1)
        neighbour = running.pid(1)
        for _ in range(3):
            assert (await running.pool.open(world.mail)).entity == ENTITY
        assert await reason(job) == "timeout"
        assert not alive(stuck)
        assert running.pid(1) == neighbour


async def test_a_time_out_takes_the_running_gpg_along(world: World, start: Start) -> None:
    """A gpg that waits for ever must not stay behind."""
    async with start(limits=Limits(seconds=1.5)) as running:
        home = running.homes.made[0]
        os.kill(home.agent_pid, signal.SIGSTOP)
        job = asyncio.create_task(running.pool.open(world.mail))
        await until(lambda: bool(gpg_of(home.path)))
        assert await reason(job) == "timeout"
        await until(lambda: not gpg_of(home.path))
        os.kill(home.agent_pid, signal.SIGCONT)
        assert (await running.pool.open(world.mail)).entity == ENTITY


def gpg_of(home: Path) -> list[int]:
    """Living gpg processes that decrypt in this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:1] == [b"gpg"] and bytes(home) in words and b"--decrypt" in words:
            found.append(int(folder.name))
    return found


@pytest.mark.fault("F36")
async def test_a_dead_agent_costs_one_mail(world: World, start: Start) -> None:
    """Named as our own fault, then a new home is made."""
    async with start() as running:
        os.kill(running.homes.made[0].agent_pid, signal.SIGKILL)
        await until(lambda: not alive(running.homes.made[0].agent_pid))
        assert await reason(asyncio.ensure_future(running.pool.open(world.mail))) == "own-key"
        assert (await running.pool.open(world.mail)).entity == ENTITY
        assert len(running.homes.made) == 2


@pytest.mark.fault("F11")
async def test_a_worker_over_its_memory_is_replaced(world: World, start: Start) -> None:
    """A mail that needs more than the cap fails alone."""
    limits = Limits(seconds=10.0, memory=96 * 1024 * 1024)
    async with start(limits=limits) as running:
        big = b"Content-Type: text/plain\r\n\r\n" + b"x" * 76 + b"\r\n"
        assert await reason(asyncio.ensure_future(running.pool.open(big + b"x" * (59 * 1024 * 1024)))) == "memory"
        assert (await running.pool.open(world.mail)).entity == ENTITY


async def test_a_mail_over_the_limit_never_reaches_a_worker(start: Start) -> None:
    """Refused by the parent."""
    async with start(limits=Limits(max_mail=1000)) as running:
        with pytest.raises(MailMalformed):
            await running.pool.open(b"x" * 1001)
        assert running.pool._slots[0].jobs == 0


@pytest.fixture
def bomb(world: World) -> bytes:
    """Two hundred megabytes of zeros in some kilobytes, encrypted to us."""
    command = ["gpg", "--homedir", str(world.folder), "--batch", "--trust-model", "always", "--armor", "--lock-never"]
    command += ["--compress-algo", "bzip2", "--recipient", world.our_key.fingerprint, "--encrypt"]
    return subprocess.run(command, input=bytes(200 * 1024 * 1024), capture_output=True, check=True).stdout


@pytest.mark.fault("F11")
async def test_a_bomb_costs_only_a_refusal(world: World, start: Start, bomb: bytes) -> None:
    """Against a limit of one megabyte."""
    async with start(limits=Limits(max_plain=1024 * 1024)) as running:
        before = running.pid()
        assert (await running.pool.open(as_mail(bomb))).failed_reason == "too-large"
        assert (await running.pool.open(world.mail)).entity == ENTITY
        assert running.pid() == before


async def test_a_worker_is_replaced_after_its_share_of_mails(world: World, start: Start) -> None:
    """Nothing can accumulate for ever."""
    async with start(limits=Limits(jobs=2)) as running:
        pids = []
        for _ in range(5):
            await running.pool.open(world.mail)
            pids.append(running.pid())
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


async def test_new_keys_are_used_after_a_refresh(world: World, start: Start) -> None:
    """Before it, the partner's signature is by nobody we know; a wrong key changes nothing."""
    async with start(slots=2, keys=()) as running:
        for _ in range(2):
            assert (await running.pool.open(world.mail)).failed_reason == "unknown-key"
        await running.pool.refresh([world.their_key])
        for _ in range(4):
            assert (await running.pool.open(world.mail)).entity == ENTITY
        with pytest.raises(KeyFileInvalid):
            await running.pool.refresh([PublicKey(suite=Suite.OPENPGP, fingerprint="A" * 40, material="x")])
        assert (await running.pool.open(world.mail)).entity == ENTITY


async def test_a_cancelled_job_leaves_the_slot_usable(world: World, start: Start) -> None:
    """Half a message in a pipe would otherwise confuse the next job."""
    async with start() as running:
        os.kill(running.pid(), signal.SIGSTOP)
        job = asyncio.create_task(running.pool.open(world.mail))
        await until(lambda: running.pool._slots[0].jobs == 1)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert (await running.pool.open(world.mail)).entity == ENTITY


async def test_neither_passphrase_nor_plaintext_lies_open(
    world: World, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in command line, environment, home or temporary folders; secrets of our environment are not passed on."""
    monkeypatch.setenv("GATEWAY_PASSWORD", "secret-7q")
    async with start() as running:
        assert (await running.pool.open(world.mail)).entity == ENTITY
        shown = shown_by(running.pid())
        assert PASSPHRASE.encode() not in shown
        assert b"secret-7q" not in shown
        lying = contents(running.homes.made[0].path)
        assert lying
        assert not any(CANARY in content or PASSPHRASE.encode() in content for content in lying)


def shown_by(pid: int) -> bytes:
    """What any process of the same user can see of this one."""
    process = Path(f"/proc/{pid}")
    return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()


def contents(home: Path) -> list[bytes]:
    """Every file of this home and of the folders where temporary files are made; other programs' may vanish."""
    shared = [*Path(base_folder()).glob("gw-*"), *Path(tempfile.gettempdir()).glob("tmp*")]
    found = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    for place in shared:
        with suppress(FileNotFoundError):
            found += [path.read_bytes() for path in (place, *place.rglob("*")) if path.is_file()]
    return found


async def test_a_closed_pool_opens_nothing(world: World, start: Start) -> None:
    """And makes no new home."""
    async with start() as running:
        await running.pool.close()
        assert await reason(asyncio.ensure_future(running.pool.open(world.mail))) == "closed"
        assert len(running.homes.made) == 1


async def test_many_mails_at_once_all_open(world: World, start: Start) -> None:
    """More mails than slots wait for their turn."""
    async with start(slots=2) as running:
        opened = await asyncio.gather(*(running.pool.open(world.mail) for _ in range(12)))
    assert {one.entity for one in opened} == {ENTITY}


GOOD: dict[str, object] = {
    "shape": "ENCRYPTED",
    "outer": None,
    "fingerprint": "A" * 40,
    "signed_at": "2026-03-01T09:00:00Z",
    "mic": "0" * 64,
}


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"seen": None},
        {"seen": {**GOOD, "shape": "é"}},
        {"seen": {**GOOD, "shape": 3}},
        {"seen": {**GOOD, "fingerprint": "a@b.c"}},
        {"seen": {**GOOD, "signed_at": "2026-03-01T09:00:00"}},
        {"seen": {**GOOD, "failed_reason": "y" * 201}},
        {"seen": {**GOOD, "inner": {"senders": "x"}}},
    ],
)
def test_an_answer_of_another_form_is_not_believed(header: dict[str, object]) -> None:
    """A worker may have been taken over by a mail."""
    with pytest.raises(WorkerFailed) as caught:
        sandbox._answer(header, b"")
    assert caught.value.reason == "protocol"


@pytest.mark.parametrize(
    "said",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", encode := framing.encode_frame({}, b"x" * 20)],
)
async def test_a_worker_that_breaks_the_protocol_is_replaced(world: World, start: Start, said: bytes) -> None:
    """Too long a header, no object, too long a body: whatever it says is bounded."""
    async with start(limits=Limits(max_plain=1000 if said is not encode else 10)) as running:
        slot = running.pool._slots[0]
        assert slot.process is not None
        assert slot.process.stdout is not None
        before = running.pid()
        slot.process.stdout.feed_data(said)
        assert await reason(asyncio.ensure_future(running.pool.open(world.mail))) == "protocol"
        assert (await running.pool.open(b"\xff")).failed_step is not None
        assert running.pid() != before


async def test_a_worker_that_cannot_start_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the homes that were made are closed."""
    homes = Homes(world.folder)
    pool = WorkerPool(slots=1, home_factory=homes, passphrase=PASSPHRASE, limits=LIMITS)
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(WorkerFailed, match="start"):
        await pool.start()
    assert not any(home.path.exists() for home in homes.made)


async def test_a_start_without_a_key_leaves_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """They were launched before the homes were made, to load meanwhile."""
    noticed = []

    async def noted() -> asyncio.subprocess.Process:
        process = await launch()
        noticed.append(process)
        return process

    def without_key(_: Sequence[PublicKey]) -> Home:
        raise OwnKeyUnusable(reason="absent")

    monkeypatch.setattr(sandbox, "launch", noted)
    pool = WorkerPool(slots=2, home_factory=without_key, passphrase=PASSPHRASE, limits=LIMITS)
    with pytest.raises(OwnKeyUnusable):
        await pool.start()

    assert [process.returncode is not None for process in noticed] == [True, True]


async def test_a_worker_launched_beforehand_serves_the_first_slot(world: World) -> None:
    """It is greeted like any other; the pool launches those that lack."""
    async with launched() as first:
        pool = WorkerPool(slots=2, home_factory=Homes(world.folder), passphrase=PASSPHRASE, limits=LIMITS)
        try:
            await pool.start(first)
            assert [slot.process is first for slot in pool._slots] == [True, False]
            assert (await pool.open(b"Content-Type: text/plain\r\n\r\nx\r\n")).shape == "PLAIN"
        finally:
            await pool.close()
        assert first.returncode is not None
