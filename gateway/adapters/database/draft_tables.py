"""The table of forms that persons are filling; see :mod:`gateway.adapters.database.tables`."""

from datetime import datetime

from sqlmodel import Field

from gateway.adapters.database.columns import instant
from gateway.adapters.database.row import Row


class FormDraftRow(Row):
    """Forms under way; only the vault opens what is in them."""

    __tablename__ = "drafts"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    code: str = Field(unique=True)
    kind: str
    case_id: int | None = Field(default=None, foreign_key="cases.id", index=True)
    request_hash: str | None = None
    vault_key: str = Field(foreign_key="vault_keys.id")
    content: bytes
    version: int
    created_at: datetime = Field(sa_column=instant(optional=False))
    created_by: str
    changed_at: datetime = Field(sa_column=instant(optional=False))
    changed_by: str
    validated_version: int | None = None
    validated_at: datetime | None = Field(sa_column=instant())
    validated_by: str | None = None
    ended_at: datetime | None = Field(sa_column=instant(index=True))
    outcome: str | None = None
