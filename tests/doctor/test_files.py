"""Secrets, data and disk: what others can read, what is absent, what is full, each named with its path."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.doctor import files
from gateway.doctor.finding import Finding, Level
from gateway.domain.errors import DatabaseMissing, NotAllowed
from tests.doctor.place import Place, complete, levels, only

MIB = files.MIB


def secrets(place: Place) -> list[Finding]:
    """What is found about secrets."""
    return list(files.secrets(place.installation()))


def test_a_sound_installation_is_fine(keyed: Place) -> None:
    """All secrets are counted; data and disk are named."""
    found = [*secrets(keyed), *files.data(keyed.installation()), *files.disk(keyed.installation())]

    assert levels(found) == dict.fromkeys(("files.secrets", "files.data", "files.disk", "files.temporary"), Level.OK)


# --- Secrets.


def absent(place: Place) -> Path:
    """The password's file is gone."""
    path = place.keys / "mail-password"
    path.unlink()
    return path


def empty(place: Place) -> Path:
    """The passphrase is nothing."""
    path = place.keys / "passphrase"
    path.write_text("\n")
    return path


def readable(place: Place) -> Path:
    """Everybody reads the passphrase."""
    path = place.keys / "passphrase"
    path.chmod(0o644)
    return path


def no_key(place: Place) -> Path:
    """The master key is a typed word."""
    path = place.keys / "master.key"
    path.write_text("sesame")
    return path


def open_master(place: Place) -> Path:
    """The group reads the master key."""
    path = place.keys / "master.key"
    path.chmod(0o640)
    return path


def open_folder(place: Place) -> Path:
    """The folder of our key is open."""
    path = place.keys / "openpgp"
    path.chmod(0o755)
    return path


def open_private_key(place: Place) -> Path:
    """A private part is readable."""
    path = next(iter(sorted((place.keys / "openpgp" / "private-keys-v1.d").iterdir())))
    path.chmod(0o644)
    return path


def open_configuration(place: Place) -> Path:
    """Everybody may change whom we believe."""
    place.config.chmod(0o666)
    return place.config


def absent_client_key(place: Place) -> Path:
    """A certificate's key that is not there."""
    place.change("[imap]\n", '[imap]\nclient_certificate = "c.pem"\nclient_key = "c.key"\n')
    return place.folder / "c.key"


@pytest.mark.parametrize(
    "fault",
    [
        *(absent, empty, readable, no_key, open_master, open_folder),
        *(open_private_key, open_configuration, absent_client_key),
    ],
)
def test_a_secret_that_cannot_be_used_or_is_not_one_is_named(keyed: Place, fault: Callable[[Place], Path]) -> None:
    """With its path and the mend; the others are still looked at."""
    path = fault(keyed)

    found = secrets(keyed)

    assert all(finding.wants_mending and complete(finding) for finding in found)
    assert any(str(path) in str(finding.what) for finding in found)


def test_several_faults_are_all_told(keyed: Place) -> None:
    """One does not hide the next."""
    readable(keyed)
    open_private_key(keyed)
    open_master(keyed)

    assert len(secrets(keyed)) == 3


def test_a_secret_of_another_account_is_told(keyed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could change it; root's is nobody else's."""
    (owner,) = {path.stat().st_uid for path in keyed.keys.iterdir()}
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert levels(secrets(keyed)) == {"files.secrets": Level.OK if owner == 0 else Level.BLOCKING}

    monkeypatch.undo()
    if owner == 0:
        os.chown(keyed.keys / "passphrase", 12345, -1)
        finding = only(secrets(keyed), "files.secrets")
        assert (finding.level, finding.facts["owner"]) == (Level.TO_MEND, 12345)
        assert complete(finding)


def test_a_variable_of_the_environment_is_looked_for(keyed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret need not be a file."""
    keyed.change('passphrase = { file = "keys/passphrase" }', 'passphrase = { env = "OUR_PHRASE" }')

    assert "$OUR_PHRASE" in str(only(secrets(keyed), "files.secrets").what)

    monkeypatch.setenv("OUR_PHRASE", "sesame")
    assert only(secrets(keyed), "files.secrets").level is Level.OK


# --- Data.


def test_an_absent_data_folder_is_an_error(place: Place) -> None:
    """It may be elsewhere: it is not made."""
    place.data.rmdir()

    with pytest.raises(DatabaseMissing):
        list(files.data(place.installation()))
    assert not place.data.exists()


def test_an_open_data_folder_is_told(place: Place) -> None:
    """Names and times in it say who is treated when."""
    place.data.chmod(0o750)

    finding = only(files.data(place.installation()), "files.data")

    assert (finding.level, finding.facts["mode"]) == (Level.TO_MEND, "0750")
    assert complete(finding)


def test_data_of_another_account_are_an_error(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes there makes files that the service cannot use."""
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    monkeypatch.setattr(Path, "owner", lambda _: "passerelle")

    with pytest.raises(NotAllowed, match="sudo -u passerelle"):
        list(files.data(place.installation()))


def test_a_file_of_another_account_among_the_data_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody ran a command as root."""
    (place.data / "gateway.sqlite3-wal").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)

    finding = only(files.data(place.installation()), "files.data")

    assert finding.level is Level.BLOCKING
    assert "gateway.sqlite3-wal" in str(finding.what)
    assert complete(finding)


# --- Disk.


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, Level.OK),
        ({"f_bavail": 900}, Level.TO_MEND),
        ({"f_bavail": 100}, Level.BLOCKING),
        ({"f_favail": 500}, Level.TO_MEND),
        ({"f_favail": 0, "f_files": 0}, Level.OK),
        ({"f_flag": os.ST_RDONLY}, Level.BLOCKING),
    ],
    ids=["roomy", "little room", "no room", "few inodes", "no inodes at all", "read-only"],
)
def test_room_is_measured(place: Place, monkeypatch: pytest.MonkeyPatch, change: dict[str, int], level: Level) -> None:
    """Free bytes, inodes where the file system has them, and whether it can be written."""
    facts = {"f_bavail": 50_000, "f_frsize": MIB, "f_favail": 1_000_000, "f_files": 2_000_000, "f_flag": 0, **change}
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**facts))

    finding = only(files.disk(place.installation()), "files.disk")

    assert finding.level is level
    assert complete(finding) is (level is not Level.OK)


def test_a_place_that_cannot_be_written_is_blocking(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even with room."""
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert only(files.disk(place.installation()), "files.disk").level is Level.BLOCKING


def test_the_room_of_a_folder_that_is_not_made_yet_is_that_of_its_parent(place: Place) -> None:
    """A half-made installation is measured too."""
    place.data.rmdir()

    assert only(files.disk(place.installation()), "files.disk").facts["path"] == str(place.folder)
