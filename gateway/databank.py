"""Where the database is, the section [database]: a file of our own beside the data, or a PostgreSQL server.

The password is never in the URL that the file holds, and a server on another machine is reached by verified TLS only.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import AfterValidator, model_validator

from gateway.domain.words import said
from gateway.setting import Secret, Section

SQLITE_FILE = "gateway.sqlite3"
"""Its name in the data folder."""

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_VERIFIED = frozenset({"verify-ca", "verify-full"})


def _place(text: str) -> str:
    try:
        parts = urlsplit(text)
        hosts = _hosts(text)
    except ValueError:
        parts, hosts = urlsplit(""), ()
    if parts.scheme != "postgresql" or not parts.path.strip("/") or parts.fragment:
        raise ValueError(said("adresse attendue, par exemple postgresql://passerelle@localhost/passerelle"))
    if parts.password is not None or "password" in parse_qs(parts.query):
        raise ValueError(said("le mot de passe ne s'écrit pas ici : password = {{ file = « … » }}"))
    near = all(host in _LOCAL or host.startswith("/") for host in hosts)
    if not near and not _VERIFIED.issuperset(parse_qs(parts.query).get("sslmode", ["prefer"])):
        raise ValueError(said("un serveur sur une autre machine demande ?sslmode=verify-full&sslrootcert=…"))
    return text


def _hosts(url: str) -> tuple[str, ...]:
    """Everything that the driver would connect to; without any, a socket of this machine."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    named = [host for key in ("host", "hostaddr") for value in query.get(key, []) for host in value.split(",")]
    return tuple(host for host in (parts.hostname, *named) if host)


class DatabaseSection(Section):
    """Absent: SQLite, in the data folder."""

    url: Annotated[str, AfterValidator(_place)] | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _of_somebody(self) -> "DatabaseSection":
        if self.password is not None and (self.url is None or not urlsplit(self.url).username):
            raise ValueError(said("password demande une url qui nomme un compte, postgresql://COMPTE@…"))
        return self

    @property
    def shared(self) -> bool:
        """Whether several gateways can work on it."""
        return self.url is not None

    def address(self, data: Path) -> str:
        """SQLAlchemy's URL, which holds the password.

        Raises:
            SecretUnreadable.
        """
        if self.url is None:
            return f"sqlite+aiosqlite:///{data / SQLITE_FILE}"
        url = self.url.replace("postgresql:", "postgresql+psycopg:", 1)
        if self.password is None:
            return url
        return url.replace("@", f":{quote(self.password.read(), safe='')}@", 1)
