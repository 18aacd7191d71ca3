"""Who is present in the console: a sign-in is a row, the browser keeps a secret of which only the hash is kept here.

It ends after 30 minutes without a page, and after 10 hours in any case. What four eyes guard asks for a fresh proof.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.errors import Unknown
from gateway.domain.parties import Party
from gateway.domain.words import said
from gateway.ports import Clock, Noise
from gateway.services.once import digest
from gateway.services.rights import Actor
from gateway.storage import Account, Act, SignIn, Store

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
LAPSE = timedelta(hours=12)
"""For how long after the last page what a person typed is still kept for them."""

FRESH = timedelta(minutes=10)
"""For how long a person who proved who they are need not prove it again."""

TOUCHED_EVERY = timedelta(minutes=1)
"""How exactly the last page is known: a page must not cost a commit."""

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A person who is signed in, without another page until ``ends_at``; ``last`` says that no page prolongs it.

    ``fresh`` says that they proved who they are a short while ago, ``kept_fresh`` that a form which was opened then may
    still be sent.
    """

    account: Account
    sign_in: SignIn
    actor: Actor
    fresh: bool
    kept_fresh: bool
    ends_at: datetime
    last: bool


class SignIns:
    """Begins, finds and ends them."""

    def __init__(self, *, store: Store, clock: Clock, noise: Noise, party: Party) -> None:
        self._store = store
        self._clock = clock
        self._noise = noise
        self._party = party

    async def begin(self, act: Act, account: Account, *, former: str = "", way: str = "password") -> str:
        """Sign a person in, inside the act that proved who they are; returns the secret for their browser.

        ``former`` is the secret that the browser kept before: it counts no more.
        """
        secret = self._noise(SECRET_BYTES).hex()
        now = self._clock.now()
        before = await act.one(SignIn, site=self._party.site, secret=digest(former.encode()), ended_at=None)
        if before is not None:
            await act.save(replace(before, ended_at=now))
        row = SignIn(
            site=self._party.site,
            account=account.id,
            secret=digest(secret.encode()),
            started_at=now,
            seen_at=now,
            proved_at=now,
        )
        await act.add(row)
        await act.record("console.signed_in", actor=account.name, outcome=way)
        return secret

    async def play(self, name: str) -> str:
        """Sign a person of a demonstration in; nothing is proved there, and a real console never asks this.

        Raises:
            Unknown: no such account.
        """
        async with self._store.act() as act:
            account = await act.one(Account, site=self._party.site, name=name, disabled_at=None)
            if account is None:
                raise Unknown(kind=said("compte"), ref=name)
            return await self.begin(act, account)

    async def present(self, secret: str, *, touches: bool = True) -> Presence | None:
        """Who keeps this secret; None when nobody does, or no longer.

        ``touches``: this is a page that the person asked for, so that they are there.
        """
        async with self._store.view() as view:
            row = await view.one(SignIn, site=self._party.site, secret=digest(secret.encode()), ended_at=None)
            account = None if row is None else await view.one(Account, id=row.account, disabled_at=None)
        now = self._clock.now()
        if row is None or account is None or now - row.seen_at > IDLE or now - row.started_at > LONGEST:
            return None
        if touches and now - row.seen_at >= TOUCHED_EVERY:
            async with self._store.act() as act:
                # Read again: somebody may have ended it meanwhile, and that must stand.
                row = await act.one(SignIn, id=row.id, ended_at=None)
                if row is None:
                    return None
                row = await act.save(replace(row, seen_at=now))
        return self._presence(row, account)

    def _presence(self, row: SignIn, account: Account) -> Presence:
        now = self._clock.now()
        actor = Actor(name=account.name, role=self._party.role, posts=account.posts)
        return Presence(
            account=account,
            sign_in=row,
            actor=actor,
            fresh=now - row.proved_at <= FRESH,
            kept_fresh=now - row.proved_at <= 2 * FRESH,
            ends_at=min(row.seen_at + IDLE, row.started_at + LONGEST),
            last=row.started_at + LONGEST <= row.seen_at + IDLE,
        )

    async def lapsed(self, secret: str) -> Presence | None:
        """Who kept this secret when nothing but time ended their presence: what they were typing may still be kept.

        It gives nothing to read: who comes back signs in again.
        """
        async with self._store.view() as view:
            row = await view.one(SignIn, site=self._party.site, secret=digest(secret.encode()), ended_at=None)
            account = None if row is None else await view.one(Account, id=row.account, disabled_at=None)
        if row is None or account is None or self._clock.now() - row.seen_at > LAPSE:
            return None
        return self._presence(row, account)

    async def renew_proof(self, act: Act, presence: Presence) -> None:
        """The person proved who they are once more, inside the act that saw it."""
        now = self._clock.now()
        await act.record("console.proved", actor=presence.actor.name)
        row = await act.one(SignIn, id=presence.sign_in.id, ended_at=None)
        if row is not None:
            await act.save(replace(row, seen_at=now, proved_at=now))

    async def end(self, presence: Presence) -> None:
        """The person leaves."""
        async with self._store.act() as act:
            await act.save(replace(presence.sign_in, ended_at=self._clock.now()))
            await act.record("console.signed_out", actor=presence.actor.name)


async def end_all(act: Act, account: Account, at: datetime) -> None:
    """Whoever is in with this account is out, in the act that says why."""
    for row in await act.all(SignIn, site=account.site, account=account.id, ended_at=None):
        await act.save(replace(row, ended_at=at))
