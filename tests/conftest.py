"""Fixtures that several rooms share."""

from collections.abc import Iterator

import pytest

from tests import mailserver


@pytest.fixture(scope="session")
def mail_machine() -> Iterator[mailserver.Machine]:
    """A real Postfix and Dovecot for the whole session; skips where they cannot run, fails there in CI."""
    mailserver.require()
    with mailserver.running() as machine:
        yield machine
