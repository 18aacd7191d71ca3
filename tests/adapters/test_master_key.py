"""The master key's three sources, and everything that is not a key."""

import base64
import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.master_key import SOURCE_BYTES, generate_master_key, load_master_key
from gateway.domain.errors import SecretUnreadable, StorageFailed

KEY = bytes(range(200, 232))
FORMS = [
    KEY,
    KEY.hex().encode(),
    KEY.hex().upper().encode() + b"\n",
    base64.b64encode(KEY),
    base64.b64encode(KEY) + b"\r\n",
]
NOT_KEYS = [
    b"",
    b"\n",
    b"un mot de passe de 32 caracteres",
    b"31 caracteres et une fin de li.\n",
    "phrase de trente-deux octets é!".encode(),
    KEY[:31],
    KEY + b"\n",
    KEY.hex().encode()[:-2],
    b"zz" * 32,
    base64.b64encode(KEY[:31]),
    base64.b64encode(KEY + b"x"),
    base64.b64encode(KEY) + b" " * SOURCE_BYTES,
]


def private(path: Path, data: bytes, mode: int = 0o600) -> Path:
    """A file with these rights."""
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("data", FORMS)
def test_a_private_file_gives_the_key(tmp_path: Path, data: bytes) -> None:
    """Raw, hexadecimal, base64, with or without a line end."""
    assert load_master_key(file=private(tmp_path / "key", data)) == KEY
    assert load_master_key(file=private(tmp_path / "key", data, 0o400)) == KEY


@pytest.mark.parametrize("data", NOT_KEYS)
def test_what_is_not_a_key_is_refused_without_being_quoted(tmp_path: Path, data: bytes) -> None:
    """A typed password above all; neither the error nor its cause repeats it."""
    with pytest.raises(SecretUnreadable) as refusal:
        load_master_key(file=private(tmp_path / "key", data))
    assert "mot de passe" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666, 0o777])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """0600 or tighter; the reason gives the rights found."""
    with pytest.raises(SecretUnreadable, match=f"{mode:04o}"):
        load_master_key(file=private(tmp_path / "key", FORMS[1], mode))


def test_a_file_of_another_account_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could read every case."""
    path = private(tmp_path / "key", FORMS[1])
    real = os.fstat

    def foreign(handle: int) -> os.stat_result:
        facts = list(real(handle))
        facts[4] = 4242
        return os.stat_result(facts)

    monkeypatch.setattr(os, "fstat", foreign)
    with pytest.raises(SecretUnreadable, match="autre compte"):
        load_master_key(file=path)


def test_an_absent_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    """Nothing is waited for."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("absent", "folder", "pipe"):
        with pytest.raises(SecretUnreadable):
            load_master_key(file=tmp_path / name)


@pytest.mark.parametrize("data", FORMS[1:])
def test_a_variable_gives_the_key(data: bytes) -> None:
    """Hexadecimal or base64."""
    assert load_master_key(variable="GATEWAY_KEY", environ={"GATEWAY_KEY": data.decode()}) == KEY


@pytest.mark.parametrize("environ", [{}, {"GATEWAY_KEY": ""}, {"GATEWAY_KEY": "secret"}])
def test_a_variable_that_is_absent_or_wrong_is_refused(environ: dict[str, str]) -> None:
    """The value is not quoted."""
    with pytest.raises(SecretUnreadable) as refusal:
        load_master_key(variable="GATEWAY_KEY", environ=environ)
    assert "secret »" not in str(refusal.value)


def test_a_systemd_credential_gives_the_key(tmp_path: Path) -> None:
    """Group bits are the mask of systemd's ACL; the world's bits are not."""
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    for mode in (0o400, 0o440):
        private(tmp_path / "gateway.master", KEY, mode)
        assert load_master_key(credential="gateway.master", environ=environ) == KEY
    private(tmp_path / "gateway.master", KEY, 0o444)
    with pytest.raises(SecretUnreadable):
        load_master_key(credential="gateway.master", environ=environ)


@pytest.mark.parametrize("name", ["../key", "a/b", ".hidden", "", "absent"])
def test_a_credential_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    """No way out of the folder; without systemd no folder at all."""
    with pytest.raises(SecretUnreadable):
        load_master_key(credential=name, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    with pytest.raises(SecretUnreadable, match="systemd"):
        load_master_key(credential=name, environ={})


def test_exactly_one_source(tmp_path: Path) -> None:
    """None and two are refused alike."""
    choices: list[dict[str, Any]] = [{}, {"file": tmp_path / "key", "variable": "X"}]
    for choice in choices:
        with pytest.raises(SecretUnreadable, match="une seule"):
            load_master_key(**choice)


def test_a_generated_key_loads_and_is_never_replaced(tmp_path: Path) -> None:
    """0600 whatever the umask, fresh each time; neither a file nor a dangling link is overwritten."""
    old = os.umask(0o277)
    try:
        generate_master_key(tmp_path / "one")
    finally:
        os.umask(old)
    generate_master_key(tmp_path / "two")
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    key = load_master_key(file=tmp_path / "one")
    assert len(key) == 32
    assert key != load_master_key(file=tmp_path / "two")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("one", "link"):
        with pytest.raises(StorageFailed, match="existe"):
            generate_master_key(tmp_path / name)
    assert load_master_key(file=tmp_path / "one") == key
    with pytest.raises(StorageFailed):
        generate_master_key(tmp_path / "absent" / "key")


@pytest.mark.parametrize("call", ["write", "fsync", "fchmod"])
def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A half key would be refused later, when a real one is needed."""

    def fail(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageFailed):
        generate_master_key(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
