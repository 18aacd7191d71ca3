"""The log's key on the disk, what it signs, what stands in the anchor file; OpenSSL agrees."""

import base64
import errno
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.adapters.log_key import AnchorFile, LogKey, generate_log_key, verify_attested, verify_note
from gateway.domain.checkpoint import Checkpoint, VerifierKey, note, read_note
from gateway.domain.errors import CheckpointInvalid, SecretUnreadable, StorageFailed
from gateway.domain.merkle import EMPTY_ROOT, Head

POINT = Checkpoint(origin="chu/principal", head=Head(size=0, root=EMPTY_ROOT), at=datetime(2026, 2, 4, 23, tzinfo=UTC))


MARK = "PRIVATE" + " KEY-----"
BROKEN = f"-----BEGIN {MARK}\nAAAA\n-----END {MARK}\n"


@pytest.fixture
def key(tmp_path: Path) -> LogKey:
    """A new key."""
    return made(tmp_path / "audit.key")


def made(path: Path) -> LogKey:
    """A new key in this file."""
    generate_log_key(path)
    return LogKey.load("chu/principal", path.read_text(), source=path)


def test_a_new_key_is_private_and_replaces_nothing(tmp_path: Path) -> None:
    """0600; a second one is refused, and the first stays."""
    path = tmp_path / "audit.key"
    generate_log_key(path)
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StorageFailed):
        generate_log_key(path)
    assert path.read_text() == text
    with pytest.raises(StorageFailed):
        generate_log_key(tmp_path / "absent" / "audit.key")


@pytest.mark.parametrize("pem", ["", "typed-by-hand", BROKEN])
def test_a_text_that_is_no_key_is_refused_without_quoting_it(pem: str) -> None:
    """Neither empty nor a password nor a broken one."""
    with pytest.raises(SecretUnreadable) as caught:
        LogKey.load("x", pem, source="f")
    assert "typed-by-hand" not in str(caught.value)


def test_what_it_signs_verifies_and_nothing_else_does(key: LogKey, tmp_path: Path) -> None:
    """Another key of the same name, another name, a changed text, a changed signature."""
    signed = key.sign(POINT)
    assert verify_note(signed, key.verifier).checkpoint == POINT
    other = made(tmp_path / "other.key")
    renamed = VerifierKey(name="autre", public=key.verifier.public)
    taken_over = note(POINT, key.verifier, other.private.sign(POINT.text().encode()))
    for text, verifier in (
        (other.sign(POINT), key.verifier),
        (signed, renamed),
        (signed.replace("\n0\n", "\n1\n"), key.verifier),
        (taken_over, key.verifier),
    ):
        with pytest.raises(CheckpointInvalid):
            verify_note(text, verifier)


def test_openssl_verifies_a_note(key: LogKey, tmp_path: Path) -> None:
    """With the public key alone: the text before the empty line, and the signature without the key's id."""
    found = read_note(key.sign(POINT))
    prefix = bytes.fromhex("302a300506032b6570032100")
    der = base64.b64encode(prefix + key.verifier.public).decode()
    (tmp_path / "key.pem").write_text(f"-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
    (tmp_path / "text").write_text(found.text)
    (tmp_path / "signature").write_bytes(found.signature)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "text"]
    done = subprocess.run([*command, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, b"Verified Successfully" in done.stdout) == (0, True)


def test_the_anchor_file_only_grows_and_mends_a_cut_line(tmp_path: Path) -> None:
    """The new note starts on a line of its own."""
    book = AnchorFile(path=tmp_path / "ancres.txt")
    book.append("un\n")
    with book.path.open("a") as file:
        file.write("coup")
    book.append("deux\n")
    assert book.read() == "un\ncoup\ndeux\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_is_told(tmp_path: Path, code: int) -> None:
    """And never believed to be written."""

    def refuse(path: Path, flags: int, mode: int) -> int:
        raise OSError(code, os.strerror(code), str(path), flags, mode)

    with pytest.raises(StorageFailed):
        AnchorFile(path=tmp_path / "ancres.txt", open_file=refuse).append("x\n")
    with pytest.raises(StorageFailed):
        AnchorFile(path=tmp_path / "absent.txt").read()


def test_it_attests_json_and_nothing_that_could_be_a_checkpoint(key: LogKey) -> None:
    """What one signature says can never be shown as another thing; a changed byte, or another key, is not attested."""
    document = b'{\n  "format": "x"\n}\n'
    signature = key.attest(document)
    verify_attested(document, signature, key.verifier)
    for changed, other in ((document + b" ", signature), (document, bytes(64))):
        with pytest.raises(CheckpointInvalid, match="certificat"):
            verify_attested(changed, other, key.verifier)
    for text in (POINT.text().encode(), b"{}", b"", b"{\n1\n"):
        with pytest.raises(ValueError, match="JSON"):
            key.attest(text)
    with pytest.raises(CheckpointInvalid):
        read_note(f"{document.decode()}\n")
