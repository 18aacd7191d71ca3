"""Mail to our own readers: sealed to the reader's key, or a notice that says nothing; one of each, whatever fails."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.errors import KeyMissing, MailMalformed, StorageFailed, Unknown, VaultClosed
from gateway.domain.parties import Function, Role
from gateway.domain.readers import HANDOVER, Reader, Share, State, Way
from gateway.domain.transmission import State as Sending
from gateway.services.excerpt import Excerpt
from gateway.services.readers import RETURNED_RETRY
from gateway.storage import Case, Direction, Message, Pin, ReaderHandover, StoredEvidence, Transmission, Verdict
from gateway.wire.mime import parse
from gateway.wire.payload import Payload, read_payload
from gateway.wire.sealed import read_encrypted, read_signed
from tests.services.conftest import Build
from tests.services.fakes import DEFERRED, REFUSED, UNKNOWN
from tests.services.mails import ADDRESSES, REF, delivery_report, plain_mail
from tests.services.opened import MARKER, SCAN, care_request
from tests.services.world import KEEP, MINUTE, World

DOCTOR = Reader(
    id="dr-fabre",
    functions=frozenset({Function.TREATING_PHYSICIAN}),
    way=Way.MAIL,
    place="fabre@neuro.hopital.test",
)
OFFICE = Reader(id="bureau", functions=frozenset({Function.ADMINISTRATION}), way=Way.MAIL, place="bureau@hopital.test")
BY_NOTICE = replace(DOCTOR, way=Way.NOTICE)
KEY, OTHER_KEY = "1" * 40, "2" * 40
QUARTER = timedelta(minutes=15)


async def with_key(build: Build, *readers: Reader) -> World:
    """A hospital with these readers and their keys, and a request of care that was accepted."""
    world = await build(readers=readers)
    for correspondent in world.readers.readership.correspondents(1_000_000):
        await world.pin(correspondent, KEY)
    await arrives(world)
    return world


async def arrives(world: World) -> None:
    """The request of care; its receipt leaves first, so that what follows is about the readers alone."""
    row = await world.take(care_request())
    assert row.verdict is Verdict.ACCEPTED, row
    await world.send_all()
    world.courier.taken.clear()
    world.courier.tried.clear()


async def new_key(world: World, name: str, fingerprint: str) -> None:
    """The reader has another key from now on."""
    for old in await world.all(Pin, partner=name, retired_at=None):
        await world.change(replace(old, retired_at=world.clock.now()))
    (correspondent,) = [it for it in world.readers.readership.correspondents(1_000_000) if it.id == name]
    await world.pin(correspondent, fingerprint)


def opened(data: bytes) -> Payload:
    """What the fake sealer hides in its armour."""
    armour = read_encrypted(parse(data)).decode().split("\r\n\r\n", 1)[1].partition("-----END")[0]
    return read_payload(read_signed(parse(base64.b64decode(armour))).entity)


async def only(world: World) -> ReaderHandover:
    """The only hand-over."""
    return await world.only(ReaderHandover)


async def test_a_mail_is_sealed_to_the_reader_and_says_nothing_outside(build: Build) -> None:
    """One transmission, a neutral subject, no receipt asked, no manifest: no message of the protocol."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    assert (await only(world)).state is State.QUEUED
    await world.send_all()
    await world.handovers.round()
    (envelope,) = world.courier.taken
    assert envelope.recipient == "fabre@neuro.hopital.test"
    outer = parse(envelope.data)
    assert outer.headers.get("subject") is not None
    assert outer.headers.get("auto-submitted") == "auto-generated"
    assert "disposition-notification-to" not in outer.headers.names()
    assert MARKER.encode() not in envelope.data
    inside = opened(envelope.data)
    assert inside.subject == f"Soins programmés – dossier {REF}"
    assert inside.manifest is None
    assert MARKER in inside.text
    assert [(piece.name, piece.data) for piece in inside.attachments] == [("dossier_medical.pdf", SCAN.data)]
    row = await only(world)
    assert (row.state, row.way) == (State.DONE, Way.MAIL)
    (done,) = await world.events("handover.done")
    assert done.partner == "reader:dr-fabre"
    sent = await world.only(Message, kind=HANDOVER)
    assert (sent.direction, sent.about, sent.request_hash, sent.entity) == (Direction.OUT, row.message, None, None)


