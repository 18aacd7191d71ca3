"""Access of programs to the API: a secret that is shown once and kept as a hash, scopes, and an end within a year."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.domain.audit import iso
from gateway.domain.errors import AccessInvalid, NotAllowed, Unknown
from gateway.domain.parties import Party
from gateway.domain.rights import Right
from gateway.domain.scopes import Scope, known_scopes
from gateway.domain.words import Said, said
from gateway.ports import Clock, Noise
from gateway.services.once import digest
from gateway.services.rights import GATEWAY, entitled
from gateway.storage import Account, Act, Store, Token

LONGEST_DAYS = 365
SECRET_BYTES = 32
PREFIX = "passerelle_"
"""So that a secret that got into a file or a log is recognised."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that asks, by its name in the audit log, and what it may do."""

    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new access, with its secret: only now."""

    token: Token
    secret: str


class Tokens:
    """Creates, finds and revokes them. ``at_machine``: the commands, whoever may run them, need no account."""

    def __init__(self, *, store: Store, clock: Clock, noise: Noise, party: Party, at_machine: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._noise = noise
        self._party = party
        self._at_machine = at_machine

    async def create(self, name: str, *, scopes: Iterable[str], days: int, actor: str) -> Issued:
        """Let a program in for so many days.

        Raises:
            AccessInvalid: all faults at once. NotAllowed.
        """
        wanted = tuple(sorted({str(scope) for scope in scopes}))
        secret = PREFIX + self._noise(SECRET_BYTES).hex()
        now = self._clock.now()
        async with self._store.act() as act:
            await self._entitled(act, actor)
            faults = _faults(name, wanted, days)
            if "name" not in faults and await self._taken(act, name):
                faults["name"] = said("nom : « {name} » est déjà celui d'un programme ou d'une personne", name=name)
            if faults:
                raise AccessInvalid.of(faults)
            row = Token(
                site=self._party.site,
                name=name,
                secret=digest(secret.encode()),
                scopes=wanted,
                created_at=now,
                created_by=actor,
                expires_at=now + timedelta(days=days),
            )
            token = await act.add(row)
            details = {"program": name, "scopes": wanted, "until": iso(token.expires_at)}
            await act.record("token.created", actor=actor, details=details)
        return Issued(token=token, secret=secret)

    async def every(self, *, actor: str) -> tuple[Token, ...]:
        """All that were ever created, the newest first.

        Raises:
            NotAllowed.
        """
        async with self._store.view() as view:
            if not self._at_machine:
                await entitled(view, self._party, actor, Right.USERS)
            return await view.all(Token, site=self._party.site, newest=True)

    async def revoke(self, name: str, *, actor: str) -> Token:
        """From now on this program is let in no more.

        Raises:
            Unknown, NotAllowed.
        """
        async with self._store.act() as act:
            await self._entitled(act, actor)
            found = await act.one(Token, site=self._party.site, name=name)
            if found is None:
                raise Unknown(kind=said("accès de programme"), ref=name)
            if found.revoked_at is not None:
                act_ = said("révoquer l'accès de {name}", name=name)
                raise NotAllowed(act=act_, reason=said("Il l'est déjà."))
            gone = await act.save(replace(found, revoked_at=self._clock.now()))
            await act.record("token.revoked", actor=actor, details={"program": name})
        return gone

    async def present(self, secret: str) -> Program | None:
        """The program whose secret this is; None when it is nobody's, or no longer."""
        async with self._store.view() as view:
            found = await view.one(Token, site=self._party.site, secret=digest(secret.encode()), revoked_at=None)
        if found is None or found.expires_at <= self._clock.now():
            return None
        return Program(name=found.name, scopes=known_scopes(found.scopes))

    async def _entitled(self, act: Act, actor: str) -> None:
        if not self._at_machine:
            await entitled(act, self._party, actor, Right.USERS)

    async def _taken(self, act: Act, name: str) -> bool:
        site = self._party.site
        return (
            name == GATEWAY
            or await act.one(Token, site=site, name=name) is not None
            or await act.one(Account, site=site, name=name) is not None
        )


def _faults(name: str, scopes: tuple[str, ...], days: int) -> dict[str, Said]:
    faults: dict[str, Said] = {}
    if not _NAME.fullmatch(name):
        faults["name"] = said("nom : de 2 à 40 lettres minuscules sans accent, chiffres, points ou tirets")
    if not scopes:
        faults["scopes"] = said("portée : au moins une")
    elif len(known_scopes(scopes)) != len(scopes):
        known = ", ".join(scope.value for scope in Scope)
        faults["scopes"] = said(
            "portée : parmi {known} ; le contenu médical n'est ouvert à aucun programme", known=known
        )
    if not 1 <= days <= LONGEST_DAYS:
        faults["days"] = said("durée : de 1 à {longest} jours", longest=LONGEST_DAYS)
    return faults
