"""An OpenID Connect provider: discovery, authorization code with PKCE (RFC 7636), and an id_token that is verified.

Of the token the checks are those of OpenID Connect Core 1.0 §3.1.3.7: signature by a key of the provider, issuer,
audience, times, nonce. Discovery and keys are asked for each time: a provider changes its keys, and persons are few.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.domain.errors import ProviderRefused
from gateway.domain.words import Said, said
from gateway.ports import Departure, Known

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures of a key that only the provider has; never a shared secret, never none."""

SECONDS = 10.0
LEEWAY = 60.0
"""Seconds between two clocks."""

LARGEST = 256 * 1024
SUBJECT = 255
"""Characters of a person's id, at most (OpenID Connect Core 1.0 §2)."""

FAR = 4e9
"""Seconds since 1970 that no date of ours reaches."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdProvider:
    """Implements ``gateway.ports.IdentityProvider``; ``back`` is our address to which it sends persons."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    back: str

    async def address(self, leaving: Departure, *, afresh: bool) -> str:
        """See :meth:`gateway.ports.IdentityProvider.address`."""
        async with self._client() as client:
            facts = await self._facts(client)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(leaving.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "scope": "openid profile",
            "state": leaving.state,
            "nonce": leaving.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if afresh else {}),
        }
        there = _secure(facts.get("authorization_endpoint"))
        return f"{there}{'&' if urlsplit(there).query else '?'}{urlencode(asked)}"

    async def who(self, code: str, leaving: Departure, *, at: datetime) -> Known:
        """See :meth:`gateway.ports.IdentityProvider.who`."""
        async with self._client() as client:
            facts = await self._facts(client)
            answer = await self._exchanged(client, _secure(facts.get("token_endpoint")), code, leaving)
            keys = await _json(client.build_request("GET", _secure(facts.get("jwks_uri"))), client)
        claims = _signed(answer.get("id_token"), keys)
        _believable(claims, issuer=self.issuer, client_id=self.client_id, nonce=leaving.nonce, at=at.timestamp())
        login, proved = claims.get("preferred_username"), _number(claims.get("auth_time"))
        return Known(
            subject=claims["sub"],
            login=login if isinstance(login, str) else None,
            proved_at=None if proved is None else datetime.fromtimestamp(proved, UTC),
        )

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=SECONDS, follow_redirects=False)

    async def _facts(self, client: httpx.AsyncClient) -> Mapping[str, Any]:
        place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        facts = await _json(client.build_request("GET", _secure(place)), client)
        if facts.get("issuer") != self.issuer:
            raise _refused(said("Il se dit un autre que [web.oidc] issuer."))
        return facts

    async def _exchanged(
        self, client: httpx.AsyncClient, place: str, code: str, leaving: Departure
    ) -> Mapping[str, Any]:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.back,
            "code_verifier": leaving.verifier,
        }
        # RFC 6749 §2.3.1: both are encoded as in a form before they become a basic credential.
        auth = httpx.BasicAuth(quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        return await _json(client.build_request("POST", place, data=asked), client, auth=auth)


async def _json(
    request: httpx.Request, client: httpx.AsyncClient, *, auth: httpx.BasicAuth | None = None
) -> Mapping[str, Any]:
    try:
        answer = await client.send(request, auth=auth)
        found = json.loads(answer.content) if answer.is_success and len(answer.content) <= LARGEST else None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as error:
        raise _refused(said("Il ne répond pas comme il doit ({place}).", place=request.url.host)) from error
    if not isinstance(found, dict):
        raise _refused(said("Il ne répond pas comme il doit ({place}).", place=request.url.host))
    return found


def _secure(place: object) -> str:
    """An address at which secrets are safe: by TLS, or on this machine."""
    text = place if isinstance(place, str) else ""
    parts = urlsplit(text)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return text
    raise _refused(said("Une de ses adresses n'est pas protégée par TLS."))


def _signed(token: object, keys: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return jwt.decode(str(token), KeySet.import_key_set(dict(keys)), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _refused(said("Sa signature n'est pas valable.")) from error


def _believable(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, at: float) -> None:
    """The token is of this provider, for us, for this question, and of now."""
    audience = claims.get("aud")
    ours = audience == client_id or (
        isinstance(audience, list) and client_id in audience and (len(audience) == 1 or claims.get("azp") == client_id)
    )
    ends, made, subject = _number(claims.get("exp")), _number(claims.get("iat")), claims.get("sub")
    checks = {
        "iss": claims.get("iss") == issuer,
        "aud": ours and claims.get("azp", client_id) == client_id,
        "exp": ends is not None and at < ends + LEEWAY,
        "iat": made is not None and made <= at + LEEWAY,
        "nonce": claims.get("nonce") == nonce,
        "sub": isinstance(subject, str) and 0 < len(subject) <= SUBJECT,
    }
    wrong = ", ".join(name for name, holds in checks.items() if not holds)
    if wrong:
        raise _refused(said("Son jeton n'est pas recevable ({wrong}).", wrong=wrong))


def _number(value: object) -> float | None:
    """A date as tokens write it."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and 0 <= value < FAR else None  # type: ignore[arg-type, operator]


def _refused(reason: Said) -> ProviderRefused:
    return ProviderRefused(reason=reason)
