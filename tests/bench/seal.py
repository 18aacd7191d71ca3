"""Measures sealing and opening beside their floors: raw ``gpg`` doing the same steps, and the primitives of S/MIME.

``python -m tests.bench.seal``: each round does ours and the floor in turn, sign and encrypt by one party, decrypt and
verify by another. The memory is that of a process of its own that opens one large mail.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from gateway.adapters.clock import SystemClock
from gateway.adapters.openpgp import open as opening
from gateway.adapters.openpgp.command import environment
from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.adapters.smime import open as smime_opening
from gateway.adapters.smime.bench import SmimeBench
from gateway.adapters.smime.certificates import Correspondent
from gateway.adapters.smime.seal import Agreed, SmimeSealer
from gateway.adapters.smime.verify import verify_detached
from gateway.domain.parties import Role, Suite
from gateway.wire import payload, sealed
from gateway.wire.fields import Mailbox
from gateway.wire.mime import parse
from gateway.worker import Bench, read
from tests.services.mails import ADDRESSES
from tests.services.suites import PASSPHRASE, Keys, parties

Stage = Callable[[bytes], None]
"""Signs, encrypts, decrypts and verifies once."""

KIB = 1024
MOST = 200 * KIB * KIB
KINDS = {
    "OpenPGP": (Suite.OPENPGP, "cnas"),
    "S/MIME": (Suite.SMIME, "cnse"),
    "S/MIME (AES-GCM, openssl)": (Suite.SMIME, "cnas"),
}
"""Mails whose memory is measured, and the partner with whom their cipher was agreed: the usual one but for the last."""
LIMITS = OpenLimits(max_plain=MOST)
US, THEM = (Mailbox(display="", address=ADDRESSES[role]) for role in (Role.HOSPITAL, Role.CNAS))


def entity_of(size: int) -> bytes:
    """A payload with one attachment of incompressible bytes; its base 64 is a third longer."""
    mail = payload.Payload(
        sender=US,
        to=(THEM,),
        date=SystemClock().now().replace(microsecond=0),
        message_id="<bench@hopital.test>",
        subject="Soins",
        text="Bonjour,\n",
        attachments=(payload.Attachment(name="a.pdf", media_type="application/pdf", data=os.urandom(size)),),
    )
    return payload.build_entity(mail, "b" * 24, outer_subject="Soins")


# --- OpenPGP


def openpgp(ours: Keys, theirs: Keys, loop: asyncio.AbstractEventLoop) -> Stage:
    """The product's own stage, without the mail around it."""
    sealer = OpenPgpSealer(ours.home, fingerprint=ours.openpgp.fingerprint, passphrase=PASSPHRASE)

    async def seal(entity: bytes) -> bytes:
        signature = await sealer.sign(entity)
        whole = sealed.signed(entity, signature.data, signature.micalg, "c" * 24)
        return await sealer.encrypt(whole, theirs.openpgp, partner="cnas")

    def work(entity: bytes) -> None:
        ciphertext = loop.run_until_complete(seal(entity))
        plain = opening.decrypt(theirs.home.path, ciphertext, PASSPHRASE, theirs.home.own, LIMITS)
        parts = sealed.read_signed(parse(plain.data))
        opening.verify_detached(theirs.home.path, parts.entity, parts.signature)

    return work


def gpg(ours: Keys, theirs: Keys) -> Stage:
    """Four runs of gpg and nothing else."""
    secret = ["--pinentry-mode", "loopback", "--passphrase", PASSPHRASE]
    sign = ["--local-user", ours.openpgp.fingerprint, "--digest-algo", "SHA512", "--armor", "--detach-sign"]
    encrypt = ["--recipient", theirs.openpgp.fingerprint, "--trust-model", "always", "--compress-algo", "none"]

    def run(home: Path, arguments: list[str], data: bytes) -> bytes:
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet", *arguments]
        return subprocess.run(command, input=data, env=environment(), capture_output=True, check=True).stdout

    def work(entity: bytes) -> None:
        signature = run(ours.home.path, [*secret, *sign], entity)
        ciphertext = run(ours.home.path, [*encrypt, "--armor", "--encrypt"], entity + signature)
        plain = run(theirs.home.path, [*secret, "--decrypt"], ciphertext)
        with tempfile.NamedTemporaryFile() as file:
            file.write(plain[len(entity) :])
            file.flush()
            run(theirs.home.path, ["--verify", file.name, "-"], plain[: len(entity)])

    return work


