"""The accounts of persons: who adds, invites, changes and disables them; each act is in the audit log by name.

An invitation is a code that is shown once and kept as a keyed hash: whoever has it, within 48 hours, chooses a password
and sets up a second factor. A new one takes the old password, factor and presences away at once.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.audit import iso
from gateway.domain.errors import AccessInvalid, NotAllowed, Unknown
from gateway.domain.parties import Party
from gateway.domain.rights import MEDICAL_POSTS, POSTS, Post, Right
from gateway.domain.words import Said, said
from gateway.ports import Clock, Noise, Vault
from gateway.services.rights import GATEWAY, entitled
from gateway.services.sign_ins import end_all
from gateway.storage import Account, Act, Detail, Store, Token, View

INVITED_FOR = timedelta(hours=48)
CODE_BYTES = 16

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_NAME_LENGTHS = range(2, 81)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An account and its new invitation: the code is shown only now."""

    account: Account
    code: str
    until: datetime


def typed_login(text: str) -> str:
    """A login as it is kept, whatever was typed."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def invitation_key(vault: Vault, code: str) -> str:
    """Under which an invitation is kept."""
    return vault.lookup(f"invitation:{code}")


class Accounts:
    """Their administration. ``at_machine``: the commands, which whoever may run them may always use."""

    def __init__(
        self, *, store: Store, vault: Vault, clock: Clock, noise: Noise, party: Party, at_machine: bool = False
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._noise = noise
        self._party = party
        self._at_machine = at_machine

    async def every(self, *, actor: str) -> tuple[Account, ...]:
        """All of them, by name; those that are disabled last.

        Raises:
            NotAllowed.
        """
        async with self._store.view() as view:
            await self._entitled(view, actor)
            found = await view.all(Account, site=self._party.site)
        return tuple(sorted(found, key=lambda one: (one.disabled_at is not None, one.name.casefold())))

    async def add(self, login: str, *, name: str, posts: Iterable[Post], actor: str) -> Invited:
        """A new account, with its invitation. ``name`` is what the audit log, and [people], call this person.

        Raises:
            AccessInvalid: all faults at once. NotAllowed.
        """
        login, name = typed_login(login), " ".join(unicodedata.normalize("NFC", name).split())
        wanted = _ordered(posts)
        async with self._store.act() as act:
            await self._entitled(act, actor)
            faults = self._faults(login, name, wanted)
            faults.update(await self._taken(act, login, name))
            if faults:
                raise AccessInvalid.of(faults)
            row = Account(
                site=self._party.site,
                login=login,
                name=name,
                posts=wanted,
                created_at=self._clock.now(),
                created_by=actor,
            )
            account = await act.add(row)
            await self._record(act, "account.added", account, actor, {"posts": _values(wanted)})
            return await self._invite(act, account, actor)

    async def invite(self, login: str, *, actor: str) -> Invited:
        """Invite anew who lost password or telephone, or was disabled; what they had counts no more.

        Raises:
            Unknown, NotAllowed.
        """
        async with self._store.act() as act:
            await self._entitled(act, actor)
            account = await self._found(act, login)
            self._not_oneself(account, actor, said("s'inviter soi-même"))
            await end_all(act, account, self._clock.now())
            return await self._invite(act, account, actor)

    async def change(self, login: str, *, posts: Iterable[Post], actor: str) -> Account:
        """Give a person other functions; pages show it at once.

        Raises:
            AccessInvalid, Unknown, NotAllowed.
        """
        wanted = _ordered(posts)
        async with self._store.act() as act:
            await self._entitled(act, actor)
            account = await self._found(act, login)
            self._not_oneself(account, actor, said("changer ses propres fonctions"))
            fault = self._posts_fault(wanted)
            if fault is not None:
                raise AccessInvalid.of({"posts": fault})
            changed = await act.save(replace(account, posts=wanted))
            details: dict[str, Detail] = {"posts": _values(wanted), "former": _values(account.posts)}
            await self._record(act, "account.changed", changed, actor, details)
        return changed

    async def disable(self, login: str, *, actor: str) -> Account:
        """Nobody comes in with this account any more, and who is in is out. The account stays, for the log's sake.

        Raises:
            Unknown, NotAllowed.
        """
        async with self._store.act() as act:
            await self._entitled(act, actor)
            account = await self._found(act, login)
            self._not_oneself(account, actor, said("désactiver son propre compte"))
            if account.disabled_at is not None:
                raise NotAllowed(
                    act=said("désactiver le compte {login}", login=account.login), reason=said("Il l'est déjà.")
                )
            now = self._clock.now()
            await end_all(act, account, now)
            gone = await act.save(replace(account, disabled_at=now, invitation=None, invited_until=None))
            await self._record(act, "account.disabled", gone, actor, {})
        return gone

    async def link(self, login: str, subject: str, *, issuer: str, actor: str) -> Account:
        """Say who a person is at the identity provider: its lasting id, as the provider's administrator gives it.

        Raises:
            AccessInvalid: no id, or another account's. Unknown, NotAllowed.
        """
        named = f"{issuer} {subject.strip()}"
        async with self._store.act() as act:
            await self._entitled(act, actor)
            account = await self._found(act, login)
            self._not_oneself(account, actor, said("relier son propre compte"))
            others = await act.all(Account, site=self._party.site, subject=named)
            if not subject.strip() or any(one.id != account.id for one in others):
                raise AccessInvalid.of({"subject": said("identité : manque, ou est déjà celle d'un autre compte")})
            linked = await act.save(replace(account, subject=named))
            await self._record(act, "account.linked", linked, actor, {})
        return linked

    # --- what they share

    async def _entitled(self, view: View, actor: str) -> None:
        if not self._at_machine:
            await entitled(view, self._party, actor, Right.USERS)

    def _not_oneself(self, account: Account, actor: str, act: Said) -> None:
        """The last administrator must not lock the door from outside; who is at the machine can always open it."""
        if not self._at_machine and account.name == actor:
            raise NotAllowed(act=act, reason=said("Un autre administrateur le fait, ou la commande gateway users."))

    async def _found(self, act: Act, login: str) -> Account:
        account = await act.one(Account, site=self._party.site, login=typed_login(login))
        if account is None:
            raise Unknown(kind=said("compte"), ref=login)
        return account

    async def _invite(self, act: Act, account: Account, actor: str) -> Invited:
        code = self._noise(CODE_BYTES).hex()
        until = self._clock.now() + INVITED_FOR
        invited = replace(
            account,
            password=None,
            totp=None,
            subject=None,
            disabled_at=None,
            invitation=invitation_key(self._vault, code),
            invited_until=until,
        )
        await act.save(invited)
        await self._record(act, "account.invited", invited, actor, {"until": iso(until)})
        return Invited(account=invited, code=code, until=until)

    async def _record(self, act: Act, event: str, account: Account, actor: str, details: dict[str, Detail]) -> None:
        place = "machine" if self._at_machine else "console"
        await act.record(event, actor=actor, outcome=place, details={"person": account.name, **details})

    # --- what is refused

    def _faults(self, login: str, name: str, posts: tuple[Post, ...]) -> dict[str, Said]:
        faults: dict[str, Said] = {}
        if not _LOGIN.fullmatch(login):
            faults["login"] = said("identifiant : de 2 à 64 lettres sans accent, chiffres, points, tirets ou @")
        if len(name) not in _NAME_LENGTHS or not name[0].isalpha() or not all(map(_of_a_name, name)):
            faults["name"] = said("nom : prénom et nom, en lettres, comme le journal les écrira")
        fault = self._posts_fault(posts)
        if fault is not None:
            faults["posts"] = fault
        return faults

    def _posts_fault(self, posts: tuple[Post, ...]) -> Said | None:
        known = POSTS.get(self._party.role, ())
        if not posts or not set(posts) <= set(known):
            return said("fonction : au moins une, parmi {known}", known=", ".join(post.value for post in known))
        if len(posts) > 1 and MEDICAL_POSTS & set(posts):
            return said("fonction : qui lit le contenu médical n'a aucune autre fonction")
        return None

    async def _taken(self, act: Act, login: str, name: str) -> dict[str, Said]:
        """One account a person, one person an account: four eyes look at names."""
        faults: dict[str, Said] = {}
        there = await act.all(Account, site=self._party.site)
        programs = await act.all(Token, site=self._party.site)
        names = {GATEWAY, *(one.name.casefold() for one in there), *(one.name for one in programs)}
        if any(one.login == login for one in there):
            faults["login"] = said("identifiant : « {login} » est déjà celui d'un compte", login=login)
        if name.casefold() in names:
            faults["name"] = said("nom : « {name} » est déjà celui d'un programme ou d'une personne", name=name)
        return faults


def _of_a_name(char: str) -> bool:
    return char.isalpha() or char in " -'’."


def _ordered(posts: Iterable[Post]) -> tuple[Post, ...]:
    wanted = set(posts)
    return tuple(post for post in Post if post in wanted)


def _values(posts: tuple[Post, ...]) -> tuple[str, ...]:
    return tuple(post.value for post in posts)
