"""Opened mail reaches the readers of our own party, each with its share, once, whatever fails on the way."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.case import State as CaseState
from gateway.domain.errors import DropRefused, NotAllowed, StorageFailed, Unknown
from gateway.domain.parties import Function, Role
from gateway.domain.readers import Reader, Share, State, Way
from gateway.ports import DROP
from gateway.services.handover import ALARM_AFTER
from gateway.storage import Case, Mail, Message, ReaderHandover, Verdict
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, REF, request_mail
from tests.services.opened import CARE, MARKER, SCAN, care_request, certificate, file, message
from tests.services.world import KEEP, MINUTE, World

DOCTOR = Reader(id="dr-fabre", functions=frozenset({Function.TREATING_PHYSICIAN}), way=Way.FOLDER, place="/drop/fabre")
LEROY = replace(DOCTOR, id="dr-leroy", place="/drop/leroy")
OFFICE = Reader(id="bureau", functions=frozenset({Function.ADMINISTRATION}), way=Way.FOLDER, place="/drop/bureau")
BOTH = (DOCTOR, OFFICE)
FULL = StorageFailed(place=DROP, reason="Le disque est plein.")
UNSAFE = DropRefused(reason="Ses droits sont 0755.")


async def received(world: World, *more: Any, number: int = 1) -> Message:
    """A request of care arrived and was accepted."""
    row = await world.take(care_request(*more, number=number))
    assert row.verdict is Verdict.ACCEPTED, row
    async with world.store.view() as view:
        found = await view.one(Message, id=row.message)
    assert found is not None
    return found


def letter(world: World, place: str) -> str:
    """The only letter in a reader's folder."""
    (files,) = world.dropped.of(place).values()
    return files["lettre.txt"].decode()


async def states(world: World) -> dict[tuple[str | None, Share], State]:
    """Where each hand-over stands."""
    return {(row.reader, row.share): row.state for row in await world.all(ReaderHandover)}


async def test_each_reader_gets_its_share(build: Build) -> None:
    """One folder a message, named by day, case and number; the letter and the files that the reader may have."""
    world = await build(readers=BOTH)
    got = await received(world)
    assert world.dropped.folders == {}, "nothing is handed over inside the act"
    assert await world.handovers.round() == 2
    name = f"2026-01-25_{REF}_M01_{got.id}"
    whole = world.dropped.of("/drop/fabre")[name]
    assert set(whole) == {"lettre.txt", "dossier_medical.pdf"}
    assert whole["dossier_medical.pdf"] == SCAN.data
    assert MARKER in whole["lettre.txt"].decode()
    plain = world.dropped.of("/drop/bureau")[name]
    assert set(plain) == {"lettre.txt"}
    told = plain["lettre.txt"].decode()
    assert "BENALI" in told
    assert "Durée que la CNAS peut accorder : 30" in told
    assert "éléments réservés au médecin : ils lui sont remis, à lui seul." in told
    assert set((await states(world)).values()) == {State.DONE}


async def test_nothing_medical_is_in_the_administrations_folder_the_log_or_the_database(
    build: Build, capfd: pytest.CaptureFixture[str]
) -> None:
    """The marker is in the message's fields, files and file names; here it must be nowhere."""
    world = await build(readers=BOTH)
    named = file("letter", f"note {MARKER}.txt", b"note")
    await received(world, file(None, f"{MARKER}.pdf", MARKER.encode()), named)
    await world.handovers.round()
    folders = world.dropped.of("/drop/bureau").items()
    files = [f"{name}/{each}".encode() + data for name, it in folders for each, data in it.items()]
    assert files
    assert all(MARKER.encode() not in data for data in files)
    assert all(MARKER.encode() not in entry.canonical for entry in await world.events())
    assert MARKER not in repr([await world.all(kind) for kind in (ReaderHandover, Message, Case, Mail)])
    captured = capfd.readouterr()
    assert MARKER not in captured.out + captured.err


