"""The trial mails through servers that rewrite, misplace, refuse or lose: each fault is found and named.

Sealing and opening are real; the servers are made by hand, so that each fault comes alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.adapters.daemon_lock import held
from gateway.doctor.finding import Finding, Level
from gateway.doctor.installation import Installation
from gateway.doctor.letter import SUBJECT
from gateway.doctor.probe import Tools, tools, trial
from gateway.domain.errors import OwnKeyUnusable, ServerUnreachable
from gateway.domain.parties import Suite
from gateway.storage import Mail, Verdict
from gateway.wire import mime
from tests.doctor import fakes
from tests.doctor.fakes import FakeSubmission, FakeSurvey, Rewrite, refusal
from tests.doctor.place import NOW, Place, complete, heard, levels, only
from tests.doctor.test_state import poll
from tests.services.fakes import UNKNOWN, FakeClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAIT = 20.0
GOOD = {
    "probe.arrived",
    "probe.content",
    "probe.message_id",
    "probe.date",
    "probe.own_mta",
    "probe.clock",
    "probe.null_sender",
    "probe.receipt",
    "probe.removed",
}


class GoingClock(FakeClock):
    """Each look at the uptime takes a second."""

    def uptime(self) -> float:
        """One second later."""
        self.advance(timedelta(seconds=1))
        return super().uptime()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ready(tmp_path_factory: pytest.TempPathFactory, openpgp: Path) -> AsyncIterator[Tools]:
    """A real key and a real worker, for all tests of this module."""
    async with tools(Place(tmp_path_factory.mktemp("place"), openpgp).installation()) as made:
        yield made


@pytest.fixture
def here(place: Place) -> Place:
    """An installation in which time goes by."""
    place.clock = GoingClock(NOW)
    return place


@pytest.fixture
def survey(here: Place) -> FakeSurvey:
    """Its mailbox."""
    return FakeSurvey(here.clock, "INBOX", "Junk", "Archives")


@pytest.fixture
def server(survey: FakeSurvey) -> FakeSubmission:
    """Its submission server."""
    return FakeSubmission(survey)


Run = Callable[[], "asyncio.Future[list[Finding]]"]


@pytest.fixture
def run(here: Place, survey: FakeSurvey, server: FakeSubmission, ready: Tools) -> Run:
    """The whole trial."""

    @asynccontextmanager
    async def equipped(_: Installation) -> AsyncIterator[Tools]:
        yield ready

    async def go() -> list[Finding]:
        found = await heard(
            trial(
                here.installation(),
                wait=WAIT,
                pause=0,
                equip=equipped,
                reach_mailbox=survey,
                reach_server=server,
            )
        )
        assert survey.sessions == survey.closed
        assert server.closed == 1
        assert all(complete(finding) for finding in found if finding.level is not Level.OK)
        return found

    return lambda: asyncio.ensure_future(go())


def wrong(found: list[Finding]) -> dict[str, Level]:
    """What is not fine."""
    return {check: level for check, level in levels(found).items() if level is not Level.OK}


# --- What goes well.


async def test_sound_servers_are_found_sound_and_the_mailbox_is_as_before(
    run: Run, survey: FakeSurvey, server: FakeSubmission
) -> None:
    """Two mails left, were found unchanged, and are gone; nothing was reported to anybody."""
    other = survey.put("INBOX", b"Subject: un autre\r\n\r\nx\r\n")

    found = await run()

    assert levels(found) == dict.fromkeys(GOOD, Level.OK)
    assert [bool(envelope.sender) for envelope in server.taken] == [True, False]
    assert all((not envelope.dsn, envelope.unreported) == (True, True) for envelope in server.taken)
    assert list(survey.box.folders["INBOX"].mails) == [other]
    assert other not in survey.box.fetched


async def test_the_trial_mails_say_that_they_may_go(run: Run, server: FakeSubmission) -> None:
    """In French, in their subject, and in the text of the one that is not sealed; no machine answers them."""
    await run()

    for envelope in server.taken:
        headers = mime.parse(envelope.data).headers
        assert (headers.get("subject") or "").startswith(SUBJECT.partition("(")[0])
        assert (headers.get("auto-submitted") or "").startswith("auto-")
        assert headers.get("disposition-notification-to") is None
    assert "vous pouvez l'effacer." in mime.parse(server.taken[1].data).parts[0].parts[0].text()


async def test_each_suite_that_a_partner_uses_is_tried(openpgp: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """S/MIME beside OpenPGP: four mails, each found and opened; a banner breaks all; header and trace are told once."""
    place = Place(tmp_path_factory.mktemp("both"), openpgp)
    place.clock = GoingClock(NOW)
    place.add_certificate()
    survey = FakeSurvey(place.clock, "INBOX", "Junk")
    server = FakeSubmission(survey)
    async with tools(place.installation()) as ready:

        @asynccontextmanager
        async def equipped(_: Installation) -> AsyncIterator[Tools]:
            yield ready

        async def go() -> list[Finding]:
            options = {"wait": WAIT, "pause": 0, "equip": equipped, "reach_mailbox": survey, "reach_server": server}
            return await heard(trial(place.installation(), **options))  # type: ignore[arg-type]

        sound = await go()
        server.rewrite = fakes.with_banner
        broken = await go()

    assert levels(sound) == dict.fromkeys(GOOD, Level.OK)
    kinds = [mime.parse(envelope.data).content_type.media for envelope in server.taken[:4]]
    assert kinds == ["multipart/encrypted", "multipart/signed", "application/pkcs7-mime", "multipart/signed"]
    for check in ("probe.content", "probe.receipt"):
        assert [finding.facts["suite"] for finding in sound if finding.check == check] == [Suite.OPENPGP, Suite.SMIME]
        assert [finding.level for finding in broken if finding.check == check] == [Level.BLOCKING] * 2
    assert "en S/MIME" in str(only(sound, "probe.content", where=lambda one: one.facts["suite"] is Suite.SMIME).what)
    assert len([finding for finding in sound if finding.check == "probe.message_id"]) == 1


async def test_a_copy_of_what_was_sent_is_no_arrival_and_goes_too(
    run: Run, survey: FakeSurvey, server: FakeSubmission
) -> None:
    """The server keeps one in « Sent » by itself."""
    survey.put("Sent", b"Subject: ancien\r\n\r\nx\r\n")
    server.folders = ("Sent", "INBOX")

    found = await run()

    assert levels(found) == dict.fromkeys(GOOD, Level.OK)
    assert only(found, "probe.arrived").facts["folder"] == "INBOX"
    assert len(survey.box.folders["Sent"].mails) == 1


# --- What servers do to mails.


@pytest.mark.parametrize(
    ("rewrite", "faults"),
    [
        (fakes.with_banner, {"probe.content": Level.BLOCKING, "probe.receipt": Level.BLOCKING}),
        (fakes.with_footer, {"probe.receipt": Level.BLOCKING}),
        (fakes.with_a_flipped_byte, {"probe.content": Level.BLOCKING, "probe.receipt": Level.BLOCKING}),
        (fakes.without_attachments, {"probe.content": Level.BLOCKING, "probe.receipt": Level.BLOCKING}),
        (fakes.with_a_preamble, {"probe.content": Level.TO_KNOW, "probe.receipt": Level.TO_KNOW}),
        (fakes.with_another_message_id, {"probe.message_id": Level.TO_MEND}),
        (fakes.with_another_date, {"probe.date": Level.TO_KNOW}),
        (fakes.with_a_marked_subject, {"probe.headers": Level.TO_KNOW}),
    ],
)
async def test_what_a_server_does_to_the_mail_is_named(
    run: Run, server: FakeSubmission, rewrite: Rewrite, faults: dict[str, Level]
) -> None:
    """That and nothing else."""
    server.rewrite = rewrite

    assert wrong(await run()) == faults


@pytest.mark.parametrize(
    ("rewrite", "damage", "word"),
    [
        (fakes.with_banner, "added", "bandeau"),
        (fakes.with_a_flipped_byte, "changed", "modifie le contenu"),
        (fakes.without_attachments, "stripped", "enlève des pièces"),
    ],
)
async def test_the_damage_is_told_for_what_it_is(
    run: Run, server: FakeSubmission, rewrite: Rewrite, damage: str, word: str
) -> None:
    """A banner, another byte and a missing part have each their own mend."""
    server.rewrite = rewrite

    finding = only(await run(), "probe.content")

    assert getattr(finding.facts["damage"], "value", None) == damage
    assert word in str(finding.what)


async def test_an_intact_mail_that_does_not_open_is_our_own_fault(
    run: Run, ready: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers are not blamed for it."""
    open_mail = ready.opener.open

    async def fails(raw: bytes) -> object:
        return replace(await open_mail(raw), failed_step="decrypt", failed_reason="failed")

    monkeypatch.setattr(ready.opener, "open", fails)

    finding = only(await run(), "probe.content")

    assert finding.level is Level.BLOCKING
    assert "arrivé intact" in str(finding.why)


