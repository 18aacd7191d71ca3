"""How a table is declared: by SQLModel's fields, without the mapper and the checks of values that it would build.

No row is ever made from these classes: values are those of :mod:`gateway.storage`, and Core reads and writes them. Each
start would build for nothing what maps and checks some forty kinds of rows. Nor do they make any table: the scripts do,
and say for PostgreSQL as well which rows an index is of; said here too, its dialect would be loaded by everybody.
"""

from typing import Any, ClassVar

from sqlalchemy import Table
from sqlmodel import SQLModel
from sqlmodel.main import get_column_from_field


class Row(SQLModel):
    """A table, by its name, its columns and its constraints."""

    model_config = {"defer_build": True}
    __tablename__: ClassVar[str]
    __table_args__: ClassVar[tuple[Any, ...]] = ()
    __table__: ClassVar[Table]

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: Any) -> None:
        columns = []
        for name, field in cls.model_fields.items():
            column = get_column_from_field(field)
            column.name = column.key = name
            columns.append(column)
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns, *cls.__table_args__)
