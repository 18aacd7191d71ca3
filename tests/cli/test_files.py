"""Files written for a person: private by default, shared where the folder is, never over another."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.files import make_folder, write_new
from gateway.domain.errors import FileUnwritten

SHARED = 0o2770


@pytest.fixture(autouse=True)
def _closed_mask() -> Iterator[None]:
    """As after opening the base: what nobody asks for is closed."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """Who may do what."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_and_its_new_folder_are_ours_alone(tmp_path: Path) -> None:
    """Clear content never becomes readable by the way in which a folder happened to be made."""
    folder = tmp_path / "lu" / "aujourd'hui"
    make_folder(folder)

    assert mode(folder) == 0o700
    assert mode(write_new(folder / "lettre.txt", b"contenu")) == 0o600
    assert (folder / "lettre.txt").read_bytes() == b"contenu"


def test_in_a_shared_folder_the_group_reads_what_is_made(tmp_path: Path) -> None:
    """The set-group-ID bit is the owner's word that these persons share it; new folders inside hand it on."""
    shared = tmp_path / "depot"
    shared.mkdir()
    shared.chmod(SHARED)
    make_folder(shared / "message-6")
    written = write_new(shared / "message-6" / "302.pdf", b"%PDF")

    assert mode(shared / "message-6") == SHARED
    assert mode(written) == 0o660
    assert mode(write_new(shared / "fiche.toml", b"")) == 0o660
    assert written.stat().st_gid == shared.stat().st_gid


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Its owner chose its rights."""
    tmp_path.chmod(0o750)
    make_folder(tmp_path)

    assert mode(tmp_path) == 0o750


def test_what_exists_is_never_replaced(tmp_path: Path) -> None:
    """Nor is the file at the end of a link, which somebody may have put there."""
    (tmp_path / "fiche.toml").write_text("remplie")
    (tmp_path / "lien").symlink_to(tmp_path / "ailleurs")

    with pytest.raises(FileUnwritten, match="Il existe déjà"):
        write_new(tmp_path / "fiche.toml", b"vierge")
    with pytest.raises(FileUnwritten):
        write_new(tmp_path / "lien", b"")
    with pytest.raises(FileUnwritten, match="n'est pas un dossier"):
        make_folder(tmp_path / "fiche.toml" / "dossier")

    assert (tmp_path / "fiche.toml").read_text() == "remplie"
    assert not (tmp_path / "ailleurs").exists()
