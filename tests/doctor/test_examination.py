"""The check-up as a whole: whatever fails is a finding, nothing hides anything, and it ends."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.doctor import examination
from gateway.doctor.examination import Check, Examination, checks
from gateway.doctor.finding import Finding, Level, fine
from gateway.doctor.installation import Installation, read
from gateway.domain.errors import ServerUnreachable
from tests.doctor.place import Place, complete, levels, only
from tests.services.fakes import FakeClock

GOOD = "last.good"


async def good(_: Installation) -> AsyncIterator[Finding]:
    """All is well."""
    yield fine(GOOD, "bien")


async def unreachable(_: Installation) -> AsyncIterator[Finding]:
    """A server does not answer, after a first finding."""
    yield fine("first.half", "bien")
    raise ServerUnreachable(server="imap x:1", reason="Connexion refusée.")


async def forbidden(_: Installation) -> AsyncIterator[Finding]:
    """The system refuses."""
    yield fine("first.half", "bien")
    raise PermissionError(13, "non", "/etc/shadow")


async def broken(_: Installation) -> AsyncIterator[Finding]:
    """A defect of ours."""
    yield fine("first.half", "bien")
    raise KeyError("CANARI")


async def mute(_: Installation) -> AsyncIterator[Finding]:
    """A server that never answers."""
    yield fine("first.half", "bien")
    await asyncio.Event().wait()


async def examined(place: Place, *wanted: Check, seconds: float = 60) -> Examination:
    """These checks."""
    told: list[Finding] = []
    run = Examination(place.installation(), told.append)
    await run.run(wanted, seconds)
    assert told == run.findings
    return run


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (unreachable, ("Le serveur imap x:1 ne répond pas.", "Connexion refusée.")),
        (forbidden, ("Le système refuse l'accès à /etc/shadow.", "L'accès est refusé à ce compte.")),
        (broken, ("KeyError",)),
    ],
)
async def test_a_check_that_fails_is_a_finding_and_hides_nothing(
    place: Place, look: examination.Look, told: tuple[str, ...]
) -> None:
    """What it found before stays, and the next checks run; a defect's own text is told to nobody."""
    run = await examined(place, Check(name="some.check", look=look), Check(name=GOOD, look=good))

    finding = only(run.findings, "some.check")
    assert finding.level is Level.BLOCKING
    assert complete(finding)
    assert all(text in " ".join(str(value) for value in finding.words().values()) for text in told)
    assert "CANARI" not in str(finding)
    assert levels(run.findings)["first.half"] is levels(run.findings)[GOOD] is Level.OK


async def test_the_same_cause_is_explained_once(place: Place) -> None:
    """The second check says whose reason it shares."""
    run = await examined(place, Check(name="imap.login", look=unreachable), Check(name="imap.clock", look=unreachable))

    second = only(run.findings, "imap.clock")
    assert (second.level, second.facts["because"]) == (Level.TO_KNOW, "imap.login")
    assert only(run.findings, "imap.login").level is Level.BLOCKING


async def test_a_check_that_does_not_end_is_left(place: Place) -> None:
    """In its own time; the others still have theirs."""
    run = await examined(place, Check(name="some.check", look=mute, seconds=0.1), Check(name=GOOD, look=good))

    finding = only(run.findings, "some.check")
    assert (finding.level, finding.facts["unfinished"]) == (Level.BLOCKING, True)
    assert complete(finding)
    assert only(run.findings, GOOD).level is Level.OK
    assert run.stuck


async def test_a_thread_that_cannot_be_stopped_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that hangs, in a check that even resists its end."""
    monkeypatch.setattr(examination, "CANCEL_SECONDS", 0.1)
    over = threading.Event()

    async def stubborn(_: Installation) -> AsyncIterator[Finding]:
        hanging = asyncio.ensure_future(asyncio.to_thread(over.wait))
        try:
            await asyncio.shield(hanging)
        finally:
            await hanging
        yield fine("never", "jamais")

    try:
        run = await examined(place, Check(name="some.check", look=stubborn, seconds=0.1), Check(name=GOOD, look=good))
    finally:
        over.set()

    assert run.stuck
    assert [finding.check for finding in run.findings] == ["config.file", "some.check", GOOD]


async def test_all_checks_together_have_a_limit(place: Place) -> None:
    """Once it is over, the rest is said to be unfinished, at once."""
    wanted = [Check(name=f"mute.{number}", look=mute) for number in range(5)]

    run = await examined(place, *wanted, seconds=0.1)

    assert [finding.facts.get("unfinished") for finding in run.findings if finding.check.startswith("mute.")] == [
        True
    ] * 5


# --- A half-made installation.


async def test_what_a_half_made_configuration_holds_is_examined(place: Place) -> None:
    """The sections that are right are used, with paths beside the file; the rest is named once."""
    place.change('[imap]\nhost = "127.0.0.1"\n', "[imap]\n")
    place.change("[vault]\n", "[vault]\nmatser = 1\n")
    installation = place.installation()

    assert installation.fault is not None
    assert installation.lacks(("imap",))
    assert installation.lacks(("smtp", "vault"))
    assert not installation.lacks(("gateway", "smtp", "openpgp", "reception", "partners", "people"))
    assert installation.settings.gateway.data == place.data
    run = await examined(place, Check(name="imap.x", look=broken, needs=("imap",)), Check(name=GOOD, look=good))
    assert levels(run.findings) == {
        "config.file": Level.BLOCKING,
        "config.partial": Level.TO_KNOW,
        GOOD: Level.OK,
    }
    assert only(run.findings, "config.partial").facts["checks"] == ["imap.x"]


@pytest.mark.parametrize("text", [None, "[gateway", "\xff"], ids=["absent", "not TOML", "not text"])
async def test_without_any_configuration_the_machine_is_examined(tmp_path: Path, text: str | None) -> None:
    """Whatever is wrong with the file, what needs none is looked at."""
    config = tmp_path / "gateway.toml"
    if text is not None:
        config.write_bytes(text.encode("latin-1"))
    run = Examination(read(config, FakeClock(Place(_made(tmp_path)).clock.now())), lambda _: None)

    await run.run(checks(wait=5))

    found = levels(run.findings)
    assert found["config.file"] is Level.BLOCKING
    assert found["machine.libraries"] is Level.OK
    assert not {"imap.login", "smtp.login", "probe.sent", "state.database"} & set(found)


def _made(folder: Path) -> Path:
    made = folder / "other"
    made.mkdir()
    return made


# --- The list of checks.


def test_every_check_has_its_own_name_and_family() -> None:
    """Programs look for names; people for families."""
    names = [check.name for check in checks(wait=5)]

    assert len(set(names)) == len(names)
    assert all(name.count(".") == 1 for name in names)


def test_nothing_is_sent_unless_wanted() -> None:
    """Without a time to wait there is no trial."""
    assert {check.name for check in checks(wait=5)} - {check.name for check in checks(wait=None)} == {"probe.sent"}


async def test_a_sound_installation_without_servers_has_only_these_faults(keyed: Place) -> None:
    """Every real check, where nobody listens at the servers' ports and no partner has a key."""
    keyed.create()

    run = await examined(keyed, *checks(wait=None))

    wrong = {finding.check for finding in run.findings if finding.wants_mending}
    assert wrong == {"imap.login", "smtp.login", "keys.partner"}
    assert only(run.findings, "imap.clock").facts["because"] == "imap.login"
    assert not run.stuck
