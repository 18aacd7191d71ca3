"""A sound installation for each test, and one OpenPGP key for all of them."""

from pathlib import Path

import pytest

from gateway.adapters.openpgp.keyfiles import generate
from tests.doctor.place import PASSPHRASE, US, Place


@pytest.fixture(scope="session")
def openpgp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key folder as ``gateway init`` makes it."""
    folder = tmp_path_factory.mktemp("key")
    generate(folder, "CHU", US, PASSPHRASE)
    return folder / "openpgp"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Without a key and without a database: most checks need neither."""
    return Place(tmp_path)


@pytest.fixture
def keyed(tmp_path: Path, openpgp: Path) -> Place:
    """With a key."""
    return Place(tmp_path, openpgp)