async def test_a_piece_that_its_kind_does_not_know_is_the_physicians(build: Build) -> None:
    """A certificate is the administration's; a paper beside it that nobody described may be anything."""
    world = await build(readers=BOTH)
    await received(world)
    case = await world.only(Case)
    await world.change(replace(case, state=CaseState.QUOTED))
    row = await world.take(certificate(file("report", "compte rendu.pdf", MARKER.encode())))
    assert row.verdict is Verdict.ACCEPTED, row
    await world.handovers.round()
    (name,) = [name for name in world.dropped.of("/drop/bureau") if "_M08_" in name]
    office, doctor = world.dropped.of("/drop/bureau")[name], world.dropped.of("/drop/fabre")[name]
    assert set(office) == {"lettre.txt", "formulaire.pdf"}
    assert set(doctor) == {"lettre.txt", "formulaire.pdf", "compte rendu.pdf"}
    assert "réservés au médecin" in office["lettre.txt"].decode()


async def test_without_a_physician_medical_parts_stay_in_the_vault_and_the_letter_says_so(build: Build) -> None:
    """The administration has its share at once; status and log tell that somebody is missing."""
    world = await build(readers=(OFFICE,))
    await received(world)
    await world.handovers.round()
    told = letter(world, "/drop/bureau")
    assert MARKER not in told
    assert f"ils attendent dans la passerelle ; gateway case assign {REF} le désigne" in told
    assert await states(world) == {(None, Share.WHOLE): State.WAITING, ("bureau", Share.WITHOUT_MEDICAL): State.DONE}
    (waiting,) = await world.events("handover.waiting")
    assert (waiting.partner, waiting.outcome) == (None, "whole")
    status = await world.health.read()
    assert (status.failing_handovers, status.waiting_handovers) == (0, 1)


async def test_two_physicians_and_none_chosen_learn_only_that_a_mail_waits(build: Build) -> None:
    """No content, no kind, no name, no sender; then the one who is chosen gets the whole, the other nothing."""
    world = await build(readers=(DOCTOR, LEROY, OFFICE))
    got = await received(world)
    await world.handovers.round()
    for place in ("/drop/fabre", "/drop/leroy"):
        (name,) = world.dropped.of(place)
        assert name == f"2026-01-25_{REF}_avis-{got.id}"
        told = letter(world, place)
        assert f"Un courrier du dossier {REF} attend" in told
        for word in (MARKER, "BENALI", "cnas", "CNAS", "programmation", "M01"):
            assert word not in told + name
    await world.readers.assign(REF.lower(), "dr-leroy", actor="alice")
    await world.handovers.round()
    assert MARKER in world.dropped.of("/drop/leroy")[f"2026-01-25_{REF}_M01_{got.id}"]["lettre.txt"].decode()
    assert len(world.dropped.of("/drop/fabre")) == 1
    (record,) = await world.events("case.assigned")
    assert (record.actor, record.case, record.outcome) == ("alice", REF, "assigned")


async def test_the_chosen_physician_gets_what_comes_next(build: Build) -> None:
    """Also after the choice was made for another message."""
    world = await build(readers=(DOCTOR, LEROY))
    await received(world)
    await world.readers.assign(REF, "dr-fabre", actor="alice")
    values, paper = {"covered_from": "2026-02-01"}, file("authorisation", "a.pdf")
    row = await world.take(message("SUPPLEMENTARY_AUTHORISATION", values, paper, number=7))
    assert row.verdict is Verdict.ACCEPTED, row
    await world.handovers.round()
    assert [name for name in world.dropped.of("/drop/fabre") if "_M27_" in name]
    assert all("avis" in name for name in world.dropped.of("/drop/leroy"))


async def test_another_physician_takes_over(build: Build) -> None:
    """They get what the former one got; what was not handed over yet goes to the new one only."""
    world = await build(readers=(DOCTOR, LEROY))
    await received(world)
    await world.readers.assign(REF, "dr-fabre", actor="alice")
    await world.readers.assign(REF, "dr-leroy", actor="bob")
    await world.handovers.round()
    found = await states(world)
    assert found["dr-fabre", Share.WHOLE] is State.CANCELLED
    assert found["dr-leroy", Share.WHOLE] is State.DONE
    assert all("avis" in name for name in world.dropped.of("/drop/fabre"))
    await world.readers.assign(REF, "dr-fabre", actor="alice")
    await world.handovers.round()
    found = await states(world)
    assert found["dr-fabre", Share.WHOLE] is State.DONE, "what was cancelled is owed again"
    assert found["dr-leroy", Share.WHOLE] is State.DONE, "what they have stays theirs"
    (cancelled,) = await world.events("handover.cancelled")
    assert cancelled.partner == "reader:dr-fabre"


