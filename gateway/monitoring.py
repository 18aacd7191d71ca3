"""Puts together what monitoring programs of this machine, and its commands, may read of a running gateway.

``/metrics`` holds numbers, ``/healthz`` says that the process answers, ``/readyz`` that the gateway does its work;
``gateway status`` asks by a socket of the data folder. A place that is taken keeps nobody's clock from running, and is
told.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus

import structlog

from gateway import records
from gateway.adapters.asking import PAGE, SOCKET
from gateway.adapters.pages import Make, Page, served, served_in
from gateway.lookout import Keys, MetServers
from gateway.services.monitor import Monitor
from gateway.services.shapes import status as shapes
from gateway.wire.exposition import MEDIA_TYPE

_log = structlog.get_logger()


@asynccontextmanager
async def watched(base: records.Base) -> AsyncIterator[None]:
    """Show it while the block runs: to commands always, to others where the configuration says so."""
    section = base.settings.metrics
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(served_in(glance(base), base.settings.gateway.data / SOCKET))
        except OSError as error:
            _log.error("status.not_served", errno=error.errno)
        if section is not None:
            monitor = monitor_of(base)
            try:
                port = await stack.enter_async_context(
                    served(pages(monitor), address=section.address, port=section.port)
                )
                _log.info("metrics.served", port=port)
            except OSError as error:
                _log.error("metrics.not_served", port=section.port, errno=error.errno)
        yield


def glance(base: records.Base) -> dict[str, Make]:
    """What ``gateway status`` asks: all that the command itself would read."""
    monitor = Monitor(health=records.health(base), pulse=base.pulse, clock=base.clock)

    async def status() -> Page:
        now, also = await monitor.health()
        told = json.dumps(shapes.glance(now, also))
        return Page(body=told.encode(), media_type="application/json")

    return {PAGE: status}


def monitor_of(base: records.Base) -> Monitor:
    """What the pages ask."""
    keys = Keys(base.settings, base.clock, MetServers(base.settings))
    return Monitor(health=records.health(base, keys), pulse=base.pulse, clock=base.clock)


def pages(monitor: Monitor) -> dict[str, Make]:
    """Each page by its path."""

    async def metrics() -> Page:
        return Page(body=await monitor.metrics(), media_type=MEDIA_TYPE)

    async def alive() -> Page:
        return Page(body=b"ok\n")

    async def ready() -> Page:
        faults = await monitor.faults()
        status = HTTPStatus.SERVICE_UNAVAILABLE if faults else HTTPStatus.OK
        return Page(body="".join(f"{code}\n" for code in faults or ("ok",)).encode(), status=status)

    return {"/metrics": metrics, "/healthz": alive, "/readyz": ready}
