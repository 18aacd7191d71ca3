"""Accounts of persons: who manages them, what an invitation is worth, who comes in and who does not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from gateway.adapters.authenticator import TimeCodes
from gateway.domain.audit import parse
from gateway.domain.errors import (
    AccessInvalid,
    GatewayError,
    InvitationOver,
    NotAllowed,
    SignInRefused,
    TooManyTries,
    Unknown,
)
from gateway.domain.parties import Role
from gateway.domain.rights import Post
from gateway.services.accounts import Accounts
from gateway.services.local_sign_in import LocalSignIn
from gateway.services.sign_ins import SignIns
from gateway.services.tries import ALLOWED_FROM_ANYWHERE
from gateway.storage import Account, Alarm, SignIn
from tests.services.fakes import FakeNoise
from tests.services.world import World, open_world

PASSWORD = "quatre jours ouvrables"
STEP = timedelta(seconds=30)
HERE = "192.0.2.7"


@dataclass(kw_only=True)
class Plain:
    """Passwords as they are, and how often one was compared with what."""

    compared: list[str] = field(default_factory=list)

    async def kept(self, password: str) -> str:
        """As it is."""
        return f"kept:{password}"

    async def fits(self, password: str, kept: str) -> bool:
        """The same."""
        self.compared.append(kept)
        return kept == f"kept:{password}"


@dataclass(kw_only=True)
class House:
    """A party with accounts."""

    world: World
    accounts: Accounts
    machine: Accounts
    passwords: Plain
    sign_ins: SignIns
    local: LocalSignIn

    async def admitted(self, login: str, name: str, *posts: Post) -> str:
        """Somebody who was invited and came in; returns the secret of their second factor."""
        invited = await self.machine.add(login, name=name, posts=posts, actor="root")
        secret = (await self.local.invited(invited.code)).secret
        await self.local.accept(invited.code, password=PASSWORD, again=PASSWORD, digits=self.code(secret))
        self.world.clock.advance(STEP)
        return secret

    def code(self, secret: str, at: datetime | None = None) -> str:
        """What the telephone shows now."""
        return pyotp.TOTP(secret).at(at or self.world.clock.now())

    async def account(self, login: str) -> Account:
        """As it is stored."""
        return await self.world.only(Account, login=login)


def house_of(world: World) -> House:
    """The services."""
    passwords = Plain()
    noise = FakeNoise()
    sign_ins = SignIns(store=world.store, clock=world.clock, noise=noise, party=world.party)
    made = [
        Accounts(
            store=world.store,
            vault=world.vault,
            clock=world.clock,
            noise=noise,
            party=world.party,
            at_machine=at_machine,
        )
        for at_machine in (False, True)
    ]
    local = LocalSignIn(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        passwords=passwords,
        factors=TimeCodes(),
        sign_ins=sign_ins,
        party=world.party,
    )
    return House(world=world, accounts=made[0], machine=made[1], passwords=passwords, sign_ins=sign_ins, local=local)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A hospital."""
    async with open_world(tmp_path) as world:
        yield house_of(world)


# --- Managing accounts.


async def test_each_act_is_in_the_log_by_name_and_without_secrets(house: House) -> None:
    """Added, invited, changed, disabled: who, whom, from where; neither code nor password nor factor."""
    await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    invited = await house.accounts.add("CMorel ", name=" Claire   Morel", posts=[Post.SECRETARIAT], actor="Adam Amin")
    secret = (await house.local.invited(invited.code)).secret
    await house.accounts.change("cmorel", posts=[Post.AUDITOR], actor="Adam Amin")
    await house.accounts.disable("cmorel", actor="Adam Amin")

    told = [parse(entry.canonical) for entry in await house.world.events() if entry.event.startswith("account.")]
    assert [
        (record.event, record.actor, record.details["person"], record.outcome) for record in told if record.details
    ][-4:] == [
        ("account.added", "Adam Amin", "Claire Morel", "console"),
        ("account.invited", "Adam Amin", "Claire Morel", "console"),
        ("account.changed", "Adam Amin", "Claire Morel", "console"),
        ("account.disabled", "Adam Amin", "Claire Morel", "console"),
    ]
    everything = repr(await house.world.events()) + repr(await house.world.all(Account))
    for kept_nowhere in (invited.code, secret):
        assert kept_nowhere not in everything
    assert PASSWORD not in repr(await house.world.events())


