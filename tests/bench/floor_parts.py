"""Measures each part of the cycle's floor alone, for one message: milliseconds of processor, and by the clock.

The clock tells of the disk: the acts of one side wait for it one after the other, however many messages are under way.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.bench import floor, floor_party
from tests.bench import floor_steps as steps
from tests.bench.sink import SinkMailbox, serve

RSA, CONTENT, POST, ACTS, FILES, PIPE = NAMES = (
    "RSA, clés privées : deux signatures, une clé déchiffrée",
    "AES, empreintes, CMS, base 64, MIME",
    "TLS et SMTP, puits compris : un courrier et son accusé",
    "SQLite : sept actes, synchronisés",
    "fichiers : six, chiffrés et synchronisés",
    "tuyau du travailleur : un courrier et son accusé",
)
MESSAGE_ID = b"0" * 32
KIB = 1024

Work = Callable[[], None]


class Papers:
    """What one message is made of, on both sides."""

    def __init__(self, told: dict[str, Any], other: dict[str, Any], size: int) -> None:
        self.ours, self.theirs = floor_party.pair_of(told), floor_party.pair_of(other)
        self._paper = os.urandom(size)
        self._wrapped = self.ours.partner_key.encrypt(b"k" * 32, PKCS1v15())
        self.entity, self.mail, self.receipt = self.made()

    def made(self) -> tuple[bytes, bytes, bytes]:
        """Sealed by one, opened by the other, acknowledged, and the receipt opened: without a disk or a wire.

        Raises:
            ValueError: something else came out than what went in.
        """
        body = steps.entity(MESSAGE_ID, self._paper)
        mail = steps.sealed(steps.signed(body, self.ours), self.ours)
        found = steps.opened(mail, self.theirs)
        if steps.papers(found) != self._paper:
            raise ValueError("the file is not what was sent")
        receipt = steps.signed(steps.receipt(steps.named(found), found), self.theirs)
        if steps.acknowledged(steps.opened(receipt, self.ours)) != MESSAGE_ID:
            raise ValueError("the receipt is of another message")
        return body, mail, receipt

    def make(self) -> None:
        """Again."""
        self.made()

    def private(self) -> None:
        """The three operations with a private key that are in it."""
        mine, digest = self.ours, b"d" * 32
        mine.key.sign(digest, PKCS1v15(), SHA256())
        self.theirs.key.sign(digest, PKCS1v15(), SHA256())
        self.theirs.key.decrypt(self._wrapped, PKCS1v15())


def _spent(work: Work, times: int, more: Callable[[], float] = lambda: 0.0) -> tuple[float, float]:
    """Milliseconds of processor and of the clock, for one; ``more`` tells the processor's seconds of another."""
    cpu, began = time.process_time() + more(), time.perf_counter()
    for _ in range(times):
        work()
    clock = time.perf_counter() - began
    return (time.process_time() + more() - cpu) * 1000 / times, clock * 1000 / times


@contextmanager
def _post(told: dict[str, Any], papers: Papers) -> Iterator[Work]:
    """Both mails handed over to a sink in this process."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(told["sink"], told["sink_key"])

    class Nowhere(SinkMailbox):
        def put(self, data: bytes) -> None:
            """Forgotten."""

    with asyncio.Runner() as runner:
        server = runner.run(serve(Nowhere(), told["port"], tls))
        courier = floor_party.Courier(told["port"], Path(told["ca"]))

        async def both() -> None:
            await courier.hand_over(papers.mail)
            await courier.hand_over(papers.receipt)

        runner.run(both())
        loop = runner.get_loop()
        try:
            yield lambda: loop.run_until_complete(both())
        finally:
            courier.close()
            server.close()
            runner.run(asyncio.sleep(0))


def _kept(kept: steps.Kept, papers: Papers) -> tuple[Work, Work]:
    files = (papers.entity, papers.mail, papers.receipt) * 2

    def acts() -> None:
        for _ in range(7):
            kept.act()

    def written() -> None:
        for each in files:
            kept.file(each)

    return acts, written


def measured(folder: Path, *, size: int, times: int, rounds: int) -> dict[str, Any]:
    """Each part in turn, so many times a round; the medians."""
    told, other = (floor_party.told(path) for path in floor.installed(folder).values())
    papers, worker = Papers(told, other, size), floor_party.Worker(folder / "hospital.json", "echo")

    def through() -> None:
        worker.opened(papers.mail)
        worker.opened(papers.receipt)

    found: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    try:
        with steps.kept(Path(told["folder"])) as kept, _post(told, papers) as post:
            acts, written = _kept(kept, papers)
            for _ in range(rounds):
                private = _spent(papers.private, times)
                whole = _spent(papers.make, times)
                found[RSA].append(private)
                found[CONTENT].append((whole[0] - private[0], whole[1] - private[1]))
                found[POST].append(_spent(post, times))
                found[ACTS].append(_spent(acts, times))
                found[FILES].append(_spent(written, times))
                found[PIPE].append(_spent(through, times, worker.spent))
    finally:
        worker.close()
    parts = {name: [median(each) for each in zip(*runs, strict=True)] for name, runs in found.items()}
    return {"bytes": size, "parts": {name: {"cpu_ms": cpu, "ms": clock} for name, (cpu, clock) in parts.items()}}


def table(found: dict[str, Any]) -> str:
    """For docs/performance.md."""
    lines = [f"| plancher, un message de {found['bytes'] // KIB} Kio | processeur | horloge |", "| --- | --- | --- |"]
    lines += [f"| {name} | {part['cpu_ms']:.2f} ms | {part['ms']:.1f} ms |" for name, part in found["parts"].items()]
    total = sum(part["cpu_ms"] for part in found["parts"].values())
    return "\n".join([*lines, f"| ensemble | {total:.1f} ms | – |"])