async def test_only_a_physicians_reader_of_the_configuration_can_be_chosen(build: Build) -> None:
    """Nothing is changed otherwise."""
    world = await build(readers=(DOCTOR, LEROY, OFFICE))
    await received(world)
    with pytest.raises(Unknown):
        await world.readers.assign(REF, "dr-inconnu", actor="alice")
    with pytest.raises(NotAllowed, match="fonction médicale"):
        await world.readers.assign(REF, "bureau", actor="alice")
    with pytest.raises(Unknown):
        await world.readers.assign("2222-22", "dr-leroy", actor="alice")
    assert (await world.only(Case)).physician is None
    assert await world.events("case.assigned") == ()


async def test_a_case_changes_hands_while_a_folder_is_written(build: Build) -> None:
    """What the former physician has by then is recorded as had: the log tells what happened."""
    world = await build(readers=(DOCTOR, LEROY))
    await received(world)
    await world.readers.assign(REF, "dr-fabre", actor="alice")
    rows = await world.all(ReaderHandover, reader="dr-fabre", share=Share.WHOLE)

    async def meanwhile() -> None:
        world.dropped.during = None
        await world.readers.assign(REF, "dr-leroy", actor="bob")

    world.dropped.during = meanwhile
    await world.handovers._pay(rows[0])
    await world.handovers.round()
    found = await states(world)
    assert (found["dr-fabre", Share.WHOLE], found["dr-leroy", Share.WHOLE]) == (State.DONE, State.DONE)


# --- what fails


async def test_a_full_disk_is_tried_again_until_it_works(build: Build) -> None:
    """Failed, then done: one record of the failure, one of the hand-over, no alarm within the hour."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    world.dropped.refused = [FULL, FULL]
    assert await world.handovers.round() == 1
    assert await world.handovers.round() == 0, "not before its time"
    assert (await world.health.read()).failing_handovers == 1
    world.clock.advance(MINUTE)
    assert await world.handovers.round() == 1
    world.clock.advance(2 * MINUTE)
    assert await world.handovers.round() == 1
    assert len(world.dropped.of("/drop/fabre")) == 1
    assert [name for name in await world.names() if "handover" in name] == ["handover.failed", "handover.done"]
    row = await world.only(ReaderHandover)
    assert (row.state, row.failing_since, row.alarmed) == (State.DONE, None, False)
    (done,) = await world.events("handover.done")
    assert json.loads(done.canonical)["details"] == {"failures": 2, "share": "whole", "way": "folder"}
    assert (done.partner, done.message) == ("reader:dr-fabre", str(row.message))
    assert (await world.health.read()).failing_handovers == 0


async def test_an_hour_of_failures_is_one_alarm(build: Build) -> None:
    """Then it goes on being tried, without another."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    world.dropped.refused = [FULL] * 100
    for _ in range(180):
        await world.handovers.round()
        world.clock.advance(MINUTE)
    (alarm,) = await world.events("alarm.handover_failed")
    assert (alarm.partner, alarm.outcome) == ("reader:dr-fabre", "StorageFailed")
    assert alarm.at >= (await world.only(ReaderHandover)).failing_since + ALARM_AFTER  # type: ignore[operator]
    world.dropped.refused = []
    world.clock.advance(timedelta(hours=1))
    await world.handovers.round()
    assert (await world.only(ReaderHandover)).state is State.DONE


async def test_a_folder_that_others_can_read_is_an_alarm_at_once(build: Build) -> None:
    """Time does not mend it; once somebody does, the message is handed over."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    world.dropped.refused = [UNSAFE]
    await world.handovers.round()
    (alarm,) = await world.events("alarm.handover_failed")
    assert alarm.outcome == "DropRefused"
    world.clock.advance(MINUTE)
    await world.handovers.round()
    assert (await world.only(ReaderHandover)).state is State.DONE


async def test_a_folder_that_was_written_although_it_said_no_is_not_doubled(build: Build) -> None:
    """Done but error: the next try writes the same name with the same content."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    world.dropped.done_but = [FULL]
    await world.handovers.round()
    before = dict(world.dropped.folders)
    assert len(before) == 1
    assert (await world.only(ReaderHandover)).state is State.FAILED
    world.clock.advance(MINUTE)
    await world.handovers.round()
    assert world.dropped.folders == before
    assert len(await world.events("handover.done")) == 1