@pytest.mark.parametrize(
    ("login", "name", "posts", "fields"),
    [
        ("", "", [], {"login", "name", "posts"}),
        ("c m", "Claire", [Post.SECRETARIAT], {"login"}),
        ("claire", "Claire\u202eeriam", [Post.SECRETARIAT], {"name"}),
        ("claire", "claire@hopital.test", [Post.SECRETARIAT], {"name"}),
        ("claire", "Gateway", [Post.SECRETARIAT], {"name"}),
        ("claire", "ADAM amin", [Post.SECRETARIAT], {"name"}),
        ("AMIN", "Claire", [Post.SECRETARIAT], {"login"}),
        ("claire", "Claire", [Post.AGENT], {"posts"}),
        ("claire", "Claire", [Post.PHYSICIAN, Post.ADMINISTRATOR], {"posts"}),
    ],
)
async def test_every_fault_is_named_and_nothing_is_written(
    house: House, login: str, name: str, posts: list[Post], fields: set[str]
) -> None:
    """A person has one account: four eyes look at names. Who reads medical content does nothing else."""
    await house.machine.add("amin", name="Adam Amin", posts=[Post.ADMINISTRATOR], actor="root")

    with pytest.raises(AccessInvalid) as refused:
        await house.machine.add(login, name=name, posts=posts, actor="root")

    assert set(refused.value.by_field) == fields
    assert len(await house.world.all(Account)) == 1


@pytest.mark.parametrize("nobody", ["Claire", "passant", "root"])
async def test_only_an_administrator_manages_accounts_in_the_console(house: House, nobody: str) -> None:
    """A secretary, a stranger, and who has no account do not; at the machine, the commands always do."""
    await house.machine.add("claire", name="Claire", posts=[Post.SECRETARIAT, Post.AUDITOR], actor="root")
    refused = [
        house.accounts.every(actor=nobody),
        house.accounts.add("x1", name="Xavier", posts=[Post.ADMINISTRATOR], actor=nobody),
        house.accounts.invite("claire", actor=nobody),
        house.accounts.change("claire", posts=[Post.ADMINISTRATOR], actor=nobody),
        house.accounts.disable("claire", actor=nobody),
    ]

    for attempt in refused:
        with pytest.raises(NotAllowed):
            await attempt
    assert (await house.account("claire")).posts == (Post.SECRETARIAT, Post.AUDITOR)
    await house.machine.disable("claire", actor="root")


async def test_nobody_locks_themselves_out_or_promotes_themselves(house: House) -> None:
    """Another administrator does it, or the commands."""
    await house.machine.add("amin", name="Adam Amin", posts=[Post.ADMINISTRATOR], actor="root")
    acts = [
        house.accounts.disable("amin", actor="Adam Amin"),
        house.accounts.change("amin", posts=[Post.AUDITOR], actor="Adam Amin"),
        house.accounts.invite("amin", actor="Adam Amin"),
    ]

    for act in acts:
        with pytest.raises(NotAllowed, match="autre administrateur"):
            await act
    await house.machine.disable("amin", actor="Adam Amin")
    with pytest.raises(Unknown):
        await house.machine.disable("personne", actor="root")


# --- Invitations.


