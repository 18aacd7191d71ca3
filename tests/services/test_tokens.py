"""Access of programs: a secret shown once, scopes, an end; what no program ever gets."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.audit import parse
from gateway.domain.errors import AccessInvalid, NotAllowed, Unknown
from gateway.domain.rights import Post, Right
from gateway.domain.scopes import Scope, rights_of_program
from gateway.services.rights import Actor, entitled
from gateway.services.tokens import Program, Tokens
from gateway.storage import Account, Token
from tests.services.fakes import FakeNoise
from tests.services.world import World, open_world


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital."""
    async with open_world(tmp_path) as world:
        yield world


@pytest.fixture
def tokens(hospital: World) -> Tokens:
    """Its programs' access, as the console manages it."""
    return Tokens(store=hospital.store, clock=hospital.clock, noise=FakeNoise(), party=hospital.party)


async def person(world: World, name: str, *posts: Post) -> None:
    """Somebody who has an account."""
    row = Account(
        site=world.party.site, login=name, name=name, posts=posts, created_at=world.clock.now(), created_by="root"
    )
    async with world.store.act() as act:
        await act.add(row)


async def test_a_program_is_known_by_its_secret_which_is_nowhere_kept(hospital: World, tokens: Tokens) -> None:
    """The database and the log hold a hash and a name."""
    issued = await tokens.create("dpi.prod", scopes=["cases:read", "audit:read"], days=90, actor="root")

    assert await tokens.present(issued.secret) == Program(name="dpi.prod", scopes=frozenset({Scope.CASES, Scope.AUDIT}))
    assert await tokens.present(issued.secret + "0") is None
    assert await tokens.present("") is None
    (entry,) = await hospital.events("token.created")
    assert parse(entry.canonical).details["program"] == "dpi.prod"
    assert issued.secret not in repr(await hospital.all(Token)) + repr(entry)


async def test_an_access_ends_at_its_instant_and_when_it_is_revoked(hospital: World, tokens: Tokens) -> None:
    """Neither a day longer, nor once more."""
    short = await tokens.create("court", scopes=["cases:read"], days=1, actor="root")
    long = await tokens.create("long", scopes=["cases:read"], days=365, actor="root")
    hospital.clock.advance(timedelta(days=1) - timedelta(seconds=1))
    assert await tokens.present(short.secret) is not None
    hospital.clock.advance(timedelta(seconds=1))

    assert await tokens.present(short.secret) is None
    assert await tokens.present(long.secret) is not None
    await tokens.revoke("long", actor="root")
    assert await tokens.present(long.secret) is None
    with pytest.raises(NotAllowed, match="déjà"):
        await tokens.revoke("long", actor="root")
    with pytest.raises(Unknown):
        await tokens.revoke("jamais", actor="root")
    assert len(await hospital.events("token.revoked")) == 1


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [
        ("dpi", ["content:read"], 90, "scopes"),
        ("dpi", ["cases:read", "everything"], 90, "scopes"),
        ("dpi", [], 90, "scopes"),
        ("dpi", ["cases:read"], 366, "days"),
        ("dpi", ["cases:read"], 0, "days"),
        ("Claire Morel", ["cases:read"], 90, "name"),
        ("d", ["cases:read"], 90, "name"),
        ("gateway", ["cases:read"], 90, "name"),
        ("claire", ["cases:read"], 90, "name"),
    ],
)
async def test_what_no_program_gets_is_refused(  # noqa: PLR0917  one row a case
    hospital: World, tokens: Tokens, name: str, scopes: list[str], days: int, field: str
) -> None:
    """Medical content, more than a year, a name that is a person's or the gateway's own; nothing is written."""
    await person(hospital, "claire", Post.ADMINISTRATOR)

    with pytest.raises(AccessInvalid) as refused:
        await tokens.create(name, scopes=scopes, days=days, actor="claire")

    assert set(refused.value.by_field) == {field}
    assert await hospital.all(Token) == ()
    assert await hospital.events("token.created") == ()


async def test_a_name_is_never_given_twice(tokens: Tokens) -> None:
    """Else the log would not say which program it was."""
    await tokens.create("dpi", scopes=["cases:read"], days=9, actor="root")
    await tokens.revoke("dpi", actor="root")

    with pytest.raises(AccessInvalid, match="déjà"):
        await tokens.create("dpi", scopes=["cases:read"], days=9, actor="root")


async def test_only_who_manages_accounts_gives_access(hospital: World, tokens: Tokens) -> None:
    """Neither a secretary, nor a program."""
    await person(hospital, "Adam", Post.ADMINISTRATOR)
    await person(hospital, "Claire", Post.SECRETARIAT)
    await tokens.create("dpi", scopes=[scope.value for scope in Scope], days=9, actor="Adam")

    for nobody in ("Claire", "programme:dpi", "passant"):
        with pytest.raises(NotAllowed):
            await tokens.create("autre", scopes=["cases:read"], days=9, actor=nobody)
        with pytest.raises(NotAllowed):
            await tokens.revoke("dpi", actor=nobody)
        with pytest.raises(NotAllowed):
            await tokens.every(actor=nobody)
    assert [token.name for token in await tokens.every(actor="Adam")] == ["dpi"]


@pytest.mark.parametrize("accounts", [True, False])
async def test_acts_of_a_program_obey_its_scopes(hospital: World, tokens: Tokens, accounts: bool) -> None:  # noqa: FBT001
    """Also while no person has an account, when persons may do everything; and never after it was revoked."""
    if accounts:
        await person(hospital, "Adam", Post.ADMINISTRATOR)
    await tokens.create("dpi", scopes=["proofs:write"], days=9, actor="Adam")

    async with hospital.store.view() as view:
        await entitled(view, hospital.party, "programme:dpi", Right.PROVE)
        for right in set(Right) - {Right.PROVE}:
            with pytest.raises(NotAllowed):
                await entitled(view, hospital.party, "programme:dpi", right)
    await tokens.revoke("dpi", actor="Adam")
    async with hospital.store.view() as view:
        with pytest.raises(NotAllowed):
            await entitled(view, hospital.party, "programme:dpi", Right.PROVE)


def test_no_scope_confirms_validates_or_forgets() -> None:
    """The second pair of eyes is a person's, and so is a physician's signature."""
    never = {Right.CONFIRM, Right.VALIDATE, Right.MOTIVE, Right.FORGET, Right.USERS, Right.QUARANTINE}

    assert not rights_of_program(Scope) & never


def test_pages_and_answers_show_a_program_what_its_scopes_allow(hospital: World) -> None:
    """The same question as for persons."""
    actor = Actor(name="dpi", role=hospital.party.role, posts=(), scopes=frozenset({Scope.CASES}))

    assert actor.may(Right.IDENTITY)
    assert not actor.may(Right.SEND, Right.AUDIT)
