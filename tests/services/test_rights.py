"""Rights, asked by every act itself: each act by each post of each party, as the table says; and what is medical."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from gateway.domain.audit import parse
from gateway.domain.challenge import Finding
from gateway.domain.errors import AccessInvalid, GatewayError, MailMalformed, NotAllowed, Unknown
from gateway.domain.kinds import EXTENSION_REFUSAL, EXTENSION_REQUEST, KINDS
from gateway.domain.parties import Function, Role
from gateway.domain.readers import Reader, Way
from gateway.domain.rights import POSTS, RIGHTS, Post, Right
from gateway.domain.words import said
from gateway.services.brought import Brought
from gateway.services.entered import EnteredProofs, Shown
from gateway.services.export.case import Exporter
from gateway.services.fiche import Fiche
from gateway.services.forget import Forgetting
from gateway.services.purge import Purge, Terms
from gateway.services.questions import Questions
from gateway.services.reading import Word
from gateway.services.resend import Resend
from gateway.services.rights import held, not_open
from gateway.storage import Account, Alarm, Case, Message, Question
from tests.services.mails import REF, VALUES
from tests.services.world import PIECES, World, open_world

NOBODY = "9999-99"
DOCTOR = Reader(
    id="dr-fabre",
    functions=frozenset({Function.TREATING_PHYSICIAN}),
    way=Way.FOLDER,
    place="/drop/fabre",
    people=frozenset({"Dr Fabre"}),
)
COLLEAGUE = replace(DOCTOR, id="dr-haddad", place="/drop/haddad", people=frozenset({"Dr Haddad"}))

Doing = Callable[[World, str], Awaitable[object]]


def _no_plan(_calendar: object) -> NoReturn:
    raise Unknown(kind=said("jour"), ref="–")


def _proofs(world: World) -> EnteredProofs:
    return EnteredProofs(
        store=world.store,
        cabinet=world.cabinet,
        requests=world.requests,
        clock=world.clock,
        party=world.party,
        directory=world.directory,
        persons_needed=2,
        readership=world.readers.readership,
    )


def _forgetting(world: World) -> Forgetting:
    return Forgetting(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party, years=3)


def _purge(world: World) -> Purge:
    terms = Terms(security_months=12, evidence_years=10)
    return Purge(store=world.store, clock=world.clock, party=world.party, terms=terms)


def _exporter(world: World) -> Exporter:
    """One that could export nothing: who may is asked before."""
    nothing = dict.fromkeys(
        ("directory", "almanac", "policy", "own_keys", "vouched", "certifier", "printer"), cast("Any", None)
    )
    return Exporter(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        readership=world.readers.readership,
        **nothing,
    )


def _request() -> Fiche:
    return Fiche(path="", kind=EXTENSION_REQUEST, ref=None, values=VALUES, attachments=PIECES)


def _refusal(motive: str) -> Fiche:
    values = {"motive": motive} if motive else {}
    return Fiche(path="", kind=EXTENSION_REFUSAL, ref=REF, values=values)


def _brought() -> Brought:
    word = Word(what="acceptance", ref=NOBODY, request_hash=None, places={}, has_form=False)
    return Brought(scan=b"x", received=date(2026, 1, 24), word=word)


SHOWN = Shown(ref=NOBODY, received=date(2026, 1, 24), scan=b"x")
DISCHARGE = Fiche(path="", kind=KINDS["DISCHARGE"], ref=NOBODY, values={"on": "2026-02-01"})
ALL = frozenset(POSTS)
HOSPITAL = frozenset({Role.HOSPITAL})
ACTS: dict[str, tuple[frozenset[Role], tuple[Right, ...], Doing]] = {
    "submit": (HOSPITAL, (Right.SEND,), lambda w, who: w.desk.submit(_request(), actor=who)),
    "answer": (frozenset({Role.CNAS}), (Right.SEND,), lambda w, who: w.desk.submit(_refusal(""), actor=who)),
    "motive": (frozenset({Role.CNAS}), (Right.MOTIVE,), lambda w, who: w.desk.submit(_refusal("Non."), actor=who)),
    "note": (HOSPITAL, (Right.SEND,), lambda w, who: w.desk.note(DISCHARGE, actor=who)),
    "correct": (ALL, (Right.SEND,), lambda w, who: w.desk.correct(9, None, actor=who)),
    "close": (ALL, (Right.SEND,), lambda w, who: w.desk.close(NOBODY, actor=who)),
    "assign": (ALL, (Right.SEND,), lambda w, who: w.readers.assign(NOBODY, "dr-fabre", actor=who)),
    "resend": (
        ALL,
        (Right.SEND,),
        lambda w, who: Resend(store=w.store, clock=w.clock, party=w.party).again(9, actor=who),
    ),
    "classify": (ALL, (Right.SORT,), lambda w, who: w.triage.classify(9, "not-an-answer", actor=who)),
    "bring": (HOSPITAL, (Right.SORT, Right.PROVE), lambda w, who: w.triage.bring(_brought(), actor=who)),
    "enter_proof": (HOSPITAL, (Right.PROVE,), lambda w, who: _proofs(w).enter(SHOWN, actor=who)),
    "confirm_proof": (ALL, (Right.CONFIRM,), lambda w, who: _proofs(w).confirm(9, actor=who)),
    "decline_proof": (ALL, (Right.CONFIRM, Right.PROVE), lambda w, who: _proofs(w).decline(9, actor=who)),
    "read_proof": (ALL, (Right.CONFIRM, Right.PROVE), lambda w, who: _proofs(w).read(9, actor=who)),
    "confirm": (ALL, (Right.CONFIRM,), lambda w, who: w.confirmations.confirm(NOBODY, actor=who)),
    "amend": (ALL, (Right.CALENDAR,), lambda w, who: w.calendar_acts.amend(_no_plan, actor=who)),
    "confirm_day": (ALL, (Right.CONFIRM, Right.CALENDAR), lambda w, who: w.calendar_acts.confirm(9, actor=who)),
    "decline_day": (
        ALL,
        (Right.CONFIRM, Right.CALENDAR),
        lambda w, who: w.calendar_acts.decline(9, actor=who, source="–"),
    ),
    "cast": (
        ALL,
        (Right.PROVE, Right.CONFIRM),
        lambda w, who: w.challenges.cast(NOBODY, because="une lettre", actor=who),
    ),
    "rule": (
        ALL,
        (Right.PROVE,),
        lambda w, who: w.challenges.rule(NOBODY, Finding.UPHELD, because="vu", actor=who),
    ),
    "settle": (
        HOSPITAL,
        (Right.PROVE,),
        lambda w, who: w.disputes.settle(NOBODY, Finding.LATE, because="vu", actor=who),
    ),
    "pin": (
        ALL,
        (Right.KEYS,),
        lambda w, who: w.pins.pin(w.directory.partners[0].id, "openpgp", "A" * 40, "key", actor=who),
    ),
    "retire": (ALL, (Right.KEYS,), lambda w, who: w.pins.retire("x", "A" * 40, actor=who)),
    "compromised": (ALL, (Right.KEYS,), lambda w, who: w.pins.compromised("x", "A" * 40, w.clock.now(), actor=who)),
    "forget": (ALL, (Right.FORGET,), lambda w, who: _forgetting(w).forget(NOBODY, actor=who)),
    "purge": (ALL, (Right.FORGET,), lambda w, who: _purge(w).run(actor=who)),
    "take_alarm": (ALL, (Right.ALARMS,), lambda w, who: w.book.take(9, actor=who)),
    "read_message": (ALL, (Right.IDENTITY,), lambda w, who: w.archive.read(9, actor=who, purpose="shown")),
    "export": (ALL, (Right.IDENTITY, Right.AUDIT), lambda w, who: _exporter(w).export(NOBODY, actor=who)),
}
"""Each act, the parties that do it, the rights of which one is needed, and a try at it on nothing that exists."""


async def account(world: World, name: str, *posts: Post, closed: bool = False) -> None:
    """A person who has these posts."""
    now = world.clock.now()
    row = Account(
        site=world.party.site,
        login=name,
        name=name,
        posts=posts,
        created_at=now,
        created_by="root",
        disabled_at=now if closed else None,
    )
    async with world.store.act() as act:
        await act.add(row)


async def refused(doing: Doing, world: World, who: str) -> bool:
    """Whether it is the person who may not, whatever else is wrong."""
    try:
        await doing(world, who)
    except NotAllowed as error:
        return error.fields["reason"] == not_open()
    except GatewayError:
        pass
    return False


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.CNAS, Role.CNSE])
async def test_each_act_is_allowed_to_each_post_as_the_table_says(role: Role, tmp_path: Path) -> None:
    """And to nobody without an account, with a closed one, or whose name is the gateway's in other letters."""
    async with open_world(tmp_path, role, readers=(DOCTOR,)) as world:
        for post in POSTS[role]:
            await account(world, post.value, post)
        await account(world, "parti", *POSTS[role], closed=True)
        found, expected = {}, {}
        for name, (roles, wanted, doing) in ACTS.items():
            if role not in roles:
                continue
            for post in POSTS[role]:
                expected[name, post.value] = not RIGHTS[role][post] & set(wanted)
                found[name, post.value] = await refused(doing, world, post.value)
            for nobody in ("passant", "parti", "Gateway", ""):
                expected[name, nobody] = True
                found[name, nobody] = await refused(doing, world, nobody)

    assert found == expected


