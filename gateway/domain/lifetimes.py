"""Until when keys and certificates last: what the port that reads them gives, and the alarms look at."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """A key or certificate: ``owner`` is ``us``, a partner's id, or the section that logs in with it."""

    owner: str
    suite: str
    usable: bool
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """The certificate of a mail server that we connect to: until when, None when this process has not met it yet."""

    server: str
    ends_at: datetime | None
