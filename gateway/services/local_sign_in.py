"""Coming in with a password and a code: sign-in, a fresh proof, and the invitation that sets both.

An unknown login is answered as a wrong password is, after the same work. A code counts once: the time step of the last
one is kept with the account, in the commit that lets the person in.
"""

import base64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.errors import AccessInvalid, InvitationOver, SignInRefused
from gateway.domain.parties import Party
from gateway.domain.words import Said, said
from gateway.ports import Clock, Factors, Passwords
from gateway.services.accounts import invitation_key, typed_login
from gateway.services.cabinet import Cabinet, wrapped
from gateway.services.sign_ins import Presence, SignIns
from gateway.services.tries import ALLOWED_FROM_ANYWHERE, Tries
from gateway.storage import Account, Act, Question, Store, View

SHORTEST, LONGEST = 12, 200
"""Characters of a password."""

FEWEST_DIFFERENT = 5
FACTORS = "factors"
"""Purpose of the vault key under which second factors lie."""

FACTOR_BYTES = 20
MANY, MANY_WITHIN = 20, timedelta(minutes=15)
"""So many refusals within so long are an alarm: somebody guesses."""

REFUSED = "console.refused"
GUESSING = "alarm.sign_ins_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What an invited person is shown: who they are, and what their authenticator takes in."""

    account: Account
    secret: str
    address: str


