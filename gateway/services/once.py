"""An act that is asked for twice under one key happens once: the key is written in the very commit of the act.

A browser sends the one-time token of its form, a program its Idempotency-Key. Who asks again gets the first answer.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from gateway.domain.errors import AlreadyAsked, AlreadyThere
from gateway.ports import Clock
from gateway.services.one_look import is_looking, looking, seen_by
from gateway.storage import Act, AskedOnce, Store, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked for now: the asker's key, who asks, and a hash of what they ask.

    ``provided`` is looked at inside the act, before anything of it is done: it raises what keeps it from being done.
    """

    key: str
    by: str
    body: str
    provided: Callable[[View], Awaitable[None]] | None = None


_asking: ContextVar[Asking | None] = ContextVar("_asking", default=None)


def digest(*parts: bytes) -> str:
    """The hash under which a key or a body is kept; each part with its length, so that no two lists are alike."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


@contextmanager
def asked(asking: Asking) -> Iterator[None]:
    """The first act meanwhile keeps this key."""
    token = _asking.set(asking)
    try:
        yield
    finally:
        _asking.reset(token)


class OnceStore:
    """A store whose acts keep the key under which they were asked for."""

    def __init__(self, store: Store, *, clock: Clock, site: str) -> None:
        self._store = store
        self._clock = clock
        self._site = site

    def view(self) -> AbstractAsyncContextManager[View]:
        """See :meth:`gateway.storage.Store.view`; in the middle of a look it is the view of that look."""
        return seen_by(self._store)

    def look(self) -> AbstractAsyncContextManager[None]:
        """One look at everything, for a page that only reads: see :mod:`gateway.services.one_look`."""
        return looking(self._store)

    async def wait_for_post(self, seconds: float) -> None:
        """See :meth:`gateway.storage.Store.wait_for_post`."""
        await self._store.wait_for_post(seconds)

    @asynccontextmanager
    async def act(self) -> AsyncIterator[Act]:
        """See :meth:`gateway.storage.Store.act`.

        Raises:
            AlreadyAsked: an act was committed under this key; nothing of this one is.
            LookupError: a page that said that it only reads does not.
            GatewayError: what ``provided`` raises; nothing was done.
        """
        if is_looking(self._store):
            raise LookupError("an act in the middle of a look would not be seen by it")
        async with self._store.act() as act:
            asking = _asking.get()
            if asking is not None:
                await self._keep(act, asking)
                if asking.provided is not None:
                    await asking.provided(act)
            yield act
        if asking is not None:
            # A second act of the same asking belongs to the first one.
            _asking.set(None)

    async def answered(self, asking: Asking, answer: str) -> None:
        """Keep what was answered, for who asks again."""
        async with self._store.act() as act:
            row = await act.one(AskedOnce, site=self._site, key=asking.key, by=asking.by)
            if row is not None:
                await act.save(replace(row, answer=answer))

    async def earlier(self, asking: Asking) -> AskedOnce | None:
        """What was asked under this key before."""
        async with self._store.view() as view:
            return await view.one(AskedOnce, site=self._site, key=asking.key, by=asking.by)

    async def _keep(self, act: Act, asking: Asking) -> None:
        row = AskedOnce(site=self._site, key=asking.key, by=asking.by, body=asking.body, at=self._clock.now())
        try:
            await act.add(row)
        except AlreadyThere:
            raise AlreadyAsked from None
