"""Numbers in addresses: one that no table can hold is no page, like one that nothing has."""

from typing import Annotated

from fastapi import Path

Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
"""What numbers rows."""
