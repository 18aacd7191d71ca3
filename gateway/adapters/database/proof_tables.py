"""The table of proofs that persons bring; see :mod:`gateway.adapters.database.tables`."""

from datetime import datetime

from sqlmodel import Field

from gateway.adapters.database.columns import instant
from gateway.adapters.database.row import Row


class EnteredProofRow(Row):
    """Proofs of reception that persons brought, and what became of them."""

    __tablename__ = "entered_proofs"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    case_id: int = Field(foreign_key="cases.id", index=True)
    request_hash: str = Field(index=True)
    partner: str
    received_at: datetime = Field(sa_column=instant(optional=False))
    file: str = Field(foreign_key="files.name")
    sha256: str
    mail: int | None = Field(default=None, foreign_key="mails.id")
    entered_at: datetime = Field(sa_column=instant(optional=False))
    entered_by: str
    settled_at: datetime | None = Field(sa_column=instant())
    settled_by: str | None = None
    counted: bool
