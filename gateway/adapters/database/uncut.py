"""Work that nobody cuts off: a commit has an outcome, and whoever cancelled its caller waits for it."""

import asyncio
from collections.abc import Coroutine


async def to_its_end(work: Coroutine[object, object, object]) -> None:
    """Run to the end even when the caller is cancelled, then let the cancellation through.

    Raises:
        What the work raises, rather than the cancellation.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            # Whoever is in a hurry may ask twice: the second time must not cut off what the first one let go on.
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
