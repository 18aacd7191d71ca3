"""The trio of a story."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.trio import Trio, open_trio


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    """Hospital, CNAS and CNSE, each with a gateway, early in January 2026."""
    async with open_trio(tmp_path) as three:
        yield three


@pytest.fixture
async def by_mail(tmp_path: Path) -> AsyncIterator[Trio]:
    """Hospital and CNSE with a gateway each; the CNAS has a mail program and a person before it."""
    async with open_trio(tmp_path, cnas_has_gateway=False) as three:
        yield three