async def test_before_the_first_account_the_machine_decides(tmp_path: Path) -> None:
    """Whoever may run the commands may do everything, as before there was a console."""
    async with open_world(tmp_path, readers=(DOCTOR,)) as world:
        found = [
            await refused(doing, world, "alice") for roles, _wanted, doing in ACTS.values() if Role.HOSPITAL in roles
        ]

    assert not any(found)


async def test_what_an_account_may_changes_with_its_posts_at_once(tmp_path: Path) -> None:
    """The act looks, not the page that led to it."""
    async with open_world(tmp_path) as world:
        await account(world, "Claire", Post.SECRETARIAT)
        close = ACTS["close"][2]
        assert not await refused(close, world, "Claire")
        await world.change(replace(await world.only(Account), posts=(Post.AUDITOR,)))
        assert await refused(close, world, "Claire")
        await world.change(replace(await world.only(Account), disabled_at=world.clock.now()))
        assert await refused(ACTS["export"][2], world, "Claire")


# --- Medical content.

READERS: tuple[tuple[str, tuple[Post, ...]], ...] = (
    ("Dr Fabre", (Post.PHYSICIAN,)),
    ("Dr Haddad", (Post.PHYSICIAN,)),
    ("Dr Ailleurs", (Post.PHYSICIAN,)),
    ("Claire", (Post.SECRETARIAT,)),
    ("Adam", (Post.ADMINISTRATOR,)),
    ("Iris", (Post.AUDITOR,)),
    ("Mixte", (Post.SECRETARIAT, Post.ADMINISTRATOR)),
)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital with two physicians, one of whom follows the only case; everybody has an account.

    An administrator and a secretary are named among a physician's people, by mistake.
    """
    people = frozenset({"Dr Fabre", "Claire", "Adam", "Iris", "Mixte"})
    async with open_world(tmp_path, readers=(replace(DOCTOR, people=people), COLLEAGUE)) as world:
        submitted = await world.submit()
        await world.readers.assign(submitted.case.ref, "dr-fabre", actor="alice")
        for name, posts in READERS:
            await account(world, name, *posts)
        yield world


async def whole(world: World, who: str, because: str | None = None) -> bool:
    """Whether this person gets the medical parts of the only message."""
    message = await world.only(Message)
    return (await world.archive.read(message.id, actor=who, purpose="shown", because=because)).whole


async def test_medical_content_is_for_the_physician_of_the_case_alone(ward: World) -> None:
    """No administrator, auditor or secretary ever, whatever the configuration names them; no other physician."""
    assert await whole(ward, "Dr Fabre")
    assert not await whole(ward, "Dr Haddad")
    assert not await whole(ward, "Claire")
    assert not await whole(ward, "Mixte")
    for nobody in ("Adam", "Iris", "passant"):
        with pytest.raises(NotAllowed):
            await whole(ward, nobody)
    with pytest.raises(NotAllowed, match="médecin qui suit"):
        await _exporter(ward).export((await ward.only(Case)).ref, actor="Claire", with_content=True)


async def test_a_physician_who_does_not_follow_the_case_reads_it_with_a_reason_and_an_alarm(ward: World) -> None:
    """The reason is in the log before the bytes leave; the house learns of it at once."""
    assert await whole(ward, "Dr Haddad", because="Garde de nuit, le confrère est injoignable.")

    names = await ward.names()
    assert names[-2:] == ("alarm.exceptional_read", "message.read")
    (told,) = [parse(entry.canonical) for entry in await ward.events("alarm.exceptional_read")]
    assert (told.actor, told.partner) == ("Dr Haddad", "reader:dr-fabre")
    assert told.details["because"] == "Garde de nuit, le confrère est injoignable."
    (read,) = [parse(entry.canonical) for entry in await ward.events("message.read")]
    assert read.details == {"share": "whole", "exceptional": True}
    await ward.alarms.round()
    (alarm,) = await ward.all(Alarm, kind="exceptional_read")
    assert alarm.case == told.case


@pytest.mark.parametrize("who", ["Claire", "Mixte", "Dr Ailleurs", "Adam", "Iris", "passant"])
async def test_nobody_else_has_an_exceptional_access(ward: World, who: str) -> None:
    """Nor a physician whom the configuration does not name; nothing is recorded as read."""
    with pytest.raises(NotAllowed):
        await whole(ward, who, because="Je voudrais bien savoir.")

    assert not {"alarm.exceptional_read", "message.read"} & set(await ward.names())


async def test_an_exceptional_access_needs_a_reason(ward: World) -> None:
    """Spaces are none; and the physician of the case needs none."""
    for reason in ("", "          .", "urgent"):
        with pytest.raises(AccessInvalid):
            await whole(ward, "Dr Haddad", because=reason)
    assert await whole(ward, "Dr Fabre", because="")

    assert await ward.events("alarm.exceptional_read") == ()


async def test_a_mail_as_it_came_is_for_a_physician(ward: World) -> None:
    """Nobody knows what is in it: who sorts has its envelope."""
    mail = await ward.take(MailMalformed(reason="not-sealed"), raw=b"Subject: x\r\n\r\nDiagnostic en clair\r\n")

    assert (await ward.archive.read_mail(mail.id, actor="Dr Fabre", purpose="saved"))[1].endswith(b"en clair\r\n")
    for nobody in ("Claire", "Adam", "Iris", "Dr Ailleurs", "passant"):
        with pytest.raises(NotAllowed):
            await ward.archive.read_mail(mail.id, actor=nobody, purpose="saved")
    assert len(await ward.events("mail.read")) == 1


async def test_who_has_no_right_to_a_name_sees_the_case_without_it(ward: World) -> None:
    """An administrator and an auditor follow by its reference; who saw a name is on record."""
    ref = (await ward.only(Case)).ref

    for nobody in ("Adam", "Iris", "passant"):
        assert (await ward.archive.open(ref, actor=nobody)).patient is None
    assert await ward.events("case.read") == ()
    assert (await ward.archive.open(ref, actor="Claire")).patient is not None
    (entry,) = await ward.events("case.read")
    assert (entry.actor, entry.case) == ("Claire", ref)


# --- The log.


async def test_the_log_shows_everybody_what_is_theirs(ward: World) -> None:
    """An auditor all; an administrator what is of no case; a secretary the cases; a physician theirs; and one's own."""
    questions = Questions(store=ward.store, party=ward.party, readership=ward.readers.readership, recorded=True)
    async with ward.store.act() as act:
        await act.record("account.added", actor="Adam", outcome="console")
        await act.record("case.searched", actor="Dr Haddad", outcome="read")

    async def seen(who: str, **asked: Any) -> set[tuple[str, bool]]:
        found = await questions.ask(Question(**asked), actor=who)
        return {(entry.event, entry.actor == who) for entry in found}

    everything = {entry.event for entry in await ward.events()}
    assert {event for event, _ in await seen("Iris")} == everything
    assert {event for event, _ in await seen("Adam")} >= {"account.added", "log.read"}
    assert not {"case.opened", "request.submitted", "case.assigned"} & {event for event, _ in await seen("Adam")}
    assert ("request.submitted", False) in await seen("Claire")
    assert "account.added" not in {event for event, _ in await seen("Claire")}
    assert ("request.submitted", False) in await seen("Dr Fabre")
    assert {own for _event, own in await seen("Dr Haddad")} == {True}
    assert await seen("passant") == set()