# --- S/MIME


def smime(ours: Keys, theirs: Keys, loop: asyncio.AbstractEventLoop) -> Stage:
    """The product's own stage."""
    sealer = SmimeSealer(ours.own, agreed={"cnas": Agreed()}, clock=SystemClock())
    known = (Correspondent(certificate=ours.own.certificate),)

    async def seal(entity: bytes) -> bytes:
        signature = await sealer.sign(entity, Suite.SMIME)
        whole = sealed.signed(entity, signature.data, signature.micalg, "c" * 24, Suite.SMIME)
        return await sealer.encrypt(whole, theirs.smime, partner="cnas")

    def work(entity: bytes) -> None:
        envelope = loop.run_until_complete(seal(entity))
        plain = smime_opening.decrypt(envelope, theirs.own, max_plain=MOST)
        parts = sealed.read_signed(parse(plain.data))
        verify_detached(parts.entity, parts.signature, known, at=SystemClock().now())

    return work


def primitives(ours: Keys, theirs: Keys) -> Stage:
    """The arithmetic alone: a signature, a cipher, a wrapped key, and back."""
    mine, other = ours.own.key, theirs.own.key
    if not isinstance(mine, rsa.RSAPrivateKey) or not isinstance(other, rsa.RSAPrivateKey):
        raise TypeError("the measured certificates are RSA")
    scheme, wrapping = padding.PKCS1v15(), padding.PKCS1v15()

    def work(entity: bytes) -> None:
        signature = mine.sign(entity, scheme, hashes.SHA256())
        key, start = os.urandom(32), os.urandom(16)
        padder, cipher = PKCS7(128).padder(), Cipher(algorithms.AES(key), modes.CBC(start))
        encryptor = cipher.encryptor()
        ciphertext = encryptor.update(padder.update(entity) + padder.finalize()) + encryptor.finalize()
        wrapped = other.public_key().encrypt(key, wrapping)
        decryptor = Cipher(algorithms.AES(other.decrypt(wrapped, wrapping)), modes.CBC(start)).decryptor()
        unpadder = PKCS7(128).unpadder()
        plain = unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
        mine.public_key().verify(signature, plain, scheme, hashes.SHA256())

    return work


# --- measuring


def paired(
    ours: Callable[[bytes], None], floor: Callable[[bytes], None], entity: bytes, rounds: int
) -> dict[str, float]:
    """Milliseconds of each, in turn; the medians, and which share of ours the floor is, by the clock and by processor.

    On a machine that others use, the clock says little; the processor's time counts the programs that were started.
    """
    clock: tuple[list[float], list[float]] = ([], [])
    processor: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for number, work in enumerate((ours, floor)):
            began, spent = time.perf_counter(), _processor()
            work(entity)
            clock[number].append((time.perf_counter() - began) * 1000)
            processor[number].append((_processor() - spent) * 1000)
    mine, least = median(clock[0]), median(clock[1])
    cpu, least_cpu = median(processor[0]), median(processor[1])
    return {"ms": mine, "floor_ms": least, "share": least / mine, "cpu_ms": cpu, "cpu_share": least_cpu / cpu}


