"""One look at the database for a whole page: its parts see the same instant, and nothing is asked twice.

Several services put a page together, each in a view of its own. On a server every view and every question is a trip,
and two views may see two instants. While a look lasts, the views of its task are one, which remembers its answers: the
database stands still for it. It is for pages that only read: an act in the middle would not be seen.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from gateway.storage import Store, View

REMEMBERED = frozenset({"one", "all", "tally", "head"})
"""The questions that the parts of a page have in common."""


class _Remembering:
    """A view, that asks each of those questions once."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[object, Any] = {}

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self._view, name)
        return partial(self._answer, name, ask) if name in REMEMBERED else ask

    async def _answer(self, name: str, ask: Callable[..., Awaitable[Any]], /, *about: object, **equal: object) -> Any:
        question = (name, about, tuple(equal.items()))
        if question not in self._known:
            self._known[question] = await ask(*about, **equal)
        return self._known[question]


@dataclass(frozen=True, slots=True)
class _Look:
    store: Store
    task: "asyncio.Task[Any] | None"
    view: View


_look: ContextVar[_Look | None] = ContextVar("_look", default=None)


@asynccontextmanager
async def looking(store: Store) -> AsyncIterator[None]:
    """Until the end of the block, views of this store in this task are one."""
    async with store.view() as view:
        token = _look.set(_Look(store, asyncio.current_task(), cast("View", _Remembering(view))))
        try:
            yield
        finally:
            _look.reset(token)


def is_looking(store: Store) -> bool:
    """Whether this task is in the middle of a look."""
    look = _look.get()
    # A task that was started meanwhile has a context like ours: two would ask on one connection at once.
    return look is not None and look.store is store and look.task is asyncio.current_task()


def seen_by(store: Store) -> AbstractAsyncContextManager[View]:
    """The view of the look that lasts, or one of its own."""
    return _shared() if is_looking(store) else store.view()


@asynccontextmanager
async def _shared() -> AsyncIterator[View]:
    look = _look.get()
    if look is None:
        raise LookupError("nobody is looking")
    yield look.view
