"""The physicians' mailboxes: entered, their folders there and read, one fault not hiding the others."""

import pytest

from gateway.adapters.imap import ImapFactory
from gateway.doctor import physicians
from gateway.doctor.finding import Finding, Level
from gateway.doctor.installation import Installation
from gateway.domain.errors import LoginRefused, SecretUnreadable
from gateway.mailservers import MailboxSection
from tests.doctor.fakes import FakeSurvey
from tests.doctor.place import Place, complete, heard

SECTION = """
[readers.{name}]
functions = ["hospital.treating_physician"]
folder = "remises/{name}"

[mailboxes.{name}]
address = "{name}@chu.test"
host = "imap.chu.test"
user = "{name}"
password = {{ file = "keys/{name}" }}
"""


@pytest.fixture
def surveys(place: Place) -> dict[str, FakeSurvey]:
    """Two physicians' mailboxes, with both watched folders."""
    names = ("fabre", "leroy")
    place.write(place.config.read_text() + "".join(SECTION.format(name=name) for name in names))
    return {f"{name}@chu.test": FakeSurvey(place.clock, "INBOX", "Junk") for name in names}


async def look(place: Place, surveys: dict[str, FakeSurvey]) -> list[Finding]:
    """What is found; every session is closed."""

    def reach(_: Installation, section: MailboxSection) -> FakeSurvey:
        return surveys[section.address]

    found = await heard(physicians.watched(place.installation(), reach))
    assert all(survey.sessions == survey.closed for survey in surveys.values())
    return found


async def test_without_any_nothing_is_said(place: Place) -> None:
    """The feature is off."""
    assert await look(place, {}) == []


async def test_sound_mailboxes_are_fine(place: Place, surveys: dict[str, FakeSurvey]) -> None:
    """One finding for each."""
    found = await look(place, surveys)
    assert [(item.level, item.facts["mailbox"]) for item in found] == [(Level.OK, "fabre"), (Level.OK, "leroy")]


async def test_one_that_cannot_be_entered_does_not_hide_the_other(place: Place, surveys: dict[str, FakeSurvey]) -> None:
    """The refusal names whose it is."""
    surveys["fabre@chu.test"].fault = LoginRefused(server="imap", reason="AUTHENTICATIONFAILED")
    refused, fine = await look(place, surveys)
    assert (refused.level, refused.facts["mailbox"], fine.level) == (Level.BLOCKING, "fabre", Level.OK)


async def test_an_absent_folder_and_unread_unwanted_mail_are_told(place: Place, surveys: dict[str, FakeSurvey]) -> None:
    """Each with what to do about it."""
    surveys["fabre@chu.test"].box.folders.pop("Junk")
    surveys["leroy@chu.test"].box.folders["Indésirables"] = surveys["leroy@chu.test"].box.folders["INBOX"]
    surveys["leroy@chu.test"].uses["Indésirables"] = "junk"
    absent, unread = await look(place, surveys)
    assert (absent.level, absent.facts["folders"]) == (Level.TO_MEND, ["Junk"])
    assert (unread.level, unread.facts["folders"]) == (Level.TO_MEND, ["Indésirables"])
    assert complete(absent)
    assert complete(unread)


async def test_an_unreadable_password_is_an_error(place: Place, surveys: dict[str, FakeSurvey]) -> None:
    """Before any connection."""
    (section, _) = place.installation().settings.mailboxes.values()
    with pytest.raises(SecretUnreadable):
        physicians.mailboxes(place.installation(), section)
    (place.keys / "fabre").write_text("secret")
    (place.keys / "fabre").chmod(0o600)
    assert isinstance(physicians.mailboxes(place.installation(), section), ImapFactory)
    assert set(surveys) == {"fabre@chu.test", "leroy@chu.test"}