async def test_an_invitation_sets_password_and_factor_and_lets_in_once(house: House) -> None:
    """Looking at it uses nothing up, and shows the same picture again; used, it is nothing any more."""
    invited = await house.machine.add("amin", name="Adam Amin", posts=[Post.ADMINISTRATOR], actor="root")
    first, second = await house.local.invited(invited.code), await house.local.invited(invited.code)
    digits = house.code(first.secret)

    secret = await house.local.accept(invited.code, password=PASSWORD, again=PASSWORD, digits=digits)

    assert first == second
    assert first.address.startswith("otpauth://totp/")
    present = await house.sign_ins.present(secret)
    assert present is not None
    assert (present.actor.name, present.fresh) == ("Adam Amin", True)
    with pytest.raises(InvitationOver):
        await house.local.invited(invited.code)
    with pytest.raises(InvitationOver):
        await house.local.accept(invited.code, password="une autre phrase", again="une autre phrase", digits=digits)
    with pytest.raises(SignInRefused):
        await house.local.enter("amin", PASSWORD, digits, address=HERE)


async def test_an_invitation_is_over_after_two_days_replaced_or_closed(house: House) -> None:
    """To the second; a newer one replaces it; a disabled account has none."""
    first = await house.machine.add("amin", name="Adam Amin", posts=[Post.ADMINISTRATOR], actor="root")
    second = await house.machine.invite("amin", actor="root")
    with pytest.raises(InvitationOver):
        await house.local.invited(first.code)
    house.world.clock.advance(timedelta(hours=48) - timedelta(seconds=1))
    await house.local.invited(second.code)
    house.world.clock.advance(timedelta(seconds=1))
    with pytest.raises(InvitationOver):
        await house.local.invited(second.code)
    third = await house.machine.invite("amin", actor="root")
    await house.machine.disable("amin", actor="root")

    for code in (third.code, "", "0" * 32):
        with pytest.raises(InvitationOver):
            await house.local.invited(code)


@pytest.mark.parametrize(
    ("password", "again", "fields"),
    [
        ("onze lettre", "onze lettre", {"password"}),
        ("x" * 201, "x" * 201, {"password"}),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", {"password"}),
        ("adam 12 hopital", "adam 12 hopital", set()),
        ("monsieur Benaissa!", "monsieur Benaissa!", {"password"}),
        (PASSWORD, "quatre jours ouvrable", {"again"}),
    ],
)
async def test_a_password_that_can_be_guessed_is_not_taken(
    house: House, password: str, again: str, fields: set[str]
) -> None:
    """Too short, too plain, the person's own name, or two that differ; the invitation stays."""
    invited = await house.machine.add("ab", name="Adam Benaissa", posts=[Post.ADMINISTRATOR], actor="root")
    digits = house.code((await house.local.invited(invited.code)).secret)

    try:
        await house.local.accept(invited.code, password=password, again=again, digits=digits)
        found: set[str] = set()
    except AccessInvalid as refused:
        found = set(refused.by_field)
        await house.local.invited(invited.code)
    assert found == fields


async def test_a_wrong_first_code_leaves_the_invitation_as_it_was(house: House) -> None:
    """The telephone was not set up: nothing is."""
    invited = await house.machine.add("amin", name="Adam Amin", posts=[Post.ADMINISTRATOR], actor="root")
    stale = house.code((await house.local.invited(invited.code)).secret, house.world.clock.now() - timedelta(hours=1))

    with pytest.raises(AccessInvalid) as refused:
        await house.local.accept(invited.code, password=PASSWORD, again=PASSWORD, digits=stale)

    assert set(refused.value.by_field) == {"code"}
    assert (await house.account("amin")).password is None


