"""Both servers: what they announce, which folders are there and read, whose clock is wrong."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from gateway.adapters.smtp import Announced
from gateway.doctor import servers
from gateway.doctor.finding import Finding, Level
from gateway.doctor.servers import is_copy, is_junk, mailboxes, submission
from gateway.domain.errors import LoginRefused, SecretUnreadable, ServerUnreachable, TlsRefused
from gateway.ports import Folder
from tests.doctor.fakes import TLS, FakeSubmission, FakeSurvey
from tests.doctor.place import NOW, Place, complete, heard, levels, only


@pytest.fixture
def survey(place: Place) -> FakeSurvey:
    """A mailbox with both watched folders."""
    return FakeSurvey(place.clock, "INBOX", "Junk", "Archives")


async def mailbox(place: Place, survey: FakeSurvey) -> list[Finding]:
    """What is found about the mailbox."""
    found = await heard(servers.mailbox(place.installation(), survey))
    assert survey.sessions == survey.closed
    return found


async def test_a_sound_mailbox_is_fine(place: Place, survey: FakeSurvey) -> None:
    """Encryption and certificate are told; every session is closed."""
    found = await mailbox(place, survey)

    assert levels(found) == {"imap.login": Level.OK, "imap.size": Level.OK, "imap.folders": Level.OK}
    assert only(found, "imap.login").facts == {"tls": "TLSv1.3", "certificate_ends": TLS.certificate_ends}


@pytest.mark.parametrize(("days", "told"), [(15, False), (10, True), (-1, True)])
async def test_a_servers_certificate_that_ends_soon_is_told(
    place: Place, survey: FakeSurvey, days: int, *, told: bool
) -> None:
    """Whoever renews it has forgotten."""
    survey.peer = replace(TLS, certificate_ends=NOW + timedelta(days=days))

    found = [finding for finding in await mailbox(place, survey) if finding.check == "imap.login"]

    assert [finding.level for finding in found] == [Level.OK, *([Level.TO_KNOW] if told else [])]
    assert complete(found[-1]) is told


@pytest.mark.parametrize(("watch", "level"), [('["INBOX", "Absent"]', Level.TO_MEND), ('["Absent"]', Level.BLOCKING)])
async def test_an_absent_watched_folder_is_told(place: Place, survey: FakeSurvey, watch: str, level: Level) -> None:
    """Without the first one nothing is read at all; the folders that exist are named."""
    place.change('watch = ["INBOX", "Junk"]', f"watch = {watch}")
    survey.box.folders.pop("Junk")

    finding = only(await mailbox(place, survey), "imap.folders")

    assert finding.level is level
    assert complete(finding)
    assert "Archives" in str(finding.mend)


async def test_inbox_is_found_however_it_is_written(place: Place, survey: FakeSurvey) -> None:
    """RFC 3501 section 5.1."""
    place.change('watch = ["INBOX", "Junk"]', 'watch = ["Inbox", "Junk"]')
    survey.box.folders["Inbox"] = survey.box.folders["INBOX"]

    assert only(await mailbox(place, survey), "imap.folders").level is Level.OK


async def test_a_watched_folder_that_refuses_us_is_told(place: Place, survey: FakeSurvey) -> None:
    """The other one is still looked at."""
    survey.refused = {"Junk"}

    finding = only(await mailbox(place, survey), "imap.folders")

    assert (finding.level, finding.facts["folder"]) == (Level.BLOCKING, "Junk")


@pytest.mark.parametrize(
    ("name", "use", "told"),
    [
        ("Pourriels", "junk", True),
        ("Spam", None, True),
        ("INBOX/Spam", None, True),
        ("Courrier indésirable", None, True),
        ("Spam", "archive", False),
        ("Junk", "junk", False),
        ("Divers", None, False),
    ],
)
async def test_a_folder_of_unwanted_mail_that_is_not_read_is_told(
    place: Place, survey: FakeSurvey, name: str, use: str | None, *, told: bool
) -> None:
    """By its use where the server says one, else by its name."""
    survey.put(name, b"x")
    survey.uses = {name: use} if use else {}

    found = [finding for finding in await mailbox(place, survey) if finding.check == "imap.junk"]

    assert [finding.level for finding in found] == ([Level.TO_MEND] if told else [])
    assert all(complete(finding) for finding in found)


@pytest.mark.parametrize(("limit", "level"), [(None, Level.OK), (60_000_000, Level.OK), (10_000_000, Level.TO_KNOW)])
async def test_the_largest_message_of_the_mailbox_is_told(
    place: Place, survey: FakeSurvey, limit: int | None, level: Level
) -> None:
    """An answer as large as our request must fit."""
    survey.limit = limit

    finding = only(await mailbox(place, survey), "imap.size")

    assert (finding.level, finding.facts["limit"]) == (level, limit)


async def test_a_mailbox_is_examined_without_a_section_for_sending(place: Place, survey: FakeSurvey) -> None:
    """A half-made configuration."""
    place.change("[smtp]\n", "[smtp]\nrecieve = 1\n")
    survey.limit = 10_000_000

    assert only(await mailbox(place, survey), "imap.size").level is Level.TO_KNOW


@pytest.mark.parametrize(
    "fault",
    [
        ServerUnreachable(server="imap", reason="non"),
        TlsRefused(server="imap", reason="non"),
        LoginRefused(server="imap", reason="non"),
    ],
)
async def test_a_server_that_cannot_be_entered_is_an_error(
    place: Place, survey: FakeSurvey, fault: ServerUnreachable
) -> None:
    """In the error's own words, for each check."""
    survey.fault = fault
    sending = FakeSubmission(survey, fault=fault)
    for check in (
        servers.mailbox(place.installation(), survey),
        servers.time(place.installation(), survey),
        servers.outgoing(place.installation(), sending),
    ):
        with pytest.raises(type(fault)):
            await heard(check)
    assert sending.closed == 1


