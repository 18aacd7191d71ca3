"""Where a person is led after something: to a page of ours, whatever an address says. And where they ask from."""

import re
from urllib.parse import quote

from fastapi import Request

_OURS = re.compile(r"/(?:[A-Za-z0-9._~%=&?+:-][A-Za-z0-9._~%=&?+:/-]*)?")
_DOORS = ("/connexion", "/deconnexion", "/invitation", "/oidc", "/static", "/api")
_ADDRESS_LENGTH = 64
BACK = "/oidc/retour"
"""Where the identity provider sends persons back."""


def ours(place: str, *, doors: bool = False) -> str:
    """The place, when it is a path of this console; else the first page.

    Nobody is led back to a door through which they have just come, but where ``doors`` says so.
    """
    return place if _OURS.fullmatch(place) and (doors or not place.startswith(_DOORS)) else "/"


def back_to(request: Request) -> str:
    """The page that was asked for, as a value in an address."""
    if request.method != "GET":
        return quote(request.url.path, safe="/")
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path + query, safe="/")


def asked_from(request: Request) -> str:
    """The browser's address: as the web server in front tells it, which is the only one that reaches the loopback."""
    peer = request.client.host if request.client else ""
    return request.headers.get("x-real-ip", peer)[:_ADDRESS_LENGTH]