# --- Where it lands.


@pytest.mark.parametrize(
    ("folder", "level"), [("Junk", Level.TO_MEND), ("Archives", Level.BLOCKING), ("Tout nouveau", Level.BLOCKING)]
)
async def test_a_mail_that_lands_elsewhere_is_found(
    run: Run, survey: FakeSurvey, server: FakeSubmission, folder: str, level: Level
) -> None:
    """A watched folder is bad enough; one that is not read, or was made for it, is worse. It goes from there too."""
    server.folders = (folder,)

    found = await run()

    assert wrong(found) == {"probe.arrived": level, "probe.null_sender": level}
    assert folder in str(only(found, "probe.arrived").what)
    assert survey.box.folders[folder].mails == {}


async def test_a_mail_that_lands_nowhere_is_blocking(run: Run, server: FakeSubmission) -> None:
    """The trial ends by itself, and has nothing to remove."""
    server.folders = ()

    assert wrong(await run()) == {"probe.arrived": Level.BLOCKING, "probe.null_sender": Level.TO_MEND}


async def test_a_folder_that_refuses_us_hides_nothing(run: Run, survey: FakeSurvey) -> None:
    """Somebody shares one with us and keeps it closed; each look goes on with the others."""
    survey.put("Privé", b"x")
    survey.refused = {"Privé"}

    assert wrong(await run()) == {}