async def test_the_administrations_mail_has_no_medical_part(build: Build) -> None:
    """Also under its own seal."""
    world = await with_key(build, DOCTOR, OFFICE)
    await world.handovers.round()
    await world.send_all()
    (mail,) = [it for it in world.courier.taken if it.recipient == "bureau@hopital.test"]
    inside = opened(mail.data)
    assert "BENALI" in inside.text
    assert MARKER not in repr(inside)
    assert inside.attachments == ()


async def test_a_notice_in_clear_says_only_that_a_mail_waits(build: Build) -> None:
    """The token and our own number; no kind, no sender, no name, no word of the content."""
    world = await build(readers=(BY_NOTICE,))
    await arrives(world)
    await world.handovers.round()
    await world.send_all()
    (envelope,) = world.courier.taken
    part = parse(envelope.data)
    text = part.text()
    assert text.startswith(f"Un courrier du dossier {REF} vous attend.\n")
    assert part.headers.get("auto-submitted") == "auto-generated"
    whole = envelope.data.decode() + text
    for word in (MARKER, "BENALI", "cnas", "programmation", "M01", "CARE", "médica"):
        assert word.lower() not in whole.lower().replace("programm=c3=a9s", "")
    await world.handovers.round()
    assert ((await only(world)).state, (await only(world)).way) == (State.DONE, Way.NOTICE)


async def test_a_notice_never_takes_files(build: Build) -> None:
    """Whatever a later change hands it: content does not leave in clear."""
    world = await build(readers=(BY_NOTICE,))
    await arrives(world)
    case = await world.only(Case)
    with pytest.raises(MailMalformed, match="content-in-clear"):
        world.handovers._post.notice(BY_NOTICE, Excerpt(letter="x", files=(SCAN,)), case, at=world.clock.now())


async def test_who_waits_for_a_choice_gets_a_sealed_notice(build: Build) -> None:
    """Two physicians by mail, none chosen: a mail to each, without content."""
    world = await with_key(build, DOCTOR, replace(DOCTOR, id="dr-leroy", place="leroy@hopital.test"))
    await world.handovers.round()
    await world.send_all()
    assert len(world.courier.taken) == 2
    for envelope in world.courier.taken:
        inside = opened(envelope.data)
        assert "aucun lecteur désigné" in inside.text
        assert MARKER not in repr(inside)


# --- what fails


async def test_without_the_readers_key_nothing_leaves_and_an_alarm_says_so(build: Build) -> None:
    """Once the key is there, it leaves."""
    world = await build(readers=(DOCTOR,))
    await arrives(world)
    await world.handovers.round()
    await world.send_all()
    assert world.courier.tried == []
    (alarm,) = await world.events("alarm.handover_failed")
    assert alarm.outcome == KeyMissing.__name__
    await world.pins.pin("reader:dr-fabre", "openpgp", KEY, "key", actor="alice")
    world.clock.advance(MINUTE)
    await world.handovers.round()
    await world.send_all()
    assert len(world.courier.taken) == 1


async def test_a_key_is_pinned_only_to_a_reader_who_is_written_to(build: Build) -> None:
    """A folder needs none; a typing error is no reader."""
    world = await build(readers=(replace(DOCTOR, way=Way.FOLDER, place="/drop"),))
    for name in ("reader:dr-fabre", "reader:dr-fabr"):
        with pytest.raises(Unknown):
            await world.pins.pin(name, "openpgp", KEY, "key", actor="alice")


