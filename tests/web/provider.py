"""A hospital's identity provider on the loopback: real HTTP, keys of its own, and every lie that a test asks for."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.services.fakes import FakeClock

CLIENT, SECRET = "passerelle", "s3cret+plus"
KEY = RSAKey.generate_key(2048, {"kid": "a"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "a"})


@dataclass(kw_only=True)
class Provider:
    """``claims`` are put over those of an honest token; ``key`` signs; ``published`` is what it says of itself."""

    clock: FakeClock
    port: int = 0
    login: str = "cmorel"
    subject: str = "sub-1"
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    published: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    raw_token: str | None = None
    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """Its name, and where it is."""
        return f"http://127.0.0.1:{self.port}"

    def authorise(self, address: str) -> tuple[str, str]:
        """The person proves there who they are; the state and the code that they bring back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.asked)}"
        self.asked[code] = query
        return query["state"], code

    def facts(self) -> dict[str, Any]:
        """Discovery."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.published,
        }

    def exchanged(self, form: dict[str, str], credential: str) -> dict[str, Any] | None:
        """The tokens of a code, once; None when anything is wrong."""
        asked = self.asked.pop(form.get("code", ""), None)
        name, _, secret = base64.b64decode(credential.removeprefix("Basic ")).decode().partition(":")
        if asked is None or (unquote(name), unquote(secret)) != (CLIENT, SECRET):
            return None
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if asked["code_challenge"] != challenge.decode() or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(self.clock.now().timestamp())
        told = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": asked["nonce"],
            "preferred_username": self.login,
            **self.claims,
        }
        claims = {name: value for name, value in told.items() if value is not None}
        token = self.raw_token or jwt.encode({"alg": "RS256", "kid": "a"}, claims, self.key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@contextmanager
def listening(clock: FakeClock) -> Iterator[Provider]:
    """The provider, until the end of the block."""
    provider = Provider(clock=clock)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {
                "/.well-known/openid-configuration": provider.facts(),
                "/keys": {"keys": [KEY.as_dict(private=False)]},
            }
            self._answer(pages.get(urlsplit(self.path).path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(provider.exchanged(form, self.headers["authorization"] or ""))

        def _answer(self, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(provider.status if value is not None else 400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
