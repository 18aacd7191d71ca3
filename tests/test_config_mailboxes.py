"""The section [mailboxes]: a physician's own mailbox, named as a reader of ours."""

from pathlib import Path

import pytest

from gateway.domain.watching import Place
from tests.test_config import faults, read
from tests.test_config_readers import DOCTOR, OFFICE, readers

FABRE = readers(fabre=DOCTOR + 'notice = "fabre@hopital.test"\n')
SERVER = 'host = "imap.hopital.test"\nuser = "fabre"\npassword = { env = "FABRE" }\n'


def mailbox(name: str = "fabre", *, address: str = "fabre@hopital.test", more: str = "") -> str:
    """The text of one section."""
    return f'\n[mailboxes.{name}]\naddress = "{address}"\n{SERVER}{more}'


def test_without_any_only_our_own_mailbox_is_watched(tmp_path: Path) -> None:
    """The feature is off until somebody turns it on."""
    settings = read(tmp_path)
    assert {place.mailbox for place in settings.watched} == {settings.party.address}
    assert [place.name for place in settings.watched] == ["INBOX", "Junk"]


def test_its_folders_are_watched_after_ours(tmp_path: Path) -> None:
    """Shown by the reader's name: a record holds no address."""
    settings = read(tmp_path, more=FABRE + mailbox(more='watch = ["INBOX", "Réponses"]\n'))
    assert settings.watched[2:] == (
        Place(mailbox="fabre@hopital.test", folder="INBOX", physician="fabre"),
        Place(mailbox="fabre@hopital.test", folder="Réponses", physician="fabre"),
    )
    assert [place.name for place in settings.watched[2:]] == ["fabre/INBOX", "fabre/Réponses"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (mailbox(), "mailboxes.fabre : donnez à cette section le nom d'un lecteur hospital.treating_physician"),
        (readers(fabre=OFFICE + 'folder = "bureau"\n') + mailbox(), "mailboxes.fabre : donnez à cette section"),
        (FABRE + mailbox("leroy"), "mailboxes.leroy : donnez à cette section le nom d'un lecteur"),
        (FABRE + mailbox(address="soins@hopital.test"), "cette adresse est celle de la passerelle"),
        (FABRE + mailbox(more='auth = "xoauth2"\n'), "demande la section [oauth]"),
        (FABRE + mailbox(more="watch = []\n"), "mailboxes.fabre.watch"),
        (
            FABRE + readers(leroy=DOCTOR + 'folder = "leroy"\n') + mailbox() + mailbox("leroy"),
            "mailboxes.leroy : même adresse que mailboxes.fabre",
        ),
    ],
)
def test_a_mailbox_that_cannot_be_a_physicians_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """With the section's name, and what it should be."""
    assert told in faults(tmp_path, more=text)