async def test_another_key_that_comes_into_force_seals_the_mail_again(build: Build) -> None:
    """To the new key, under the same Message-ID; the copy for the old key is destroyed."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    before = await world.only(Transmission, partner="reader:dr-fabre")
    await new_key(world, "reader:dr-fabre", OTHER_KEY)
    await world.send_all()
    assert world.courier.tried == []
    await world.handovers.round()
    await world.send_all()
    after = await world.only(Transmission, partner="reader:dr-fabre")
    assert (after.state, after.fingerprint, after.envid) == (Sending.HANDED_OVER, OTHER_KEY, before.envid)
    (envelope,) = world.courier.taken
    assert opened(envelope.data).message_id == (await world.only(Message, kind=HANDOVER)).message_id
    assert before.file not in world.vault.names()
    await world.handovers.round()
    assert (await only(world)).state is State.DONE


async def test_a_held_mail_fails_is_told_once_and_recovers(build: Build) -> None:
    """The key expired: the outbox holds it; when its owner prolongs it, it leaves."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    world.sealer.unusable = {"reader:dr-fabre"}
    await world.send_all()
    for _ in range(10):
        await world.handovers.round()
        world.clock.advance(QUARTER)
    assert (await only(world)).state is State.FAILED
    assert len(await world.events("handover.failed")) == 1
    assert len(await world.events("alarm.handover_failed")) == 1
    world.sealer.unusable = set()
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.DONE
    assert len(world.courier.taken) == 1


async def test_a_refused_mail_goes_again_a_day_later_as_another_mail(build: Build) -> None:
    """A full mailbox; the alarm is at once."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    world.courier.script = [REFUSED]
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.FAILED
    assert len(await world.events("alarm.handover_failed")) == 1
    world.clock.advance(RETURNED_RETRY)
    await world.handovers.round()
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.DONE
    assert len({envelope.envid for envelope in world.courier.tried}) == 2


async def test_a_mail_that_was_taken_although_the_line_broke_is_repeated_with_the_same_bytes(build: Build) -> None:
    """Done but error: the outbox repeats it once; after that it goes as a mail of its own, a day later."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    world.courier.script = [UNKNOWN, UNKNOWN]
    await world.send_all()
    world.clock.advance(QUARTER)
    await world.send_all()
    first, second = world.courier.taken
    assert first.data == second.data
    await world.handovers.round()
    assert (await only(world)).state is State.FAILED
    world.clock.advance(RETURNED_RETRY)
    await world.handovers.round()
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.DONE


async def test_a_server_that_says_later_is_no_failure(build: Build) -> None:
    """The outbox tries again by itself."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    world.courier.script = [DEFERRED]
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.QUEUED
    world.clock.advance(QUARTER)
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.DONE


async def test_a_mail_that_comes_back_was_not_handed_over(build: Build) -> None:
    """The server took it, the mailbox did not: an alarm, and again a day later; no request hears of it."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.DONE
    sent = await world.only(Transmission, partner="reader:dr-fabre")
    row = await world.take(delivery_report(action="failed", envid=sent.envid))
    assert row.verdict is Verdict.REPORT
    assert (await only(world)).state is State.FAILED
    (alarm,) = await world.events("alarm.handover_failed")
    assert (alarm.outcome, alarm.case) == ("returned", REF)
    world.clock.advance(RETURNED_RETRY)
    await world.handovers.round()
    await world.send_all()
    await world.handovers.round()
    assert (await only(world)).state is State.DONE


async def test_a_delivery_report_about_a_readers_mail_is_no_evidence(build: Build) -> None:
    """Whatever it says, it attests nothing to the CNAS."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    await world.send_all()
    sent = await world.only(Transmission, partner="reader:dr-fabre")
    await world.take(delivery_report(action="delivered", envid=sent.envid))
    assert await world.all(StoredEvidence) == ()


class _Killed(BaseException):
    """The end of the process, which no handler of ours catches."""


@pytest.mark.parametrize("step", ["key", "sealed", "queue"])
async def test_a_crash_before_the_commit_leaves_no_second_mail(
    build: Build, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Queued once, in the commit that says so."""
    world = await with_key(build, DOCTOR)
    with monkeypatch.context() as patch:

        async def die(*_: object, **__: object) -> None:
            raise _Killed

        patch.setattr(world.handovers._post, step, die)
        with pytest.raises(_Killed):
            await world.handovers.round()
    assert await world.all(Message, kind=HANDOVER) == ()
    await world.handovers.round()
    await world.handovers.round()
    await world.send_all()
    assert len(world.courier.taken) == 1


