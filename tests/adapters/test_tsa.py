"""The time-stamping authority against ``openssl ts`` behind a small web server of our own."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.adapters.clock import SystemClock
from gateway.adapters.tsa import TimestampAuthority
from gateway.domain.errors import SecretUnreadable, ServerUnreachable, TimeRefused

CONFIG = """
[tsa]
default_tsa = one
[one]
dir = {folder}
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""

Reply = Callable[[bytes], tuple[int, bytes]]


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.Certificate:
    now = SystemClock().now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if ca:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(stamping, critical=True)
    return builder.sign(signer, hashes.SHA256())


@dataclass(frozen=True)
class Authority:
    """A throw-away authority."""

    folder: Path

    @property
    def root(self) -> Path:
        """Its own certificate."""
        return self.folder / "ca.pem"

    def answer(self, query: bytes) -> bytes:
        """What ``openssl ts`` replies."""
        (self.folder / "query.tsq").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "reply.tsr").read_bytes()

    def reply(self, query: bytes) -> tuple[int, bytes]:
        """The same, as a web server says it."""
        return 200, self.answer(query)


def make_authority(folder: Path) -> Authority:
    """An authority with a signing certificate."""
    folder.mkdir()
    ca, tsa = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(_certificate("Autorité", ca, "Autorité", ca, ca=True).public_bytes(pem))
    (folder / "tsa.pem").write_bytes(_certificate("Horodatage", tsa, "Autorité", ca, ca=False).public_bytes(pem))
    key = tsa.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tsa.key").write_bytes(key)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    return Authority(folder)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of this test."""
    return make_authority(tmp_path / "tsa")


@asynccontextmanager
async def serving(authority: Authority, reply: Reply) -> AsyncIterator[TimestampAuthority]:
    """A web server that replies so, and the source that asks it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        assert b"application/timestamp-query" in head
        status, body = await asyncio.to_thread(reply, await reader.readexactly(length))
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield TimestampAuthority(url=f"http://127.0.0.1:{port}/tsr", roots=authority.root, timeout=10)
    finally:
        server.close()
        await server.wait_closed()


async def test_the_signed_instant_is_told(authority: Authority) -> None:
    """It is now, to the second, and aware UTC."""
    async with serving(authority, authority.reply) as source:
        told = await source.tell()
    assert told.tzinfo is UTC
    assert abs(told - SystemClock().now()) < timedelta(minutes=1)


async def test_a_stamp_is_verified_by_openssl_without_us(authority: Authority) -> None:
    """The answer is kept as it came."""
    data = b"une empreinte"
    async with serving(authority, authority.reply) as source:
        stamp = await source.stamp(data)
    (authority.folder / "data").write_bytes(data)
    (authority.folder / "kept.tsr").write_bytes(stamp.response)
    command = ["openssl", "ts", "-verify", "-data", "data", "-in", "kept.tsr", "-CAfile", "ca.pem"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=authority.folder, check=True, capture_output=True)
    assert b"Verification: OK" in done.stdout


@pytest.mark.fault("F21")
async def test_a_stamp_of_another_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    """The same name, another key."""
    other = make_authority(tmp_path / "other")
    async with serving(authority, other.reply) as source:
        with pytest.raises(TimeRefused, match="vérifie pas"):
            await source.tell()


@pytest.mark.fault("F21")
async def test_a_replayed_stamp_is_refused(authority: Authority) -> None:
    """An earlier answer, for other bytes, would tell an earlier time."""
    kept: list[bytes] = []

    def replay(query: bytes) -> tuple[int, bytes]:
        kept.append(authority.answer(query))
        return 200, kept[0]

    async with serving(authority, replay) as source:
        await source.tell()
        with pytest.raises(TimeRefused):
            await source.tell()


async def test_a_replayed_stamp_of_the_same_bytes_is_refused(authority: Authority) -> None:
    """The question's own number is signed too."""
    kept: list[bytes] = []

    def replay(query: bytes) -> tuple[int, bytes]:
        kept.append(authority.answer(query))
        return 200, kept[0]

    async with serving(authority, replay) as source:
        await source.stamp(b"x")
        with pytest.raises(TimeRefused):
            await source.stamp(b"x")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"\x30\x00"),
        (200, b""),
        (200, bytes(100_000)),
        (503, b"plus tard"),
        (302, b""),
        (200, b"\x30\x03\x02\x01\x02"),
    ],
)
async def test_what_is_no_stamp_tells_nothing(authority: Authority, status: int, body: bytes) -> None:
    """Noise, emptiness, too much, a failure, a redirection, a refusal."""
    async with serving(authority, lambda _: (status, body)) as source:
        with pytest.raises(TimeRefused):
            await source.tell()


async def test_a_changed_stamp_is_refused(authority: Authority) -> None:
    """One bit of the instant."""

    def changed(query: bytes) -> tuple[int, bytes]:
        answer = bytearray(authority.answer(query))
        place = answer.index(b"\x18\x0f")  # the GeneralizedTime of the signed part comes first
        answer[place + 5] ^= 1
        return 200, bytes(answer)

    async with serving(authority, changed) as source:
        with pytest.raises(TimeRefused):
            await source.tell()


@pytest.mark.fault("F21")
async def test_nobody_there_and_no_authority_on_the_disk(authority: Authority, unused_tcp_port: int) -> None:
    """The world's fault, and the configuration's."""
    nobody = TimestampAuthority(url=f"http://127.0.0.1:{unused_tcp_port}/", roots=authority.root, timeout=2)
    with pytest.raises(ServerUnreachable):
        await nobody.tell()
    with pytest.raises(SecretUnreadable):
        await replace(nobody, roots=authority.folder / "absent.pem").tell()
    with pytest.raises(SecretUnreadable):
        await replace(nobody, roots=authority.folder / "tsa.cnf").tell()