# --- What servers refuse.


async def test_a_refused_null_sender_is_blocking(run: Run, server: FakeSubmission) -> None:
    """With the server's words; the other mail is judged all the same."""
    server.refuses_null = refusal(550, "5.7.1 null sender not welcome")

    found = await run()

    assert wrong(found) == {"probe.null_sender": Level.BLOCKING}
    assert "550 5.7.1 null sender not welcome" in str(only(found, "probe.null_sender").what)
    assert "probe.receipt" not in levels(found)


async def test_a_null_sender_that_is_taken_and_lost_is_told(run: Run, server: FakeSubmission) -> None:
    """Some servers say yes and throw it away."""
    server.loses_null = True

    assert wrong(await run()) == {"probe.null_sender": Level.TO_MEND}


async def test_a_refused_mail_is_blocking(run: Run, server: FakeSubmission) -> None:
    """The account may not send with our address."""
    server.refuses = refusal(553, "5.7.1 sender rejected")

    found = await run()

    assert wrong(found) == {"probe.sent": Level.BLOCKING}
    assert "probe.arrived" not in levels(found)


async def test_a_mail_of_unknown_fate_is_looked_for(run: Run, server: FakeSubmission) -> None:
    """The connection was lost after the content."""
    server.refuses = UNKNOWN

    assert wrong(await run()) == {"probe.arrived": Level.BLOCKING}


async def test_servers_that_do_not_answer_are_an_error(
    here: Place, survey: FakeSurvey, server: FakeSubmission, run: Run
) -> None:
    """Nothing was sent when the mailbox cannot be seen; sessions are closed when the server cannot be reached."""
    server.fault = ServerUnreachable(server="smtp", reason="non")
    with pytest.raises(ServerUnreachable, match="smtp"):
        await run()
    assert survey.sessions == survey.closed
    survey.fault = ServerUnreachable(server="imap", reason="non")
    with pytest.raises(ServerUnreachable, match="imap"):
        await run()
    assert server.taken == []
    assert here.installation().fault is None


# --- Stamps and clocks.


@pytest.mark.parametrize(
    ("hosts", "level", "told"),
    [
        (("relais.demo.test",), Level.OK, "relais.demo.test"),
        (("mx.interne.test", "relais.demo.test"), Level.TO_MEND, 'own_mta = ["mx.interne.test", "relais.demo.test"]'),
        (("relais.demo.test", "antispam.test"), Level.TO_KNOW, "antispam.test"),
        ((), Level.TO_MEND, "Received"),
    ],
    ids=["ours", "unknown on top", "unknown below", "none"],
)
async def test_the_hosts_that_stamped_the_mail_are_compared(
    run: Run, server: FakeSubmission, hosts: tuple[str, ...], level: Level, told: str
) -> None:
    """What to write into the configuration is written out."""
    server.hosts = hosts

    finding = only(await run(), "probe.own_mta")

    assert finding.level is level
    assert level is Level.OK or told in " ".join(str(text) for text in finding.words().values())