async def test_a_spool_that_is_full_keeps_the_mail_for_later(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vault's failure is this hand-over's, and time may mend it."""
    world = await with_key(build, DOCTOR)

    async def full(*_: object, **__: object) -> None:
        raise StorageFailed(place="spool", reason="Le disque est plein.")

    with monkeypatch.context() as patch:
        patch.setattr(world.cabinet, "put", full)
        await world.handovers.round()
    assert (await only(world)).state is State.FAILED
    assert await world.events("alarm.handover_failed") == ()
    world.clock.advance(MINUTE)
    await world.handovers.round()
    assert (await only(world)).state is State.QUEUED


async def test_a_case_that_changes_hands_while_its_mail_is_sealed_sends_nothing_to_the_former(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The debt is read again in the commit."""
    world = await with_key(build, DOCTOR, replace(DOCTOR, id="dr-leroy", place="leroy@hopital.test"))
    await world.readers.assign(REF, "dr-fabre", actor="alice")
    for row in await world.all(ReaderHandover, share=Share.NOTICE):
        await world.change(replace(row, state=State.CANCELLED))
    seal = world.handovers._post.sealed

    async def meanwhile(*args: object, **options: object) -> object:
        mail = await seal(*args, **options)  # type: ignore[arg-type]
        await world.readers.assign(REF, "dr-leroy", actor="bob")
        return mail

    with monkeypatch.context() as patch:
        patch.setattr(world.handovers._post, "sealed", meanwhile)
        await world.handovers.round()
    await world.handovers.round()
    await world.send_all()
    assert {envelope.recipient for envelope in world.courier.taken} == {"leroy@hopital.test"}


# --- the end of our copy, and what a reader's key is not


async def test_the_sealed_copy_is_destroyed_when_its_time_is_over(build: Build) -> None:
    """File and key: not even the master key opens it any more; the message itself still does."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    await world.send_all()
    await world.handovers.round()
    sent = await world.only(Transmission, partner="reader:dr-fabre")
    world.clock.advance(KEEP - MINUTE)
    await world.handovers.round()
    assert sent.file in world.vault.names()
    world.clock.advance(MINUTE)
    await world.handovers.round()
    assert sent.file not in world.vault.names()
    assert (await only(world)).state is State.ERASED
    async with world.store.view() as view:
        with pytest.raises(VaultClosed, match="détruite"):
            await world.cabinet.get(view, sent.file)
    got = await world.only(Message, direction=Direction.IN)
    payload = (await world.archive.read(got.id, actor="alice", purpose="shown")).payload
    assert MARKER in payload.text
    assert (await world.cabinet.sweep(), len(await world.events("handover.erased"))) == (0, 1)


async def test_a_crash_between_the_file_and_its_row_is_made_good(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is gone, the row does not know: the next round says so."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    await world.send_all()
    await world.handovers.round()
    world.clock.advance(KEEP)
    remove = world.vault.remove

    def die(name: str) -> None:
        remove(name)
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(world.vault, "remove", die)
        with pytest.raises(_Killed):
            await world.handovers.round()
    assert (await only(world)).state is State.DONE
    await world.handovers.round()
    assert (await only(world)).state is State.ERASED


async def test_a_readers_key_signs_for_no_partner(build: Build) -> None:
    """Neither from the CNAS's address nor from the reader's own: it only receives."""
    world = await with_key(build, DOCTOR)
    forged = replace(care_request(number=5), fingerprint=KEY)
    row = await world.take(forged)
    assert (row.verdict, row.step, row.reason) == (Verdict.QUARANTINE, "pin", "key-not-pinned")
    inner = forged.inner
    assert inner is not None
    row = await world.take(replace(forged, inner=replace(inner, senders=("fabre@neuro.hopital.test",))))
    assert (row.verdict, row.step, row.reason) == (Verdict.QUARANTINE, "sender", "unknown-partner")


async def test_a_reader_who_answers_us_is_a_mail_for_a_person(build: Build) -> None:
    """It may tell of an answer of the CNAS: it waits in triage, and changes nothing."""
    world = await with_key(build, DOCTOR)
    await world.handovers.round()
    await world.send_all()
    sent = await world.only(Message, kind=HANDOVER)
    row = await world.take(plain_mail("fabre@neuro.hopital.test", cited=(sent.message_id,)))
    assert (row.verdict, row.held_back) == (Verdict.PLAIN, True)
    assert ADDRESSES[Role.HOSPITAL] != "fabre@neuro.hopital.test"
