"""One daemon a data folder: the second is refused, and looking whether one runs keeps none from starting."""

import fcntl
import threading
from pathlib import Path

import pytest

from gateway.adapters import daemon_lock
from gateway.adapters.daemon_lock import FILE, held, is_held
from gateway.domain.errors import AlreadyRunning, DatabaseMissing


@pytest.mark.fault("F34")
def test_a_folder_has_one_daemon(tmp_path: Path) -> None:
    """Held until the block ends, then free again."""
    assert not is_held(tmp_path)
    with held(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(AlreadyRunning), held(tmp_path):
            pass
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    assert (tmp_path / FILE).exists()


def test_an_absent_folder_is_a_wrong_path(tmp_path: Path) -> None:
    """It is not made: the real one may be elsewhere. Nobody works there."""
    with pytest.raises(DatabaseMissing), held(tmp_path / "absent"):
        pass
    assert not is_held(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_looking_at_the_lock_does_not_keep_a_daemon_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks holds it for an instant; the daemon tries again."""
    (tmp_path / FILE).touch()
    with (tmp_path / FILE).open("rb") as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        release = threading.Timer(0.02, lambda: fcntl.flock(looker, fcntl.LOCK_UN))
        release.start()
        with held(tmp_path):
            pass
        release.join()
        monkeypatch.setattr(daemon_lock, "TRIES", 1)
        fcntl.flock(looker, fcntl.LOCK_SH)
        with pytest.raises(AlreadyRunning), held(tmp_path):
            pass


def test_several_daemons_share_a_folder_when_their_database_is_a_server(tmp_path: Path) -> None:
    """None of them is alone; whoever must be alone, such as a copy of the database, waits for the last."""
    with held(tmp_path, alone=False):
        with held(tmp_path, alone=False):
            assert is_held(tmp_path)
        assert is_held(tmp_path)
        with pytest.raises(AlreadyRunning), held(tmp_path):
            pass
    with held(tmp_path), pytest.raises(AlreadyRunning), held(tmp_path, alone=False):
        pass
    assert not is_held(tmp_path)