class LocalSignIn:
    """Lets persons of this house in."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        clock: Clock,
        passwords: Passwords,
        factors: Factors,
        sign_ins: SignIns,
        party: Party,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._passwords = passwords
        self._factors = factors
        self._sign_ins = sign_ins
        self._party = party
        self._tries = Tries(clock)
        self._anywhere = Tries(clock, allowed=ALLOWED_FROM_ANYWHERE)
        self._decoy: str | None = None

    # --- coming in

    async def enter(self, login: str, password: str, code: str, *, address: str, former: str = "") -> str:
        """Sign somebody in; returns the secret for their browser. ``address`` is where they ask from.

        ``former`` is as in :meth:`gateway.services.sign_ins.SignIns.begin`.

        Raises:
            SignInRefused, TooManyTries.
        """
        login = typed_login(login)[:LONGEST]
        # By person and place: a stranger's tries elsewhere do not shut a person out.
        keys = (f"login:{login} {address}", f"address:{address}")
        self._tries.make(*keys)
        self._anywhere.make(login)
        async with self._store.view() as view:
            account = await view.one(Account, site=self._party.site, login=login, disabled_at=None)
        account = await self._prove_password(account, password)
        try:
            async with self._store.act() as act:
                # First the record: it holds the log, so that of two uses of one code the second sees the first.
                secret = await self._sign_ins.begin(act, account, former=former)
                await self._take_code(act, account.id, code)
        except SignInRefused:
            await self._refuse(account)
            raise
        self._tries.succeed(*keys)
        self._anywhere.succeed(login)
        return secret

    async def prove_again(self, presence: Presence, password: str, code: str) -> None:
        """The person who is signed in proves it afresh, for what four eyes guard.

        Raises:
            SignInRefused, TooManyTries.
        """
        account = presence.account
        keys = (f"sign-in:{presence.sign_in.id}",)
        self._tries.make(*keys)
        await self._prove_password(account, password)
        try:
            async with self._store.act() as act:
                await self._sign_ins.renew_proof(act, presence)
                await self._take_code(act, account.id, code)
        except SignInRefused:
            await self._refuse(account)
            raise
        self._tries.succeed(*keys)

    async def _prove_password(self, account: Account | None, password: str) -> Account:
        if self._decoy is None:
            self._decoy = await self._passwords.kept("nobody's")
        kept = account.password if account is not None else None
        given = password if len(password) <= LONGEST else ""
        fits = await self._passwords.fits(given, kept or self._decoy)
        if account is None or kept is None or not fits:
            await self._refuse(account)
            raise SignInRefused
        return account

    async def _take_code(self, act: Act, account_id: int, code: str) -> None:
        account = await act.one(Account, id=account_id, disabled_at=None)
        if account is None or account.totp is None:
            raise SignInRefused
        key = wrapped(await self._cabinet.standing_key_in(act, FACTORS))
        step = self._factors.step(self._cabinet.vault.open_text(account.totp, key), _digits(code), self._clock.now())
        if step is None or step <= account.steps:
            raise SignInRefused
        await act.save(replace(account, steps=step))

    async def _refuse(self, account: Account | None) -> None:
        """Keep that somebody was refused. A login that nobody has is not kept: people type passwords there."""
        now = self._clock.now()
        async with self._store.act() as act:
            person = {"person": account.name} if account else {}
            await act.record(REFUSED, actor="gateway", outcome="password", details=person)
            refused = await act.count(Question(equal={"event": REFUSED}, since=now - MANY_WITHIN))
            told = await act.count(Question(equal={"event": GUESSING}, since=now - MANY_WITHIN))
            if refused >= MANY and not told:
                await act.record(GUESSING, actor="gateway", details={"count": refused})

    # --- invitations

    async def invited(self, code: str) -> Welcome:
        """Whose invitation this is. Looking at it uses nothing up: the second factor it shows is made from the code.

        Raises:
            InvitationOver.
        """
        async with self._store.view() as view:
            account = await self._invited(view, code)
        return self._welcome(account, code)

    async def accept(self, code: str, *, password: str, again: str, digits: str) -> str:
        """Set password and second factor, and sign in; returns the secret for the browser.

        Raises:
            InvitationOver. AccessInvalid: all faults at once.
        """
        welcome = await self.invited(code)
        step = self._factors.step(welcome.secret, _digits(digits), self._clock.now())
        faults = _password_faults(password, again, welcome.account)
        if step is None:
            faults["code"] = said("code : les six chiffres que votre application montre maintenant")
        if step is None or faults:
            raise AccessInvalid.of(faults)
        kept = await self._passwords.kept(password)
        async with self._store.act() as act:
            # As in ``enter``: of two uses of one invitation the second sees the first.
            await act.record("account.ready", actor=welcome.account.name, outcome="password")
            account = await self._invited(act, code)
            key = wrapped(await self._cabinet.standing_key_in(act, FACTORS))
            ready = replace(
                account,
                password=kept,
                totp=self._cabinet.vault.seal_text(welcome.secret, key),
                steps=step,
                invitation=None,
                invited_until=None,
            )
            return await self._sign_ins.begin(act, await act.save(ready))

    async def _invited(self, view: View, code: str) -> Account:
        key = invitation_key(self._cabinet.vault, code)
        found = await view.one(Account, site=self._party.site, invitation=key, disabled_at=None)
        if found is None or _over(found.invited_until, self._clock.now()):
            raise InvitationOver
        return found

    def _welcome(self, account: Account, code: str) -> Welcome:
        made = bytes.fromhex(self._cabinet.vault.lookup(f"factor:{code}"))[:FACTOR_BYTES]
        secret = base64.b32encode(made).decode()
        address = self._factors.address(secret, login=account.login, house=self._party.name)
        return Welcome(account=account, secret=secret, address=address)


def _over(until: datetime | None, now: datetime) -> bool:
    return until is None or until <= now


def _digits(code: str) -> str:
    """People type a code in two halves."""
    return "".join(code.split())[:LONGEST]


def _password_faults(password: str, again: str, account: Account) -> dict[str, Said]:
    words = {account.login, *account.name.casefold().split()}
    if not SHORTEST <= len(password) <= LONGEST:
        return {
            "password": said("mot de passe : de {shortest} à {longest} caractères", shortest=SHORTEST, longest=LONGEST)
        }
    if len(set(password)) < FEWEST_DIFFERENT or any(
        len(word) >= FEWEST_DIFFERENT and word in password.casefold() for word in words
    ):
        return {"password": said("mot de passe : ni votre nom, ni quelques caractères répétés")}
    if password != again:
        return {"again": said("seconde saisie : elle diffère de la première")}
    return {}