@pytest.mark.parametrize(
    ("late", "level"),
    [(0, Level.OK), (-120, Level.TO_KNOW), (120, Level.TO_KNOW), (3600, Level.TO_MEND), (-3600, Level.TO_MEND)],
)
async def test_dates_of_servers_with_another_clock_are_told(
    run: Run, server: FakeSubmission, late: int, level: Level
) -> None:
    """Received and INTERNALDATE against the time between sending and finding."""
    server.late = timedelta(seconds=late)

    finding = only(await run(), "probe.clock")

    assert finding.level is level
    assert {"received", "internaldate", "sent_at", "seen_at"} <= set(finding.facts)


# --- The daemon, and what may be removed.


def decided(uid: int, verdict: Verdict) -> Mail:
    """What a daemon recorded of the mail with this UID."""
    return Mail(
        site="principal",
        mailbox="soins@hopital.test",
        folder="INBOX",
        uidvalidity=1,
        uid=uid,
        verdict=verdict,
        step=None,
        reason=None,
        partner=None,
        held_back=False,
        internaldate=None,
        received_earliest=None,
        received_latest=None,
        recorded_at=NOW,
    )


async def test_a_daemon_that_left_it_alone_is_fine(run: Run, here: Place, survey: FakeSurvey) -> None:
    """Then the mails may go."""
    here.create()
    await here.store(poll("INBOX", NOW), decided(1, Verdict.PROBE), decided(2, Verdict.PROBE))
    with held(here.data):
        found = await run()

    assert wrong(found) == {}
    assert only(found, "probe.service").level is Level.OK
    assert survey.box.folders["INBOX"].mails == {}


async def test_a_daemon_that_did_not_know_it_is_told(run: Run, here: Place, server: FakeSubmission) -> None:
    """A mail that was changed is for a person: which one is said."""
    here.create()
    await here.store(decided(1, Verdict.PLAIN), decided(2, Verdict.PROBE))
    server.rewrite = fakes.with_another_date
    with held(here.data):
        found = await run()

    finding = only(found, "probe.service")
    assert (finding.level, finding.facts["mails"]) == (Level.TO_KNOW, [1])
    assert "gateway triage classify 1 not-an-answer" in str(finding.mend)


async def test_a_daemon_that_does_not_read_is_told_and_nothing_is_hidden_from_it(
    run: Run, here: Place, survey: FakeSurvey
) -> None:
    """Removed now, the mails would look like answers that vanished unread."""
    here.create()
    await here.store(poll("INBOX", NOW))
    with held(here.data):
        found = await run()

    assert wrong(found) == {"probe.service": Level.TO_MEND, "probe.removed": Level.TO_KNOW}
    assert len(survey.box.folders["INBOX"].mails) == 2
    assert survey.removed == []


async def test_a_stopped_daemon_that_has_worked_gets_to_read_it_later(
    run: Run, here: Place, survey: FakeSurvey
) -> None:
    """Only a mailbox that was never polled is tidied at once; a folder that nobody reads always is."""
    here.create()
    await here.store(poll("INBOX", NOW))

    found = await run()

    assert wrong(found) == {"probe.removed": Level.TO_KNOW}
    assert "relever" in str(only(found, "probe.removed").mend)
    assert len(survey.box.folders["INBOX"].mails) == 2


async def test_a_database_that_cannot_be_read_hides_nothing_from_a_daemon(
    run: Run, here: Place, survey: FakeSurvey
) -> None:
    """What is not known is not removed."""
    here.create(site="autre")

    found = await run()

    assert wrong(found) == {"probe.removed": Level.TO_KNOW}
    assert len(survey.box.folders["INBOX"].mails) == 2


async def test_without_uidplus_the_mails_are_left_and_told(run: Run, survey: FakeSurvey) -> None:
    """A plain EXPUNGE could take a person's mail along."""
    survey.uidplus = False

    found = await run()

    assert wrong(found) == {"probe.removed": Level.TO_KNOW}
    assert only(found, "probe.removed").facts["left"] == 2
    assert len(survey.box.folders["INBOX"].mails) == 2


# --- Ourselves.


async def test_without_a_key_nothing_is_sent(here: Place, survey: FakeSurvey, server: FakeSubmission) -> None:
    """Our own fault comes first."""
    with pytest.raises(OwnKeyUnusable):
        await heard(trial(here.installation(), wait=WAIT, reach_mailbox=survey, reach_server=server))
    assert server.taken == []