async def test_inviting_anew_takes_what_there_was_away_at_once(house: House) -> None:
    """A lost telephone opens nothing while the new invitation lies in a drawer; who was in is out."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    kept = await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE)
    house.world.clock.advance(STEP)

    await house.machine.invite("amin", actor="root")

    assert await house.sign_ins.present(kept) is None
    with pytest.raises(SignInRefused):
        await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE)


# --- Coming in.


async def test_a_code_counts_once_and_only_around_its_time(house: House) -> None:
    """Neither twice, nor an older one after a newer one, nor one of long ago."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    now = house.world.clock.now()
    await house.local.enter("amin", PASSWORD, house.code(secret, now), address=HERE)

    for at in (now, now - STEP, now + 3 * STEP, now - 5 * STEP):
        house.world.clock.advance(timedelta(minutes=2))
        house.world.clock.step(-timedelta(minutes=2))
        with pytest.raises(SignInRefused):
            await house.local.enter("amin", PASSWORD, house.code(secret, at), address=HERE)
    await house.local.enter(
        " AMIN", PASSWORD, f" {house.code(secret, now + STEP)[:3]} {house.code(secret, now + STEP)[3:]}", address=HERE
    )


async def test_an_unknown_login_is_answered_like_a_wrong_password_after_the_same_work(house: House) -> None:
    """One comparison each, one record each, the same words; what was typed as a login is kept nowhere."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    answers = []
    for login, password in (("amin", "faux mot de passe"), ("mon-mot-de-passe", PASSWORD), ("amin", "x" * 10_000)):
        house.passwords.compared.clear()
        before = len(await house.world.events())
        with pytest.raises(SignInRefused) as refused:
            await house.local.enter(login, password, house.code(secret), address=HERE)
        answers.append((str(refused.value), len(house.passwords.compared), len(await house.world.events()) - before))

    assert len(set(answers)) == 1
    assert answers[0][1:] == (1, 1)
    assert "mon-mot-de-passe" not in repr(await house.world.events())


async def test_an_account_without_a_password_or_disabled_lets_nobody_in(house: House) -> None:
    """Invited only, or closed."""
    await house.machine.add("claire", name="Claire", posts=[Post.SECRETARIAT], actor="root")
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    await house.machine.disable("amin", actor="root")

    for login, password in (("claire", ""), ("claire", "nobody's"), ("amin", PASSWORD), ("", "nobody's")):
        with pytest.raises(SignInRefused):
            await house.local.enter(login, password, house.code(secret), address=f"{HERE}/{login}{password}")


async def test_five_wrong_tries_a_minute_then_one_waits(house: House) -> None:
    """By login and by address for any login; right ones do not count, and time heals."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    for _try in range(5):
        with pytest.raises(SignInRefused):
            await house.local.enter("amin", "faux", "000000", address="198.51.100.1")

    with pytest.raises(TooManyTries) as waits:
        await house.local.enter("amin", PASSWORD, house.code(secret), address="198.51.100.1")
    assert waits.value.fields["seconds"] == 61
    house.world.clock.advance(timedelta(seconds=60))
    await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE)
    for number in range(5):
        with pytest.raises(SignInRefused):
            await house.local.enter(f"nom{number}", "faux", "000000", address=HERE)
    with pytest.raises(TooManyTries):
        await house.local.enter("claire", "faux", "000000", address=HERE)