# --- The time.


@pytest.mark.parametrize(
    ("ahead", "level"),
    [
        (0, Level.OK),
        (25, Level.OK),
        (-90, Level.TO_KNOW),
        (299, Level.TO_KNOW),
        (400, Level.TO_MEND),
        (-400, Level.TO_MEND),
    ],
)
async def test_the_mail_servers_clock_is_compared(place: Place, survey: FakeSurvey, ahead: int, level: Level) -> None:
    """From five minutes on no silence is recorded."""
    survey.ahead = timedelta(seconds=ahead)

    finding = only(await heard(servers.time(place.installation(), survey)), "imap.clock")

    assert (finding.level, finding.facts["seconds"]) == (level, ahead)
    assert complete(finding) is (level is not Level.OK)
    assert survey.sessions == survey.closed == 1


@dataclass
class _OtherClock:
    """A clock that is so much ahead."""

    name: str
    ahead: timedelta

    async def tell(self) -> datetime:
        """Its time."""
        return NOW + self.ahead


@pytest.mark.parametrize(("ahead", "level"), [(0, Level.OK), (-90, Level.TO_KNOW), (3600, Level.TO_MEND)])
async def test_the_clocks_of_the_configuration_are_compared(
    place: Place, monkeypatch: pytest.MonkeyPatch, ahead: int, level: Level
) -> None:
    """Each under its own name; a mail server that is not asked is not compared."""
    found = (_OtherClock("ntp", timedelta(0)), _OtherClock("tsa", timedelta(seconds=ahead)))
    monkeypatch.setattr(servers, "clocks", lambda *_: found)

    assert only(await heard(servers.other_clock("ntp", place.installation())), "time.ntp").level is Level.OK
    assert only(await heard(servers.other_clock("tsa", place.installation())), "time.tsa").level is level


async def test_a_time_server_that_does_not_answer_is_an_error(place: Place, unused_udp_port: int) -> None:
    """In the error's own words; without one, nothing is said."""
    assert await heard(servers.other_clock("ntp", place.installation())) == []
    place.change(
        "[reception]", f'[time]\nmailbox = false\nntp = "127.0.0.1"\nntp_port = {unused_udp_port}\n[reception]'
    )
    with pytest.raises(ServerUnreachable):
        await heard(servers.other_clock("ntp", place.installation()))
    assert await heard(servers.time(place.installation(), FakeSurvey(place.clock))) == []


# --- Sending.


@pytest.mark.parametrize(
    ("size", "dsn", "levels_told"),
    [
        (50_000_000, True, {"smtp.size": Level.OK, "smtp.reports": Level.OK}),
        (None, True, {"smtp.size": Level.OK, "smtp.reports": Level.OK}),
        (24_999_999, True, {"smtp.size": Level.TO_MEND, "smtp.reports": Level.OK}),
        (50_000_000, False, {"smtp.size": Level.OK, "smtp.reports": Level.TO_KNOW}),
    ],
)
async def test_what_the_submission_server_announces_is_judged(
    place: Place, survey: FakeSurvey, size: int | None, levels_told: dict[str, Level], *, dsn: bool
) -> None:
    """Its size against ours, and delivery reports."""
    sending = FakeSubmission(survey, announces=Announced(size=size, dsn=dsn, tls=TLS))

    found = await heard(servers.outgoing(place.installation(), sending))

    assert levels(found) == {"smtp.login": Level.OK} | levels_told
    assert all(complete(finding) for finding in found if finding.level is not Level.OK)
    assert sending.closed == 1


# --- How they are reached.


def test_an_unreadable_password_is_an_error_before_any_connection(place: Place) -> None:
    """For both servers."""
    (place.keys / "mail-password").unlink()
    for reach in (mailboxes, submission):
        with pytest.raises(SecretUnreadable):
            reach(place.installation())


@pytest.mark.parametrize(
    ("folder", "copy"),
    [
        (Folder(name="Envois", use="sent"), True),
        (Folder(name="Tous", use="all"), True),
        (Folder(name="Brouillons", use="drafts"), True),
        (Folder(name="INBOX/Sent"), True),
        (Folder(name="Éléments envoyés"), True),
        (Folder(name="INBOX"), False),
        (Folder(name="Corbeille", use="trash"), False),
        (Folder(name="Sent", use="junk"), False),
    ],
)
def test_a_copy_of_what_was_sent_is_no_arrival(folder: Folder, *, copy: bool) -> None:
    """Many servers keep one by themselves."""
    assert is_copy(folder) is copy
    assert not (copy and is_junk(folder))