async def test_pages_and_counts_of_the_log_agree_with_what_is_shown(ward: World) -> None:
    """A page is full although most records are not this person's, and the next one goes on after it."""
    questions = Questions(store=ward.store, party=ward.party, readership=ward.readers.readership, recorded=False)
    async with ward.store.act() as act:
        for number in range(1200):
            await act.record("account.added" if number % 40 else "keys.looked", actor="x" if number % 40 else "Claire")

    count = await questions.count(Question(equal={"actor": "Claire"}), actor="Claire")
    first = await questions.ask(Question(newest=True, limit=20), actor="Claire")
    second = await questions.ask(Question(newest=True, limit=1000, before=first[-1].index), actor="Claire")
    forward = await questions.ask(Question(), actor="Claire")

    assert count == 30
    assert len(first) == 20
    assert [entry.index for entry in (*first, *second)] == [entry.index for entry in reversed(forward)]
    assert await questions.count(Question(), actor="Claire") == len(forward)


async def test_what_somebody_holds_is_asked_by_name(ward: World) -> None:
    """The gateway's own acts are nobody's."""
    async with ward.store.view() as view:
        assert not (await held(view, ward.party, "gateway")).accounted
        assert (await held(view, ward.party, "passant")).rights == frozenset()
        assert (await held(view, ward.party, "Dr Fabre")).medical
        assert not (await held(view, ward.party, "Mixte")).medical