async def test_a_stranger_elsewhere_shuts_nobody_out_and_guesses_nothing(house: House) -> None:
    """A few machines that guess all the time: the person still comes in; a whole crowd of them makes the login wait."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    for number in range(25):
        with pytest.raises(SignInRefused):
            await house.local.enter("amin", "faux", "000000", address=f"198.51.100.{number % 5}")

    assert await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE)

    for number in range(ALLOWED_FROM_ANYWHERE - 25):
        with pytest.raises(SignInRefused):
            await house.local.enter("amin", "faux", "000000", address=f"203.0.113.{number}")
    with pytest.raises(TooManyTries):
        await house.local.enter("amin", "faux", "000000", address="192.0.2.1")


async def test_a_shift_that_comes_in_together_is_not_stopped(house: House) -> None:
    """Ten right sign-ins from one address within a minute."""
    secrets = [await house.admitted(f"p{n}", f"Personne {chr(97 + n)}", Post.SECRETARIAT) for n in range(10)]

    for number, secret in enumerate(secrets):
        assert await house.local.enter(f"p{number}", PASSWORD, house.code(secret), address=HERE)


async def test_many_refusals_are_one_alarm(house: House) -> None:
    """Twenty within a quarter of an hour; not one alarm for each after that."""
    for number in range(30):
        with pytest.raises(SignInRefused):
            await house.local.enter(f"nom{number}", "faux", "0", address=f"198.51.100.{number}")

    await house.world.alarms.round()
    (alarm,) = await house.world.all(Alarm, kind="sign_ins_refused")
    assert alarm.ended_at is None
    assert len(await house.world.events("console.refused")) == 30


# --- Being in.


async def test_each_sign_in_has_a_secret_of_its_own_and_ends_the_browsers_former_one(house: House) -> None:
    """Nothing that a stranger put into a browser, or kept from before, is worth anything afterwards."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    first = await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE, former="planted")
    house.world.clock.advance(STEP)
    second = await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE, former=first)

    assert first != second
    assert await house.sign_ins.present(first) is None
    assert await house.sign_ins.present(second) is not None
    assert await house.sign_ins.present("planted") is None
    assert {first, second}.isdisjoint({row.secret for row in await house.world.all(SignIn)})


async def test_a_presence_ends_by_idleness_and_after_ten_hours(house: House) -> None:
    """It says when; the last half hour cannot be prolonged."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    kept = await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE)
    begun = house.world.clock.now()
    present = await house.sign_ins.present(kept)
    for _ in range(20):
        house.world.clock.advance(timedelta(minutes=29))
        present = await house.sign_ins.present(kept)
        assert present is not None
        assert present.ends_at == min(house.world.clock.now() + timedelta(minutes=30), begun + timedelta(hours=10))
    assert present is not None
    assert present.last
    house.world.clock.go_to(begun + timedelta(hours=10, seconds=1))

    assert await house.sign_ins.present(kept) is None


async def test_a_proof_is_fresh_for_ten_minutes_and_is_given_again(house: House) -> None:
    """With a new code, and the right password; a wrong one leaves it stale."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    kept = await house.local.enter("amin", PASSWORD, house.code(secret), address=HERE)
    house.world.clock.advance(timedelta(minutes=11))
    stale = await house.sign_ins.present(kept)
    assert stale is not None
    assert (stale.fresh, stale.kept_fresh) == (False, True)
    for password, code in (("faux", house.code(secret)), (PASSWORD, "000000")):
        with pytest.raises(SignInRefused):
            await house.local.prove_again(stale, password, code)

    await house.local.prove_again(stale, PASSWORD, house.code(secret))

    proved = await house.sign_ins.present(kept)
    assert proved is not None
    assert proved.fresh


async def test_two_uses_of_one_code_at_once_let_in_one(house: House) -> None:
    """Whoever is second sees the first's step, and leaves no presence behind."""
    secret = await house.admitted("amin", "Adam Amin", Post.ADMINISTRATOR)
    before = len(await house.world.all(SignIn))
    code = house.code(secret)

    done = await asyncio.gather(
        *(house.local.enter("amin", PASSWORD, code, address=f"{HERE}{n}") for n in range(3)), return_exceptions=True
    )

    assert sum(isinstance(one, str) for one in done) == 1
    assert sum(isinstance(one, GatewayError) for one in done) == 2
    assert len(await house.world.all(SignIn)) == before + 1


async def test_a_fund_has_its_own_functions(tmp_path: Path) -> None:
    """An agent there, no secretary; the adviser reads medical content and does nothing else."""
    async with open_world(tmp_path, role=Role.CNAS) as world:
        house = house_of(world)
        await house.machine.add("amel", name="Amel", posts=[Post.AGENT], actor="root")
        for posts in ([Post.SECRETARIAT], [Post.ADVISER, Post.AGENT]):
            with pytest.raises(AccessInvalid):
                await house.machine.add("nora", name="Nora", posts=posts, actor="root")
