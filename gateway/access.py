"""The console and the API: the section [web]. Absent, nothing listens.

The console speaks HTTP on the loopback; the hospital's own web server in front of it brings TLS.
"""

import re
from importlib.util import find_spec
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from gateway.domain.errors import ExtraMissing
from gateway.domain.words import said
from gateway.setting import Loopback, Secret, Section


def _origin(text: str) -> str:
    port = r"(:[0-9]{1,5})?"
    if not re.fullmatch(rf"https://[a-z0-9.-]+{port}|http://(localhost|127\.0\.0\.1|\[::1\]){port}", text):
        raise ValueError(said("adresse que tapent les personnes, par exemple https://soins.hopital.fr"))
    # No browser says the port that goes without saying.
    return text.removesuffix(":443" if text.startswith("https:") else ":80")


def _issuer(text: str) -> str:
    if not re.fullmatch(r"(https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/])[!-~]+", text):
        raise ValueError(said("adresse https:// du fournisseur d'identité, telle qu'il la publie (issuer)"))
    return text


Origin = Annotated[str, AfterValidator(_origin)]


class OidcSection(Section):
    """The hospital's identity provider (OpenID Connect)."""

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: str = Field(min_length=1)
    client_secret: Secret
    label: str | None = Field(default=None, min_length=1, max_length=60)


class WebSection(Section):
    """Where the console listens, and the address that people type; how often each program may ask the API."""

    listen: Loopback = "127.0.0.1"
    port: int = Field(default=8480, ge=0, le=65535)
    address: Origin | None = None
    api_per_minute: int = Field(default=60, ge=1, le=100_000)
    oidc: OidcSection | None = None

    @model_validator(mode="after")
    def _secure(self) -> "WebSection":
        if self.oidc is not None and self.address is None:
            raise ValueError(said("oidc demande address, où le fournisseur d'identité renvoie les personnes"))
        return self

    @property
    def origin(self) -> str:
        """Scheme, host and port of the console, as browsers say them."""
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        return self.address or f"http://{host}:{self.port}"


LIBRARIES = ("fastapi", "jinja2", "joserfc", "pwdlib", "pyotp", "python_multipart", "segno", "uvicorn")
"""What only the console needs: the extra [web] of the package, under the names that are imported."""


def require_libraries() -> None:
    """Before the console is opened.

    Raises:
        ExtraMissing: some are not installed.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise ExtraMissing(packages=", ".join(missing))
