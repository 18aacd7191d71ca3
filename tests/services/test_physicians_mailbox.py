"""A physician's own mailbox: what concerns a case counts as if it came to us, the rest is nobody's business."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.parties import Function, PartnerKind, Role
from gateway.domain.readers import Reader, Way
from gateway.domain.request import State
from gateway.storage import Acceptance, Mail, Message, Poll, Transmission, Verdict
from gateway.wire.incoming import Incoming
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, START, answer_mail, outer, plain_mail
from tests.services.world import END, FOLDERS, MINUTE, PHYSICIAN, RIPE, World, partner

DAY = timedelta(days=1)
HADDAD = Reader(
    id="haddad",
    functions=frozenset({Function.TREATING_PHYSICIAN}),
    way=Way.FOLDER,
    place="/srv/haddad",
    people=frozenset(),
)
LEROY = replace(HADDAD, id="leroy", place="/srv/leroy")
CLERK = (partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE))


@pytest.fixture
async def watched(build: Build) -> World:
    """A hospital that watches the mailbox of its physician; the CNAS writes with a mail program."""
    return await build(partners=CLERK, readers=(HADDAD,), physician="haddad")


def lies(world: World, seen: Incoming, *, days_ago: float = 0, folder: str = "INBOX") -> int:
    """A mail is in the physician's mailbox."""
    data = f"X-Number: {next(world.numbers)}\r\n\r\n".encode()
    world.opener.scripted[data] = world.stamped(seen)
    return world.personal.folders[folder].put(data, world.clock.now() - days_ago * DAY)


def written_by(sender: str, **told: object) -> Incoming:
    """A mail in clear."""
    return replace(plain_mail(sender), outer=outer(sender, **told))  # type: ignore[arg-type]


async def looked_everywhere(world: World) -> None:
    """Both mailboxes, all folders."""
    await world.poll()
    await world.poll_personal()


async def missing(world: World, ref: str) -> set[str]:
    """The conditions that do not hold."""
    _, found = await world.confirmations.asked(ref)
    return {condition.name for condition in found if not condition.holds}


async def test_of_a_private_mail_nothing_is_kept_but_its_place(watched: World, tmp_path: Path) -> None:
    """Neither file, nor digest, nor size, nor date, nor a record; and the look counts as complete."""
    await watched.poll_personal()
    lies(watched, written_by("cousin@ailleurs.test"))
    assert await watched.poll_personal() == 1
    row = await watched.only(Mail)
    assert (row.verdict, row.mailbox, row.uid) == (Verdict.PRIVATE, PHYSICIAN, 1)
    assert (row.file, row.sha256, row.size, row.internaldate, row.held_back) == (None, None, 0, None, False)
    assert not [path for path in (tmp_path / "spool-hospital").rglob("*") if path.is_file()]
    newest = (await watched.all(Poll, mailbox=PHYSICIAN, folder="INBOX"))[-1]
    assert newest.uidnext == 2


async def test_our_own_word_to_the_physician_is_left_alone(watched: World) -> None:
    """A hand-over or an alarm names the case in its subject, and is no answer; another's mail with our id would be."""
    submitted = await watched.to_running()
    await watched.poll_personal()
    sent = (await watched.all(Message, case_id=submitted.case.id))[0]
    own = {"message_id": sent.message_id, "tokens": (submitted.case.ref,)}
    lies(watched, written_by(ADDRESSES[Role.HOSPITAL], **own))
    lies(watched, written_by("secretaire@hopital.test", **own))
    await watched.poll_personal()
    first, second = await watched.all(Mail, mailbox=PHYSICIAN)
    assert first.verdict is Verdict.PRIVATE
    assert (second.verdict, second.held_back) == (Verdict.PLAIN, True)


async def test_an_answer_to_the_physician_alone_waits_for_a_person(watched: World) -> None:
    """In clear, from the partner's domain: kept, and no silence is recorded before it is settled."""
    submitted = await watched.to_running()
    await looked_everywhere(watched)
    lies(watched, written_by("medecin.conseil@cnas.test"))
    watched.clock.go_to(RIPE + MINUTE)
    await looked_everywhere(watched)
    row = await watched.only(Mail, mailbox=PHYSICIAN)
    assert (row.verdict, row.held_back, row.file is None) == (Verdict.PLAIN, True, False)
    assert "no_unsettled_mail" in await missing(watched, submitted.case.ref)


async def test_a_sealed_answer_in_the_physicians_mailbox_counts(watched: World) -> None:
    """Sealed to us and addressed to us, with the physician in copy: the first copy seen decides, the other repeats."""
    submitted = await watched.to_running()
    await looked_everywhere(watched)
    answer = answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=False, stated=END - 60 * MINUTE)
    lies(watched, answer)
    watched.clock.go_to(END - 10 * MINUTE)
    await watched.poll_personal()
    assert (await watched.request()).state is State.REFUSED
    watched.drop(answer)
    lies(watched, answer)
    await watched.poll()
    before = len(await watched.all(Transmission, receipt=True))
    await watched.poll_personal()
    assert [row.reason for row in await watched.all(Mail, verdict=Verdict.DUPLICATE, mailbox=PHYSICIAN)] == ["copy"]
    assert len(await watched.all(Transmission, receipt=True)) == before