def _processor() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def memory(kind: str, size: int) -> dict[str, float]:
    """The peak above idle of a process that opens one mail, in the mail's own size."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.seal", "--receive", kind, "--sizes", str(size)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


def receive(folder: Path, kind: str, size: int) -> dict[str, float]:
    """Make the mail, then open it as the worker does; a process keeps what it freed, so the making is done apart."""
    with parties(folder) as made:
        ours, theirs = made[Role.HOSPITAL], made[Role.CNAS]
        path = folder / "mail.eml"
        child = os.fork()
        if child == 0:
            path.write_bytes(asyncio.run(_mail(ours, theirs, kind, entity_of(size))))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            raise RuntimeError("the mail could not be made")
        known = SmimeBench(own=theirs.own, known=(Correspondent(certificate=ours.own.certificate),))
        home = theirs.home
        bench = Bench(home=home.path, passphrase=PASSPHRASE, own=home.own, limits=LIMITS, smime=known)
        idle = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        raw = path.read_bytes()
        seen = read(raw, bench)
        peak = _memory("VmHWM")
    if seen.inner is None:
        raise RuntimeError(seen.failed_reason)
    above = (peak - idle) * KIB
    return {"bytes": len(raw), "peak_mib": above / KIB / KIB, "ratio": above / len(raw)}


async def _mail(ours: Keys, theirs: Keys, kind: str, entity: bytes) -> bytes:
    suite, partner = KINDS[kind]
    sealer = ours.sealer()
    signature = await sealer.sign(entity, suite)
    whole = sealed.signed(entity, signature.data, signature.micalg, "c" * 24, suite)
    data = await sealer.encrypt(whole, theirs.of(suite), partner=partner)
    fields = sealed.Outer(
        sender=US, to=(THEM,), date=SystemClock().now(), message_id="<bench@hopital.test>", subject="Soins"
    )
    return sealed.outer(fields, data, "d" * 24, suite)


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def table(found: dict[str, Any]) -> str:
    """For docs/performance.md."""
    lines = [
        "| pièce | OpenPGP (gpg seul) | part ; au processeur | S/MIME (primitives) | part ; au processeur |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in found["stages"]:
        gpg_, cms = row["openpgp"], row["smime"]
        lines.append(
            f"| {row['bytes'] / KIB:.0f} Kio | {gpg_['ms']:.0f} ms ({gpg_['floor_ms']:.0f}) | {gpg_['share']:.0%} ; "
            f"{gpg_['cpu_share']:.0%} | {cms['ms']:.1f} ms ({cms['floor_ms']:.1f}) | {cms['share']:.0%} ; "
            f"{cms['cpu_share']:.0%} |"
        )
    lines += ["", "| courrier ouvert | mémoire au-dessus du repos | fois sa taille |", "| --- | --- | --- |"]
    for kind, row in found["memory"].items():
        lines.append(f"| {kind}, {row['bytes'] / 1e6:.0f} Mo | {row['peak_mib']:.0f} Mio | {row['ratio']:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the JSON."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--sizes", default="10240,1048576,10485760", help="bytes of the attachment")
    told.add_argument("--large", type=int, default=36_000_000, help="bytes of the attachment of the opened mail")
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--json", type=Path, help="where the figures go")
    told.add_argument("--receive", help=argparse.SUPPRESS)
    given = told.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if given.receive:
            sys.stdout.write(json.dumps(receive(Path(name), given.receive, sizes[0])))
            return
        stages = []
        # One loop, as the gateway has: making one costs more than what is measured. Not ``Runner.run`` for each call
        # either: on leaving it writes out whatever the call returned, byte by byte, for an error message of no one's.
        with parties(Path(name)) as made, asyncio.Runner() as runner:
            loop = runner.get_loop()
            ours, theirs = made[Role.HOSPITAL], made[Role.CNAS]
            pairs = {"openpgp": (openpgp, gpg), "smime": (smime, primitives)}
            for size in sizes:
                entity = entity_of(size)
                row: dict[str, Any] = {"bytes": size}
                for suite, (stage, floor) in pairs.items():
                    row[suite] = paired(stage(ours, theirs, loop), floor(ours, theirs), entity, given.rounds)
                stages.append(row)
    found = {"stages": stages, "memory": {kind: memory(kind, given.large) for kind in KINDS}}
    machine = f"{platform.machine()}, {os.cpu_count()} cœurs, Python {platform.python_version()}"
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, **found}, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{machine}\n\n{table(found)}\n")


if __name__ == "__main__":
    main()
