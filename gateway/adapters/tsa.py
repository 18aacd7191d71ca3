"""A time-stamping authority (RFC 3161): an instant that it signs, verified against configured authorities."""

import asyncio
import hashlib
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.domain.errors import SecretUnreadable, ServerUnreachable, TimeRefused
from gateway.domain.reasons import system_reason
from gateway.domain.words import said
from gateway.ports import Stamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer: real ones hold a chain of certificates and stay below 10 KB."""

_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAuthority:
    """Implements ``gateway.ports.TimeSource`` and ``gateway.ports.Stamper``.

    ``roots`` is a PEM file of the authorities that may have certified its signing certificate; ``timeout`` in seconds.
    The stamp itself is signed, so that the address may be plain http.
    """

    url: str
    roots: Path
    timeout: float = 30.0
    name: str = "tsa"

    async def tell(self) -> datetime:
        """The instant in a stamp of random bytes, aware UTC.

        Raises:
            As ``stamp``.
        """
        return (await self.stamp(secrets.token_bytes(32))).at

    async def stamp(self, data: bytes) -> Stamp:
        """A verified stamp of the SHA-256 of ``data``.

        Raises:
            ServerUnreachable: no answer in time.
            TimeRefused: a refusal, or a stamp that is not of this data, not to this question or not of this authority.
            SecretUnreadable: the file of authorities.
        """
        roots = await asyncio.to_thread(self._read_roots)
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        request = TimestampRequestBuilder().hash_algorithm(HashAlgorithm.SHA256).data(data).build()
        answer = await self._post(request.as_bytes())
        return await asyncio.to_thread(self._verified, request.nonce, answer, hashlib.sha256(data).digest(), roots)

    def check(self, response: bytes, data: bytes) -> datetime:
        """The instant of a kept answer, if it is this authority's stamp of ``data``. Blocks.

        Raises:
            TimeRefused: it is not. SecretUnreadable: the file of authorities.
        """
        return self._verified(None, response, hashlib.sha256(data).digest(), self._read_roots()).at

    @property
    def _server(self) -> str:
        return urlsplit(self.url).hostname or self.url

    def _read_roots(self) -> "list[Certificate]":
        from cryptography import x509

        try:
            return x509.load_pem_x509_certificates(self.roots.read_bytes())
        except OSError as error:
            raise SecretUnreadable(source=str(self.roots), reason=system_reason(error)) from error
        except ValueError as error:
            reason = said("Ce n'est pas un certificat en PEM.")
            raise SecretUnreadable(source=str(self.roots), reason=reason) from error

    async def _post(self, query: bytes) -> bytes:
        import httpx

        body = bytearray()
        try:
            async with (
                asyncio.timeout(self.timeout),
                httpx.AsyncClient(timeout=self.timeout, follow_redirects=False) as client,
                client.stream("POST", self.url, content=query, headers=_HEADERS) as response,
            ):
                async for chunk in response.aiter_bytes(MAX_ANSWER):
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        break
        except TimeoutError as error:
            reason = said("Pas de réponse en {seconds:g} secondes.", seconds=self.timeout)
            raise ServerUnreachable(server=self._server, reason=reason) from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            reason = said("La connexion n'aboutit pas ({error}).", error=type(error).__name__)
            raise ServerUnreachable(server=self._server, reason=reason) from error
        if response.status_code != httpx.codes.OK or len(body) > MAX_ANSWER:
            raise TimeRefused(server=self._server, reason=said("Réponse {code}.", code=f"HTTP {response.status_code}"))
        return bytes(body)

    def _verified(self, nonce: int | None, answer: bytes, digest: bytes, roots: "list[Certificate]") -> Stamp:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

        try:
            response = decode_timestamp_response(_in_order(answer))
            # The library's builders share their lists: each is made whole, once.
            verifier = VerifierBuilder(nonce=nonce, roots=list(roots)).build()
            verifier.verify(response, digest)
            at = response.tst_info.gen_time
        except (VerificationError, ValueError, TypeError) as error:
            reason = said("Son horodatage ne se vérifie pas ; son certificat doit venir de {roots}.", roots=self.roots)
            raise TimeRefused(server=self._server, reason=reason) from error
        return Stamp(at=at.astimezone(UTC), response=answer)


def _in_order(answer: bytes) -> bytes:
    """The answer with its certificates in the order of DER, which the library demands and OpenSSL does not keep.

    They stand outside of what is signed (RFC 5652 section 5.1).
    """
    from asn1crypto import cms, tsp

    response = tsp.TimeStampResp.load(answer, strict=True)
    token = response["time_stamp_token"]
    if token.native is not None:
        certificates = sorted(token["content"]["certificates"], key=lambda one: bytes(one.dump()))
        token["content"]["certificates"] = cms.CertificateSet(certificates)
    return bytes(response.dump())