async def test_what_lay_there_before_any_request_is_not_even_fetched(watched: World) -> None:
    """Years of a person's mail; what came since the oldest open request is looked at."""
    old = lies(watched, written_by("cousin@ailleurs.test"), days_ago=400)
    await watched.to_running()
    new = lies(watched, written_by("medecin.conseil@cnas.test"))
    await watched.poll_personal()
    assert old not in watched.personal.fetched
    assert [row.uid for row in await watched.all(Mail, mailbox=PHYSICIAN)] == [new]
    assert (await watched.all(Poll, mailbox=PHYSICIAN, folder="INBOX"))[-1].uidnext == new + 1
    later = lies(watched, written_by("medecin.conseil@cnas.test"), days_ago=400)
    await watched.poll_personal()
    assert later in watched.personal.fetched, "an INTERNALDATE is believed at the first look only"


# --- what it changes for the silence


async def test_the_silence_of_a_mail_partner_needs_no_word_of_a_person(watched: World) -> None:
    """Its other way is watched too (DESIGN 6.3), and each folder stands in the record, without an address."""
    submitted = await watched.to_running()
    await looked_all_along(watched)
    await watched.told(watched.clock.now())
    await watched.deadlines.tick()
    assert (await watched.request()).state is State.TACITLY_ACCEPTED
    assert (await watched.only(Acceptance)).request_hash == submitted.request.hash
    (record,) = await watched.events("request.silence_recorded")
    assert b"haddad/INBOX polls=" in record.canonical
    assert PHYSICIAN.encode() not in record.canonical
    assert b"not_watched" not in record.canonical


@pytest.mark.parametrize(
    ("readers", "physician", "asks"),
    [((HADDAD,), None, True), ((HADDAD, LEROY), "haddad", True), ((HADDAD,), "haddad", False)],
    ids=["not watched", "nobody knows who treats the patient", "watched"],
)
async def test_only_the_treating_physicians_mailbox_excludes_the_other_way(
    build: Build, readers: tuple[Reader, ...], physician: str | None, *, asks: bool
) -> None:
    """With two physicians and nobody named, it is not known whose it is."""
    world = await build(partners=CLERK, readers=readers, physician=physician)
    submitted = await world.to_running()
    assert ("no_answer_by_another_way" in await missing(world, submitted.case.ref)) is asks


async def test_the_record_names_the_mailbox_that_nobody_watched(build: Build) -> None:
    """A person's word replaced it; whoever reads the proof of silence sees what it rests on."""
    world = await build(partners=CLERK, readers=(HADDAD,))
    submitted = await world.to_running()
    await world.watched_until(RIPE + MINUTE)
    await world.confirmations.confirm(submitted.case.ref, actor="alice")
    await world.at_ripe(RIPE + 2 * MINUTE)
    await world.deadlines.tick()
    (record,) = await world.events("request.silence_recorded")
    assert b"treating_physician not_watched" in record.canonical


async def test_naming_another_physician_asks_again(build: Build) -> None:
    """The case is Dr Leroy's, whose mailbox nobody watches."""
    world = await build(partners=CLERK, readers=(HADDAD, LEROY), physician="haddad")
    submitted = await world.to_running()
    await world.readers.assign(submitted.case.ref, "haddad", actor="alice")
    assert "no_answer_by_another_way" not in await missing(world, submitted.case.ref)
    await world.readers.assign(submitted.case.ref, "leroy", actor="alice")
    assert "no_answer_by_another_way" in await missing(world, submitted.case.ref)


async def test_a_physicians_mailbox_that_is_not_polled_keeps_the_silence_waiting(watched: World) -> None:
    """Every watched folder was looked at after the end, or nothing is recorded."""
    submitted = await watched.to_running()
    await looked_everywhere(watched)
    watched.clock.go_to(RIPE + MINUTE)
    await watched.poll()
    assert "every_folder_polled_since" in await missing(watched, submitted.case.ref)
    await watched.poll_personal()
    assert "every_folder_polled_since" not in await missing(watched, submitted.case.ref)


async def looked_all_along(world: World) -> None:
    """Both mailboxes are looked at every hour until the silence may be recorded."""
    while world.clock.now() < RIPE + MINUTE:
        await looked_everywhere(world)
        world.clock.advance(60 * MINUTE)
    await looked_everywhere(world)


async def test_the_status_shows_each_folder_by_its_physician(watched: World) -> None:
    """And says that we watch only when all of them were looked at."""
    await watched.poll()
    status = await watched.health.read()
    assert list(status.polled_at) == [*FOLDERS, *(f"haddad/{name}" for name in FOLDERS)]
    assert not status.watching
    await watched.poll_personal()
    assert (await watched.health.read()).watching
    assert (await watched.health.read()).polled_at["haddad/INBOX"] == START
