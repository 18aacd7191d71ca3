"""What persons bring as proof that a request was received: counted once a second person has looked at it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredProof:
    """A scan, or a mail that we keep, which shows that ``partner`` had received a request at ``received_at``.

    ``file`` is its spool file and ``sha256`` (hex) its digest; ``mail`` the mail, when it is one. ``counted`` says that
    it became evidence when it was settled; else it was put aside.
    """

    id: int = 0
    site: str
    case_id: int
    request_hash: str
    partner: str
    received_at: datetime
    file: str
    sha256: str
    mail: int | None
    entered_at: datetime
    entered_by: str
    settled_at: datetime | None = None
    settled_by: str | None = None
    counted: bool = False
