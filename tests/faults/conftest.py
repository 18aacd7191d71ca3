"""The stage of each process of tests, and what its parties are at the moments from which faults start."""

from collections.abc import Iterator

import pytest

from tests.faults import kernel
from tests.faults.moments import play
from tests.faults.stage import Stage, set_up
from tests.mailserver import cannot_run


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Three parties, and every moment of their exchange kept."""
    reason = kernel.missing()
    if reason is not None:
        cannot_run(reason)
    with set_up() as made:
        play(made)
        yield made
