"""Brings messages to programs over HTTP: one address, no redirection, no proxy, only the status of the answer."""

import asyncio
import ssl
from collections.abc import Mapping

from gateway.ports import Target

SECONDS = 10.0
"""How long a program may take."""


class HttpCarrier:
    """See :class:`gateway.ports.Carrier`."""

    async def bring(self, target: Target, headers: Mapping[str, str], body: bytes) -> str | None:
        """See :class:`gateway.ports.Carrier`."""
        import httpx  # it takes as long to load as all our own modules, and most gateways tell no program

        try:
            async with asyncio.timeout(SECONDS):
                status = await self._post(target, {"Content-Type": "application/json", **headers}, body)
        except (TimeoutError, httpx.TimeoutException):
            return "timeout"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # The class name only: the message of an HTTP library may quote the address.
            return type(error).__name__
        return None if httpx.codes.is_success(status) else f"HTTP {status}"

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> int:
        import httpx

        verify = await asyncio.to_thread(ssl.create_default_context, cafile=target.ca)
        async with (
            httpx.AsyncClient(verify=verify, timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", target.address, content=body, headers=headers) as response,
        ):
            return response.status_code
