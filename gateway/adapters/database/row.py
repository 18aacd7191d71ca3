"""What every table is declared with: SQLModel, without the checks of values that it would build.

No row is ever made from these classes: values are those of :mod:`gateway.storage`, and Core reads and writes them. Each
start would build for nothing what checks some forty kinds of rows.
"""

from sqlmodel import SQLModel


class Row(SQLModel):
    """A table, once it says ``table=True``."""

    model_config = {"defer_build": True}
