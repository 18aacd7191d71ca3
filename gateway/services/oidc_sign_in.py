"""Coming in by the hospital's identity provider: what was asked is kept here, tied to the browser that asked.

A person of the provider is the account that is linked to their lasting id. On first use that is the account of the same
login, while its invitation runs and nobody has taken it up: no old account can be had by a change of name over there.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.errors import ProviderRefused
from gateway.domain.parties import Party
from gateway.domain.words import said
from gateway.ports import Clock, Departure, IdentityProvider, Known, Noise
from gateway.services.accounts import typed_login
from gateway.services.once import digest
from gateway.services.sign_ins import Presence, SignIns
from gateway.services.tries import ALLOWED_RETURNS, Tries
from gateway.storage import Account, Act, Store

PATIENCE = timedelta(minutes=10)
"""How long a person may take over there."""

MOST = 1000
"""Questions that wait at once; the oldest goes."""

SECRET_BYTES = 32
LEEWAY = timedelta(seconds=60)
REFUSED = "console.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Where the person goes, and the secret that their browser keeps until they are back."""

    address: str
    browser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The secret of a new sign-in, None when a proof was renewed; and the page that was wanted."""

    secret: str | None
    back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    leaving: Departure
    browser: str
    back: str
    since: float
    asked_at: datetime
    presence: Presence | None


class OidcSignIn:
    """Lets persons in whom ``provider`` knows. ``issuer`` is its name in what is kept."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        noise: Noise,
        sign_ins: SignIns,
        party: Party,
        provider: IdentityProvider,
        issuer: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tries = Tries(clock, allowed=ALLOWED_RETURNS)
        self._noise = noise
        self._sign_ins = sign_ins
        self._party = party
        self._provider = provider
        self._issuer = issuer
        self._waiting: dict[str, _Waiting] = {}

    async def leave(self, back: str, *, presence: Presence | None = None) -> Leaving:
        """Send somebody to the provider; who is signed in (``presence``) proves there afresh who they are.

        Raises:
            ProviderRefused.
        """
        state, nonce, verifier, browser = (self._noise(SECRET_BYTES).hex() for _ in range(4))
        leaving = Departure(state=state, nonce=nonce, verifier=verifier)
        address = await self._provider.address(leaving, afresh=presence is not None)
        now = self._clock.uptime()
        kept = {key: row for key, row in self._waiting.items() if now - row.since < PATIENCE.total_seconds()}
        while len(kept) >= MOST:
            del kept[next(iter(kept))]
        row = _Waiting(
            leaving=leaving,
            browser=digest(browser.encode()),
            back=back,
            since=now,
            asked_at=self._clock.now(),
            presence=presence,
        )
        self._waiting = kept | {state: row}
        return Leaving(address=address, browser=browser)

    async def arrive(self, *, state: str, code: str, browser: str, address: str, former: str = "") -> Arrival:
        """Take somebody in who comes back; ``address`` is where they ask from.

        Raises:
            ProviderRefused: it was not asked by this browser, not lately, or was answered before; the provider's word
                is not to be believed; or nobody here is that person.
            TooManyTries.
        """
        row = self._waiting.pop(state, None)
        late = row is None or self._clock.uptime() - row.since >= PATIENCE.total_seconds()
        if row is None or late or row.browser != digest(browser.encode()):
            # Not recorded: anybody can make such an address up, as often as they like.
            raise ProviderRefused(reason=said("La demande est trop ancienne, ou d'un autre navigateur."))
        # Before the provider is asked and before anything is recorded: anybody can begin, as often as they like.
        self._tries.make(address)
        try:
            known = await self._provider.who(code, row.leaving, at=self._clock.now())
        except ProviderRefused as error:
            raise await self._refuse(error) from error
        async with self._store.act() as act:
            account = await self._account(act, known, first_use=row.presence is None)
            if account is not None and row.presence is None:
                secret = await self._sign_ins.begin(act, account, former=former, way="oidc")
                return Arrival(secret=secret, back=row.back)
            if row.presence is not None and account is not None and _proves(known, account, row):
                await self._sign_ins.renew_proof(act, row.presence)
                return Arrival(secret=None, back=row.back)
        reason = said("Aucun compte ouvert ici n'est lié à cette personne ; un administrateur l'ajoute ou l'invite.")
        if row.presence is not None:
            reason = said("Ce n'est pas la même personne, ou elle n'a pas redonné la preuve.")
        raise await self._refuse(ProviderRefused(reason=reason))

    async def _account(self, act: Act, known: Known, *, first_use: bool) -> Account | None:
        site, subject = self._party.site, f"{self._issuer} {known.subject}"
        linked = await act.all(Account, site=site, subject=subject, disabled_at=None, limit=1)
        if linked or not first_use:
            return linked[0] if linked else None
        login = typed_login(known.login or "")
        found = await act.one(Account, site=site, login=login, disabled_at=None, subject=None)
        if found is None or found.password is not None or found.invited_until is None:
            return None
        if found.invited_until <= self._clock.now():
            return None
        # First the record: it holds the log, so that of two who come at once the second sees the first.
        await act.record("account.linked", actor=found.name, outcome="oidc", details={"person": found.name})
        free = await act.one(Account, id=found.id, subject=None, disabled_at=None, invitation=found.invitation)
        if free is None:
            raise ProviderRefused(reason=said("Ce compte vient d'être ouvert autrement."))
        return await act.save(replace(free, subject=subject, invitation=None, invited_until=None))

    async def _refuse(self, error: ProviderRefused) -> ProviderRefused:
        async with self._store.act() as act:
            await act.record(REFUSED, actor="gateway", outcome="oidc")
        return error


def _proves(known: Known, account: Account, row: _Waiting) -> bool:
    """The same person, who proved it over there after we asked for it."""
    same = row.presence is not None and account.id == row.presence.account.id
    return same and known.proved_at is not None and known.proved_at >= row.asked_at - LEEWAY
