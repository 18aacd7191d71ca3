"""Numbers in addresses: one that no table can hold is no page, like one that nothing has."""

from typing import Annotated

from fastapi import Path, Query

LARGEST = 2**31 - 1
"""What numbers rows on every database."""

Number = Annotated[int, Path(ge=0, le=LARGEST)]
"""In the path."""

Before = Annotated[int | None, Query(ge=0, le=LARGEST)]
"""Where the page before ended."""

LogIndex = Annotated[int, Query(ge=0, le=2**63 - 1)]
"""A record of the log, which counts further."""