async def test_one_reader_who_fails_keeps_no_other(build: Build) -> None:
    """Each hand-over is its own."""
    world = await build(readers=BOTH)
    await received(world)
    world.dropped.refused = [UNSAFE]
    await world.handovers.round()
    assert sorted(state.value for state in (await states(world)).values()) == ["done", "failed"]


class _Killed(BaseException):
    """The end of the process, which no handler of ours catches."""


@pytest.mark.parametrize("step", ["_debt", "_excerpt", "_done"])
async def test_a_crash_between_two_steps_hands_over_at_least_once_with_the_same_names(
    build: Build, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Before the content is opened, before the folder is written, between the folder and the commit."""
    world = await build(readers=(DOCTOR,))
    got = await received(world)
    with monkeypatch.context() as patch:

        async def die(*_: object, **__: object) -> None:
            raise _Killed

        patch.setattr(world.handovers, step, die)
        with pytest.raises(_Killed):
            await world.handovers.round()
    assert (await world.only(ReaderHandover)).state is State.PENDING
    await world.handovers.round()
    assert set(world.dropped.of("/drop/fabre")) == {f"2026-01-25_{REF}_M01_{got.id}"}
    assert (await world.only(ReaderHandover)).state is State.DONE


async def test_a_refused_message_is_owed_to_nobody(build: Build) -> None:
    """The debt is in the same act as the message: what goes to quarantine leaves none."""
    world = await build(readers=BOTH)
    await received(world)
    before = await states(world)
    row = await world.take(care_request(number=5))
    assert row.verdict is Verdict.QUARANTINE, "a second request of care in the same case cannot happen"
    assert await states(world) == before


async def test_a_database_that_fails_stops_the_round(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """It concerns every hand-over, so the task waits and tries again as a whole."""
    world = await build(readers=BOTH)
    await received(world)

    async def fail(*_: object, **__: object) -> None:
        raise StorageFailed(place="la base de données", reason="Le disque est plein.")

    monkeypatch.setattr(world.handovers, "_done", fail)
    with pytest.raises(StorageFailed):
        await world.handovers.round()
    assert State.FAILED not in (await states(world)).values()


async def test_a_reader_who_left_the_configuration_gets_nothing_more(build: Build) -> None:
    """Another who may have it is owed it instead, whatever the configuration calls them now."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    readership = world.readers.readership
    world.readers.readership = replace(readership, readers=(replace(DOCTOR, id="dr-autre"),))
    await world.handovers.round()
    assert world.dropped.folders == {}
    assert await states(world) == {(None, Share.WHOLE): State.WAITING}
    assert len(await world.events("handover.cancelled")) == 1
    await world.handovers.round()
    assert (await states(world))["dr-autre", Share.WHOLE] is State.DONE


async def test_a_reader_who_is_no_physician_any_more_gets_nothing_medical(build: Build) -> None:
    """The configuration is read again when the debt is paid, not only when it is made."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    clerk = replace(DOCTOR, functions=frozenset({Function.ADMINISTRATION}))
    world.readers.readership = replace(world.readers.readership, readers=(clerk,))
    for _ in range(3):
        await world.handovers.round()
    assert world.dropped.folders == {}
    assert await states(world) == {(None, Share.WHOLE): State.WAITING}


async def test_what_waited_is_owed_to_a_physician_whom_the_configuration_gains(build: Build) -> None:
    """At the next start, without anybody's act."""
    world = await build(readers=(OFFICE,))
    await received(world)
    world.readers.readership = replace(world.readers.readership, readers=BOTH)
    await world.handovers.round()
    assert MARKER in letter(world, "/drop/fabre")
    assert (await world.health.read()).waiting_handovers == 0


async def test_our_own_messages_are_handed_to_nobody(build: Build) -> None:
    """Who sent them has them; receipts hold nothing."""
    world = await build(readers=BOTH)
    await world.to_running()
    assert await world.all(ReaderHandover) == ()


async def test_the_cnas_gives_the_report_to_its_physician_and_the_form_to_its_unit(build: Build) -> None:
    """The same code for every role."""
    unit = Reader(id="cellule", functions=frozenset({Function.AGREEMENTS_UNIT}), way=Way.FOLDER, place="/drop/cellule")
    adviser = Reader(
        id="medecin-conseil", functions=frozenset({Function.MEDICAL_SERVICE}), way=Way.FOLDER, place="/drop/conseil"
    )
    world = await build(Role.CNAS, readers=(unit, adviser))
    row = await world.take(request_mail())
    assert row.verdict is Verdict.ACCEPTED, row
    assert await states(world) == {
        ("medecin-conseil", Share.WHOLE): State.PENDING,
        ("cellule", Share.WITHOUT_MEDICAL): State.PENDING,
    }


# --- the end of our copies


async def test_copies_go_when_their_time_is_over_and_the_message_stays(build: Build) -> None:
    """One tick before nothing, then both folders; what the vault holds opens as before."""
    world = await build(readers=BOTH)
    got = await received(world)
    await world.handovers.round()
    world.clock.advance(KEEP - MINUTE)
    await world.handovers.round()
    assert len(world.dropped.folders) == 2
    world.clock.advance(MINUTE)
    await world.handovers.round()
    assert world.dropped.folders == {}
    assert set((await states(world)).values()) == {State.ERASED}
    assert len(await world.events("handover.erased")) == 2
    payload = (await world.archive.read(got.id, actor="alice", purpose="shown")).payload
    assert MARKER in payload.text
    await world.handovers.round()
    assert len(await world.events("handover.erased")) == 2


async def test_a_copy_is_erased_where_it_was_put_even_if_the_folder_changed(build: Build) -> None:
    """The row knows the place."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    await world.handovers.round()
    world.readers.readership = replace(world.readers.readership, readers=(replace(DOCTOR, place="/drop/autre"),))
    world.clock.advance(KEEP)
    await world.handovers.round()
    assert world.dropped.folders == {}


async def test_a_copy_that_cannot_be_erased_is_an_alarm_and_tried_again(build: Build) -> None:
    """Once told, each hour tried."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    await world.handovers.round()
    world.dropped.not_removed = [UNSAFE, FULL]
    world.clock.advance(KEEP)
    await world.handovers.round()
    await world.handovers.round()
    assert len(world.dropped.not_removed) == 1, "not before its time"
    world.clock.advance(timedelta(hours=1))
    await world.handovers.round()
    assert len(await world.events("alarm.handover_not_erased")) == 1
    assert len(world.dropped.folders) == 1
    world.clock.advance(timedelta(hours=1))
    await world.handovers.round()
    assert world.dropped.folders == {}
    assert (await world.only(ReaderHandover)).state is State.ERASED


async def test_a_forgotten_case_is_handed_over_no_more(build: Build) -> None:
    """Its key was destroyed: nothing opens, nobody waits."""
    world = await build(readers=(DOCTOR,))
    await received(world)
    case = await world.only(Case)
    async with world.store.act() as act:
        key = await world.cabinet.case_key(act, case)
        await act.save(replace(key, wrapped=b"", destroyed_at=world.clock.now()))
    await world.handovers.round()
    assert (await world.only(ReaderHandover)).state is State.CANCELLED
    assert world.dropped.folders == {}


# --- what persons read


async def test_a_person_who_is_no_physician_reads_the_rest(build: Build) -> None:
    """The reading is recorded with its share; a physician's person reads all."""
    world = await build(readers=(replace(DOCTOR, people=frozenset({"Dr Fabre"})), OFFICE))
    got = await received(world, file("letter", "note.pdf", MARKER.encode()))
    rest = (await world.archive.read(got.id, actor="Camille Martin", purpose="shown")).payload
    assert MARKER not in repr(rest)
    assert "BENALI" in rest.text
    assert (rest.manifest, rest.attachments) == (None, ())
    whole = (await world.archive.read(got.id, actor="Dr Fabre", purpose="saved")).payload
    assert SCAN.data in {piece.data for piece in whole.attachments}
    assert CARE["pathology"] in whole.text
    shares = [json.loads(entry.canonical)["details"]["share"] for entry in await world.events("message.read")]
    assert shares == ["without_medical", "whole"]


async def test_what_was_handed_over_is_shown_with_the_case(build: Build) -> None:
    """Reader, share, way, state and time; no content."""
    world = await build(readers=BOTH)
    await received(world)
    await world.handovers.round()
    shown = (await world.archive.case(REF)).handovers
    assert {(row.reader, row.share, row.way, row.state) for row in shown} == {
        ("dr-fabre", Share.WHOLE, Way.FOLDER, State.DONE),
        ("bureau", Share.WITHOUT_MEDICAL, Way.FOLDER, State.DONE),
    }
    assert all(row.handed_at == world.clock.now() for row in shown)
    assert ADDRESSES[Role.HOSPITAL] not in repr(shown)
